// The combinations of key, value and hash that the typed tests run over.
#pragma once

#include <dashmap/dashmap.hpp>

#include "hashers.hpp"
#include "tracked.hpp"
#include "values.hpp"

#include <gtest/gtest.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace dashmap_test {

template <class K, class V, class H, int Count, class Equal = std::equal_to<>>
struct Config {
  using Key = K;
  using Value = V;
  using Hash = H;
  using Map = dashmap::DashMap<K, V, H, Equal>;
  /// As many elements as the tests of this combination use.
  static constexpr int count = Count;
  static constexpr bool copyable = std::copy_constructible<V>;
};

// Each kind of storage, key and hash at least once; building all combinations for all tests takes
// long, so the rest is compiled with DASHMAP_TEST_EVERY_TYPE (`./dev matrix`).
using Configs = ::testing::Types<
#if defined(DASHMAP_TEST_EVERY_TYPE)
    Config<std::string, std::string, dashmap::DefaultHash<std::string>, 500>,
    Config<std::uint64_t, OverAligned, AvalanchingHash, 400>,
    Config<int, BigTrivial, ConstantHash, 100>,
#endif
    Config<int, int, dashmap::DefaultHash<int>, 1000>, Config<int, MoveOnly, IdentityHash, 500>,
    Config<std::string, Tracked, ConstantHash, 60>,
    Config<UserId, BigTrivial, UserIdHash, 200, UserIdEqual>,
    Config<Tracked, BigTracked, SeededHash, 200>>;

template <class C>
[[nodiscard]] typename C::Key key(int n) {
  return make<typename C::Key>(n);
}
template <class C>
[[nodiscard]] typename C::Value value(int n) {
  return make<typename C::Value>(n);
}

/// What key `n` maps to in `filled`.
[[nodiscard]] constexpr int stored(int n) noexcept { return n + 10'000; }

/// Keys 0 … n-1, each with the value `stored(key)`.
template <class C>
[[nodiscard]] typename C::Map filled(int n = C::count) {
  typename C::Map map;
  for (int i = 0; i < n; ++i) map.insert(key<C>(i), value<C>(stored(i)));
  return map;
}

using Contents = std::map<int, int>;

/// What `filled(n)` holds.
[[nodiscard]] inline Contents expected(int n) {
  Contents all;
  for (int i = 0; i < n; ++i) all.emplace(i, stored(i));
  return all;
}

/// Everything in the map, as numbers; fails the test when an element shows up twice.
template <class Map>
[[nodiscard]] Contents contents(const Map& map) {
  Contents all;
  for (auto&& item : map.iter()) {
    EXPECT_TRUE(all.emplace(number(item.key()), number(item.value())).second)
        << "key " << number(item.key()) << " was visited twice";
  }
  return all;
}

/// Checks the map against the oracle by iteration, by look-up and by count.
template <class Map>
void expect_holds(const Map& map, const Contents& oracle) {
  EXPECT_EQ(contents(map), oracle);
  EXPECT_EQ(map.len(), oracle.size());
  EXPECT_EQ(map.size(), oracle.size());
  EXPECT_EQ(map.is_empty(), oracle.empty());
  EXPECT_EQ(map.empty(), oracle.empty());
  EXPECT_GE(map.capacity(), oracle.size());
  using Key = std::remove_cvref_t<decltype(map.begin().operator*().key())>;
  for (const auto& [k, v] : oracle) {
    const auto ref = map.get(make<Key>(k));
    ASSERT_TRUE(ref) << "key " << k << " is not found";
    ASSERT_EQ(number(*ref), v) << "under key " << k;
  }
}

/// A typed test over `Configs`, with a census of tracked objects around each test.
template <class C>
class MapTest : public ::testing::Test {
 private:
  Census census_;
};

}  // namespace dashmap_test
