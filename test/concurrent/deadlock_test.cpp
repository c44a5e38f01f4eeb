// Circles of threads that wait for each other end with a DeadlockError in one of them, and threads
// that are in no circle never get one.
//
// The keys of a circle are chosen from different shards of a map with many groups, so that no two
// of them share a lock unless the test wants them to.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::Background;
using stress::Barrier;
using stress::number;
using stress::phase;
using stress::Rng;
using stress::Rounds;
using stress::run_threads;
using stress::scaled;
using stress::stopped;
using stress::Subject;
using stress::u64;

constexpr u64 prefill = 4000;
constexpr std::size_t shard_amount = 64;

template <class S>
typename S::Map prefilled_map() {
  auto map = S::Map::with_shard_amount(shard_amount);
  for (u64 n = 0; n < prefill; ++n) map.insert(S::key(n), S::value(n));
  return map;
}

/// `count` keys in as many shards.
template <class S>
std::vector<typename S::Key> keys_apart(const typename S::Map& map, std::size_t count, Rng& rng) {
  std::vector<typename S::Key> keys;
  std::vector<bool> used(shard_amount);
  while (keys.size() < count) {
    const auto key = S::key(rng.below(prefill));
    const std::size_t shard = map.determine_map(key);
    if (used.at(shard)) continue;
    used[shard] = true;
    keys.push_back(key);
  }
  return keys;
}

/// How a thread holds its key: calls the continuation with the key locked.
template <class S>
using Hold =
    std::function<void(typename S::Map&, const typename S::Key&, const std::function<void()>&)>;
/// How a thread wants the next key, in a way that conflicts with every Hold.
template <class S>
using Want = std::function<void(typename S::Map&, const typename S::Key&)>;

template <class S>
std::vector<std::pair<const char*, Hold<S>>> all_holds() {
  using Map = typename S::Map;
  using Key = typename S::Key;
  using Value = typename S::Value;
  using Then = std::function<void()>;
  return {
      {"get_mut",
       [](Map& map, const Key& key, const Then& then) {
         const auto guard = map.get_mut(key);
         then();
       }},
      {"get",
       [](Map& map, const Key& key, const Then& then) {
         const auto guard = map.get(key);
         then();
       }},
      {"entry",
       [](Map& map, const Key& key, const Then& then) {
         const auto entry = map.entry(key);
         then();
       }},
      {"downgraded",
       [](Map& map, const Key& key, const Then& then) {
         const auto guard = map.get_mut(key).downgrade();
         then();
       }},
      {"mapped",
       [](Map& map, const Key& key, const Then& then) {
         const auto part = map.get(key).map([](const Value& v) -> const Value& { return v; });
         then();
       }},
      {"try_get_mut",
       [](Map& map, const Key& key, const Then& then) {
         const auto guard = map.try_get_mut_for(key, stress::seconds(100)).unwrap();
         then();
       }},
      {"alter",
       [](Map& map, const Key& key, const Then& then) {
         map.alter(key, [&](const Key&, Value value) {
           then();
           return value;
         });
       }},
      {"compute",
       [](Map& map, const Key& key, const Then& then) {
         map.compute(key, [&](std::optional<Value>&) { then(); });
       }},
      {"and_modify", [](Map& map, const Key& key,
                        const Then& then) { map.entry(key).and_modify([&](Value&) { then(); }); }},
      {"remove_if",
       [](Map& map, const Key& key, const Then& then) {
         map.remove_if(key, [&](const Key&, const Value&) {
           then();
           return false;
         });
       }},
      {"with_keys",
       [](Map& map, const Key& key, const Then& then) {
         map.with_keys(std::array<Key, 1>{key}, [&](std::span<Value*>) { then(); });
       }},
  };
}

