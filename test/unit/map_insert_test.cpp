// Every way to put a value under a key.
#include "support/configs.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;
using dashmap::DashSet;

/// The elements as rvalues.
template <class T>
auto moving(std::vector<T>& elements) {
  return std::ranges::subrange(std::make_move_iterator(elements.begin()),
                               std::make_move_iterator(elements.end()));
}

template <class C>
class MapInsert : public MapTest<C> {};
TYPED_TEST_SUITE(MapInsert, Configs, );

TYPED_TEST(MapInsert, InsertReturnsTheValueItReplaced) {
  using C = TypeParam;
  typename C::Map map;
  for (int i = 0; i < C::count; ++i) {
    const auto before = map.insert(key<C>(i), value<C>(i));
    static_assert(
        std::same_as<std::remove_const_t<decltype(before)>, std::optional<typename C::Value>>);
    EXPECT_FALSE(before.has_value());
    EXPECT_EQ(map.len(), static_cast<std::size_t>(i) + 1);
  }
  for (int i = 0; i < C::count; ++i) {
    const auto before = map.insert(key<C>(i), value<C>(stored(i)));
    ASSERT_TRUE(before.has_value());
    EXPECT_EQ(number(*before), i);
  }
  expect_holds(map, expected(C::count));
}

TYPED_TEST(MapInsert, InsertTakesLvaluesAndLeavesThemAlone) {
  using C = TypeParam;
  if constexpr (C::copyable) {
    typename C::Map map;
    const auto k = key<C>(1);
    const auto v = value<C>(stored(1));
    map.insert(k, v);
    map.insert(k, v);
    EXPECT_EQ(number(k), 1);
    EXPECT_EQ(number(v), stored(1));
    expect_holds(map, {{1, stored(1)}});
  }
}

TYPED_TEST(MapInsert, InsertOrAssignSaysWhetherItInserted) {
  using C = TypeParam;
  typename C::Map map;
  EXPECT_TRUE(map.insert_or_assign(key<C>(1), value<C>(10)));
  EXPECT_FALSE(map.insert_or_assign(key<C>(1), value<C>(11)));
  EXPECT_TRUE(map.insert_or_assign(key<C>(2), value<C>(20)));
  expect_holds(map, {{1, 11}, {2, 20}});
}

TYPED_TEST(MapInsert, TryEmplaceBuildsOnlyWhereNothingIs) {
  using C = TypeParam;
  typename C::Map map;
  {
    auto [ref, inserted] = map.try_emplace(key<C>(1), value<C>(10));
    EXPECT_TRUE(inserted);
    EXPECT_EQ(number(ref.key()), 1);
    EXPECT_EQ(number(*ref), 10);
    *ref = value<C>(12);
  }
  {
    auto fresh = value<C>(99);
    auto [ref, inserted] = map.try_emplace(key<C>(1), std::move(fresh));
    EXPECT_FALSE(inserted);
    EXPECT_EQ(number(*ref), 12);
    EXPECT_EQ(number(fresh), 99) << "the unused argument was moved from";  // NOLINT
  }
  {
    auto [ref, inserted] = map.try_emplace(key<C>(2));
    EXPECT_TRUE(inserted);
    *ref = value<C>(20);
  }
  expect_holds(map, {{1, 12}, {2, 20}});
}

TYPED_TEST(MapInsert, GetOrInsertWithCallsTheFactoryOncePerAbsentKey) {
  using C = TypeParam;
  typename C::Map map;
  int calls = 0;
  const auto factory = [&] {
    ++calls;
    return value<C>(calls);
  };
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 20; ++i) {
      const auto ref = map.get_or_insert_with(key<C>(i), factory);
      ASSERT_TRUE(ref);
      EXPECT_EQ(number(ref.key()), i);
      EXPECT_EQ(number(*ref), i + 1);
    }
  }
  EXPECT_EQ(calls, 20);
  EXPECT_EQ(map.len(), 20U);
}

