// A throw at every point of the operations on many keys: what was not reached is unchanged, the
// map is intact, and no lock is left behind.
#include "support/injection.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;

template <class C>
class ThrowingWholeMap : public InjectionTest<C> {};
TYPED_TEST_SUITE(ThrowingWholeMap, FragileConfigs, );

TYPED_TEST(ThrowingWholeMap, Retain) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int size : injection_sizes) {
    if (size == 0) continue;
    Contents oracle;
    this->at_every_point(
        [&] {
          oracle = expected(size);
          return this->filled(size);
        },
        [&](auto& map) {
          map.retain([&](const K& k, V& v) {
            throwing::point();
            const int n = k.number();
            if (n % 2 == 0) {
              oracle.erase(n);
              return false;
            }
            v.set(n);
            oracle[n] = n;
            return true;
          });
        },
        [&](const auto& map, bool) { expect_holds(map, oracle); });
  }
}

TYPED_TEST(ThrowingWholeMap, AlterAll) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int size : injection_sizes) {
    if (size == 0) continue;
    std::set<int> visited;
    this->at_every_point(
        [&] {
          visited.clear();
          return this->filled(size);
        },
        [&](auto& map) {
          map.alter_all([&](const K& k, V) {
            throwing::point();
            V fresh(k.number());
            visited.insert(k.number());
            return fresh;
          });
        },
        [&](const auto& map, bool threw) {
          const Contents all = contents(map);
          ASSERT_EQ(all.size(), static_cast<std::size_t>(size));
          int unchanged = 0;
          for (const auto& [k, v] : all) {
            if (visited.contains(k)) {
              // The last one visited may have thrown on its way back into the map.
              if (v == stored(k) && threw) {
                ++unchanged;
              } else {
                EXPECT_EQ(v, k);
              }
            } else {
              EXPECT_EQ(v, stored(k));
            }
          }
          EXPECT_LE(unchanged, 1);
          if (!threw) {
            EXPECT_EQ(visited.size(), all.size());
          }
        });
  }
}

TYPED_TEST(ThrowingWholeMap, ReserveAndShrinkChangeNoElement) {
  this->all_or_nothing([](auto& map) { map.reserve(1000); });
  this->all_or_nothing([](auto& map) {
    map.reserve(1000);
    map.shrink_to_fit();
  });
}

TYPED_TEST(ThrowingWholeMap, TryReserveReportsWhatTheAllocatorThrows) {
  for (const int size : injection_sizes) {
    auto map = this->filled(size);
    const std::size_t before = map.capacity();
    throwing::arm(1);
    bool reserved = true;
    EXPECT_NO_THROW(reserved = map.try_reserve(10'000));
    throwing::disarm();
    EXPECT_FALSE(reserved);
    EXPECT_EQ(map.capacity(), before);
    expect_holds(map, expected(size));
  }
}

TYPED_TEST(ThrowingWholeMap, Copies) {
  using Map = typename TypeParam::Map;
  this->all_or_nothing([](auto& map) { const Map copy(map); });
  this->all_or_nothing([](auto& map) { static_cast<void>(map.clone()); });
  this->all_or_nothing([](auto& map) { static_cast<void>(map.snapshot()); });
  this->all_or_nothing([this](auto& map) {
    Map target = this->empty();
    target = map;
  });
}

TYPED_TEST(ThrowingWholeMap, AssignmentLeavesTheTargetWhole) {
  for (const int size : {1, 16, 40}) {
    const auto source = this->filled(size);
    this->at_every_point([&] { return this->filled(9); }, [&](auto& map) { map = source; },
                         [&](const auto& map, bool threw) {
                           expect_holds(map, threw ? expected(9) : expected(size));
                         });
    expect_holds(source, expected(size));
  }
}

TYPED_TEST(ThrowingWholeMap, Comparison) {
  const auto other = this->filled(16);
  this->all_or_nothing([&](auto& map) { static_cast<void>(map == other); });
}

TYPED_TEST(ThrowingWholeMap, Iteration) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  this->all_or_nothing([](auto& map) {
    throwing::point();
    for (auto&& item : map.iter()) {
      throwing::point();
      EXPECT_EQ(item.value().number(), stored(item.key().number()));
    }
    for (auto&& item : map.iter_mut()) {
      throwing::point();
      item.value_mut().set(5);
      item.value_mut().set(stored(item.key().number()));
    }
    for (const K& k : map.keys()) static_cast<void>(k);
    for (const V& v : map.values()) static_cast<void>(v);
  });
}

TYPED_TEST(ThrowingWholeMap, ExtendAndInsertManyKeepWhatTheyReached) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  const std::vector<std::pair<K, V>> pairs = [] {
    std::vector<std::pair<K, V>> all;
    for (int i = 5; i < 25; ++i) all.emplace_back(i, -i);
    return all;
  }();
  const auto check = [](const auto& map, bool threw) {
    std::size_t changed = 0;
    const Contents all = contents(map);
    for (const auto& [k, v] : all) {
      if (v == stored(k) && k < 16) continue;
      EXPECT_EQ(v, -k);
      EXPECT_GE(k, 5);
      ++changed;
    }
    for (int i = 0; i < 16; ++i) EXPECT_TRUE(all.contains(i));
    EXPECT_EQ(map.len(), all.size());
    if (!threw) {
      EXPECT_EQ(changed, 20U);
    }
  };
  this->at_every_point([&] { return this->filled(16); }, [&](auto& map) { map.extend(pairs); },
                       check);
  this->at_every_point([&] { return this->filled(16); },
                       [&](auto& map) { static_cast<void>(map.insert_many(pairs)); }, check);
}

