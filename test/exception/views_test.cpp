// A throw at every point of what works through a view of the map, a shard, a frozen map; of sets;
// and of what moves elements between maps.
#include "support/injection.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <set>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;

template <class C>
class ThrowingViews : public InjectionTest<C> {};
TYPED_TEST_SUITE(ThrowingViews, FragileConfigs, );

// Key 3 is there unless the map is smaller, key 70 never is.
constexpr int there = 3;
constexpr int absent = 70;

TYPED_TEST(ThrowingViews, LockAll) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) { map.lock_all().insert(K(n), V(5)); });
    this->all_or_nothing([n](auto& map) { map.lock_all().remove(K(n)); });
    this->all_or_nothing([n](auto& map) {
      const auto all = map.lock_all();
      static_cast<void>(all.get(K(n)));
      static_cast<void>(all.contains(K(n)));
    });
  }
  this->all_or_nothing([](auto& map) {
    auto all = map.lock_all();
    for (auto&& item : all.iter_mut()) {
      throwing::point();
      EXPECT_EQ(item.value().number(), stored(item.key().number()));
    }
  });
}

TYPED_TEST(ThrowingViews, Shards) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& map) {
      const K key(n);
      map.shards()[map.determine_map(key)].write().insert(key, V(5));
    });
    this->all_or_nothing([n](auto& map) {
      const K key(n);
      map.shards()[map.determine_map(key)].write().remove(key);
    });
    this->all_or_nothing([n](auto& map) {
      const K key(n);
      const auto shard = map.shards()[map.determine_map(key)].read();
      static_cast<void>(shard.get(key));
      for (auto&& item : shard.iter()) static_cast<void>(item.key() == key);
    });
  }
}

TYPED_TEST(ThrowingViews, ClearAndDrain) {
  for (const int size : {1, 16, 40}) {
    // No user's code runs that may throw, but for what drain moves out.
    this->at_every_point([&] { return this->filled(size); }, [](auto& map) { map.clear(); },
                         [&](const auto& map, bool threw) {
                           EXPECT_FALSE(threw);
                           EXPECT_TRUE(map.empty());
                         });
    std::set<int> drained;
    this->at_every_point(
        [&] {
          drained.clear();
          return this->filled(size);
        },
        [&](auto& map) {
          for (const auto& [k, v] : map.drain()) drained.insert(k.number());
        },
        [&](const auto& map, bool threw) {
          if (!threw) {
            EXPECT_EQ(drained.size(), static_cast<std::size_t>(size));
            EXPECT_TRUE(map.empty());
          }
          Contents oracle;
          for (const auto& [k, v] : contents(map)) {
            EXPECT_EQ(v, stored(k));
            oracle.emplace(k, v);
          }
          expect_holds(map, oracle);
        });
  }
}

TYPED_TEST(ThrowingViews, FrozenMaps) {
  using K = typename TypeParam::Key;
  this->all_or_nothing([](auto& map) {
    auto frozen = std::move(map).into_read_only();
    try {
      static_cast<void>(frozen.get(K(there)));
      static_cast<void>(frozen.get_key_value(K(absent)));
      static_cast<void>(frozen.contains_key(K(there)));
      for (auto&& item : frozen) static_cast<void>(item.key() == item.key());
    } catch (...) {
      map = std::move(frozen).into_inner();
      throw;
    }
    map = std::move(frozen).into_inner();
  });
}

TYPED_TEST(ThrowingViews, ProjectionsAndDowngrades) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  this->all_or_nothing([](auto& map) {
    const auto project = [](auto& v) {
      throwing::point();
      return &v;
    };
    if (auto ref = map.get(K(there))) {
      const auto mapped = std::move(ref).try_map(project);
      EXPECT_TRUE(mapped.has_value());
    }
    if (auto ref = map.get_mut(K(there))) {
      const auto mapped = std::move(ref).try_map(project);
      EXPECT_TRUE(mapped.has_value());
    }
    if (auto ref = map.get_mut(K(there))) {
      const auto shared = std::move(ref).downgrade();
      throwing::point();
      EXPECT_EQ(shared->number(), stored(there));
    }
    auto entry = map.entry(K(there));
    if (auto* occupied = entry.occupied()) {
      const auto ref = occupied->into_ref();
      throwing::point();
      static_cast<void>(*ref == V(1));
    }
  });
}

// Allocators that differ: element by element. What was moved is in one of the maps, or gone with
// the vector that carried it; nothing leaks, no lock stays.
TYPED_TEST(ThrowingViews, MovesBetweenAllocators) {
  using Map = typename TypeParam::Map;
  Ledger other;
  for (const int size : {1, 16, 40}) {
    this->at_every_point([&] { return this->filled(size); },
                         [&](auto& map) {
                           const Map moved(std::move(map), typename TypeParam::Allocator(other));
                           EXPECT_EQ(moved.len(), static_cast<std::size_t>(size));
                         },
                         [&](const auto& map, bool) {
                           for (const auto& [k, v] : contents(map)) EXPECT_EQ(v, stored(k));
                           EXPECT_EQ(other.blocks(), 0U);
                         });
    this->at_every_point([&] { return this->filled(size); },
                         [&](auto& map) {
                           Map target{typename TypeParam::Allocator(other)};
                           target = std::move(map);
                           EXPECT_EQ(target.len(), static_cast<std::size_t>(size));
                         },
                         [&](const auto& map, bool) {
                           for (const auto& [k, v] : contents(map)) EXPECT_EQ(v, stored(k));
                           EXPECT_EQ(other.blocks(), 0U);
                         });
  }
}