TYPED_TEST(MapInsert, AlterReplacesThroughAFunction) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>(30);
  const auto twice = [](const K& k, V v) {
    EXPECT_EQ(number(v), stored(number(k)));
    return make<V>(2 * number(v));
  };
  EXPECT_TRUE(map.alter(key<C>(7), twice));
  bool called = false;
  EXPECT_FALSE(map.alter(key<C>(30), [&](const K&, V v) {
    called = true;
    return v;
  }));
  EXPECT_FALSE(called);
  Contents oracle = expected(30);
  oracle[7] = 2 * stored(7);
  expect_holds(map, oracle);
}

TYPED_TEST(MapInsert, AlterAllReplacesEveryValue) {
  using C = TypeParam;
  using K = typename C::Key;
  using V = typename C::Value;
  auto map = filled<C>();
  std::map<int, int> visits;
  map.alter_all([&](const K& k, V v) {
    ++visits[number(k)];
    return make<V>(number(v) - number(k));
  });
  Contents oracle;
  for (int i = 0; i < C::count; ++i) {
    oracle[i] = stored(0);
    EXPECT_EQ(visits[i], 1) << i;
  }
  expect_holds(map, oracle);
}

TYPED_TEST(MapInsert, ComputeInsertsUpdatesErasesOrDoesNothing) {
  using C = TypeParam;
  using V = typename C::Value;
  auto map = filled<C>(10);
  // Nothing there, nothing left.
  EXPECT_EQ(map.compute(key<C>(10),
                        [](std::optional<V>& v) {
                          EXPECT_FALSE(v.has_value());
                          return 1;
                        }),
            1);
  expect_holds(map, expected(10));
  // Insert.
  EXPECT_EQ(map.compute(key<C>(10),
                        [](std::optional<V>& v) {
                          EXPECT_FALSE(v.has_value());
                          v.emplace(make<V>(stored(10)));
                          return std::string("inserted");
                        }),
            "inserted");
  expect_holds(map, expected(11));
  // Left alone.
  map.compute(key<C>(10), [](std::optional<V>& v) {
    ASSERT_TRUE(v.has_value());
    EXPECT_EQ(number(*v), stored(10));
  });
  expect_holds(map, expected(11));
  // Update, in place and by assignment.
  map.compute(key<C>(3), [](std::optional<V>& v) { *v = make<V>(33); });
  map.compute(key<C>(4), [](std::optional<V>& v) { v.emplace(make<V>(44)); });
  Contents oracle = expected(11);
  oracle[3] = 33;
  oracle[4] = 44;
  expect_holds(map, oracle);
  // Erase.
  const bool was_there = map.compute(key<C>(10), [](std::optional<V>& v) {
    const bool there = v.has_value();
    v.reset();
    return there;
  });
  EXPECT_TRUE(was_there);
  oracle.erase(10);
  expect_holds(map, oracle);
}

TYPED_TEST(MapInsert, ExtendInsertsEveryPair) {
  using C = TypeParam;
  using Pair = std::pair<typename C::Key, typename C::Value>;
  auto map = filled<C>(5);
  std::vector<Pair> more;
  for (int i = 3; i < 40; ++i) more.emplace_back(key<C>(i), value<C>(-i));
  if constexpr (C::copyable) {
    map.extend(more);
    EXPECT_EQ(number(more.front().second), -3) << "extend moved from an lvalue range";
  } else {
    map.extend(moving(more));
  }
  Contents oracle = expected(3);
  for (int i = 3; i < 40; ++i) oracle[i] = -i;
  expect_holds(map, oracle);
}

TYPED_TEST(MapInsert, InsertManyCountsTheNewOnes) {
  using C = TypeParam;
  using Pair = std::pair<typename C::Key, typename C::Value>;
  auto map = filled<C>(10);
  std::vector<Pair> more;
  for (int i = 5; i < 100; ++i) more.emplace_back(key<C>(i), value<C>(stored(i) + 1));
  more.emplace_back(key<C>(99), value<C>(stored(99) + 1));
  EXPECT_EQ(map.insert_many(moving(more)), 90U);
  more.clear();
  EXPECT_EQ(map.insert_many(moving(more)), 0U);
  Contents oracle = expected(5);
  for (int i = 5; i < 100; ++i) oracle[i] = stored(i) + 1;
  expect_holds(map, oracle);
}

