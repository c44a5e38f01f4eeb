// A throw at every point of every operation on one key: all or nothing, and no lock left behind.
#include "support/injection.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using namespace std::chrono_literals;

template <class C>
class ThrowingOneKey : public InjectionTest<C> {};
TYPED_TEST_SUITE(ThrowingOneKey, FragileConfigs, );

// Key 3 is there unless the map is smaller, key 70 never is.
constexpr int there = 3;
constexpr int absent = 70;

TYPED_TEST(ThrowingOneKey, Insert) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) { map.insert(K(n), V(5)); });
  }
}

TYPED_TEST(ThrowingOneKey, InsertOfLvalues) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  const V v(5);
  for (const int n : {there, absent}) {
    const K k(n);
    this->all_or_nothing([&](auto& map) { map.insert(k, v); });
  }
}

TYPED_TEST(ThrowingOneKey, InsertOrAssign) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) { map.insert_or_assign(K(n), V(5)); });
  }
}

TYPED_TEST(ThrowingOneKey, TryEmplace) {
  using K = typename TypeParam::Key;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) { static_cast<void>(map.try_emplace(K(n), 5)); });
  }
}

TYPED_TEST(ThrowingOneKey, GetOrInsertWith) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {
      static_cast<void>(map.get_or_insert_with(K(n), [] {
        throwing::point();
        return V(5);
      }));
    });
  }
}

TYPED_TEST(ThrowingOneKey, Remove) {
  using K = typename TypeParam::Key;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) { static_cast<void>(map.remove(K(n))); });
  }
}

TYPED_TEST(ThrowingOneKey, Erase) {
  using K = typename TypeParam::Key;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) { map.erase(K(n)); });
  }
}

TYPED_TEST(ThrowingOneKey, RemoveIf) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const bool answer : {true, false}) {
    this->all_or_nothing([answer](auto& map) {
      static_cast<void>(map.remove_if(K(there), [answer](const K&, const V&) {
        throwing::point();
        return answer;
      }));
    });
    this->all_or_nothing([answer](auto& map) {
      static_cast<void>(map.remove_if_mut(K(there), [answer](const K&, V&) {
        throwing::point();
        return answer;
      }));
    });
  }
}

TYPED_TEST(ThrowingOneKey, Alter) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {
      map.alter(K(n), [](const K&, V v) {
        throwing::point();
        return V(v.number() + 1);
      });
    });
  }
}

TYPED_TEST(ThrowingOneKey, AlterByReference) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  this->all_or_nothing([](auto& map) {
    map.alter(K(there), [](const K&, const V& v) {
      throwing::point();
      return V(v.number() + 1);
    });
  });
}

TYPED_TEST(ThrowingOneKey, Compute) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {  // insert or update
      map.compute(K(n), [](std::optional<V>& v) {
        throwing::point();
        v = V(5);
      });
    });
    this->all_or_nothing([n](auto& map) {  // erase
      map.compute(K(n), [](std::optional<V>& v) {
        throwing::point();
        v.reset();
      });
    });
    this->all_or_nothing([n](auto& map) {  // look
      return map.compute(K(n), [](std::optional<V>& v) {
        throwing::point();
        return v.has_value();
      });
    });
  }
}

// What a closure gives may throw on its way: before anything changes.
TYPED_TEST(ThrowingOneKey, ComputeGivesWhatThrows) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  struct Answer {
    Answer() = default;
    Answer(Answer&&) { throwing::point(); }
    bool operator==(const Answer&) const = default;
  };
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {
      map.compute(K(n), [](std::optional<V>& v) {
        v = V(5);
        return Answer();
      });
    });
    this->all_or_nothing([n](auto& map) {
      map.compute(K(n), [](std::optional<V>& v) {
        v.reset();
        return Answer();
      });
    });
  }
}

// A value that is copied by its bytes, and made of another type by a function that throws half way.
TEST(ThrowingConversion, AlterLeavesTheValueAsItWas) {
  struct Other {
    int number;
  };
  struct Value {
    int first;
    int second;
    Value(int a, int b) : first(a), second(b) {}
    Value(const Other& other) : first(other.number), second(0) { throw Injected{}; }
  };
  dashmap::DashMap<int, Value> map;
  map.insert(1, Value(1, 2));
  const auto give_other = [](const int&, Value) { return Other{7}; };
  EXPECT_THROW(map.alter(1, give_other), Injected);
  EXPECT_THROW(map.alter_all(give_other), Injected);
  EXPECT_EQ(map.get(1)->first, 1);
  EXPECT_EQ(map.get(1)->second, 2);
}

