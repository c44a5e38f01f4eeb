// Factories: of all threads that race for an absent key, one makes the value.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::number;
using stress::Rng;
using stress::run_threads;
using stress::scaled;
using stress::u64;

constexpr unsigned thread_count = 4;

template <class S>
class OnceTest : public stress::StressTest {};

using Subjects = ::testing::Types<stress::Numbers, stress::Texts,
                                  stress::Subject<u64, stress::MoveOnly>, stress::Crowded>;
TYPED_TEST_SUITE(OnceTest, Subjects);

/// Every thread asks for all keys in its own random order, each through `ask(map, key, factory)`,
/// which gives the value's number.
template <class S, class Ask>
void race_for_all_keys(const Ask& ask) {
  const u64 keys = scaled(100'000, 1000) / (S::crowding > 1 ? 40 : 1);
  typename S::Map map;
  std::vector<std::atomic<u64>> made(keys);
  stress::Violations violations;
  run_threads(thread_count, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    // Neighbouring threads meet at the same keys at about the same time, in different order.
    for (u64 block = 0; block < keys; block += 8) {
      std::array<u64, 8> order{0, 1, 2, 3, 4, 5, 6, 7};
      std::shuffle(order.begin(), order.end(), std::minstd_rand(unsigned(rng.below(1 << 30))));
      for (const u64 offset : order) {
        const u64 n = block + offset;
        if (n >= keys) continue;
        const u64 seen = ask(map, S::key(n), [&] {
          made[n].fetch_add(1, std::memory_order_relaxed);
          stress::maybe_yield(rng, 16);
          return S::value(n * 4 + thread);
        });
        violations.expect(seen / 4 == n, "a value of another key", n, seen);
      }
    }
  });
  u64 right = 0;
  for (u64 n = 0; n < keys; ++n) {
    violations.expect(made[n].load() == 1, "the factory ran more than once", n, made[n].load());
    const auto guard = map.get(S::key(n));
    if (guard && number(*guard) / 4 == n) ++right;
  }
  EXPECT_EQ(right, keys);
  EXPECT_EQ(map.len(), keys);
  EXPECT_NO_VIOLATIONS(violations);
}

TYPED_TEST(OnceTest, GetOrInsertWith) {
  race_for_all_keys<TypeParam>([](auto& map, const auto& key, auto factory) {
    return number(*map.get_or_insert_with(key, factory));
  });
}

TYPED_TEST(OnceTest, EntryOrInsertWith) {
  race_for_all_keys<TypeParam>([](auto& map, const auto& key, auto factory) {
    return number(*map.entry(key).or_insert_with(factory));
  });
}

TYPED_TEST(OnceTest, EntryOrTryInsertWith) {
  race_for_all_keys<TypeParam>([](auto& map, const auto& key, auto factory) {
    return number(*map.entry(key).or_try_insert_with([&] { return std::optional(factory()); }));
  });
}

TYPED_TEST(OnceTest, Compute) {
  race_for_all_keys<TypeParam>([](auto& map, const auto& key, auto factory) {
    return map.compute(key, [&](auto& value) {
      if (!value) value = factory();
      return number(*value);
    });
  });
}

using OnceOnNumbersTest = stress::StressTest;

TEST_F(OnceOnNumbersTest, AllRacersSeeTheOneValueOnOneKey) {
  dashmap::DashMap<u64, u64> map;
  stress::Violations violations;
  const u64 rounds = scaled(50'000, 500);
  std::vector<std::atomic<u64>> made(rounds);
  std::vector<std::atomic<u64>> value(rounds);
  stress::Barrier barrier(3);
  run_threads(3, [&](unsigned thread) {
    for (u64 round = 0; round < rounds; ++round) {
      barrier.arrive_and_wait();
      const u64 seen = *map.get_or_insert_with(round, [&] {
        made[round].fetch_add(1);
        return round * 4 + thread + 1;
      });
      u64 expected = 0;
      if (!value[round].compare_exchange_strong(expected, seen)) {
        violations.expect(expected == seen, "two racers saw different values", round, expected,
                          seen);
      }
      violations.expect(made[round].load() == 1, "made not exactly once", round);
    }
  });
  EXPECT_NO_VIOLATIONS(violations);
}

TEST_F(OnceOnNumbersTest, ThrowingFactoryLeavesTheKeyToTheNextRacer) {
  dashmap::DashMap<u64, u64> map;
  stress::Violations violations;
  const u64 rounds = scaled(5'000, 200);
  std::vector<std::atomic<u64>> tried(rounds);
  std::atomic<u64> failures{0};
  stress::Barrier barrier(3);
  run_threads(3, [&](unsigned) {
    for (u64 round = 0; round < rounds; ++round) {
      barrier.arrive_and_wait();
      try {
        const u64 seen = *map.get_or_insert_with(round, [&]() -> u64 {
          if (tried[round].fetch_add(1) == 0) throw std::runtime_error("the first one fails");
          return round;
        });
        violations.expect(seen == round, "wrong value", round, seen);
      } catch (const std::runtime_error&) {
        failures.fetch_add(1);
      }
    }
  });
  EXPECT_EQ(failures.load(), rounds);
  for (u64 round = 0; round < rounds; ++round) {
    violations.expect(tried[round].load() == 2, "made more than once after the failure", round);
  }
  EXPECT_EQ(map.len(), rounds);
  EXPECT_NO_VIOLATIONS(violations);
}

// The value may be erased between: then the next racer makes it again, but two are never alive.
TEST_F(OnceOnNumbersTest, NeverTwoLiveValuesWhileOthersErase) {
  struct Live {
    std::atomic<int>* count;
    explicit Live(std::atomic<int>& c) : count(&c) { count->fetch_add(1); }
    Live(const Live&) = delete;
    Live& operator=(const Live&) = delete;
    ~Live() { count->fetch_sub(1); }
  };
  constexpr u64 keys = 4;
  dashmap::DashMap<u64, std::unique_ptr<Live>> map;
  std::array<std::atomic<int>, keys> live{};
  stress::Violations violations;
  const u64 times = scaled(40'000, 1000);
  run_threads(thread_count, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    for (u64 i = 0; i < times; ++i) {
      const u64 key = rng.below(keys);
      if (rng.one_in(3)) {
        // The removed value lives on in the pair: destroyed under the lock here, so that the count
        // is exact at all times.
        map.compute(key, [&](std::optional<std::unique_ptr<Live>>& value) {
          if (value) value->reset();
          value.reset();
        });
      } else {
        const auto guard = map.get_or_insert_with(key, [&] {
          auto fresh = std::make_unique<Live>(live[key]);
          violations.expect(live[key].load() == 1, "made while another lives", key);
          return fresh;
        });
        violations.expect(live[key].load() == 1, "not exactly one under the guard", key,
                          static_cast<u64>(live[key].load()));
      }
    }
  });
  map.clear();
  for (auto& count : live) EXPECT_EQ(count.load(), 0);
  EXPECT_NO_VIOLATIONS(violations);
}

}  // namespace
