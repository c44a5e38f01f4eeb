// The forms that do not wait, or not for ever: what they report while another thread holds a guard,
// and how long the timed ones take.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::await;
using stress::Clock;
using stress::milliseconds;
using stress::Rng;
using stress::run_threads;
using stress::scaled;
using stress::seconds;
using stress::u64;

using Map = dashmap::DashMap<std::string, u64>;

constexpr seconds patience{120};  // longer than any test may take, shorter than the watchdog

std::string name(u64 n) {
  return "a key that does not fit into a string object " + std::to_string(n);
}

/// Runs `body` while another thread holds what `take(map)` gives.
template <class Take, class Body>
void while_held(Map& map, const Take& take, const Body& body) {
  std::atomic<bool> held{false};
  std::atomic<bool> release{false};
  std::thread holder([&] {
    stress::guarded([&] {
      [[maybe_unused]] auto guard = take(map);
      held.store(true, std::memory_order_release);
      await(release);
    });
  });
  await(held);
  stress::guarded(body);
  release.store(true, std::memory_order_release);
  holder.join();
}

class TryTest : public stress::StressTest {
 protected:
  static constexpr u64 keys = 4000;

  void SetUp() override {
    StressTest::SetUp();
    for (u64 n = 0; n < keys; ++n) map.insert(name(n), n);
  }

  /// A key in another part of the map than `held`; present when below `keys`.
  std::string elsewhere(const std::string& held, u64 from) const {
    while (map.determine_map(name(from)) == map.determine_map(held)) ++from;
    return name(from);
  }

  Map map = Map::with_shard_amount(16);
  const std::string key = name(17);
};

TEST_F(TryTest, FreeKeysArePresentOrAbsent) {
  auto found = map.try_get(key);
  EXPECT_TRUE(found.is_present());
  EXPECT_FALSE(found.is_absent());
  EXPECT_FALSE(found.is_locked());
  EXPECT_EQ(*found.unwrap(), 17U);
  EXPECT_EQ(*map.try_get_mut(key).unwrap(), 17U);
  EXPECT_TRUE(map.try_get(name(keys)).is_absent());
  EXPECT_TRUE(map.try_get_mut(name(keys)).is_absent());
  EXPECT_TRUE(map.try_get_for(name(keys), patience).is_absent());
  EXPECT_TRUE(map.try_get_mut_for(name(keys), patience).is_absent());
  EXPECT_TRUE(map.try_get_for(key, milliseconds(0)).is_present());
  EXPECT_TRUE(map.try_get_mut_for(key, milliseconds(0)).is_present());
  EXPECT_TRUE(map.try_entry(key).has_value());
  EXPECT_TRUE(map.try_entry(name(keys)).has_value());
  EXPECT_FALSE(map.contains(name(keys)));
}

TEST_F(TryTest, ExclusiveGuardLocksItsKeyForEverybodyElse) {
  while_held(
      map, [&](Map& m) { return m.get_mut(key); },
      [&] {
        EXPECT_TRUE(map.try_get(key).is_locked());
        EXPECT_TRUE(map.try_get_mut(key).is_locked());
        EXPECT_FALSE(map.try_get(key).try_unwrap());
        EXPECT_FALSE(map.try_entry(key).has_value());
        EXPECT_TRUE(map.try_get_for(key, milliseconds(5)).is_locked());
        EXPECT_TRUE(map.try_get_mut_for(key, milliseconds(5)).is_locked());
        EXPECT_TRUE(map.try_get_for(key, milliseconds(-1)).is_locked());
        EXPECT_TRUE(map.try_get_for(key, std::chrono::hours::min()).is_locked());
        EXPECT_TRUE(map.try_get_for(key, std::chrono::duration<double>(std::nan(""))).is_locked());
        EXPECT_TRUE(map.try_get(elsewhere(key, 0)).is_present());
        EXPECT_TRUE(map.try_get_mut(elsewhere(key, 0)).is_present());
        EXPECT_TRUE(map.try_get(elsewhere(key, keys)).is_absent());
        EXPECT_TRUE(map.try_entry(elsewhere(key, keys)).has_value());
      });
  EXPECT_TRUE(map.try_get_mut(key).is_present());
}

TEST_F(TryTest, SharedGuardLetsReadersInAndNoWriter) {
  while_held(
      map, [&](Map& m) { return m.get(key); },
      [&] {
        EXPECT_TRUE(map.try_get(key).is_present());
        EXPECT_TRUE(map.try_get_for(key, patience).is_present());
        EXPECT_TRUE(map.try_get_mut(key).is_locked());
        EXPECT_FALSE(map.try_entry(key).has_value());
        EXPECT_TRUE(map.try_get_mut_for(key, milliseconds(5)).is_locked());
        EXPECT_TRUE(map.try_get_mut(elsewhere(key, 0)).is_present());
      });
  EXPECT_TRUE(map.try_get_mut(key).is_present());
}

TEST_F(TryTest, EntryLocksItsKey) {
  while_held(
      map, [&](Map& m) { return m.entry(name(keys)); },
      [&] {
        EXPECT_TRUE(map.try_get(name(keys)).is_locked());
        EXPECT_TRUE(map.try_get_mut(name(keys)).is_locked());
        EXPECT_FALSE(map.try_entry(name(keys)).has_value());
      });
  EXPECT_TRUE(map.try_get(name(keys)).is_absent());
}

TEST_F(TryTest, ALockedTryEntryDoesNotConsumeItsKey) {
  while_held(
      map, [&](Map& m) { return m.get(key); },
      [&] {
        std::string mine = key;
        EXPECT_FALSE(map.try_entry(std::move(mine)).has_value());
        EXPECT_EQ(mine, key);  // NOLINT(bugprone-use-after-move): that is the promise
      });
}

