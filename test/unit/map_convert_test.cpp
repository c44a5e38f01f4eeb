// What becomes a key or a value: what initialises one, and no cast.
#include "support/configs.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using dashmap::DashMap;
using dashmap::DashSet;

struct Base {
  int base = 1;
};
struct Derived : Base {
  int derived = 2;
};
enum class Level { low, high };

/// Takes numbers and pointers of all kinds.
struct AnyHash {
  using is_transparent = void;
  std::size_t operator()(const void*) const noexcept { return 1; }
};

template <class V, class From>
concept TryEmplaces =
    requires(DashMap<int, V>& map, From from) { map.try_emplace(1, std::move(from)); };
template <class V, class From>
concept OrInsertsWith =
    requires(DashMap<int, V>& map, From (*make)()) { map.entry(1).or_insert_with(make); };
template <class V, class From>
concept OrInsertsWithKey =
    requires(DashMap<int, V>& map, From (*make)(int)) { map.entry(1).or_insert_with_key(make); };
template <class V, class From>
concept OrTriesToInsertWith = requires(DashMap<int, V>& map, std::optional<From> (*make)()) {
  map.entry(1).or_try_insert_with(make);
};
template <class V, class From>
concept GetsOrInsertsWith =
    requires(DashMap<int, V>& map, From (*make)()) { map.get_or_insert_with(1, make); };
template <class V, class From>
concept InsertsWith =
    requires(DashMap<int, V>& map, From (*make)()) { map.entry(1).vacant()->insert_with(make); };
template <class V, class From>
concept Inserts = requires(DashMap<int, V>& map, From from) { map.insert(1, std::move(from)); };
template <class V, class From>
concept Assigns =
    requires(DashMap<int, V>& map, From from) { map.insert_or_assign(1, std::move(from)); };
template <class V, class From>
concept EntryInserts =
    requires(DashMap<int, V>& map, From from) { map.entry(1).insert(std::move(from)); };

template <class V, class From>
inline constexpr bool makes =
    TryEmplaces<V, From> && OrInsertsWith<V, From> && OrInsertsWithKey<V, From> &&
    OrTriesToInsertWith<V, From> && GetsOrInsertsWith<V, From> && InsertsWith<V, From>;
template <class V, class From>
inline constexpr bool makes_somehow =
    TryEmplaces<V, From> || OrInsertsWith<V, From> || OrInsertsWithKey<V, From> ||
    OrTriesToInsertWith<V, From> || GetsOrInsertsWith<V, From> || InsertsWith<V, From> ||
    Inserts<V, From> || Assigns<V, From> || EntryInserts<V, From>;

static_assert(makes<Base*, Derived*> && !makes_somehow<Derived*, Base*>);
static_assert(makes<const char*, char*> && !makes_somehow<char*, const char*>);
static_assert(makes<int, Level> == false && !makes_somehow<Level, int>);
static_assert(!makes_somehow<std::uintptr_t, Base*> && !makes_somehow<Base*, std::uintptr_t>);
static_assert(!makes_somehow<Base*, std::string*>);
static_assert(makes<long, int> && makes<int, long> && makes<double, int> && makes<bool, Base*>);
static_assert(makes<std::string, const char*> && makes<std::string, std::string_view>);
static_assert(makes<std::unique_ptr<int>, int*> && !Inserts<std::unique_ptr<int>, int*>);
static_assert(!makes_somehow<std::string, std::vector<int>>);

TEST(Convert, WhatInitialisesAValueMakesOne) {
  DashMap<int, std::string> text;
  text.try_emplace(1, std::string_view("view"));
  text.entry(2).or_insert_with([] { return std::string_view("view"); });
  text.entry(3).or_insert_with_key([](int) { return "literal"; });
  text.entry(4).or_try_insert_with([] { return std::optional<const char*>("literal"); });
  text.get_or_insert_with(5, [] { return "literal"; });
  text.try_emplace(6, 3U, 'c');
  text.try_emplace(7);
  EXPECT_EQ(text.get_copy(1), "view");
  EXPECT_EQ(text.get_copy(2), "view");
  EXPECT_EQ(text.get_copy(3), "literal");
  EXPECT_EQ(text.get_copy(4), "literal");
  EXPECT_EQ(text.get_copy(5), "literal");
  EXPECT_EQ(text.get_copy(6), "ccc");
  EXPECT_EQ(text.get_copy(7), "");

  DashMap<int, const Base*> bases;
  Derived derived;
  bases.try_emplace(1, &derived);
  bases.get_or_insert_with(2, [&] { return &derived; });
  bases.try_emplace(3);
  bases.try_emplace(4, nullptr);
  EXPECT_EQ(bases.get_copy(1), &derived);
  EXPECT_EQ(bases.get_copy(2), &derived);
  EXPECT_EQ(bases.get_copy(3), nullptr);
  EXPECT_EQ(bases.get_copy(4), nullptr);

  DashMap<int, int> numbers;
  numbers.try_emplace(1, 5L);
  numbers.entry(2).or_insert_with([] { return 6L; });
  EXPECT_EQ(numbers.get_copy(1), 5);
  EXPECT_EQ(numbers.get_copy(2), 6);
}