template <class S>
std::vector<std::pair<const char*, Want<S>>> all_wants() {
  using Map = typename S::Map;
  using Key = typename S::Key;
  using Value = typename S::Value;
  return {
      {"get_mut", [](Map& map, const Key& key) { static_cast<void>(map.get_mut(key)); }},
      {"insert", [](Map& map, const Key& key) { map.insert(key, S::value(7)); }},
      {"insert_or_assign",
       [](Map& map, const Key& key) { map.insert_or_assign(key, S::value(7)); }},
      {"entry", [](Map& map, const Key& key) { static_cast<void>(map.entry(key)); }},
      {"try_emplace",
       [](Map& map, const Key& key) { static_cast<void>(map.try_emplace(key, S::value(7))); }},
      {"alter",
       [](Map& map, const Key& key) { map.alter(key, [](const Key&, Value v) { return v; }); }},
      {"compute", [](Map& map, const Key& key) { map.compute(key, [](std::optional<Value>&) {}); }},
      {"remove_if",
       [](Map& map, const Key& key) {
         map.remove_if(key, [](const Key&, const Value&) { return false; });
       }},
      {"with_keys",
       [](Map& map, const Key& key) {
         map.with_keys(std::array<Key, 1>{key}, [](std::span<Value*>) {});
       }},
  };
}

template <class S>
class DeadlockTest : public stress::StressTest {
 protected:
  using Map = typename S::Map;
  using Key = typename S::Key;

  /// Runs a circle: thread i holds key i and wants key i + 1. Gives the number of victims.
  static unsigned run_circle(Map& map, const std::vector<Key>& keys, Rng& rng, bool mixed) {
    static const auto holds = all_holds<S>();
    static const auto wants = all_wants<S>();
    const auto count = static_cast<unsigned>(keys.size());
    std::vector<std::pair<std::size_t, std::size_t>> ways(count);
    for (auto& [hold, want] : ways) {
      hold = mixed ? rng.below(holds.size()) : 0;
      want = mixed ? rng.below(wants.size()) : 0;
    }
    Barrier all_hold(count);
    std::atomic<unsigned> victims{0};
    std::atomic<unsigned> finished{0};
    run_threads(count, [&](unsigned i) {
      try {
        holds[ways[i].first].second(map, keys[i], [&] {
          all_hold.arrive_and_wait();
          wants[ways[i].second].second(map, keys[(i + 1) % count]);
        });
      } catch (const dashmap::DeadlockError& error) {
        EXPECT_EQ(error.code(), std::errc::resource_deadlock_would_occur);
        EXPECT_NE(std::string(error.what()), "");
        victims.fetch_add(1);
      }
      finished.fetch_add(1);
    });
    EXPECT_EQ(finished.load(), count);
    return victims.load();
  }

  static void expect_unlocked(Map& map, const std::vector<Key>& keys) {
    for (const Key& key : keys) EXPECT_TRUE(map.try_get_mut(key).is_present());
    EXPECT_EQ(map.len(), prefill);
  }
};

using Subjects = ::testing::Types<stress::Numbers, stress::Texts>;
TYPED_TEST_SUITE(DeadlockTest, Subjects);

TYPED_TEST(DeadlockTest, CircleOfExclusiveGuardsHasOneVictim) {
  using S = TypeParam;
  auto map = prefilled_map<S>();
  const auto reporter = this->dump_on_hang(map);
  for (const std::size_t size : {2U, 3U, 8U}) {
    phase(size == 2 ? "circles of 2" : size == 3 ? "circles of 3" : "circles of 8");
    for (Rounds rounds(scaled(400 / size, 10), 0.3); rounds.next();) {
      Rng rng = stress::random_for(rounds.round() * 16 + size);
      const auto keys = keys_apart<S>(map, size, rng);
      const unsigned victims = this->run_circle(map, keys, rng, false);
      ASSERT_EQ(victims, 1U) << "in a circle of " << size;
      this->expect_unlocked(map, keys);
    }
  }
}