TEST_F(TryTest, TimedFormsGiveUpAfterTheirTimeAndNotBefore) {
  while_held(
      map, [&](Map& m) { return m.get_mut(key); },
      [&] {
        for (const auto wait :
             {milliseconds(0), milliseconds(1), milliseconds(20), milliseconds(120)}) {
          auto start = Clock::now();
          EXPECT_TRUE(map.try_get_for(key, wait).is_locked());
          auto took = Clock::now() - start;
          EXPECT_GE(took, wait);
          EXPECT_LT(took, wait + seconds(20));
          start = Clock::now();
          EXPECT_TRUE(map.try_get_mut_for(key, wait).is_locked());
          took = Clock::now() - start;
          EXPECT_GE(took, wait);
          EXPECT_LT(took, wait + seconds(20));
        }
        EXPECT_TRUE(map.try_get_for(key, std::chrono::nanoseconds(1)).is_locked());
        EXPECT_TRUE(map.try_get_for(key, milliseconds(-5)).is_locked());
      });
}

TEST_F(TryTest, TimedFormsGetInWhenTheGuardGoes) {
  for (u64 round = 0; round < scaled(100, 10); ++round) {
    std::atomic<bool> held{false};
    std::atomic<unsigned> waiting{0};
    std::thread holder([&] {
      stress::guarded([&] {
        auto guard = map.get_mut(key);
        held.store(true);
        stress::await_that([&] { return waiting.load() == 2; });
        if (round % 10 == 0) stress::linger();
        *guard = 1000 + round;
      });
    });
    await(held);
    const auto start = Clock::now();
    run_threads(2, [&](unsigned thread) {
      waiting.fetch_add(1);
      if (thread == 0) {
        auto result = map.try_get_for(key, patience);
        ASSERT_TRUE(result.is_present());
        EXPECT_EQ(*result.unwrap(), 1000 + round);
      } else {
        auto result = map.try_get_mut_for(key, patience);
        ASSERT_TRUE(result.is_present());
        EXPECT_EQ(*result.unwrap(), 1000 + round);
      }
    });
    holder.join();
    EXPECT_LT(Clock::now() - start, patience);
  }
}

// What a waiter leaves behind when it gives up must not disturb the others.
TEST_F(TryTest, WaitersThatGiveUpLeaveNoTrace) {
  std::atomic<u64> added{0};
  *map.get_mut(key) = 0;
  run_threads(4, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    for (u64 i = 0; i < scaled(3000, 200); ++i) {
      switch (rng.below(4)) {
        case 0: {
          auto result = map.try_get_mut_for(key, std::chrono::microseconds(rng.below(50)));
          if (result.is_present()) {
            *result.unwrap() += 1;
            added.fetch_add(1);
          }
          break;
        }
        case 1:
          EXPECT_FALSE(map.try_get_for(key, std::chrono::microseconds(rng.below(50))).is_absent());
          break;
        case 2: {
          auto guard = map.get_mut(key);
          stress::maybe_yield(rng, 4);
          *guard += 1;
          added.fetch_add(1);
          break;
        }
        default: {
          const auto guard = map.get(key);
          stress::maybe_yield(rng, 4);
          EXPECT_TRUE(guard);
        }
      }
    }
  });
  EXPECT_EQ(*map.get_mut(key), added.load());
}

// A circle of timed waits solves itself: nobody is told of a deadlock, nobody hangs.
TEST_F(TryTest, CirclesOfTimedWaitsTimeOut) {
  const std::string other = elsewhere(key, 0);
  stress::Barrier barrier(2);
  run_threads(2, [&](unsigned thread) {
    auto own = map.get_mut(thread == 0 ? key : other);
    barrier.arrive_and_wait();
    try {
      auto result =
          map.try_get_mut_for(thread == 0 ? other : key, milliseconds(thread == 0 ? 10 : 50));
      EXPECT_FALSE(result.is_absent());
    } catch (const dashmap::DeadlockError&) {
      // Also an answer: the wait could only have ended by its time.
    }
  });
}

TEST_F(TryTest, TryFormsNeverHangOnTheirOwnGuard) {
  auto guard = map.get_mut(key);
  EXPECT_TRUE(map.try_get(key).is_locked());
  EXPECT_TRUE(map.try_get_mut(key).is_locked());
  EXPECT_FALSE(map.try_entry(key).has_value());
  EXPECT_TRUE(map.try_get(name(18)).is_present());
  EXPECT_TRUE(map.try_get_mut(name(18)).is_present());
}

// Try forms under full load: what they report as present or absent is true.
TEST_F(TryTest, ReportsAreTrueUnderLoad) {
  stress::Violations violations;
  std::atomic<u64> locked{0};
  std::atomic<u64> answered{0};
  run_threads(4, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    u64 locks = 0;
    u64 answers = 0;
    for (u64 i = 0; i < scaled(30'000, 500); ++i) {
      const u64 n = rng.below(8);  // even keys stay, odd ones are never there
      const std::string query = n % 2 == 0 ? name(n) : name(keys + n);
      {
        const auto shared = map.try_get(query);
        if (shared.is_locked()) {
          ++locks;
        } else {
          ++answers;
          violations.expect(shared.is_present() == (n % 2 == 0), "try_get", n);
        }
      }
      if (n % 2 == 0 && thread < 2) {
        auto guard = map.get_mut(query);
        stress::maybe_yield(rng, 8);
        *guard += 1;
      }
    }
    locked.fetch_add(locks);
    answered.fetch_add(answers);
  });
  EXPECT_GT(answered.load(), 0U);
  EXPECT_NO_VIOLATIONS(violations);
}

}  // namespace
