// Every way to take elements out.
#include "support/configs.hpp"

#include <gtest/gtest.h>

#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;

template <class C>
class MapRemove : public MapTest<C> {};
TYPED_TEST_SUITE(MapRemove, Configs, );

/// Every third of `expected(n)` gone.
Contents without_thirds(int n) {
  Contents all = expected(n);
  for (int i = 0; i < n; i += 3) all.erase(i);
  return all;
}

TYPED_TEST(MapRemove, RemoveReturnsKeyAndValue) {
  using C = TypeParam;
  auto map = filled<C>();
  for (int i = 0; i < C::count; i += 3) {
    const auto removed = map.remove(key<C>(i));
    static_assert(std::same_as<std::remove_const_t<decltype(removed)>,
                               std::optional<std::pair<typename C::Key, typename C::Value>>>);
    ASSERT_TRUE(removed.has_value());
    EXPECT_EQ(number(removed->first), i);
    EXPECT_EQ(number(removed->second), stored(i));
    EXPECT_FALSE(map.contains(key<C>(i)));
    EXPECT_FALSE(map.remove(key<C>(i)).has_value());
  }
  EXPECT_FALSE(map.remove(key<C>(C::count)).has_value());
  expect_holds(map, without_thirds(C::count));
}

TYPED_TEST(MapRemove, EraseSaysWhetherThereWasOne) {
  using C = TypeParam;
  auto map = filled<C>();
  for (int i = 0; i < C::count; i += 3) {
    EXPECT_TRUE(map.erase(key<C>(i)));
    EXPECT_FALSE(map.erase(key<C>(i)));
  }
  expect_holds(map, without_thirds(C::count));
}

TYPED_TEST(MapRemove, SlotsAreUsedAgain) {
  using C = TypeParam;
  auto map = filled<C>(C::count / 2);
  const std::size_t capacity = map.capacity();
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < C::count / 2; ++i) EXPECT_TRUE(map.erase(key<C>(i)));
    EXPECT_TRUE(map.is_empty());
    for (int i = 0; i < C::count / 2; ++i) map.insert(key<C>(i), value<C>(stored(i)));
  }
  EXPECT_LE(map.capacity(), 2 * capacity) << "erased slots are not used again";
  expect_holds(map, expected(C::count / 2));
}

TYPED_TEST(MapRemove, RemoveIfAsksAboutPresentKeysOnly) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>(10);
  const auto kept = map.remove_if(key<C>(1), [](const K& k, const V& v) {
    EXPECT_EQ(number(k), 1);
    EXPECT_EQ(number(v), stored(1));
    return false;
  });
  EXPECT_FALSE(kept.has_value());
  expect_holds(map, expected(10));
  const auto gone =
      map.remove_if(key<C>(1), [](const K&, const V& v) { return number(v) == stored(1); });
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(number(gone->first), 1);
  EXPECT_EQ(number(gone->second), stored(1));
  const auto absent = map.remove_if(key<C>(1), [](const K&, const V&) {
    ADD_FAILURE() << "asked about an absent key";
    return true;
  });
  EXPECT_FALSE(absent.has_value());
  Contents oracle = expected(10);
  oracle.erase(1);
  expect_holds(map, oracle);
}

TYPED_TEST(MapRemove, RemoveIfMutMayChangeWhatItKeeps) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>(10);
  EXPECT_FALSE(map.remove_if_mut(key<C>(1), [](const K&, V& v) {
    v = make<V>(5);
    return false;
  }));
  EXPECT_EQ(number(*map.get(key<C>(1))), 5);
  const auto gone = map.remove_if_mut(key<C>(1), [](const K&, V& v) {
    v = make<V>(6);
    return true;
  });
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(number(gone->second), 6);
  EXPECT_FALSE(map.remove_if_mut(key<C>(11), [](const K&, V&) { return true; }));
  EXPECT_EQ(map.len(), 9U);
}

TYPED_TEST(MapRemove, RetainVisitsEveryElementOnce) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>();
  std::map<int, int> visits;
  map.retain([&](const K& k, V& v) {
    ++visits[number(k)];
    EXPECT_EQ(number(v), stored(number(k)));
    return number(k) % 3 != 0;
  });
  EXPECT_EQ(visits.size(), static_cast<std::size_t>(C::count));
  for (const auto& [k, times] : visits) EXPECT_EQ(times, 1) << k;
  expect_holds(map, without_thirds(C::count));
}

TYPED_TEST(MapRemove, RetainVisitsEachElementOnceWhileTheTableShrinks) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>();
  map.retain([](const K& k, V&) { return number(k) % 8 == 0; });
  std::map<int, int> visits;
  int step = 0;
  map.retain([&](const K& k, V&) {
    ++visits[number(k)];
    if (++step == 3) map.shrink_to_fit();
    return true;
  });
  for (int i = 0; i < C::count; i += 8) EXPECT_EQ(visits[i], 1) << i;
}

TYPED_TEST(MapRemove, RetainMayChangeWhatItKeeps) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>(50);
  map.retain([](const K& k, V& v) {
    v = make<V>(-number(k));
    return number(k) < 20;
  });
  Contents oracle;
  for (int i = 0; i < 20; ++i) oracle[i] = -i;
  expect_holds(map, oracle);
}

TYPED_TEST(MapRemove, ClearRemovesEverythingAndKeepsTheMemory) {
  using C = TypeParam;
  const Census census;
  auto map = filled<C>();
  const std::size_t capacity = map.capacity();
  map.clear();
  EXPECT_EQ(census.more(), 0);
  expect_holds(map, {});
  EXPECT_EQ(map.capacity(), capacity);
  map.clear();
  expect_holds(map, {});
  map.insert(key<C>(1), value<C>(2));
  expect_holds(map, {{1, 2}});
}

TYPED_TEST(MapRemove, ExtractIfGivesWhatItTakesOut) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>();
  Contents taken;
  for (auto&& [k, v] : map.extract_if([](const K& k, V&) { return number(k) % 3 == 0; })) {
    EXPECT_TRUE(taken.emplace(number(k), number(v)).second);
  }
  Contents thirds;
  for (int i = 0; i < C::count; i += 3) thirds[i] = stored(i);
  EXPECT_EQ(taken, thirds);
  expect_holds(map, without_thirds(C::count));
}

TYPED_TEST(MapRemove, DrainGivesEverythingAndEmptiesTheMap) {
  using C = TypeParam;
  auto map = filled<C>();
  Contents taken;
  for (auto&& [k, v] : map.drain()) {
    EXPECT_TRUE(taken.emplace(number(k), number(v)).second);
  }
  EXPECT_EQ(taken, expected(C::count));
  expect_holds(map, {});
  for (auto&& [k, v] : map.drain()) ADD_FAILURE() << number(k) << ' ' << number(v);
  map.insert(key<C>(1), value<C>(2));
  expect_holds(map, {{1, 2}});
}

TYPED_TEST(MapRemove, ErasureDestroysAtOnce) {
  using C = TypeParam;
  const Census census;
  auto map = filled<C>(20);
  const long with_twenty = census.more();
  for (int i = 10; i < 20; ++i) map.erase(key<C>(i));
  EXPECT_EQ(census.more() * 2, with_twenty);
}

}  // namespace