TYPED_TEST(DeadlockTest, CircleOfMixedLocksHasOneVictim) {
  using S = TypeParam;
  auto map = prefilled_map<S>();
  const auto reporter = this->dump_on_hang(map);
  for (const std::size_t size : {2U, 3U, 8U}) {
    phase(size == 2 ? "circles of 2" : size == 3 ? "circles of 3" : "circles of 8");
    for (Rounds rounds(scaled(400 / size, 10), 0.3); rounds.next();) {
      Rng rng = stress::random_for(rounds.round() * 16 + size);
      const auto keys = keys_apart<S>(map, size, rng);
      const unsigned victims = this->run_circle(map, keys, rng, true);
      ASSERT_EQ(victims, 1U) << "in a circle of " << size;
      this->expect_unlocked(map, keys);
    }
  }
}

// The circle is a part of what waits: threads that wait for its members, in no circle themselves,
// go on.
TYPED_TEST(DeadlockTest, OnlookersOfACircleAreNoVictims) {
  using S = TypeParam;
  auto map = prefilled_map<S>();
  const auto reporter = this->dump_on_hang(map);
  for (Rounds rounds(scaled(60, 6)); rounds.next();) {
    Rng rng = stress::random_for(rounds.round());
    const auto keys = keys_apart<S>(map, 4, rng);
    std::atomic<u64> onlooker_steps{0};
    {
      // Single operations on the keys of the circle, and a holder of a key outside that waits for
      // one inside.
      Background single([&](const std::atomic<bool>& stop) {
        while (!stopped(stop)) {
          map.alter(keys[onlooker_steps.load() % 3], [](const auto&, auto v) { return v; });
          onlooker_steps.fetch_add(1);
        }
      });
      Background chained([&](const std::atomic<bool>& stop) {
        while (!stopped(stop)) {
          const auto outer = map.get_mut(keys[3]);
          const auto inner = map.get_mut(keys[0]);
          onlooker_steps.fetch_add(1);
        }
      });
      const std::vector<typename S::Key> circle(keys.begin(), keys.begin() + 3);
      EXPECT_EQ(this->run_circle(map, circle, rng, false), 1U);
    }
    EXPECT_GT(onlooker_steps.load(), 0U);
    this->expect_unlocked(map, keys);
  }
}

// One thread holds a guard and wants what a multi-key operation holds, which wants the guard's key.
TYPED_TEST(DeadlockTest, MultiKeyOperationsTakePartInCircles) {
  using S = TypeParam;
  using Value = typename S::Value;
  auto map = prefilled_map<S>();
  const auto reporter = this->dump_on_hang(map);
  for (Rounds rounds(scaled(150, 10)); rounds.next();) {
    Rng rng = stress::random_for(rounds.round());
    auto keys = keys_apart<S>(map, 2, rng);
    // with_keys and lock_all take the first in hash order first, then wait for the second.
    std::sort(keys.begin(), keys.end(),
              [&](const auto& a, const auto& b) { return map.hash_usize(a) < map.hash_usize(b); });
    const u64 way = rounds.round() % 3;
    std::atomic<unsigned> victims{0};
    Barrier barrier(2);
    run_threads(2, [&](unsigned thread) {
      try {
        if (thread == 0) {
          const auto guard = map.get_mut(keys[1]);
          barrier.arrive_and_wait();
          stress::maybe_yield(rng, 2);
          static_cast<void>(map.get_mut(keys[0]));
          return;
        }
        barrier.arrive_and_wait();
        switch (way) {
          case 0:
            map.with_keys(keys, [](std::span<Value*> found) { EXPECT_EQ(found.size(), 2U); });
            break;
          case 1: {
            const auto all = map.lock_all();
            EXPECT_EQ(all.len(), prefill);
            break;
          }
          default: EXPECT_EQ(map.snapshot().size(), prefill);
        }
      } catch (const dashmap::DeadlockError&) {
        victims.fetch_add(1);
      }
    });
    // The circle closes only when both are in the midst of it.
    EXPECT_LE(victims.load(), 1U);
    this->expect_unlocked(map, keys);
  }
}