/// Can be made, and not moved.
struct Pinned {
  explicit Pinned(int n) : number(n) {}
  Pinned(const Pinned&) = delete;
  Pinned& operator=(const Pinned&) = delete;
  int number;
};
struct MakesPinned {
  operator Pinned() const { return Pinned(7); }
};

TEST(Convert, ImmovableValuesAreBuiltInPlace) {
  DashMap<int, Pinned> map;
  map.try_emplace(1, 1);
  map.entry(2).or_insert_with([] { return Pinned(2); });
  map.get_or_insert_with(3, [] { return Pinned(3); });
  map.entry(4).or_insert_with([] { return 4; });
  map.entry(5).vacant()->insert_with([] { return Pinned(5); });
  map.entry(6).or_insert_with([]() -> const Pinned { return Pinned(6); });
  map.try_emplace(7, MakesPinned());
  map.entry(8).or_insert_with([] { return MakesPinned(); });
  for (int i = 1; i < 8; ++i) EXPECT_EQ(map.get(i)->number, i);
  EXPECT_EQ(map.get(8)->number, 7);
  DashMap<int, std::mutex> mutexes;
  EXPECT_TRUE(mutexes.try_emplace(1).second);
}

template <class Key, class Hash, class From>
concept TakesKey = requires(DashMap<Key, int, Hash>& map, DashSet<Key, Hash>& set, From from) {
  map.try_emplace(from, 1);
  map.insert(from, 1);
  map.insert_or_assign(from, 1);
  map.get_or_insert_with(from, [] { return 1; });
  map.compute(from, [](std::optional<int>&) {});
  set.insert(from);
};
template <class Key, class Hash, class From>
concept TakesKeySomehow =
    requires(DashMap<Key, int, Hash>& map, From from) { map.try_emplace(from, 1); } ||
    requires(DashMap<Key, int, Hash>& map, From from) { map.insert(from, 1); } ||
    requires(DashMap<Key, int, Hash>& map, From from) { map.insert_or_assign(from, 1); } ||
    requires(DashMap<Key, int, Hash>& map, From from) {
      map.get_or_insert_with(from, [] { return 1; });
    } || requires(DashMap<Key, int, Hash>& map, From from) {
      map.compute(from, [](std::optional<int>&) {});
    } || requires(DashSet<Key, Hash>& set, From from) { set.insert(from); };
template <class Key, class Hash, class From>
concept LooksUp = requires(DashMap<Key, int, Hash>& map, From from) { map.get(from); };

// A pointer to a base is looked up; no key is made of it.
static_assert(TakesKey<Derived*, AnyHash, Derived*> && LooksUp<Derived*, AnyHash, Base*>);
static_assert(!TakesKeySomehow<Derived*, AnyHash, Base*>);
static_assert(TakesKey<Base*, AnyHash, Derived*>);

// A key that is none is refused in front, by each call.
template <class Key, class From>
concept MapInserts = requires(DashMap<Key, int>& map, From from) { map.insert(from, 1); };
template <class Key, class From>
concept MapAssigns = requires(DashMap<Key, int>& map, From from) { map.insert_or_assign(from, 1); };
template <class Key, class From>
concept SetInserts = requires(DashSet<Key>& set, From from) { set.insert(from); };
template <class Key, class From>
using LockedMap = decltype(std::declval<DashMap<Key, int>&>().lock_all());
template <class Key, class From>
concept LockedInserts = requires(LockedMap<Key, From>& all, From from) { all.insert(from, 1); };
template <class Key, class From>
concept LockedGets = requires(const LockedMap<Key, From>& all, From from) { all.get(from); };
template <class Key, class From>
concept LockedContains =
    requires(const LockedMap<Key, From>& all, From from) { all.contains(from); };