TYPED_TEST(ThrowingOneKey, LookUps) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {
      const K k(n);
      static_cast<void>(map.get(k));
      static_cast<void>(map.get_mut(k));
      static_cast<void>(map.try_get(k).is_present());
      static_cast<void>(map.try_get_mut(k).is_present());
      static_cast<void>(map.try_get_for(k, 1h).is_present());
      static_cast<void>(map.try_get_mut_for(k, 1h).is_present());
      static_cast<void>(map.contains(k));
      static_cast<void>(map.get_copy(k));
      map.view(k, [](const K&, const V&) { throwing::point(); });
      static_cast<void>(map.hash_usize(k));
    });
  }
}

TYPED_TEST(ThrowingOneKey, ProjectionsOfGuards) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  this->all_or_nothing([](auto& map) {
    if (auto ref = map.get(K(there))) {
      const auto mapped = std::move(ref).map([](const V& v) -> const V& {
        throwing::point();
        return v;
      });
      static_cast<void>(*mapped);
    }
    if (auto ref = map.get_mut(K(there))) {
      const auto mapped = std::move(ref).map([](V& v) -> V& {
        throwing::point();
        return v;
      });
      static_cast<void>(*mapped);
    }
  });
}

TYPED_TEST(ThrowingOneKey, WithKeysAndGetMany) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  this->all_or_nothing([](auto& map) {
    std::vector<K> keys;
    for (const int n : {5, there, absent, there}) keys.emplace_back(n);
    map.with_keys(keys, [](std::span<V*>) { throwing::point(); });
    map.get_many(keys, [](const K&, const V*) { throwing::point(); });
  });
}

TYPED_TEST(ThrowingOneKey, AGuardSurvivesAFailureElsewhere) {
  using K = typename TypeParam::Key;
  for (long n = 1;; ++n) {
    auto map = this->filled(16);
    const K one(1);
    const K fresh(absent);
    bool fired = false;
    {
      auto held = map.get_mut(one);
      throwing::arm(n);
      try {
        static_cast<void>(map.try_emplace(fresh, 1));
        map.erase(fresh);
      } catch (const Injected&) {
      } catch (const InjectedBadAlloc&) {
      }
      throwing::disarm();
      fired = throwing::fired;
      EXPECT_EQ(held->number(), stored(1));
      EXPECT_TRUE(on_another_thread([&] { return map.try_get(K(1)).is_locked(); }));
    }
    EXPECT_FALSE(on_another_thread([&] { return map.try_get(K(1)).is_locked(); }));
    if (!fired || this->HasFailure()) break;
  }
}

/// Long runs of insertions with a failure now and then: no element is lost, none comes twice.
TYPED_TEST(ThrowingOneKey, GrowthWithFailures) {
  using K = typename TypeParam::Key;
  const Census census;
  auto map = this->empty();
  Contents oracle;
  for (int i = 0; i < 400; ++i) {
    if (i % 3 == 0) throwing::arm(1 + i % 23);
    bool inserted = false;
    try {
      inserted = map.try_emplace(K(i), stored(i)).second;
    } catch (const Injected&) {
    } catch (const InjectedBadAlloc&) {
    }
    throwing::disarm();
    if (inserted) oracle.emplace(i, stored(i));
    ASSERT_EQ(map.len(), oracle.size());
    ASSERT_EQ(map.contains(K(i)), inserted) << i;
  }
  EXPECT_GT(oracle.size(), 50U);
  EXPECT_LT(oracle.size(), 400U);
  expect_holds(map, oracle);
  for (int i = 0; i < 400; ++i) {
    throwing::arm(1 + i % 7);
    try {
      if (map.erase(K(i))) oracle.erase(i);
    } catch (const Injected&) {
    }
    throwing::disarm();
  }
  expect_holds(map, oracle);
}

}  // namespace
