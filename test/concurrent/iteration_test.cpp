// The promise of iteration: an element that is present from before the walk until after it is
// visited exactly once, whatever other threads insert, erase, grow and shrink meanwhile.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <atomic>
#include <functional>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::Background;
using stress::key_number;
using stress::number;
using stress::phase;
using stress::Rng;
using stress::Rounds;
using stress::scaled;
using stress::stopped;
using stress::u64;
using stress::value_number;

/// Counts the visits of one walk to the stable elements. Safe to call from several threads.
class Visits {
 public:
  explicit Visits(u64 stable) : counts_(stable) {}

  void visit(u64 n) {
    if (n < counts_.size()) counts_[n].fetch_add(1, std::memory_order_relaxed);
  }
  /// Ends the walk: each stable element must have been visited once.
  void finish(stress::Violations& violations, const char* walk) {
    for (std::size_t n = 0; n < counts_.size(); ++n) {
      const u64 times = counts_[n].exchange(0, std::memory_order_relaxed);
      violations.expect(times == 1, walk, n, times);
    }
  }

 private:
  std::vector<std::atomic<std::uint32_t>> counts_;
};

template <class S>
struct Walk {
  const char* name;
  std::function<void(typename S::Map&, Visits&, Rng&)> run;
};

template <class S>
std::vector<Walk<S>> all_walks(u64 stable) {
  using Map = typename S::Map;
  using Key = typename S::Key;
  using Value = typename S::Value;
  return {
      {"iter",
       [](Map& map, Visits& visits, Rng&) {
         for (auto item : map.iter()) visits.visit(number(item.key()));
       }},
      {"iter with pauses",
       [](Map& map, Visits& visits, Rng& rng) {
         for (auto item : map.iter()) {
           stress::maybe_yield(rng, 64);
           visits.visit(number(item.key()));
         }
       }},
      {"structured bindings",
       [](Map& map, Visits& visits, Rng&) {
         for (auto [key, value] : map) {
           visits.visit(number(key) == number(value) ? number(key) : ~u64{0});
         }
       }},
      {"begin and end",
       [](Map& map, Visits& visits, Rng& rng) {
         for (auto it = map.begin(); it != map.end(); ++it) {
           {
             auto item = *it;
             visits.visit(number(item.key()));
           }
           stress::maybe_yield(rng, 64);
         }
       }},
      {"iter_mut",
       [](Map& map, Visits& visits, Rng&) {
         for (auto item : map.iter_mut()) {
           visits.visit(number(item.key()));
           item.value_mut() = S::value(number(item.key()));
         }
       }},
      {"keys",
       [](Map& map, Visits& visits, Rng&) {
         for (auto&& item : map.keys()) visits.visit(key_number(item));
       }},
      {"values",
       [](Map& map, Visits& visits, Rng&) {
         for (auto&& item : map.values()) visits.visit(value_number(item));
       }},
      {"retain",
       [stable](Map& map, Visits& visits, Rng& rng) {
         const u64 cut = rng.below(4);
         map.retain([&](const Key& key, Value&) {
           visits.visit(number(key));
           return number(key) < stable || number(key) % 4 != cut;
         });
       }},
      {"alter_all",
       [](Map& map, Visits& visits, Rng&) {
         map.alter_all([&](const Key& key, Value value) {
           visits.visit(number(key));
           return value;
         });
       }},
      {"extract_if",
       [stable](Map& map, Visits& visits, Rng& rng) {
         const u64 cut = rng.below(4);
         for (auto&& [key, value] : map.extract_if([&](const Key& k, const Value&) {
                visits.visit(number(k));
                return number(k) >= stable && number(k) % 4 == cut;
              })) {
           EXPECT_EQ(number(key), number(value));
           EXPECT_GE(number(key), stable);
         }
       }},
      {"snapshot",
       [](Map& map, Visits& visits, Rng&) {
         for (const auto& [key, value] : map.snapshot()) visits.visit(number(key));
       }},
      {"par_for_each",
       [](Map& map, Visits& visits, Rng&) {
         map.par_for_each([&](const Key& key, const Value&) { visits.visit(number(key)); });
       }},
      {"par_retain",
       [stable](Map& map, Visits& visits, Rng& rng) {
         const u64 cut = rng.below(4);
         map.par_retain([&, cut](const Key& key, Value&) {
           visits.visit(number(key));
           return number(key) < stable || number(key) % 4 != cut;
         });
       }},
      {"shards, read",
       [](Map& map, Visits& visits, Rng&) {
         for (auto&& shard : map.shards()) {
           auto guard = shard.read();
           u64 counted = 0;
           for (auto&& item : guard.iter()) {
             visits.visit(number(item.key()));
             ++counted;
           }
           EXPECT_EQ(counted, guard.len());
         }
       }},
      {"shards, write",
       [](Map& map, Visits& visits, Rng&) {
         for (auto&& shard : map.shards()) {
           auto guard = shard.write();
           for (auto&& item : guard.iter()) visits.visit(number(item.key()));
         }
       }},
      {"lock_all",
       [](Map& map, Visits& visits, Rng&) {
         auto all = map.lock_all();
         u64 counted = 0;
         for (auto&& item : all.iter()) {
           visits.visit(number(item.key()));
           ++counted;
         }
         EXPECT_EQ(counted, all.len());
       }},
      {"clone",
       [](Map& map, Visits& visits, Rng&) {
         const Map copy = map.clone();
         u64 counted = 0;
         for (auto item : copy.iter()) {
           visits.visit(number(item.key()));
           ++counted;
         }
         EXPECT_EQ(counted, copy.len());
       }},
  };
}

