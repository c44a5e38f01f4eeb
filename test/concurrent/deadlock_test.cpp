// Circles of threads that wait for each other end with a DeadlockError in one of them, and so does
// a thread's conflict with itself.
//
// The keys of a circle are chosen from different shards of a map with many groups, so that no two
// of them share a lock unless the test wants them to.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "support/holds.hpp"
#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::Background;
using stress::Barrier;
using stress::keys_apart;
using stress::number;
using stress::phase;
using stress::prefill;
using stress::prefilled_map;
using stress::Rng;
using stress::Rounds;
using stress::run_threads;
using stress::scaled;
using stress::stopped;
using stress::Subject;
using stress::u64;

template <class S>
class DeadlockTest : public stress::StressTest {
 protected:
  using Map = typename S::Map;
  using Key = typename S::Key;

  /// Thread i holds key i in the i-th way and wants, in its way, key i + 1 of `wanted`.
  struct Circle {
    std::vector<Key> held;
    std::vector<Key> wanted;
    std::vector<std::pair<std::size_t, std::size_t>> ways;  // numbers of a hold and a want
  };

  /// Gives the number of victims.
  static unsigned run_circle(Map& map, const Circle& circle) {
    static const auto holds = stress::all_holds<S>(stress::seconds(100));
    static const auto wants = stress::all_wants<S>();
    const auto count = static_cast<unsigned>(circle.held.size());
    Barrier all_hold(count);
    std::atomic<unsigned> victims{0};
    std::atomic<unsigned> finished{0};
    run_threads(count, [&](unsigned i) {
      const auto [hold, want] = circle.ways[i];
      try {
        holds[hold].run(map, circle.held[i], [&] {
          all_hold.arrive_and_wait();
          wants[want].second(map, circle.wanted[(i + 1) % count]);
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

  /// A circle over these keys in which all hold and want by get_mut.
  static Circle exclusive_circle(const std::vector<Key>& keys) {
    return {keys, keys, std::vector<std::pair<std::size_t, std::size_t>>(keys.size())};
  }

  enum class Locks { exclusive, shared, mixed };

  /// A circle of random keys that share no lock; `beside`: what is wanted is not the key that
  /// another holds but one that shares its lock.
  static Circle random_circle(const Map& map, std::size_t size, Locks locks, bool beside,
                              Rng& rng) {
    static const auto holds = stress::all_holds<S>(stress::seconds(100));
    static const auto wants = stress::all_wants<S>();
    Circle circle;
    for (const u64 n : stress::numbers_apart<S>(map, size, rng)) {
      circle.held.push_back(S::key(n));
      circle.wanted.push_back(S::key(n + (beside ? 1 : 0)));
      std::size_t hold = 0;
      if (locks != Locks::exclusive) {
        do {
          hold = rng.below(holds.size());
        } while (locks == Locks::shared && holds[hold].exclusive);
      }
      circle.ways.emplace_back(hold, locks == Locks::exclusive ? 0 : rng.below(wants.size()));
    }
    return circle;
  }

  /// Circles of all sizes, locks and neighbourhoods, each followed by a check that all is unlocked.
  template <class Check>
  void run_circles(Map& map, const Check& check) {
    for (const std::size_t size : {2U, 3U, 8U}) {
      phase(size == 2 ? "circles of 2" : size == 3 ? "circles of 3" : "circles of 8");
      for (const Locks locks : {Locks::exclusive, Locks::shared, Locks::mixed}) {
        for (const bool beside : {false, true}) {
          for (Rounds rounds(scaled(150 / size, 5), 0.05); rounds.next();) {
            Rng rng = stress::random_for(rounds.round() * 16 + size);
            const auto circle = random_circle(map, size, locks, beside, rng);
            ASSERT_EQ(run_circle(map, circle), 1U)
                << "in a circle of " << size << ", locks " << static_cast<int>(locks)
                << (beside ? ", by keys that share a lock" : "");
            check(map, circle.held);
          }
        }
      }
    }
  }

  static void expect_unlocked(Map& map, const std::vector<Key>& keys) {
    for (const Key& key : keys) EXPECT_TRUE(map.try_get_mut(key).is_present());
    EXPECT_EQ(map.len(), prefill);
  }
  /// The same while another thread changes the map, and locks groups for a moment.
  static void expect_unlocked_soon(Map& map, const std::vector<Key>& keys) {
    for (const Key& key : keys) {
      EXPECT_TRUE(map.try_get_mut_for(key, stress::seconds(60)).is_present());
    }
  }
};

using Subjects = ::testing::Types<stress::PairedNumbers, stress::PairedTexts>;
TYPED_TEST_SUITE(DeadlockTest, Subjects);

TYPED_TEST(DeadlockTest, ACircleHasOneVictim) {
  auto map = prefilled_map<TypeParam>();
  const auto reporter = this->dump_on_hang(map);
  this->run_circles(map, this->expect_unlocked);
}

TYPED_TEST(DeadlockTest, ACircleHasOneVictimWhileTheTableGrowsAndShrinks) {
  auto map = prefilled_map<TypeParam>();
  const auto reporter = this->dump_on_hang(map);
  stress::Churn<TypeParam> churn(map, prefill, 2 * prefill);
  this->run_circles(map, this->expect_unlocked_soon);
  churn.finish();
  EXPECT_EQ(map.len(), prefill);
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
      EXPECT_EQ(this->run_circle(map, this->exclusive_circle(circle)), 1U);
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