TYPED_TEST(DeadlockTest, IteratorItemsTakePartInCircles) {
  using S = TypeParam;
  auto map = prefilled_map<S>();
  const auto reporter = this->dump_on_hang(map);
  for (Rounds rounds(scaled(100, 10)); rounds.next();) {
    Rng rng = stress::random_for(rounds.round());
    const auto keys = keys_apart<S>(map, 2, rng);
    std::atomic<bool> in_hand{false};
    Barrier both_hold(2);
    std::atomic<unsigned> victims{0};
    run_threads(2, [&](unsigned thread) {
      try {
        if (thread == 0) {
          for (auto item : map.iter()) {
            if (item.key() != keys[0]) continue;
            in_hand.store(true, std::memory_order_release);
            both_hold.arrive_and_wait();
            static_cast<void>(map.get_mut(keys[1]));
            break;
          }
        } else {
          stress::await(in_hand);
          const auto guard = map.get_mut(keys[1]);
          both_hold.arrive_and_wait();
          map.insert(keys[0], S::value(0));
        }
      } catch (const dashmap::DeadlockError&) {
        victims.fetch_add(1);
      }
    });
    ASSERT_EQ(victims.load(), 1U);
    this->expect_unlocked(map, keys);
  }
}

/// One hash for even keys, another for odd ones.
struct TwoHashes {
  static inline std::size_t of_odd = 1;

  std::size_t operator()(u64 n) const noexcept { return n % 2 == 0 ? 0 : of_odd; }
};

class DeadlockInOneGroupTest : public stress::StressTest {};

// Two readers of one key that both want to write to its group: the group's lock has two shared
// holders, neither of which can become the only one.
TEST_F(DeadlockInOneGroupTest, TwoReadersThatUpgradeHaveOneVictim) {
  using S = Subject<u64, u64, stress::ConstantHash>;
  S::Map map;
  const auto reporter = dump_on_hang(map);
  map.insert(1, 10);
  map.insert(2, 0);
  u64 written = 0;
  for (Rounds rounds(scaled(500, 20)); rounds.next();) {
    Barrier both_hold(2);
    std::atomic<unsigned> victims{0};
    std::atomic<unsigned> writers{0};
    run_threads(2, [&](unsigned) {
      try {
        const auto guard = map.get(1);
        EXPECT_EQ(*guard, 10U);
        both_hold.arrive_and_wait();
        *map.get_mut(2) += 1;
        writers.fetch_add(1);
        EXPECT_EQ(*guard, 10U);
      } catch (const dashmap::DeadlockError&) {
        victims.fetch_add(1);
      }
    });
    ASSERT_EQ(victims.load(), 1U);
    ASSERT_EQ(writers.load(), 1U);
    ASSERT_EQ(map.get_copy(2), ++written);
  }
}

TEST_F(DeadlockInOneGroupTest, ManyReadersThatUpgradeLeaveOneWinner) {
  using S = Subject<u64, u64, stress::ConstantHash>;
  S::Map map;
  const auto reporter = dump_on_hang(map);
  map.insert(1, 10);
  constexpr unsigned readers = 5;
  for (Rounds rounds(scaled(100, 10)); rounds.next();) {
    Barrier all_hold(readers);
    std::atomic<unsigned> victims{0};
    std::atomic<unsigned> winners{0};
    run_threads(readers, [&](unsigned thread) {
      try {
        const auto guard = map.get(1);
        all_hold.arrive_and_wait();
        map.insert(100 + thread, 0);
        winners.fetch_add(1);
      } catch (const dashmap::DeadlockError&) {
        victims.fetch_add(1);
      }
    });
    ASSERT_EQ(victims.load() + winners.load(), readers);
    ASSERT_GE(winners.load(), 1U);
    ASSERT_GE(victims.load(), 1U);
    for (unsigned thread = 0; thread < readers; ++thread) map.erase(100 + thread);
    ASSERT_EQ(map.len(), 1U);
  }
}