// --- Sets ---------------------------------------------------------------------------------------

template <class C>
class ThrowingSets : public ::testing::Test {
 protected:
  using Key = typename C::Key;
  using Allocator = LedgerAllocator<Key>;
  using Set = dashmap::DashSet<Key, FragileHash, std::equal_to<>, Allocator>;

  static std::set<int> members(const Set& set) {
    std::set<int> all;
    for (auto&& item : set.iter()) EXPECT_TRUE(all.insert(item.key().number()).second);
    EXPECT_EQ(set.len(), all.size());
    for (const int n : all) EXPECT_TRUE(set.contains(Key(n)));
    return all;
  }

  /// The operation has its whole effect, or it throws and then `partly(before, left, wanted)`.
  template <class Operate, class Partly>
  void at_every_point(Operate operate, Partly partly) {
    for (const int size : {1, 16, 40}) {
      std::set<int> before;
      std::set<int> wanted;
      for (long n = 0;; ++n) {
        const Census census;
        bool fired = true;
        {
          Set set{Allocator(ledger_)};
          for (int i = 0; i < size; ++i) set.insert(Key(i));
          before = members(set);
          bool threw = false;
          throwing::arm(n);  // 0: no throw
          try {
            operate(set);
          } catch (const Injected&) {
            threw = true;
          } catch (const InjectedBadAlloc&) {
            threw = true;
          }
          throwing::disarm();
          fired = n == 0 || throwing::fired;
          const std::set<int> left = members(set);
          if (n == 0) wanted = left;
          if (threw) {
            EXPECT_TRUE(partly(before, left, wanted)) << "throw point " << n;
          } else {
            EXPECT_EQ(left, wanted) << "throw point " << n;
          }
          on_another_thread([&] {
            for (const int k : left) EXPECT_FALSE(set.try_get(Key(k)).is_locked());
            EXPECT_TRUE(set.insert(Key(-7)));
            EXPECT_NO_THROW(static_cast<void>(set.lock_all()));
          });
        }
        if (!fired || ::testing::Test::HasFailure()) break;
      }
    }
    EXPECT_EQ(ledger_.blocks(), 0U);
  }
  template <class Operate>
  void all_or_nothing(Operate operate) {
    at_every_point(operate, [](const auto& before, const auto& left, const auto&) {
      return left == before;
    });
  }
  template <class Operate>
  void step_by_step(Operate operate) {
    at_every_point(operate, [](const auto& before, const auto& left, const auto& wanted) {
      const auto within = [](const std::set<int>& part, const std::set<int>& a,
                             const std::set<int>& b) {
        for (const int n : part) {
          if (!a.contains(n) && !b.contains(n)) return false;
        }
        return true;
      };
      std::set<int> kept;
      for (const int n : before) {
        if (wanted.contains(n)) kept.insert(n);
      }
      return within(left, before, wanted) && within(kept, left, left);
    });
  }

  Ledger ledger_;
};

struct MovesWell {
  using Key = Fragile<true>;
};
struct MovesBadly {
  using Key = Fragile<false>;
};
using SetConfigs = ::testing::Types<MovesWell, MovesBadly>;
TYPED_TEST_SUITE(ThrowingSets, SetConfigs, );

TYPED_TEST(ThrowingSets, OneKey) {
  using K = typename TypeParam::Key;
  for (const int n : {there, absent}) {
    this->all_or_nothing([n](auto& set) { set.insert(K(n)); });
    this->all_or_nothing([n](auto& set) { set.remove(K(n)); });
    this->all_or_nothing([n](auto& set) { set.erase(K(n)); });
    this->all_or_nothing([n](auto& set) {
      set.remove_if(K(n), [](const K&) {
        throwing::point();
        return true;
      });
    });
    this->all_or_nothing([n](auto& set) {
      static_cast<void>(set.get(K(n)));
      static_cast<void>(set.contains(K(n)));
      set.view(K(n), [](const K&) { throwing::point(); });
    });
  }
}

TYPED_TEST(ThrowingSets, ManyKeys) {
  using K = typename TypeParam::Key;
  std::vector<K> keys;
  for (int i = 5; i < 30; ++i) keys.emplace_back(i);
  const auto even = [](const K& k) {
    throwing::point();
    return k.number() % 2 == 0;
  };
  this->step_by_step([&](auto& set) { set.extend(keys); });
  this->step_by_step([&](auto& set) { set.insert_many(keys); });
  this->step_by_step([&](auto& set) { set.retain(even); });
  this->step_by_step([&](auto& set) { static_cast<void>(set.extract_if(even)); });
  this->step_by_step([&](auto& set) { static_cast<void>(set.drain()); });
  this->all_or_nothing([](auto& set) { static_cast<void>(set.snapshot()); });
  this->all_or_nothing([](auto& set) { static_cast<void>(set.clone() == set); });
  this->all_or_nothing([](auto& set) { set.reserve(500); });
}

}  // namespace