template <class Key, class From>
concept LockedRemoves = requires(LockedMap<Key, From>& all, From from) { all.remove(from); };

template <class Key, class From>
inline constexpr bool takes_anywhere =
    MapInserts<Key, From> || MapAssigns<Key, From> || SetInserts<Key, From> ||
    LockedInserts<Key, From> || LockedGets<Key, From> || LockedContains<Key, From> ||
    LockedRemoves<Key, From>;
template <class Key, class From>
inline constexpr bool takes_everywhere =
    MapInserts<Key, From> && MapAssigns<Key, From> && SetInserts<Key, From> &&
    LockedInserts<Key, From> && LockedGets<Key, From> && LockedContains<Key, From> &&
    LockedRemoves<Key, From>;

static_assert(!takes_anywhere<std::string, int>);
static_assert(!takes_anywhere<std::string, std::vector<int>>);
static_assert(!takes_anywhere<int, std::string>);
static_assert(!takes_anywhere<Level, int>);
static_assert(takes_everywhere<std::string, const char*>);
static_assert(takes_everywhere<std::string, std::string_view>);
static_assert(takes_everywhere<std::string, const std::string&>);
static_assert(takes_everywhere<std::string, const char (&)[4]>);
static_assert(takes_everywhere<int, long> && takes_everywhere<long, int>);
static_assert(takes_everywhere<std::int8_t, double> && takes_everywhere<bool, bool>);
static_assert(takes_everywhere<std::pair<int, long>, std::pair<int, int>>);
static_assert(!MapInserts<std::unique_ptr<int>, const std::unique_ptr<int>&>);

TEST(Convert, BracesAndMoveOnlyKeysAreTaken) {
  DashMap<std::pair<int, int>, int> pairs;
  pairs.insert({1, 2}, 3);
  pairs.insert_or_assign({1, 3}, 4);
  EXPECT_EQ(pairs.lock_all().insert({1, 2}, 5), 3);
  EXPECT_EQ(pairs.get_copy({1, 2}), 5);
  DashSet<std::pair<int, int>> set;
  EXPECT_TRUE(set.insert({1, 2}));
  DashMap<std::unique_ptr<int>, int> owners;
  owners.insert(std::make_unique<int>(1), 1);
  EXPECT_TRUE(owners.insert_or_assign(std::make_unique<int>(1), 1));
  EXPECT_EQ(owners.lock_all().insert(std::make_unique<int>(2), 1), std::nullopt);
}

// What takes copies is there where they can be had; what moves a value, where it can be moved.
template <class Map>
concept HasSnapshot = requires(const Map& map) { map.snapshot(); };
template <class Map>
concept HasKeys = requires(const Map& map) { map.keys(); };
template <class Map>
concept HasValues = requires(const Map& map) { map.values(); };
template <class Map>
concept HasClone = requires(const Map& map) { map.clone(); };
template <class Map>
concept HasInsert = requires(Map& map) { map.insert(1, typename Map::mapped_type()); } ||
                    requires(Map& map) { map.insert_or_assign(1, typename Map::mapped_type()); } ||
                    requires(Map& map) { map.lock_all().insert(1, typename Map::mapped_type()); };

using Owner = std::unique_ptr<int>;
static_assert(HasSnapshot<DashMap<int, int>> && HasSnapshot<DashSet<int>>);
static_assert(HasKeys<DashMap<int, int>> && HasValues<DashMap<int, int>>);
static_assert(HasClone<DashMap<int, int>> && HasClone<DashSet<int>> && HasKeys<DashSet<int>>);
static_assert(!HasSnapshot<DashMap<int, Owner>> && !HasSnapshot<DashMap<Owner, int>>);
static_assert(!HasClone<DashMap<int, Owner>> && !HasClone<DashMap<Owner, int>>);
static_assert(!HasSnapshot<DashSet<Owner>> && !HasKeys<DashSet<Owner>> &&
              !HasClone<DashSet<Owner>>);
static_assert(HasKeys<DashMap<int, Owner>> && !HasValues<DashMap<int, Owner>>);
static_assert(!HasKeys<DashMap<Owner, int>> && HasValues<DashMap<Owner, int>>);
static_assert(HasInsert<DashMap<int, int>> && HasInsert<DashMap<int, Owner>>);
static_assert(!HasInsert<DashMap<int, std::mutex>>);

}  // namespace