TYPED_TEST(ThrowingWholeMap, ExtractIfLeavesWhatItDidNotReach) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  for (const int size : {1, 16, 40}) {
    std::vector<int> chosen;
    Contents taken;
    this->at_every_point(
        [&] {
          chosen.clear();
          taken.clear();
          return this->filled(size);
        },
        [&](auto& map) {
          const auto even = [&](const K& k, V&) {
            throwing::point();
            if (k.number() % 2 != 0) return false;
            chosen.push_back(k.number());
            return true;
          };
          for (auto&& item : map.extract_if(even)) {
            taken.emplace(item.first.number(), item.second.number());
          }
        },
        [&](const auto& map, bool threw) {
          // What the map still has is whole, whatever was not chosen is there.
          Contents oracle = expected(size);
          const Contents all = contents(map);
          for (const int n : chosen) {
            if (!all.contains(n)) oracle.erase(n);
          }
          expect_holds(map, oracle);
          for (const auto& [k, v] : taken) EXPECT_EQ(v, stored(k));
          if (!threw) {
            EXPECT_EQ(taken.size(), chosen.size());
            EXPECT_EQ(all.size() + taken.size(), static_cast<std::size_t>(size));
          }
        });
  }
}

TYPED_TEST(ThrowingWholeMap, ConstructorsLeakNothing) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  using Map = typename TypeParam::Map;
  std::vector<std::pair<K, V>> pairs;
  for (int i = 0; i < 40; ++i) pairs.emplace_back(i, stored(i));
  this->at_every_point([&] { return this->empty(); },
                       [&](auto&) {
                         const Map built(pairs.begin(), pairs.end(),
                                         typename TypeParam::Allocator(this->ledger_));
                       },
                       [&](const auto&, bool) { EXPECT_EQ(this->ledger_.blocks(), 0U); });
}

TYPED_TEST(ThrowingWholeMap, ParallelWalksHandTheExceptionOver) {
  using K = typename TypeParam::Key;
  using V = typename TypeParam::Value;
  auto map = this->filled(60);
  EXPECT_THROW(map.par_for_each([](const K& k, V&) {
    if (k.number() == 31) throw Injected();
  }),
               Injected);
  this->expect_free(map);
  expect_holds(map, expected(60));
  EXPECT_THROW(map.par_retain([](const K& k, V&) {
    if (k.number() == 31) throw Injected();
    return true;
  }),
               Injected);
  this->expect_free(map);
  expect_holds(map, expected(60));
}

// An iterator of copies that failed is at the end, and nothing is locked though it lives.
TYPED_TEST(ThrowingWholeMap, CopiesThatFailLockNothing) {
  const auto walk = [](auto& map, auto parts) {
    auto it = parts.begin();
    try {
      while (it != parts.end()) ++it;
    } catch (...) {
      const bool locked = on_another_thread([&] {
        for (int i = 0; i < 40; ++i) {
          if (map.try_get_mut(typename TypeParam::Key(i)).is_locked()) return true;
        }
        return false;
      });
      EXPECT_FALSE(locked);
      EXPECT_TRUE(it == parts.end());
      throw;
    }
  };
  this->all_or_nothing([&](auto& map) { walk(map, map.keys()); });
  this->all_or_nothing([&](auto& map) { walk(map, map.values()); });
}

}  // namespace