// Both threads hold a key in the other's group: by the keys alone there is no circle.
TEST_F(DeadlockInOneGroupTest, CircleThroughSharedGroupsHasOneVictim) {
  using S = Subject<u64, u64, TwoHashes>;
  auto map = S::Map::with_capacity(4000);
  const auto reporter = dump_on_hang(map);
  const auto apart = [&] { return map.determine_map(0) != map.determine_map(1); };
  for (TwoHashes::of_odd = 1; !apart(); ++TwoHashes::of_odd) {
  }
  for (u64 n = 0; n < 8; ++n) map.insert(n, 0);
  for (Rounds rounds(scaled(300, 20)); rounds.next();) {
    Barrier both_hold(2);
    std::atomic<unsigned> victims{0};
    run_threads(2, [&](unsigned thread) {
      try {
        const auto guard = map.get_mut(thread);  // key 0, key 1
        both_hold.arrive_and_wait();
        *map.get_mut(3 - thread) += 1;  // key 3 beside key 1, key 2 beside key 0
      } catch (const dashmap::DeadlockError&) {
        victims.fetch_add(1);
      }
    });
    ASSERT_EQ(victims.load(), 1U);
  }
}

// ---- No false alarms ------------------------------------------------------------------------

template <class S>
class NoFalseAlarmTest : public stress::StressTest {};

using AlarmSubjects = ::testing::Types<stress::Numbers, stress::Texts, stress::Crowded>;
TYPED_TEST_SUITE(NoFalseAlarmTest, AlarmSubjects);

