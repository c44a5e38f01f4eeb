// Operations on many keys and on the whole map.
#include "support/configs.hpp"
#include "support/other_thread.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;

template <class C>
class MapWhole : public MapTest<C> {};
TYPED_TEST_SUITE(MapWhole, Configs, );

TYPED_TEST(MapWhole, CountsAreExactAfterEachStep) {
  using C = TypeParam;
  typename C::Map map;
  std::size_t n = 0;
  for (int i = 0; i < C::count; ++i) {
    map.insert(key<C>(i), value<C>(i));
    ++n;
    if (i % 4 == 3) {
      map.erase(key<C>(i - 1));
      --n;
    }
    ASSERT_EQ(map.len(), n);
    ASSERT_EQ(map.size(), n);
    ASSERT_FALSE(map.is_empty());
    ASSERT_GE(map.capacity(), n);
  }
}

TYPED_TEST(MapWhole, ReserveMakesRoomWithoutGrowingLater) {
  using C = TypeParam;
  auto map = filled<C>(10);
  map.reserve(C::count);
  const std::size_t promised = map.capacity();
  EXPECT_GE(promised, static_cast<std::size_t>(C::count) + 10);
  for (int i = 10; i < C::count + 10; ++i) map.insert(key<C>(i), value<C>(stored(i)));
  EXPECT_EQ(map.capacity(), promised);
  expect_holds(map, expected(C::count + 10));
}

TYPED_TEST(MapWhole, TryReserve) {
  using C = TypeParam;
  auto map = filled<C>(10);
  static_assert(std::same_as<decltype(map.try_reserve(1)), bool>);
  EXPECT_TRUE(map.try_reserve(C::count));
  EXPECT_GE(map.capacity(), static_cast<std::size_t>(C::count) + 10);
  EXPECT_TRUE(map.try_reserve(0));
  expect_holds(map, expected(10));
}

TYPED_TEST(MapWhole, ShrinkToFitKeepsEveryElement) {
  using C = TypeParam;
  auto map = filled<C>();
  const std::size_t before = map.capacity();
  map.retain([](const auto& k, auto&) { return number(k) < 5; });
  map.shrink_to_fit();
  EXPECT_LE(map.capacity(), before);
  expect_holds(map, expected(5));
  map.clear();
  map.shrink_to_fit();
  expect_holds(map, {});
  map.insert(key<C>(1), value<C>(2));
  expect_holds(map, {{1, 2}});
}

TYPED_TEST(MapWhole, SnapshotIsAllThereIs) {
  using C = TypeParam;
  if constexpr (C::copyable) {
    const auto map = filled<C>();
    const auto all = map.snapshot();
    static_assert(std::same_as<std::remove_const_t<decltype(all)>,
                               std::vector<std::pair<typename C::Key, typename C::Value>>>);
    EXPECT_EQ(all.size(), static_cast<std::size_t>(C::count));
    Contents seen;
    for (const auto& [k, v] : all) EXPECT_TRUE(seen.emplace(number(k), number(v)).second);
    EXPECT_EQ(seen, expected(C::count));
    EXPECT_TRUE(typename C::Map().snapshot().empty());
  }
}

TYPED_TEST(MapWhole, WithKeysShowsPresentAndAbsentOnes) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>(20);
  std::vector<K> keys;
  for (const int n : {7, 3, 25, 7, 0}) keys.push_back(key<C>(n));
  const int sum = map.with_keys(keys, [](std::span<V*> values) {
    EXPECT_EQ(values.size(), 5U);
    EXPECT_EQ(number(*values[0]), stored(7));
    EXPECT_EQ(number(*values[1]), stored(3));
    EXPECT_EQ(values[2], nullptr);
    EXPECT_EQ(values[3], values[0]) << "the same key, another object";
    EXPECT_EQ(number(*values[4]), stored(0));
    *values[1] = make<V>(33);
    return number(*values[0]) + number(*values[4]);
  });
  EXPECT_EQ(sum, stored(7) + stored(0));
  Contents oracle = expected(20);
  oracle[3] = 33;
  expect_holds(map, oracle);
  map.with_keys(std::vector<K>(), [](std::span<V*> values) { EXPECT_TRUE(values.empty()); });
}

TYPED_TEST(MapWhole, WithKeysHoldsAllOfThem) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>(20);
  std::vector<K> keys;
  for (int i = 0; i < 10; ++i) keys.push_back(key<C>(i));
  map.with_keys(keys, [&](std::span<V*>) {
    on_another_thread([&] {
      for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(map.try_get(key<C>(i)).is_locked());
        EXPECT_TRUE(map.try_get_mut(key<C>(i)).is_locked());
      }
    });
  });
  on_another_thread([&] {
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(map.try_get_mut(key<C>(i)).is_present());
  });
}

TYPED_TEST(MapWhole, LockAllHoldsEveryElement) {
  using C = TypeParam;
  auto map = filled<C>();
  {
    const auto all = map.lock_all();
    on_another_thread([&] {
      for (int i = 0; i < C::count; ++i) EXPECT_TRUE(map.try_get(key<C>(i)).is_locked());
      EXPECT_EQ(map.len(), static_cast<std::size_t>(C::count));
    });
  }
  on_another_thread([&] {
    for (int i = 0; i < C::count; ++i) EXPECT_TRUE(map.try_get_mut(key<C>(i)).is_present());
    map.insert(key<C>(C::count), value<C>(stored(C::count)));
  });
  expect_holds(map, expected(C::count + 1));
}

TYPED_TEST(MapWhole, LockAllOfAnEmptyMap) {
  using C = TypeParam;
  typename C::Map map;
  {
    const auto all = map.lock_all();
  }
  map.insert(key<C>(1), value<C>(2));
  expect_holds(map, {{1, 2}});
}