// Room at 1/16 and at 1/4 of a range.
template <class Insert, class Capacity>
void expect_steps(Insert insert, Capacity capacity) {
  constexpr int n = 32'000;
  std::size_t at_a_sixteenth = 0;
  std::size_t at_a_quarter = 0;
  EXPECT_EQ(insert(std::views::iota(0, n) | std::views::transform([&](int i) {
                     if (i == n / 16) at_a_sixteenth = capacity();
                     if (i == n / 4) at_a_quarter = capacity();
                     return i;
                   })),
            static_cast<std::size_t>(n));
  EXPECT_GE(at_a_sixteenth, static_cast<std::size_t>(n / 4));
  EXPECT_GE(at_a_quarter, static_cast<std::size_t>(n));
}

TEST(MapInsertMany, MakesRoomInTwoStepsWhereKeysTurnOutToBeNew) {
  DashMap<int, int> map;
  expect_steps(
      [&](auto&& numbers) {
        return map.insert_many(numbers |
                               std::views::transform([](int i) { return std::pair(i, i); }));
      },
      [&] { return map.capacity(); });
  for (int i = 0; i < 32'000; ++i) ASSERT_EQ(map.get_copy(i), i);
  DashSet<int> set;
  expect_steps([&](auto&& numbers) { return set.insert_many(numbers); },
               [&] { return set.capacity(); });
}

TEST(MapInsertMany, MakesNoRoomForKeysThatAreThere) {
  DashMap<int, int> map;
  std::vector<std::pair<int, int>> pairs;
  for (int i = 0; i < 64'000; ++i) pairs.emplace_back(i % 500, i);
  EXPECT_EQ(map.insert_many(pairs), 500U);
  EXPECT_LT(map.capacity(), 2000U);
  map.extend(pairs);
  EXPECT_LT(map.capacity(), 2000U);
  EXPECT_EQ(map.size(), 500U);
}

TEST(MapInsertMany, MakesRoomForFourTimesWhatCameAtMost) {
  DashMap<int, int> map;
  std::vector<std::pair<int, int>> pairs;
  for (int i = 0; i < 64'000; ++i) pairs.emplace_back(i % 4000, i);
  EXPECT_EQ(map.insert_many(pairs), 4000U);
  EXPECT_LT(map.capacity(), 2U * 4 * 4000);
}

// Elements are looked at one after the other, each once.
TEST(MapInsertMany, ARangeMayDependOnTheMap) {
  const std::vector<std::pair<int, int>> pairs{{1, 1}, {1, 2}, {2, 3}, {3, 4}, {2, 5}};
  DashMap<int, int> map;
  map.extend(pairs | std::views::filter([&](const auto& p) { return !map.contains(p.first); }));
  expect_holds(map, {{1, 1}, {2, 3}, {3, 4}});
  DashSet<int> set;
  int calls = 0;
  set.extend(pairs | std::views::keys | std::views::filter([&](int key) {
               ++calls;
               return !set.contains(key);
             }));
  EXPECT_EQ(set.len(), 3U);
  EXPECT_EQ(calls, 5);
}

TEST(MapInsertMany, WhatStandsBeforeAnErrorIsIn) {
  struct Picky {
    std::size_t operator()(const std::string& key) const {
      if (key == "bad") throw std::runtime_error("no hash");
      return std::hash<std::string>()(key);
    }
  };
  const std::vector<std::pair<std::string, int>> pairs{{"a", 1}, {"b", 2}, {"bad", 3}, {"c", 4}};
  DashMap<std::string, int, Picky> map;
  EXPECT_THROW(map.insert_many(pairs), std::runtime_error);
  EXPECT_EQ(map.len(), 2U);
  DashSet<std::string, Picky> set;
  EXPECT_THROW(set.extend(std::vector<std::string>{"a", "b", "bad", "c"}), std::runtime_error);
  EXPECT_EQ(set.len(), 2U);
  int seen = 0;
  EXPECT_THROW(map.get_many(std::vector<std::string>{"b", "a", "bad"},
                            [&](const std::string&, const int* value) { seen += *value; }),
               std::runtime_error);
  EXPECT_EQ(seen, 3);
}

TEST(MapInsertMany, WhatStandsBeforeAnErrorIsInWhereverItComes) {
  struct Picky {
    std::size_t operator()(int key) const {
      if (key < 0) throw std::runtime_error("no hash");
      return std::hash<int>()(key);
    }
  };
  constexpr int count = 50;  // more than are looked at ahead
  for (int bad = 0; bad < count; ++bad) {
    std::vector<std::pair<int, int>> pairs;
    std::vector<int> keys;
    for (int i = 0; i < count; ++i) keys.push_back(i == bad ? -1 : i);
    for (const int key : keys) pairs.emplace_back(key, key);
    DashMap<int, int, Picky> map;
    EXPECT_THROW(map.insert_many(pairs), std::runtime_error);
    EXPECT_EQ(map.len(), static_cast<std::size_t>(bad));
    int next = 0;
    EXPECT_THROW(map.get_many(keys,
                              [&](int key, const int* value) {
                                EXPECT_EQ(key, next++);
                                ASSERT_NE(value, nullptr);
                                EXPECT_EQ(*value, key);
                              }),
                 std::runtime_error);
    EXPECT_EQ(next, bad);
  }
}

TEST(MapInsertKeys, TheStoredKeyObjectStays) {
  DashMap<TaggedKey, int> map;
  map.insert(TaggedKey{1, 100}, 1);
  map.insert(TaggedKey{1, 200}, 2);
  EXPECT_EQ(map.get(TaggedKey{1, 0}).key().tag, 100);
  EXPECT_EQ(*map.get(TaggedKey{1, 0}), 2);
  map.insert_or_assign(TaggedKey{1, 300}, 3);
  EXPECT_EQ(map.get(TaggedKey{1, 0}).key().tag, 100);
  map.alter(TaggedKey{1, 400}, [](const TaggedKey& k, int v) {
    EXPECT_EQ(k.tag, 100);
    return v + 1;
  });
  map.compute(TaggedKey{1, 500}, [](std::optional<int>& v) { ++*v; });
  static_cast<void>(map.entry(TaggedKey{1, 600}).and_modify([](int& v) { ++v; }).or_insert(0));
  map.extend(std::vector<std::pair<TaggedKey, int>>{{TaggedKey{1, 700}, 7}});
  map.insert_many(std::vector<std::pair<TaggedKey, int>>{{TaggedKey{1, 800}, 8}});
  EXPECT_FALSE(map.try_emplace(TaggedKey{1, 900}, 9).second);
  const auto ref = map.get(TaggedKey{1, 0});
  EXPECT_EQ(ref.key().tag, 100);
  EXPECT_EQ(*ref, 8);
}

TEST(MapInsertKeys, AnErasedKeyIsReplacedByTheNextOne) {
  DashMap<TaggedKey, int> map;
  map.insert(TaggedKey{1, 100}, 1);
  const auto removed = map.remove(TaggedKey{1, 0});
  ASSERT_TRUE(removed.has_value());
  EXPECT_EQ(removed->first.tag, 100) << "remove returns the stored key, not the query";
  map.insert(TaggedKey{1, 200}, 2);
  EXPECT_EQ(map.get(TaggedKey{1, 0}).key().tag, 200);
}

TEST(MapInsertKeys, TryEmplaceForwardsSeveralArguments) {
  DashMap<int, std::string> map;
  const auto [ref, inserted] = map.try_emplace(1, std::size_t{5}, 'x');
  EXPECT_TRUE(inserted);
  EXPECT_EQ(*ref, "xxxxx");
}

TEST(MapInsertKeys, ValuesConvert) {
  DashMap<std::string, std::string> map;
  map.insert("key", "value");
  map.insert_or_assign("key", "other");
  static_cast<void>(map.entry("more").or_insert("text"));
  EXPECT_EQ(*map.get("key"), "other");
  EXPECT_EQ(*map.get("more"), "text");
}

TEST(MapInsertImmovable, ValuesThatNeitherMoveNorCopy) {
  DashMap<int, std::atomic<int>> map;
  for (int i = 0; i < 300; ++i) EXPECT_TRUE(map.try_emplace(i, i + 1).second);
  EXPECT_FALSE(map.try_emplace(7, 0).second);
  const std::atomic<int>* place = nullptr;
  if (const auto guard = map.get(7)) place = &*guard;
  for (int i = 300; i < 3000; ++i) static_cast<void>(map.try_emplace(i, i + 1));
  EXPECT_EQ(&*map.get(7), place) << "an immovable value moved";
  map.get_mut(7)->fetch_add(10);
  EXPECT_EQ(map.get(7)->load(), 18);
  map.retain([](const int& k, std::atomic<int>&) { return k < 100; });
  EXPECT_TRUE(map.erase(7));
  map.shrink_to_fit();
  EXPECT_EQ(map.len(), 99U);
  for (const auto& [k, v] : map) EXPECT_EQ(v.load(), k + 1);
}

// A view may make each element in the same place.
TEST(MapInsertViews, ElementsThatAreMadeInOnePlace) {
  std::pair<int, int> place;
  const auto elements =
      std::views::iota(0, 200) | std::views::transform([&](int i) -> const std::pair<int, int>& {
        place = {i, -i};
        return place;
      });
  DashMap<int, int> map;
  EXPECT_EQ(map.insert_many(elements), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(map.get_copy(i), -i);
}

TEST(MapInsertMany, WhatIsGivenAwayIsMoved) {
  using Owner = DashMap<int, std::unique_ptr<int>>;
  Owner owner;
  owner.insert(1, std::make_unique<int>(10));
  Owner other;
  other.extend(owner.drain());
  EXPECT_EQ(**other.get(1), 10);
  std::vector<std::pair<int, std::unique_ptr<int>>> pairs;
  for (int i = 0; i < 100; ++i) pairs.emplace_back(i, std::make_unique<int>(i));
  EXPECT_EQ(other.insert_many(std::move(pairs)), 99U);
  EXPECT_EQ(**other.get(1), 1);
  const Owner made(other.drain());
  EXPECT_EQ(made.len(), 100U);

  const std::string text(100, 'x');
  std::vector<std::pair<int, std::string>> kept{{1, text}};
  DashMap<int, std::string> map(kept);
  map.extend(std::span(kept));
  map.extend(std::ranges::subrange(kept.begin(), kept.end()));
  EXPECT_EQ(kept[0].second, text);
  const char* const place = kept[0].second.data();
  map.extend(std::move(kept));
  EXPECT_EQ(map.get(1)->data(), place);
}

// Neither a range that refers to elements of others, nor what a key still refers to.
TEST(MapInsertMany, WhatIsNotGivenAwayStays) {
  using Pair = std::pair<std::string, std::string>;
  struct Slice {
    Pair* first;
    Pair* last;
    Pair* begin() const { return first; }
    Pair* end() const { return last; }
  };
  std::vector<Pair> pairs{{"key", "value"}};
  DashMap<std::string, std::string> map;
  map.insert_many(Slice{pairs.data(), pairs.data() + 1});
  EXPECT_EQ(pairs[0].second, "value");

  std::vector<std::pair<std::string_view, std::string>> named(1, {"", "alice"});
  named[0].first = named[0].second;
  map.insert_many(std::move(named));
  EXPECT_EQ(map.get_copy("alice"), "alice");
}

struct Person {
  std::string name;
  int age = 0;
};

TEST(MapTryEmplace, TheKeyMayBeAPartOfTheValue) {
  DashMap<std::string, Person> map;
  Person alice{"alice", 1};
  map.try_emplace(std::move(alice.name), std::move(alice));
  Person bob{"bob, whose name is long enough for the heap", 2};
  const std::string name = bob.name;
  map.try_emplace(bob.name, std::move(bob));
  EXPECT_TRUE(map.contains("alice"));
  ASSERT_TRUE(map.contains(name));
  EXPECT_EQ(map.get(name)->name, name);
}

TEST(MapTryEmplace, AKeyThatIsThereStaysWithTheCaller) {
  DashMap<std::string, int> map;
  const std::string text(50, 'k');
  std::string key = text;
  EXPECT_TRUE(map.try_emplace(std::move(key), 1).second);
  key = text;
  EXPECT_FALSE(map.try_emplace(std::move(key), 2).second);
  EXPECT_EQ(key, text);
  EXPECT_EQ(map.get_copy(text), 1);
}

}  // namespace
