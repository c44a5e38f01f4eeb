// Plain values near the largest that is kept in place: their copies are so long that compilers make
// calls of them, which the thread sanitizer looks at.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <thread>

#include "support/stress.hpp"

namespace {

using stress::scaled;
using stress::u64;

template <std::size_t Words>
void expect_no_torn_value() {
  using Value = std::array<u64, Words>;
  const auto filled = [](u64 n) {
    Value value;
    value.fill(n);
    return value;
  };
  const auto is_whole = [](const Value& value) {
    return std::all_of(value.begin(), value.end(), [&](u64 word) { return word == value[0]; });
  };
  dashmap::DashMap<u64, Value> map;
  map.insert(1, filled(0));
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (u64 i = 0; i < scaled(20'000); ++i) map.insert(1, filled(i));
    done = true;
  });
  u64 torn = 0;
  while (!done) {
    const auto copy = map.get_copy(1);
    torn += copy && is_whole(*copy) ? 0U : 1U;
    torn += map.view(1, [&](u64, const Value& value) { return is_whole(value); }) == true ? 0U : 1U;
  }
  writer.join();
  EXPECT_EQ(torn, 0U) << Words << " words";
}

class LargeValuesTest : public stress::StressTest {};

TEST_F(LargeValuesTest, CopiesWithoutALockAreWhole) {
  expect_no_torn_value<3>();
  expect_no_torn_value<17>();
  expect_no_torn_value<25>();
  expect_no_torn_value<31>();  // with the key: all that is kept in place
}

}  // namespace
