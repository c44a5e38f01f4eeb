// A throw at every point of every method of entries: all or nothing, and no lock left behind.
#include "support/injection.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace {

using namespace dashmap_test;

template <class C>
class ThrowingEntry : public InjectionTest<C> {};
TYPED_TEST_SUITE(ThrowingEntry, FragileConfigs, );

constexpr int there = 3;
constexpr int absent = 70;

TYPED_TEST(ThrowingEntry, OrInsert) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) { static_cast<void>(map.entry(K(n)).or_insert(V(5))); });
    this->all_or_nothing([n](auto& map) { static_cast<void>(map.entry(K(n)).or_default()); });
  }
}

TYPED_TEST(ThrowingEntry, OrInsertWith) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {
      static_cast<void>(map.entry(K(n)).or_insert_with([] {
        throwing::point();
        return V(5);
      }));
    });
    this->all_or_nothing([n](auto& map) {
      static_cast<void>(map.entry(K(n)).or_insert_with_key([](const K& k) {
        throwing::point();
        return V(k.number());
      }));
    });
    this->all_or_nothing([n](auto& map) {
      static_cast<void>(map.entry(K(n)).or_try_insert_with([]() -> std::optional<V> {
        throwing::point();
        return V(5);
      }));
    });
    this->all_or_nothing([n](auto& map) {
      static_cast<void>(map.entry(K(n)).or_try_insert_with([]() -> std::optional<V> {
        throwing::point();
        return std::nullopt;
      }));
    });
  }
}

TYPED_TEST(ThrowingEntry, AndModify) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {
      static_cast<void>(map.entry(K(n)).and_modify([](V& v) {
        throwing::point();
        v = V(5);
      }));
    });
  }
}

TYPED_TEST(ThrowingEntry, Insert) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) { static_cast<void>(map.entry(K(n)).insert(V(5))); });
    this->all_or_nothing([n](auto& map) { static_cast<void>(map.entry(K(n)).insert_entry(V(5))); });
  }
}

TYPED_TEST(ThrowingEntry, IntoKey) {
  using K = typename TypeParam::Key;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {
      const K k = map.entry(K(n)).into_key();
      EXPECT_EQ(k.number(), n);
    });
  }
}

TYPED_TEST(ThrowingEntry, OccupiedInsert) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  this->all_or_nothing([](auto& map) {
    auto entry = map.entry(K(there));
    if (auto* const occupied = entry.occupied()) static_cast<void>(occupied->insert(V(5)));
  });
}

TYPED_TEST(ThrowingEntry, OccupiedRemove) {
  using K = typename TypeParam::Key;
  this->all_or_nothing([](auto& map) {
    auto entry = map.entry(K(there));
    if (auto* const occupied = entry.occupied()) static_cast<void>(std::move(*occupied).remove());
  });
  this->all_or_nothing([](auto& map) {
    auto entry = map.entry(K(there));
    if (auto* const occupied = entry.occupied()) {
      static_cast<void>(std::move(*occupied).remove_entry());
    }
  });
}

TYPED_TEST(ThrowingEntry, OccupiedReplaceEntry) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  this->all_or_nothing([](auto& map) {
    auto entry = map.entry(K(there));
    if (auto* const occupied = entry.occupied()) {
      static_cast<void>(std::move(*occupied).replace_entry(V(5)));
    }
  });
}

TYPED_TEST(ThrowingEntry, VacantInsert) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  this->all_or_nothing([](auto& map) {
    auto entry = map.entry(K(absent));
    static_cast<void>(std::move(*entry.vacant()).insert(V(5)));
  });
  this->all_or_nothing([](auto& map) {
    auto entry = map.entry(K(absent));
    static_cast<void>(std::move(*entry.vacant()).insert_entry(V(5)));
  });
}

TYPED_TEST(ThrowingEntry, MovedWhileHeld) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {
      auto entry = map.entry(K(n));
      auto moved = std::move(entry);
      static_cast<void>(std::move(moved).or_insert(V(5)));
    });
  }
}

TYPED_TEST(ThrowingEntry, TryEntry) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {
      auto entry = map.try_entry(K(n));
      if (entry) static_cast<void>((*std::move(entry)).or_insert(V(5)));
    });
  }
}

// An entry whose use failed has its lock and its key still, and may be used again.
TYPED_TEST(ThrowingEntry, AFailedInsertionMayBeRepeated) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  const auto repeat = [this](int n, auto use) {
    for (const int size : {15, 16, 17}) {
      this->at_every_point([&] { return this->filled(size); },
                           [&](auto& map) {
                             auto entry = map.entry(K(n));
                             try {
                               use(entry);
                               return;
                             } catch (...) {
                               throwing::disarm();
                             }
                             ASSERT_TRUE(
                                 on_another_thread([&] { return map.try_get(K(n)).is_locked(); }));
                             ASSERT_EQ(entry.key().number(), n);
                             use(entry);
                           },
                           [&](const auto& map, bool had_no_entry) {
                             auto all = expected(size);
                             if (!had_no_entry) all[n] = 5;
                             expect_holds(map, all);
                           });
    }
  };
  for (const int n : {there, absent}) {
    repeat(n, [](auto& entry) { static_cast<void>(entry.insert(V(5))); });
    repeat(n, [](auto& entry) { static_cast<void>(entry.insert_entry(V(5))); });
    repeat(n, [](auto& entry) {
      auto moved = std::move(entry);
      try {
        static_cast<void>(moved.insert_entry(V(5)));
      } catch (...) {
        throwing::disarm();
        static_cast<void>(moved.insert_entry(V(5)));
      }
    });
  }
  repeat(absent, [](auto& entry) { static_cast<void>(entry.or_insert(V(5))); });
  repeat(absent, [](auto& entry) { static_cast<void>(entry.vacant()->insert(V(5))); });
  repeat(absent, [](auto& entry) { static_cast<void>(entry.vacant()->insert_entry(V(5))); });
}

TYPED_TEST(ThrowingEntry, AFailedIntoKeyMayBeRepeated) {
  using K = typename TypeParam::Key;
  for (const int n : {there, absent}) {
    this->at_every_point([&] { return this->filled(16); },
                         [n](auto& map) {
                           auto entry = map.entry(K(n));
                           try {
                             EXPECT_EQ(entry.into_key().number(), n);
                             return;
                           } catch (...) {
                             throwing::disarm();
                           }
                           ASSERT_TRUE(
                               on_another_thread([&] { return map.try_get(K(n)).is_locked(); }));
                           EXPECT_EQ(entry.into_key().number(), n);
                         },
                         [&](const auto& map, bool) { expect_holds(map, expected(16)); });
  }
}

}  // namespace
