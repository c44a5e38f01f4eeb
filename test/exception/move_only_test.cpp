// A throw at every point, with keys or values that can only be moved, and not all of them without
// throwing: what fails leaves the map as it was.
#include "support/injection.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace {

using namespace dashmap_test;

template <bool NothrowMove>
struct Unique : Fragile<NothrowMove> {
  using Fragile<NothrowMove>::Fragile;
  Unique(Unique&&) = default;
  Unique& operator=(Unique&&) = default;
};
static_assert(!std::is_copy_constructible_v<Unique<false>>);

template <class K, class V>
struct UniqueConfig {
  using Key = K;
  using Value = V;
  using Allocator = LedgerAllocator<std::pair<const Key, Value>>;
  using Map = dashmap::DashMap<Key, Value, FragileHash, std::equal_to<>, Allocator>;
};
using UniqueConfigs = ::testing::Types<
    UniqueConfig<Fragile<true>, Unique<false>>, UniqueConfig<Fragile<false>, Unique<false>>,
    UniqueConfig<Unique<true>, Unique<false>>, UniqueConfig<Unique<true>, Fragile<false>>,
    UniqueConfig<Fragile<false>, Unique<true>>, UniqueConfig<Unique<false>, Unique<true>>>;

template <class C>
class ThrowingMoveOnly : public InjectionTest<C> {};
TYPED_TEST_SUITE(ThrowingMoveOnly, UniqueConfigs, );

// Key 3 is there unless the map is smaller, key 70 never is.
constexpr int there = 3;
constexpr int absent = 70;

TYPED_TEST(ThrowingMoveOnly, Insert) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) { map.insert(K(n), V(5)); });
    this->all_or_nothing([n](auto& map) { map.insert_or_assign(K(n), V(5)); });
    this->all_or_nothing([n](auto& map) { map.lock_all().insert(K(n), V(5)); });
    this->all_or_nothing([n](auto& map) { static_cast<void>(map.entry(K(n)).insert(V(5))); });
  }
}

TYPED_TEST(ThrowingMoveOnly, Remove) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) { static_cast<void>(map.remove(K(n))); });
    this->all_or_nothing([n](auto& map) { map.erase(K(n)); });
    this->all_or_nothing([n](auto& map) { map.lock_all().remove(K(n)); });
    this->all_or_nothing([n](auto& map) {
      static_cast<void>(map.remove_if(K(n), [](const K&, const V&) {
        throwing::point();
        return true;
      }));
    });
  }
}

TYPED_TEST(ThrowingMoveOnly, WhatIsGivenIsWhole) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  const Census census;
  auto map = this->filled(8);
  const auto expect_pair = [](const auto& pair, int key, int value) {
    EXPECT_EQ(pair.first.number(), key);
    EXPECT_EQ(pair.second.number(), value);
  };
  const auto removed = map.remove(K(3));
  ASSERT_TRUE(removed.has_value());
  expect_pair(*removed, 3, stored(3));
  const auto removed_held = map.lock_all().remove(K(4));
  ASSERT_TRUE(removed_held.has_value());
  expect_pair(*removed_held, 4, stored(4));
  {
    auto entry = map.entry(K(5));
    ASSERT_NE(entry.occupied(), nullptr);
    EXPECT_EQ(entry.occupied()->insert(V(50)).number(), stored(5));
    expect_pair(entry.occupied()->replace_entry(V(51)), 5, 50);
  }
  {
    auto entry = map.entry(K(5));
    ASSERT_NE(entry.occupied(), nullptr);
    expect_pair(entry.occupied()->remove_entry(), 5, 51);
  }
  const auto replaced = map.insert(K(6), V(60));
  ASSERT_TRUE(replaced.has_value());
  EXPECT_EQ(replaced->number(), stored(6));
  for (const auto& pair : map.extract_if([](const K& k, V&) { return k.number() == 6; })) {
    expect_pair(pair, 6, 60);
  }
  std::size_t drained = 0;
  for (const auto& pair : map.drain()) {
    expect_pair(pair, pair.first.number(), stored(pair.first.number()));
    ++drained;
  }
  EXPECT_EQ(drained, 4U);
}

TYPED_TEST(ThrowingMoveOnly, OccupiedEntry) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  const auto at_entry = [this](auto operate) {
    this->all_or_nothing([&](auto& map) {
      auto entry = map.entry(K(there));
      if (auto* const occupied = entry.occupied()) operate(*occupied);
    });
  };
  at_entry([](auto& occupied) { static_cast<void>(occupied.insert(V(5))); });
  at_entry([](auto& occupied) { static_cast<void>(occupied.remove()); });
  at_entry([](auto& occupied) { static_cast<void>(occupied.remove_entry()); });
  at_entry([](auto& occupied) { static_cast<void>(occupied.replace_entry(V(5))); });
}

TYPED_TEST(ThrowingMoveOnly, AFailedInsertionMayBeRepeated) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->at_every_point([&] { return this->filled(16); },
                         [n](auto& map) {
                           auto entry = map.entry(K(n));
                           try {
                             static_cast<void>(entry.insert_entry(V(5)));
                             return;
                           } catch (...) {
                             throwing::disarm();
                           }
                           ASSERT_EQ(entry.key().number(), n);
                           static_cast<void>(entry.insert_entry(V(5)));
                         },
                         [&](const auto& map, bool had_no_entry) {
                           auto all = expected(16);
                           if (!had_no_entry) all[n] = 5;
                           expect_holds(map, all);
                         });
  }
}

// What was taken out is gone with the vector; the others are whole and are found.
TYPED_TEST(ThrowingMoveOnly, ExtractIfAndDrain) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  const auto whole = [](const auto& map, bool) {
    Contents oracle;
    for (const auto& [k, v] : contents(map)) {
      EXPECT_EQ(v, stored(k));
      oracle.emplace(k, v);
    }
    expect_holds(map, oracle);
  };
  for (const int size : {1, 16, 40}) {
    this->at_every_point([&] { return this->filled(size); },
                         [](auto& map) { static_cast<void>(map.drain()); }, whole);
    this->at_every_point([&] { return this->filled(size); },
                         [](auto& map) {
                           static_cast<void>(
                               map.extract_if([](const K& k, V&) { return k.number() % 2 == 0; }));
                         },
                         whole);
  }
}

}  // namespace