/// What other threads do during the walks. The stable keys are [0, stable); they touch only others,
/// or change the value of a stable one to the same value.
template <class S>
std::function<void(typename S::Map&, u64, Rng&)> one_disturbance(u64 stable, u64 others) {
  using Map = typename S::Map;
  using Value = typename S::Value;
  return [=](Map& map, u64 step, Rng& rng) {
    const u64 n = stable + rng.below(others);
    // Waves: mostly insertions, then mostly removals, so that the table changes its size.
    const bool rising = step / others % 2 == 0;
    switch (rng.below(rising ? 6 : 8)) {
      case 0:
      case 1:
      case 2:
        if (rising) {
          map.insert(S::key(n), S::value(n));
        } else {
          map.erase(S::key(n));
        }
        break;
      case 3: static_cast<void>(map.entry(S::key(n)).or_insert(S::value(n))); break;
      case 4: map.remove_if(S::key(n), [](const auto&, const Value&) { return true; }); break;
      case 5: {
        const u64 kept = rng.below(stable);
        map.insert(S::key(kept), S::value(kept));
        break;
      }
      case 6: map.erase(S::key(n)); break;
      default:
        if (rng.one_in(others / 4 + 1)) {
          map.shrink_to_fit();
        } else {
          map.erase(S::key(n));
        }
    }
  };
}

template <class S>
class IterationTest : public stress::StressTest {};

using Subjects = ::testing::Types<stress::Numbers, stress::Texts, stress::Crowded>;
TYPED_TEST_SUITE(IterationTest, Subjects);

