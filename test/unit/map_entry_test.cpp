// Entry, OccupiedEntry and VacantEntry, method by method.
#include "support/configs.hpp"
#include "support/other_thread.hpp"

#include <gtest/gtest.h>

#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;

template <class C>
class MapEntry : public MapTest<C> {};
TYPED_TEST_SUITE(MapEntry, Configs, );

TYPED_TEST(MapEntry, OrInsert) {
  using C = TypeParam;
  typename C::Map map;
  {
    auto ref = map.entry(key<C>(1)).or_insert(value<C>(10));
    EXPECT_EQ(number(ref.key()), 1);
    EXPECT_EQ(number(*ref), 10);
    *ref = value<C>(11);
  }
  EXPECT_EQ(number(*map.entry(key<C>(1)).or_insert(value<C>(99))), 11);
  expect_holds(map, {{1, 11}});
}

TYPED_TEST(MapEntry, OrInsertWithCallsTheFactoryOnlyWhenVacant) {
  using C = TypeParam;
  typename C::Map map;
  int calls = 0;
  const auto factory = [&] {
    ++calls;
    return value<C>(10);
  };
  EXPECT_EQ(number(*map.entry(key<C>(1)).or_insert_with(factory)), 10);
  EXPECT_EQ(number(*map.entry(key<C>(1)).or_insert_with(factory)), 10);
  EXPECT_EQ(calls, 1);
  expect_holds(map, {{1, 10}});
}

TYPED_TEST(MapEntry, OrInsertWithKeyGetsTheKey) {
  using C = TypeParam;
  using V = typename C::Value;
  typename C::Map map;
  int calls = 0;
  const auto factory = [&](const auto& k) {
    ++calls;
    return make<V>(stored(number(k)));
  };
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 30; ++i) {
      EXPECT_EQ(number(*map.entry(key<C>(i)).or_insert_with_key(factory)), stored(i));
    }
  }
  EXPECT_EQ(calls, 30);
  expect_holds(map, expected(30));
}

TYPED_TEST(MapEntry, OrDefault) {
  using C = TypeParam;
  using V = typename C::Value;
  typename C::Map map;
  {
    auto ref = map.entry(key<C>(1)).or_default();
    EXPECT_TRUE(*ref == V());
    *ref = value<C>(10);
  }
  EXPECT_EQ(number(*map.entry(key<C>(1)).or_default()), 10);
  expect_holds(map, {{1, 10}});
}

TYPED_TEST(MapEntry, OrTryInsertWithMayDecline) {
  using C = TypeParam;
  using V = typename C::Value;
  typename C::Map map;
  int calls = 0;
  EXPECT_FALSE(map.entry(key<C>(1)).or_try_insert_with([&]() -> std::optional<V> {
    ++calls;
    return std::nullopt;
  }));
  expect_holds(map, {});
  {
    auto ref = map.entry(key<C>(1)).or_try_insert_with([&]() -> std::optional<V> {
      ++calls;
      return value<C>(10);
    });
    ASSERT_TRUE(ref);
    EXPECT_EQ(number(*ref), 10);
  }
  {
    auto ref = map.entry(key<C>(1)).or_try_insert_with([&]() -> std::optional<V> {
      ++calls;
      return std::nullopt;
    });
    ASSERT_TRUE(ref) << "an occupied entry has no need of the factory";
    EXPECT_EQ(number(*ref), 10);
  }
  EXPECT_EQ(calls, 2);
  expect_holds(map, {{1, 10}});
}

TYPED_TEST(MapEntry, AndModifyRunsOnlyWhenOccupied) {
  using C = TypeParam;
  using V = typename C::Value;
  typename C::Map map;
  int calls = 0;
  const auto next = [&](V& v) {
    ++calls;
    v = make<V>(number(v) + 1);
  };
  EXPECT_EQ(number(*map.entry(key<C>(1)).and_modify(next).or_insert(value<C>(10))), 10);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(number(*map.entry(key<C>(1)).and_modify(next).or_insert(value<C>(10))), 11);
  EXPECT_EQ(calls, 1);
  static_cast<void>(map.entry(key<C>(1)).and_modify(next).and_modify(next));
  expect_holds(map, {{1, 13}});
}

TYPED_TEST(MapEntry, InsertSetsRegardless) {
  using C = TypeParam;
  typename C::Map map;
  {
    auto ref = map.entry(key<C>(1)).insert(value<C>(10));
    EXPECT_EQ(number(ref.key()), 1);
    EXPECT_EQ(number(*ref), 10);
  }
  EXPECT_EQ(number(*map.entry(key<C>(1)).insert(value<C>(20))), 20);
  expect_holds(map, {{1, 20}});
}

