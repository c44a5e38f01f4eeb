// A process at the limit of its address space: the map stays whole, and goes on when there is
// memory again.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <fstream>
#include <new>
#include <string>
#include <string_view>

#include "support/stress.hpp"

namespace {

using stress::u64;

[[maybe_unused]] void set_limit(rlim_t bytes) {
  rlimit limit{};
  ::getrlimit(RLIMIT_AS, &limit);
  limit.rlim_cur = bytes;
  ::setrlimit(RLIMIT_AS, &limit);
}

[[maybe_unused]] rlim_t address_space() {
  std::ifstream statm("/proc/self/statm");
  rlim_t pages = 0;
  statm >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

constexpr u64 no_limit_reached = 20'000'000;

/// Fills the map to the limit; 0 when all is right, else what is wrong.
template <class Map, class MakeKey>
int fill_to_the_limit(Map& map, MakeKey make_key) {
  // Before there is no memory: see docs/consistency.md on a thread's first operation.
  map.insert(make_key(0), 0);
  static_cast<void>(map.get(make_key(0)));
  set_limit(address_space() + (rlim_t{10} << 20));
  u64 n = 0;
  try {
    for (; n < no_limit_reached; ++n) map.insert(make_key(n), n);
  } catch (const std::bad_alloc&) {
  }
  if (n == no_limit_reached) return 3;
  if (map.len() != n) return 4;
  for (u64 i = 0; i < n; i += 7) {
    if (map.get_copy(make_key(i)) != i) return 5;
  }
  if (map.try_reserve(no_limit_reached)) return 6;
  // Room that was there comes back.
  for (u64 i = 0; i < 1000; ++i) {
    if (!map.remove(make_key(i))) return 7;
  }
  for (u64 i = 0; i < 500; ++i) map.insert(make_key(i), i);
  u64 met = 0;
  for (const auto item : map.iter()) met += item.value() < n ? 1U : 0U;
  if (met != n - 500) return 8;
  // With memory it grows.
  set_limit(RLIM_INFINITY);
  for (u64 i = 500; i < 3 * n; ++i) map.insert(make_key(i), i);
  if (map.len() != 3 * n || map.capacity() < 3 * n) return 9;
  for (u64 i = 0; i < 3 * n; i += 5) {
    if (map.get_copy(make_key(i)) != i) return 10;
  }
  return 0;
}

template <class Map, class MakeKey>
void expect_whole_at_the_limit(MakeKey make_key) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(120);
    int code = 2;
    try {
      Map map;
      code = fill_to_the_limit(map, make_key);
    } catch (...) {
    }
    ::_exit(code);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_FALSE(WIFSIGNALED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// The sanitizers reserve more address space than there is a limit for.
#if !defined(DASHMAP_STRESS_ASAN) && !defined(DASHMAP_STRESS_TSAN)

TEST(AddressSpaceTest, NumbersInTables) {
  expect_whole_at_the_limit<dashmap::DashMap<u64, u64>>([](u64 n) { return n; });
}

// Without a string made by the test, which may find no memory itself.
TEST(AddressSpaceTest, StringsOnTheHeap) {
  std::array<char, 64> text{};
  expect_whole_at_the_limit<dashmap::DashMap<std::string, u64>>([&](u64 n) {
    const int size = std::snprintf(text.data(), text.size(), "too long for a small string: %llu",
                                   static_cast<unsigned long long>(n));
    return std::string_view(text.data(), static_cast<std::size_t>(size));
  });
}

#endif

}  // namespace