TYPED_TEST(MapWhole, ParForEachVisitsEveryElementOnce) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>();
  std::mutex mutex;
  std::map<int, int> visits;
  map.par_for_each([&](const K& k, V& v) {
    const int n = number(k);
    v = make<V>(number(v) + 1);
    const std::lock_guard lock(mutex);
    ++visits[n];
  });
  EXPECT_EQ(visits.size(), static_cast<std::size_t>(C::count));
  Contents oracle;
  for (int i = 0; i < C::count; ++i) {
    EXPECT_EQ(visits[i], 1) << i;
    oracle[i] = stored(i) + 1;
  }
  expect_holds(map, oracle);
  typename C::Map none;
  none.par_for_each([](const K&, V&) { ADD_FAILURE() << "called for nothing"; });
}

TYPED_TEST(MapWhole, ParRetainKeepsWhatItIsTold) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>();
  std::atomic<int> calls{0};
  map.par_retain([&](const K& k, V& v) {
    calls.fetch_add(1);
    v = make<V>(number(k));
    return number(k) % 2 == 0;
  });
  EXPECT_EQ(calls.load(), C::count);
  Contents oracle;
  for (int i = 0; i < C::count; i += 2) oracle[i] = i;
  expect_holds(map, oracle);
}

TEST(MapGrowth, TwoHundredThousandElementsAndBack) {
  DashMap<std::uint64_t, std::uint64_t> map;
  constexpr std::uint64_t count = 200'000;
  for (std::uint64_t i = 0; i < count; ++i) {
    ASSERT_FALSE(map.insert(i * 977, i).has_value());
    if ((i & (i + 1)) == 0) {  // around powers of two, where growth happens
      for (std::uint64_t j = 0; j <= i; j += 1 + i / 64) ASSERT_EQ(*map.get(j * 977), j);
    }
  }
  EXPECT_EQ(map.len(), count);
  std::uint64_t sum = 0;
  std::size_t visited = 0;
  for (const auto& [k, v] : map) {
    ASSERT_EQ(k, v * 977);
    sum += v;
    ++visited;
  }
  EXPECT_EQ(visited, count);
  EXPECT_EQ(sum, count * (count - 1) / 2);
  const std::size_t grown = map.capacity();
  EXPECT_GE(grown, count);
  EXPECT_LE(grown, 8 * count);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i % 1000 != 0) {
      ASSERT_TRUE(map.erase(i * 977));
    }
  }
  EXPECT_EQ(map.len(), 200U);
  map.shrink_to_fit();
  EXPECT_LT(map.capacity(), grown / 16);
  EXPECT_EQ(map.len(), 200U);
  for (std::uint64_t i = 0; i < count; i += 500) ASSERT_EQ(map.contains(i * 977), i % 1000 == 0);
  for (std::uint64_t i = 0; i < count; ++i) map.insert(i * 977, i + 1);
  EXPECT_EQ(map.len(), count);
  for (std::uint64_t i = 0; i < count; i += 7) ASSERT_EQ(*map.get(i * 977), i + 1);
}

TEST(MapGrowth, OfTrackedElements) {
  const Census census;
  DashMap<std::string, Tracked> map;
  for (int i = 0; i < 30'000; ++i) map.insert(make<std::string>(i), Tracked(i));
  EXPECT_EQ(census.more(), 30'000);
  for (int i = 0; i < 30'000; i += 11) ASSERT_EQ(map.get(make<std::string>(i))->number(), i);
  map.retain([](const std::string&, const Tracked& v) { return v.number() % 100 == 0; });
  map.shrink_to_fit();
  EXPECT_EQ(census.more(), 300);
  for (int i = 0; i < 30'000; i += 100) ASSERT_EQ(map.get(make<std::string>(i))->number(), i);
}

TEST(MapGrowth, PatternsThatDefeatABadMix) {
  // Multiples of large powers of two, bit-reversed counters, pointers: all must spread.
  for (const unsigned shift : {0U, 8U, 16U, 32U, 48U, 54U}) {
    DashMap<std::uint64_t, int, std::hash<std::uint64_t>> map;
    for (std::uint64_t i = 0; i < 1000; ++i) map.insert(i << shift, static_cast<int>(i));
    EXPECT_EQ(map.len(), 1000U) << shift;
    EXPECT_LE(map.capacity(), 1000U * 8) << "growth ran away, shift " << shift;
    for (std::uint64_t i = 0; i < 1000; ++i) {
      ASSERT_EQ(map.get_copy(i << shift), static_cast<int>(i)) << shift;
    }
  }
}

TEST(MapGrowth, ManyEqualHashes) {
  DashMap<int, int, ConstantHash> map;
  for (int i = 0; i < 2000; ++i) map.insert(i, i);
  EXPECT_EQ(map.len(), 2000U);
  for (int i = 0; i < 2000; i += 7) ASSERT_EQ(*map.get(i), i);
  EXPECT_FALSE(map.contains(2000));
  for (int i = 0; i < 2000; i += 2) ASSERT_TRUE(map.erase(i));
  EXPECT_EQ(map.len(), 1000U);
  EXPECT_EQ(contents(map).size(), 1000U);
  map.shrink_to_fit();
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(map.contains(i), i % 2 == 1);
}

TEST(MapSeed, TwoMapsHashDifferently) {
  const DashMap<int, int> a;
  const DashMap<int, int> b;
  int same = 0;
  for (int i = 0; i < 64; ++i) same += a.hash_usize(i) == b.hash_usize(i) ? 1 : 0;
  EXPECT_LT(same, 4) << "the default hash is not seeded per map";
}

}  // namespace