TYPED_TEST(MapEntry, InsertEntryGivesAnOccupiedEntry) {
  using C = TypeParam;
  typename C::Map map;
  {
    auto occupied = map.entry(key<C>(1)).insert_entry(value<C>(10));
    EXPECT_EQ(number(occupied.get()), 10);
    EXPECT_EQ(number(occupied.key()), 1);
  }
  {
    auto occupied = map.entry(key<C>(1)).insert_entry(value<C>(20));
    EXPECT_EQ(number(occupied.get()), 20);
    EXPECT_EQ(number(std::move(occupied).remove()), 20);
  }
  expect_holds(map, {});
}

TYPED_TEST(MapEntry, TellsWhichKindItIs) {
  using C = TypeParam;
  auto map = filled<C>(3);
  {
    auto entry = map.entry(key<C>(1));
    EXPECT_TRUE(entry.is_occupied());
    EXPECT_NE(entry.occupied(), nullptr);
    EXPECT_EQ(entry.vacant(), nullptr);
    EXPECT_EQ(number(entry.key()), 1);
  }
  {
    auto entry = map.entry(key<C>(3));
    EXPECT_FALSE(entry.is_occupied());
    EXPECT_EQ(entry.occupied(), nullptr);
    EXPECT_NE(entry.vacant(), nullptr);
    EXPECT_EQ(number(entry.key()), 3);
  }
  expect_holds(map, expected(3));
}

TYPED_TEST(MapEntry, IntoKeyGivesTheKeyBack) {
  using C = TypeParam;
  auto map = filled<C>(3);
  EXPECT_EQ(number(map.entry(key<C>(1)).into_key()), 1);
  EXPECT_EQ(number(map.entry(key<C>(9)).into_key()), 9);
  expect_holds(map, expected(3));
}

TYPED_TEST(MapEntry, OccupiedReadsAndWrites) {
  using C = TypeParam;
  auto map = filled<C>(3);
  {
    auto entry = map.entry(key<C>(1));
    auto* const occupied = entry.occupied();
    ASSERT_NE(occupied, nullptr);
    EXPECT_EQ(number(occupied->key()), 1);
    EXPECT_EQ(number(occupied->get()), stored(1));
    static_assert(std::is_const_v<std::remove_reference_t<decltype(occupied->get())>>);
    occupied->get_mut() = value<C>(5);
    EXPECT_EQ(number(occupied->get()), 5);
    const auto before = occupied->insert(value<C>(6));
    EXPECT_EQ(number(before), 5);
    EXPECT_EQ(number(occupied->get()), 6);
  }
  Contents oracle = expected(3);
  oracle[1] = 6;
  expect_holds(map, oracle);
}

TYPED_TEST(MapEntry, OccupiedIntoRefKeepsTheElement) {
  using C = TypeParam;
  auto map = filled<C>(3);
  {
    auto entry = map.entry(key<C>(1));
    auto ref = std::move(*entry.occupied()).into_ref();
    EXPECT_EQ(number(ref.key()), 1);
    *ref = value<C>(8);
  }
  EXPECT_EQ(number(*map.get(key<C>(1))), 8);
}

TYPED_TEST(MapEntry, OccupiedRemove) {
  using C = TypeParam;
  auto map = filled<C>(4);
  {
    auto entry = map.entry(key<C>(1));
    EXPECT_EQ(number(std::move(*entry.occupied()).remove()), stored(1));
  }
  {
    auto entry = map.entry(key<C>(2));
    const auto removed = std::move(*entry.occupied()).remove_entry();
    EXPECT_EQ(number(removed.first), 2);
    EXPECT_EQ(number(removed.second), stored(2));
  }
  expect_holds(map, {{0, stored(0)}, {3, stored(3)}});
  map.insert(key<C>(1), value<C>(1));
  expect_holds(map, {{0, stored(0)}, {1, 1}, {3, stored(3)}});
}

TYPED_TEST(MapEntry, OccupiedReplaceEntry) {
  using C = TypeParam;
  auto map = filled<C>(4);
  {
    auto entry = map.entry(key<C>(1));
    const auto before = std::move(*entry.occupied()).replace_entry(value<C>(9));
    EXPECT_EQ(number(before.first), 1);
    EXPECT_EQ(number(before.second), stored(1));
  }
  Contents oracle = expected(4);
  oracle[1] = 9;
  expect_holds(map, oracle);
}