TYPED_TEST(IterationTest, StableElementsAreVisitedExactlyOnce) {
  using S = TypeParam;
  const u64 stable = S::crowding > 1 ? 100 : scaled(3000, 500);
  const u64 others = S::crowding > 1 ? 60 : scaled(12'000, 1500);
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  for (u64 n = 0; n < stable; ++n) map.insert(S::key(n), S::value(n));
  stress::Violations violations;
  const auto walks = all_walks<S>(stable);
  {
    const auto disturb = [&](u64 salt) {
      return [&, salt](const std::atomic<bool>& stop) {
        Rng rng = stress::random_for(salt);
        const auto act = one_disturbance<S>(stable, others);
        for (u64 step = 0; !stopped(stop); ++step) act(map, step, rng);
      };
    };
    Background first(disturb(1));
    Background second(disturb(2));
    // One thread that only makes the table follow its content at once.
    Background shrinker([&](const std::atomic<bool>& stop) {
      while (!stopped(stop)) {
        map.shrink_to_fit();
        stress::linger(stress::milliseconds(2));
      }
    });
    Visits visits(stable);
    for (Rounds rounds(S::crowding > 1 ? 20 : scaled(8, 3)); rounds.next();) {
      Rng rng = stress::random_for(100 + rounds.round());
      for (const auto& walk : walks) {
        phase(walk.name);
        walk.run(map, visits, rng);
        visits.finish(violations, walk.name);
      }
    }
    phase("stopping the others");
  }
  EXPECT_NO_VIOLATIONS(violations);
}

// Several walkers of all kinds at once, so that walks meet walks.
TYPED_TEST(IterationTest, WalksDoNotDisturbEachOther) {
  using S = TypeParam;
  const u64 stable = S::crowding > 1 ? 100 : scaled(2000, 300);
  const u64 others = S::crowding > 1 ? 60 : scaled(4000, 800);
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  for (u64 n = 0; n < stable; ++n) map.insert(S::key(n), S::value(n));
  stress::Violations violations;
  {
    Background disturber([&](const std::atomic<bool>& stop) {
      Rng rng = stress::random_for(1);
      const auto act = one_disturbance<S>(stable, others);
      for (u64 step = 0; !stopped(stop); ++step) act(map, step, rng);
    });
    phase("walking");
    stress::run_threads(3, [&](unsigned thread) {
      Visits visits(stable);
      Rng rng = stress::random_for(10 + thread);
      const auto walks = all_walks<S>(stable);
      for (Rounds rounds(scaled(60, 20)); rounds.next();) {
        const auto& walk = walks[rng.below(walks.size())];
        walk.run(map, visits, rng);
        visits.finish(violations, walk.name);
      }
    });
  }
  EXPECT_NO_VIOLATIONS(violations);
}

// Each drained pair goes to one thread; what is inserted meanwhile is drained or still there.
TYPED_TEST(IterationTest, DrainsShareTheElementsExactly) {
  using S = TypeParam;
  const u64 each = std::max<u64>(scaled(20'000, 1000) / S::crowding, 100);
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  std::vector<std::atomic<u64>> taken(4 * each);
  stress::Violations violations;
  const auto take = [&](u64 key, u64 value) {
    violations.expect(key == value && key < taken.size(), "a wrong pair", key, value);
    if (key < taken.size()) taken[key].fetch_add(1);
  };
  for (u64 n = 0; n < 2 * each; ++n) map.insert(S::key(n), S::value(n));
  phase("draining");
  stress::run_threads(4, [&](unsigned thread) {
    if (thread < 2) {
      for (u64 n = (2 + thread) * each; n < (3 + thread) * each; ++n) {
        map.insert(S::key(n), S::value(n));
      }
    } else if (thread == 2) {
      for (int i = 0; i < 4; ++i) {
        for (auto&& [key, value] : map.drain()) take(number(key), number(value));
      }
    } else {
      for (u64 i = 0; i < 4; ++i) {
        for (auto&& [key, value] :
             map.extract_if([&](const auto& k, const auto&) { return number(k) % 4 == i; })) {
          take(number(key), number(value));
        }
      }
    }
  });
  for (auto item : map.iter()) take(number(item.key()), number(item.value()));
  for (u64 n = 0; n < taken.size(); ++n) {
    violations.expect(taken[n].load() == 1, "not taken exactly once", n, taken[n].load());
  }
  EXPECT_NO_VIOLATIONS(violations);
}

}  // namespace