// Every thread takes several exclusive guards in the order of the hash: there is never a circle.
TYPED_TEST(NoFalseAlarmTest, ExclusiveGuardsInHashOrder) {
  using S = TypeParam;
  using Key = typename S::Key;
  constexpr u64 keys = 40;
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  for (u64 n = 0; n < keys; ++n) map.insert(S::key(n), S::value(0));
  std::atomic<u64> total{0};
  {
    stress::Churn<S> churn(map, 1000, S::crowding > 1 ? 60 : 2000);
    phase("locking in order");
    run_threads(4, [&](unsigned thread) {
      Rng rng = stress::random_for(thread);
      u64 mine = 0;
      for (u64 i = 0; i < scaled(10'000, 300); ++i) {
        std::array<u64, 3> chosen{rng.below(keys), rng.below(keys), rng.below(keys)};
        std::sort(chosen.begin(), chosen.end(), [&](u64 a, u64 b) {
          const auto hash_a = map.hash_usize(S::key(a));
          const auto hash_b = map.hash_usize(S::key(b));
          return hash_a != hash_b ? hash_a < hash_b : a < b;
        });
        std::vector<decltype(map.get_mut(std::declval<const Key&>()))> guards;
        for (std::size_t k = 0; k < chosen.size(); ++k) {
          if (k > 0 && chosen[k] == chosen[k - 1]) continue;
          guards.push_back(map.get_mut(S::key(chosen[k])));
          stress::maybe_yield(rng, 16);
        }
        for (auto& guard : guards) {
          *guard = S::value(number(*guard) + 1);
          ++mine;
        }
      }
      total.fetch_add(mine);
    });
  }
  u64 sum = 0;
  for (u64 n = 0; n < keys; ++n) sum += number(*map.get(S::key(n)));
  EXPECT_EQ(sum, total.load());
}

// Shared guards never exclude each other; the writers between them hold nothing.
TYPED_TEST(NoFalseAlarmTest, SharedGuardsInHashOrderAmongWritersThatHoldNothing) {
  using S = TypeParam;
  using Key = typename S::Key;
  constexpr u64 keys = 40;
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  for (u64 n = 0; n < keys; ++n) map.insert(S::key(n), S::value(0));
  phase("reading in order");
  run_threads(4, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    for (u64 i = 0; i < scaled(10'000, 300); ++i) {
      if (thread == 0) {
        map.alter(S::key(rng.below(keys)),
                  [](const Key&, auto value) { return S::value(number(value) + 1); });
        continue;
      }
      std::array<u64, 3> chosen{rng.below(keys), rng.below(keys), rng.below(keys)};
      std::sort(chosen.begin(), chosen.end(), [&](u64 a, u64 b) {
        return map.hash_usize(S::key(a)) < map.hash_usize(S::key(b));
      });
      const auto one = map.get(S::key(chosen[0]));
      stress::maybe_yield(rng, 16);
      const auto two = map.get(S::key(chosen[1]));
      stress::maybe_yield(rng, 16);
      const auto three = map.get(S::key(chosen[2]));
      EXPECT_TRUE(one && two && three);
    }
  });
}

// A chain of waiting threads has an end: the one who waits for nobody.
TYPED_TEST(NoFalseAlarmTest, ChainsOfWaitingThreadsAreNoCircles) {
  using S = TypeParam;
  if constexpr (S::crowding > 1) return;  // its keys share one lock: no chain
  auto map = prefilled_map<S>();
  const auto reporter = this->dump_on_hang(map);
  constexpr unsigned length = 6;
  for (Rounds rounds(scaled(100, 10)); rounds.next();) {
    Rng rng = stress::random_for(rounds.round());
    const auto keys = keys_apart<S>(map, length, rng);
    Barrier all_hold(length);
    run_threads(length, [&](unsigned i) {
      auto own = map.get_mut(keys[i]);
      all_hold.arrive_and_wait();
      if (i + 1 < length) {
        const auto next = map.get_mut(keys[i + 1]);
        EXPECT_TRUE(next);
      } else {
        // The last one works on for a while, also with its own key, and lets all others go.
        for (u64 n = 0; n < 200; ++n) EXPECT_EQ(map.len(), prefill);
        EXPECT_TRUE(map.contains(keys[i]));
        if (rounds.round() % 10 == 0) stress::linger();
      }
    });
  }
}

// The same two threads take the same keys in opposite order, but never at the same time.
TYPED_TEST(NoFalseAlarmTest, OppositeOrdersThatNeverOverlap) {
  using S = TypeParam;
  typename S::Map map;
  map.insert(S::key(1), S::value(0));
  map.insert(S::key(2), S::value(0));
  std::mutex turn;
  run_threads(3, [&](unsigned thread) {
    for (u64 i = 0; i < scaled(20'000, 500); ++i) {
      const std::lock_guard lock(turn);
      auto one = map.get_mut(S::key(thread == 0 ? 1 : 2));
      auto two = map.get_mut(S::key(thread == 0 ? 2 : 1));
      *one = S::value(number(*one) + 1);
      *two = S::value(number(*two) + 1);
    }
  });
  EXPECT_EQ(number(*map.get(S::key(1))), 3 * scaled(20'000, 500));
}

// ---- Everything at once ---------------------------------------------------------------------

// Threads hold a few random guards and want more, in no order at all. Whoever is a victim lets go
// of everything and starts again. All of them get their work done, and nothing is lost.
TYPED_TEST(NoFalseAlarmTest, ChaosMakesProgressAndLosesNothing) {
  using S = TypeParam;
  using Key = typename S::Key;
  using Value = typename S::Value;
  constexpr u64 keys = 32;
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  for (u64 n = 0; n < keys; ++n) map.insert(S::key(n), S::value(0));
  std::atomic<u64> total{0};
  std::atomic<u64> victims{0};
  {
    stress::Churn<S> churn(map, 1000, S::crowding > 1 ? 60 : 500);
    phase("chaos");
    run_threads(4, [&](unsigned thread) {
      Rng rng = stress::random_for(thread);
      u64 mine = 0;
      u64 refused = 0;
      for (u64 i = 0; i < scaled(8000, 200); ++i) {
        for (bool done = false; !done;) {
          try {
            const u64 a = rng.below(keys);
            const u64 b = (a + 1 + rng.below(keys - 2)) % keys;
            u64 c = rng.below(keys);
            while (c == a || c == b) c = rng.below(keys);
            switch (rng.below(4)) {
              case 0: {
                const auto one = map.get(S::key(a));
                const auto two = map.get(S::key(b));
                stress::maybe_yield(rng, 8);
                auto three = map.get_mut(S::key(c));
                *three = S::value(number(*three) + 1);
                break;
              }
              case 1: {
                auto one = map.get_mut(S::key(a));
                stress::maybe_yield(rng, 8);
                map.alter(S::key(b), [](const Key&, Value v) { return S::value(number(v) + 1); });
                break;
              }
              case 2: {
                const auto one = map.get(S::key(a));
                stress::maybe_yield(rng, 8);
                map.with_keys(std::array<Key, 2>{S::key(b), S::key(c)},
                              [&](std::span<Value*> f) { *f[0] = S::value(number(*f[0]) + 1); });
                break;
              }
              default: {
                auto entry = map.entry(S::key(a));
                stress::maybe_yield(rng, 8);
                const auto two = map.get(S::key(b));
                auto one = std::move(entry).or_insert(S::value(0));
                *one = S::value(number(*one) + 1);
              }
            }
            done = true;
            ++mine;
          } catch (const dashmap::DeadlockError&) {
            ++refused;
            std::this_thread::yield();
          }
        }
      }
      total.fetch_add(mine);
      victims.fetch_add(refused);
    });
  }
  u64 sum = 0;
  for (auto item : map.iter()) sum += number(item.value());
  EXPECT_EQ(sum, total.load());
  EXPECT_EQ(map.len(), keys);
  this->RecordProperty("victims", std::to_string(victims.load()));
}

// ---- One thread in its own way --------------------------------------------------------------

class OwnGuardTest : public stress::StressTest {
 protected:
  using Map = dashmap::DashMap<u64, u64>;

  void SetUp() override {
    StressTest::SetUp();
    for (u64 n = 0; n < 500; ++n) map.insert(n, n);
  }

  void expect_unchanged() {
    EXPECT_EQ(map.len(), 500U);
    for (u64 n = 0; n < 500; ++n) ASSERT_EQ(map.get_copy(n), n);
  }

  /// Everything that conflicts with a guard on key 7.
  void expect_conflicts() {
    using dashmap::DeadlockError;
    EXPECT_THROW(static_cast<void>(map.get_mut(7)), DeadlockError);
    EXPECT_THROW(map.insert(7, 0), DeadlockError);
    EXPECT_THROW(map.insert_or_assign(7, 0), DeadlockError);
    EXPECT_THROW(map.erase(7), DeadlockError);
    EXPECT_THROW(map.remove(7), DeadlockError);
    EXPECT_THROW(map.remove_if(7, [](const u64&, const u64&) { return true; }), DeadlockError);
    EXPECT_THROW(map.alter(7, [](const u64&, u64 v) { return v + 1; }), DeadlockError);
    EXPECT_THROW(static_cast<void>(map.entry(7)), DeadlockError);
    EXPECT_THROW(map.compute(7, [](std::optional<u64>& v) { v.reset(); }), DeadlockError);
    EXPECT_THROW(map.clear(), DeadlockError);
    EXPECT_THROW(map.retain([](const u64&, u64&) { return false; }), DeadlockError);
    EXPECT_THROW(map.alter_all([](const u64&, u64 v) { return v + 1; }), DeadlockError);
    EXPECT_THROW(static_cast<void>(map.lock_all()), DeadlockError);
    EXPECT_THROW(map.with_keys(std::array<u64, 2>{6, 7},
                               [](std::span<u64*> found) { *found[0] = 0; }),
                 DeadlockError);
    EXPECT_TRUE(map.contains(7));
    EXPECT_EQ(map.get_copy(7), 7U);
    EXPECT_EQ(map.len(), 500U);
  }

  Map map;
};

TEST_F(OwnGuardTest, ConflictsWithItsOwnExclusiveGuardAreReportedAndChangeNothing) {
  {
    auto guard = map.get_mut(7);
    expect_conflicts();
    EXPECT_THROW(static_cast<void>(map.get(7)), dashmap::DeadlockError);
    EXPECT_EQ(*guard, 7U);
  }
  expect_unchanged();
}

TEST_F(OwnGuardTest, ConflictsWithItsOwnSharedGuardAreReportedAndChangeNothing) {
  {
    const auto guard = map.get(7);
    const auto again = map.get(7);
    expect_conflicts();
    EXPECT_EQ(*guard, 7U);
    EXPECT_EQ(*again, 7U);
  }
  expect_unchanged();
}

TEST_F(OwnGuardTest, ConflictsInsideClosuresAreReportedAndChangeNothing) {
  const bool found = map.alter(7, [&](const u64&, u64 value) {
    expect_conflicts();
    EXPECT_THROW(static_cast<void>(map.get(7)), dashmap::DeadlockError);
    EXPECT_TRUE(map.insert(8, 8));
    EXPECT_EQ(map.len(), 500U);
    return value;
  });
  EXPECT_TRUE(found);
  expect_unchanged();
}

// A view of plain data is of a copy and locks nothing; of other types it is a shared guard.
TEST_F(OwnGuardTest, ViewsCountAsSharedGuards) {
  dashmap::DashMap<u64, std::string> texts;
  texts.insert(7, "seven");
  texts.insert(8, "eight");
  const bool found = texts.view(7, [&](const u64&, const std::string& text) {
    EXPECT_THROW(texts.erase(7), dashmap::DeadlockError);
    EXPECT_THROW(texts.insert(7, ""), dashmap::DeadlockError);
    EXPECT_THROW(texts.clear(), dashmap::DeadlockError);
    EXPECT_EQ(*texts.get(7), "seven");
    EXPECT_TRUE(texts.erase(8));
    EXPECT_EQ(text, "seven");
  });
  EXPECT_TRUE(found);
  EXPECT_EQ(texts.len(), 1U);
}

TEST_F(OwnGuardTest, OtherThreadsAreNotDisturbedByAConflict) {
  stress::Violations violations;
  {
    Background other([&](const std::atomic<bool>& stop) {
      for (u64 n = 0; !stopped(stop); n = (n + 1) % 500) {
        if (n == 7) continue;
        violations.expect(map.alter(n, [](const u64&, u64 v) { return v; }), "lost", n);
      }
    });
    for (u64 i = 0; i < scaled(2000, 100); ++i) {
      auto guard = map.get_mut(7);
      EXPECT_THROW(static_cast<void>(map.get_mut(7)), dashmap::DeadlockError);
      EXPECT_THROW(map.erase(7), dashmap::DeadlockError);
      *guard = 7;
    }
  }
  EXPECT_NO_VIOLATIONS(violations);
  expect_unchanged();
}

// What the waiting thread holds itself is in nobody's way but its own: no edge of a circle.
using FalseAlarmTest = stress::StressTest;

TEST_F(FalseAlarmTest, OwnHoldsCloseNoCircle) {
  dashmap::DashMap<u64, u64, stress::OneGroup> near{{1, 1}, {2, 2}};
  dashmap::DashMap<u64, u64> far{{1, 1}};
  const auto reporter = dump_on_hang(near);
  const auto await_waiters = [&](std::size_t count) {
    for (std::size_t seen = 0; seen < count;) {
      std::this_thread::yield();
      std::ostringstream out;
      near.dump_locks(out);
      const std::string text = out.str();
      seen = 0;
      for (std::size_t at = 0; (at = text.find(" waits for ", at)) != std::string::npos; ++at)
        ++seen;
    }
  };
  const auto own = near.get(1);
  std::atomic<bool> held{false};
  std::atomic<bool> go_on{false};
  std::thread keeper([&] {
    const auto guard = far.get_mut(1);
    held.store(true);
    stress::await(go_on);
  });
  stress::await(held);
  std::thread second([&] {
    stress::guarded([&] {
      const auto guard = near.get(2);
      far.alter(1, [](const u64&, u64 value) { return value + 1; });
    });
  });
  await_waiters(1);
  std::thread watcher([&] {
    await_waiters(2);
    go_on.store(true);
  });
  EXPECT_NO_THROW(near.insert(3, 3));  // waits for `second`, which waits for `keeper`
  keeper.join();
  second.join();
  watcher.join();
  EXPECT_EQ(far.get_copy(1), 2U);
}

}  // namespace