TYPED_TEST(MapEntry, VacantInsert) {
  using C = TypeParam;
  auto map = filled<C>(2);
  {
    auto entry = map.entry(key<C>(2));
    auto* const vacant = entry.vacant();
    ASSERT_NE(vacant, nullptr);
    EXPECT_EQ(number(vacant->key()), 2);
    auto ref = std::move(*vacant).insert(value<C>(1));
    EXPECT_EQ(number(ref.key()), 2);
    *ref = value<C>(stored(2));
  }
  {
    auto entry = map.entry(key<C>(3));
    auto occupied = std::move(*entry.vacant()).insert_entry(value<C>(stored(3)));
    EXPECT_EQ(number(occupied.key()), 3);
    EXPECT_EQ(number(occupied.get()), stored(3));
  }
  {
    auto entry = map.entry(key<C>(4));
    EXPECT_EQ(number(std::move(*entry.vacant()).into_key()), 4);
  }
  expect_holds(map, expected(4));
}

TYPED_TEST(MapEntry, ADroppedEntryChangesNothingAndLetsGo) {
  using C = TypeParam;
  auto map = filled<C>(3);
  {
    const auto entry = map.entry(key<C>(1));
  }
  {
    const auto entry = map.entry(key<C>(7));
  }
  EXPECT_FALSE(map.contains(key<C>(7)));
  map.insert(key<C>(7), value<C>(7));
  map.insert(key<C>(1), value<C>(1));
  expect_holds(map, {{0, stored(0)}, {1, 1}, {2, stored(2)}, {7, 7}});
}

TYPED_TEST(MapEntry, EntriesMove) {
  using C = TypeParam;
  auto map = filled<C>(3);
  {
    auto entry = map.entry(key<C>(5));
    auto moved = std::move(entry);
    EXPECT_FALSE(moved.is_occupied());
    EXPECT_EQ(number(*std::move(moved).or_insert(value<C>(50))), 50);
  }
  {
    auto entry = map.entry(key<C>(5));
    auto moved = std::move(entry);
    EXPECT_TRUE(moved.is_occupied());
    EXPECT_EQ(number(moved.occupied()->get()), 50);
  }
  EXPECT_TRUE(map.erase(key<C>(5)));
  expect_holds(map, expected(3));
}

TYPED_TEST(MapEntry, TryEntryOfAFreeKey) {
  using C = TypeParam;
  auto map = filled<C>(3);
  {
    auto entry = map.try_entry(key<C>(1));
    ASSERT_TRUE(entry.has_value());
    EXPECT_TRUE(entry->is_occupied());
  }
  {
    auto entry = map.try_entry(key<C>(3));
    ASSERT_TRUE(entry.has_value());
    EXPECT_FALSE(entry->is_occupied());
    EXPECT_EQ(number(*(*std::move(entry)).or_insert(value<C>(stored(3)))), stored(3));
  }
  expect_holds(map, expected(4));
}

TYPED_TEST(MapEntry, TryEntryOfALockedKeyKeepsTheKey) {
  using C = TypeParam;
  auto map = filled<C>(3);
  const auto held = map.get(key<C>(1));
  on_another_thread([&] {
    auto k = key<C>(1);
    EXPECT_FALSE(map.try_entry(std::move(k)).has_value());
    EXPECT_EQ(number(k), 1) << "the key was consumed";  // NOLINT
  });
}

TYPED_TEST(MapEntry, GrowthThroughEntriesAlone) {
  using C = TypeParam;
  typename C::Map map;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < C::count; ++i) {
      *map.entry(key<C>(i)).or_insert(value<C>(0)) = value<C>(stored(i));
    }
  }
  expect_holds(map, expected(C::count));
}

TEST(MapEntryKeys, OccupiedKeyIsTheStoredOneIntoKeyTheSuppliedOne) {
  DashMap<TaggedKey, int> map;
  map.insert(TaggedKey{1, 100}, 1);
  {
    auto entry = map.entry(TaggedKey{1, 200});
    EXPECT_EQ(entry.key().tag, 100);
    EXPECT_EQ(entry.occupied()->key().tag, 100);
    EXPECT_EQ(std::move(*entry.occupied()).into_key().tag, 200);
  }
  EXPECT_EQ(map.entry(TaggedKey{1, 300}).into_key().tag, 300);
  {
    auto entry = map.entry(TaggedKey{2, 400});
    EXPECT_EQ(entry.key().tag, 400);
    EXPECT_EQ(entry.vacant()->key().tag, 400);
  }
  EXPECT_EQ(map.get(TaggedKey{1, 0}).key().tag, 100);
}

TEST(MapEntryKeys, ReplaceEntryPutsTheSuppliedKeyIn) {
  DashMap<TaggedKey, int> map;
  map.insert(TaggedKey{1, 100}, 1);
  {
    auto entry = map.entry(TaggedKey{1, 200});
    const auto before = std::move(*entry.occupied()).replace_entry(2);
    EXPECT_EQ(before.first.tag, 100);
    EXPECT_EQ(before.second, 1);
  }
  EXPECT_EQ(map.get(TaggedKey{1, 0}).key().tag, 200);
  EXPECT_EQ(*map.get(TaggedKey{1, 0}), 2);
  EXPECT_EQ(map.len(), 1U);
}

// The key was used up by the insertion: it is given, or goes in once more, as a copy of the stored
// one.
TEST(MapEntryKeys, AKeyThatWasInsertedIsThereToBeReplaced) {
  DashMap<std::string, int> map;
  const std::string key(50, 'k');
  EXPECT_EQ(map.entry(std::string(key)).insert_entry(1).into_key(), key);
  EXPECT_EQ(map.get_copy(key), 1);
  EXPECT_EQ(map.entry(std::string(key)).insert_entry(2).replace_entry(3), std::pair(key, 2));
  EXPECT_EQ(map.get_copy(key), 3);
  map.clear();
  EXPECT_EQ(map.entry(std::string(key)).insert_entry(4).replace_entry(5), std::pair(key, 4));
  EXPECT_EQ(map.get_copy(key), 5);
}

TEST(MapEntryKeys, AKeyThatOnlyMovesStaysInTheMap) {
  struct HashOfTarget {
    std::size_t operator()(const std::unique_ptr<int>& p) const {
      return p ? static_cast<std::size_t>(*p) : 0U;
    }
  };
  struct SameTarget {
    bool operator()(const std::unique_ptr<int>& a, const std::unique_ptr<int>& b) const {
      return a && b ? *a == *b : a == b;
    }
  };
  const auto seven = [] { return std::make_unique<int>(7); };
  DashMap<std::unique_ptr<int>, int, HashOfTarget, SameTarget> map;
  {
    auto entry = map.entry(seven());
    auto filled = entry.vacant()->insert_entry(1);
    EXPECT_THROW(static_cast<void>(filled.into_key()), std::logic_error);
    EXPECT_THROW(static_cast<void>(filled.replace_entry(2)), std::logic_error);
    EXPECT_EQ(*filled.key(), 7);
    EXPECT_EQ(filled.insert(3), 1);
  }
  EXPECT_EQ(map.get_copy(seven()), 3);
  {
    auto entry = map.entry(seven());
    const auto before = entry.occupied()->replace_entry(4);
    EXPECT_EQ(*before.first, 7);
    EXPECT_EQ(before.second, 3);
  }
  EXPECT_EQ(map.get_copy(seven()), 4);
  EXPECT_EQ(*map.entry(seven()).into_key(), 7);
}

TEST(MapEntryKeys, InsertKeepsTheStoredKey) {
  DashMap<TaggedKey, int> map;
  map.insert(TaggedKey{1, 100}, 1);
  static_cast<void>(map.entry(TaggedKey{1, 200}).insert(2));
  static_cast<void>(map.entry(TaggedKey{1, 300}).insert_entry(3));
  EXPECT_EQ(map.get(TaggedKey{1, 0}).key().tag, 100);
  EXPECT_EQ(*map.get(TaggedKey{1, 0}), 3);
}

TEST(MapEntryKeys, AStringViewServesAsKey) {
  DashMap<std::string, int> map;
  const std::string_view name = "a name too long for the small-string buffer";
  *map.entry(name).or_insert(1) += 1;
  *map.entry(name).or_insert(1) += 1;
  *map.entry("literal").or_default() = 5;
  {
    auto entry = map.entry(std::string_view("other"));
    EXPECT_TRUE(entry.key() == "other");
    EXPECT_EQ(std::string(std::move(entry).into_key()), "other");
  }
  EXPECT_EQ(*map.get(name), 3);
  EXPECT_EQ(*map.get("literal"), 5);
  EXPECT_EQ(map.len(), 2U);
}

TEST(MapEntryKeys, AKeyThatWasLookedAtGoesIn) {
  DashMap<std::string, int> map;
  auto entry = map.entry(std::string_view("a name too long for the small-string buffer"));
  EXPECT_EQ(entry.key().size(), 43U);
  EXPECT_EQ(*std::move(entry).or_insert(1), 1);
  EXPECT_EQ(map.get_copy("a name too long for the small-string buffer"), 1);
}

TEST(MapEntryKeys, TheCounterIdiom) {
  DashMap<std::string, int> map;
  for (int i = 0; i < 100; ++i) {
    static_cast<void>(map.entry("counter").and_modify([](int& v) { v += 1; }).or_insert(1));
  }
  EXPECT_EQ(*map.get("counter"), 100);
}

}  // namespace
