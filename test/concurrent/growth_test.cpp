// Growth from nothing to many elements by several threads, with no reservation, while others read,
// iterate, erase and hold guards. At the end every count is exact and every key is checked.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::Background;
using stress::Census;
using stress::number;
using stress::phase;
using stress::Rng;
using stress::run_threads;
using stress::scaled;
using stress::stopped;
using stress::Subject;
using stress::u64;

constexpr unsigned writer_count = 4;

constexpr u64 content_of(u64 n) { return stress::mix(n) >> 8; }

/// Which keys exist when. Writer w inserts the numbers [w * each, (w + 1) * each) in order, and
/// erases those that `is_doomed` a little later.
struct Plan {
  u64 each;
  u64 lag;
  std::array<std::atomic<u64>, writer_count> inserted{};  ///< how many each writer has inserted

  explicit Plan(u64 total) : each(total / writer_count), lag(std::min<u64>(each / 2, 500)) {}

  static bool is_doomed(u64 n) { return n % 8 == 3; }
  u64 total() const { return each * writer_count; }
  u64 survivors() const {
    u64 doomed = 0;
    for (unsigned w = 0; w < writer_count; ++w) {
      // Numbers n in the writer's range with n % 8 == 3.
      const u64 first = w * each;
      const u64 last = first + each;
      doomed += (last + 4) / 8 - (first + 4) / 8;
    }
    return total() - doomed;
  }
  /// A number that some writer has inserted, if any.
  std::optional<u64> pick(Rng& rng) const {
    const u64 w = rng.below(writer_count);
    const u64 done = inserted[w].load(std::memory_order_acquire);
    if (done == 0) return std::nullopt;
    // Half of the time a recent one.
    const u64 back = rng.one_in(2) ? rng.below(std::min<u64>(done, 64)) : rng.below(done);
    return w * each + (done - 1 - back);
  }
};

template <class S>
void write_part(typename S::Map& map, Plan& plan, unsigned w, stress::Violations& violations) {
  const u64 first = w * plan.each;
  const auto insert = [&](u64 n) {
    switch (n % 4) {
      case 0:
        violations.expect(!map.insert(S::key(n), S::value(content_of(n))), "replaced", n);
        break;
      case 1:
        violations.expect(map.insert_or_assign(S::key(n), S::value(content_of(n))), "assigned", n);
        break;
      case 2:
        violations.expect(map.try_emplace(S::key(n), S::value(content_of(n))).second, "there", n);
        break;
      default: static_cast<void>(map.entry(S::key(n)).or_insert(S::value(content_of(n))));
    }
  };
  const auto erase = [&](u64 n) {
    if (!Plan::is_doomed(n)) return;
    if (n % 16 == 3) {
      violations.expect(map.erase(S::key(n)), "nothing to erase", n);
    } else {
      const auto removed = map.remove(S::key(n));
      violations.expect(removed && number(removed->second) == content_of(n), "removed wrong", n);
    }
  };
  for (u64 i = 0; i < plan.each; ++i) {
    insert(first + i);
    plan.inserted[w].store(i + 1, std::memory_order_release);
    if (i >= plan.lag) erase(first + i - plan.lag);
  }
  for (u64 i = plan.each - plan.lag; i < plan.each; ++i) erase(first + i);
}

template <class S>
void read_one(const typename S::Map& map, u64 n, u64 way, Rng& rng,
              stress::Violations& violations) {
  const auto key = S::key(n);
  std::optional<u64> seen;
  switch (way) {
    case 0:
      if constexpr (S::copyable) {
        if (const auto copy = map.get_copy(key)) seen = number(*copy);
        break;
      }
      [[fallthrough]];
    case 1: {
      const auto guard = map.get(key);
      stress::maybe_yield(rng, 64);
      if (guard) {
        seen = number(*guard);
        violations.expect(number(guard.key()) == n, "guard of another key", n, number(guard.key()));
      }
      break;
    }
    case 2:
      seen = map.view(key, [](const auto&, const auto& value) { return number(value); });
      break;
    default:
      if (map.contains(key)) seen = content_of(n);
  }
  if (seen) {
    violations.expect(*seen == content_of(n), "wrong value", n, *seen, way);
  } else {
    violations.expect(Plan::is_doomed(n), "lost", n, way);
  }
}

template <class S>
void read_until_stopped(const typename S::Map& map, const Plan& plan, u64 salt,
                        stress::Violations& violations, const std::atomic<bool>& stop) {
  Rng rng = stress::random_for(salt);
  while (!stopped(stop)) {
    const auto n = plan.pick(rng);
    if (!n) {
      std::this_thread::yield();
      continue;
    }
    read_one<S>(map, *n, rng.below(4), rng, violations);
    if (rng.one_in(16)) {
      violations.expect(!map.contains(S::key(plan.total() + rng.below(1000))), "never inserted");
    }
  }
}

/// Walks the map over and over: what a writer had inserted before the walk must be visited once.
template <class S>
void iterate_until_stopped(const typename S::Map& map, const Plan& plan,
                           stress::Violations& violations, const std::atomic<bool>& stop) {
  std::vector<std::uint8_t> visits;
  while (!stopped(stop)) {
    visits.assign(plan.total(), 0);
    std::array<u64, writer_count> before{};
    for (unsigned w = 0; w < writer_count; ++w) before[w] = plan.inserted[w].load();
    u64 walked = 0;
    for (auto item : map.iter()) {
      const u64 n = number(item.key());
      if (!violations.expect(n < plan.total(), "visited a foreign key", n)) continue;
      violations.expect(number(item.value()) == content_of(n), "visited a wrong value", n);
      violations.expect(++visits[n] == 1 || Plan::is_doomed(n), "visited twice", n);
      if (++walked % 1024 == 0 && stopped(stop)) return;
    }
    for (unsigned w = 0; w < writer_count; ++w) {
      for (u64 n = w * plan.each; n < w * plan.each + before[w]; ++n) {
        if (!Plan::is_doomed(n)) violations.expect(visits[n] == 1, "not visited", n);
      }
    }
  }
}

template <class S>
void expect_complete(const typename S::Map& map, const Plan& plan, stress::Violations& violations) {
  EXPECT_EQ(map.len(), plan.survivors());
  EXPECT_FALSE(map.is_empty());
  run_threads(2, [&](unsigned half) {
    Rng rng = stress::random_for(100 + half);
    for (u64 n = half; n < plan.total(); n += 2) {
      if (Plan::is_doomed(n)) {
        violations.expect(!map.contains(S::key(n)), "erased but there", n);
      } else {
        read_one<S>(map, n, n / 2 % 3, rng, violations);
      }
    }
  });
  u64 counted = 0;
  u64 sum = 0;
  for (auto item : map.iter()) {
    ++counted;
    sum += number(item.value());
  }
  u64 expected_sum = 0;
  for (u64 n = 0; n < plan.total(); ++n) {
    if (!Plan::is_doomed(n)) expected_sum += content_of(n);
  }
  EXPECT_EQ(counted, plan.survivors());
  EXPECT_EQ(sum, expected_sum);
}

template <class S>
void grow_under_observation(u64 total) {
  Plan plan(total);
  stress::Violations violations;
  typename S::Map map;
  {
    phase("growing");
    Background reader([&](const auto& stop) {
      read_until_stopped<S>(map, plan, 1, violations, stop);
    });
    Background iterator([&](const auto& stop) {
      iterate_until_stopped<S>(map, plan, violations, stop);
    });
    run_threads(writer_count, [&](unsigned w) { write_part<S>(map, plan, w, violations); });
    phase("stopping the readers");
  }
  phase("checking every key");
  expect_complete<S>(map, plan, violations);
  EXPECT_NO_VIOLATIONS(violations);
  phase("destroying");
}

template <class S>
class GrowthTest : public stress::StressTest {};

using Subjects = ::testing::Types<
    Subject<std::string, u64>, Subject<u64, std::string>, Subject<u64, stress::Large>,
    Subject<u64, stress::MoveOnly>, Subject<u64, stress::Fickle>,
    Subject<stress::WideKey<3>, stress::Words<4>, stress::WideKeyHash>, stress::Crowded>;
TYPED_TEST_SUITE(GrowthTest, Subjects);

TYPED_TEST(GrowthTest, ManyThreadsInsertEraseReadAndIterate) {
  Census::reset();
  const u64 total = scaled(sizeof(typename TypeParam::Value) > 512 ? 60'000 : 300'000, 4000);
  grow_under_observation<TypeParam>(std::max<u64>(total / TypeParam::crowding, 400));
  EXPECT_EQ(Census::alive.load(), 0);
  EXPECT_EQ(Census::broken.load(), 0U);
}

template <class S>
class LargeTableGrowthTest : public stress::StressTest {};

// Slots of which a huge page has a whole number, and others.
using LargeTables =
    ::testing::Types<stress::Numbers,
                     Subject<stress::WideKey<3>, stress::Words<4>, stress::WideKeyHash>>;
TYPED_TEST_SUITE(LargeTableGrowthTest, LargeTables);

// Tables of several megabytes give their memory back as they grow and shrink. Readers of what stays
// look at it without a lock.
TYPED_TEST(LargeTableGrowthTest, ReadersFindWhatStays) {
  using S = TypeParam;
  constexpr u64 stable = 3000;  // the numbers from 1 on; 0, all bytes zero, is never there
  const u64 peak = scaled(500'000, 300'000);
  typename S::Map map;
  for (u64 n = 1; n <= stable; ++n) map.insert(S::key(n), S::value(content_of(n)));
  stress::Violations violations;
  {
    const auto read = [&](u64 salt) {
      return [&, salt](const std::atomic<bool>& stop) {
        Rng rng = stress::random_for(salt);
        while (!stopped(stop)) {
          const u64 n = 1 + rng.below(stable);
          const auto copy = map.get_copy(S::key(n));
          violations.expect(copy && number(*copy) == content_of(n), "lost or wrong", n);
          violations.expect(map.contains(S::key(n)), "lost", n);
          violations.expect(!map.contains(S::key(0)), "never inserted");
          violations.expect(!map.get_copy(S::key(2 * peak + n)), "never inserted", n);
        }
      };
    };
    Background first(read(1));
    Background second(read(2));
    Background third(read(3));
    for (stress::Rounds rounds(2); rounds.next();) {
      phase("growing");
      run_threads(2, [&](unsigned half) {
        for (u64 n = stable + 1 + half; n <= peak; n += 2) {
          map.insert(S::key(n), S::value(content_of(n)));
        }
      });
      EXPECT_EQ(map.len(), peak);
      phase("shrinking");
      map.retain([](const auto& key, const auto&) { return number(key) <= stable; });
      map.shrink_to_fit();
      EXPECT_EQ(map.len(), stable);
    }
    phase("stopping the readers");
  }
  EXPECT_NO_VIOLATIONS(violations);
}

using GrowthOfNumbersTest = stress::StressTest;

TEST_F(GrowthOfNumbersTest, TenMillionElementsWithoutReservation) {
  grow_under_observation<stress::Numbers>(stress::small_address_space ? scaled(1'000'000)
                                                                      : scaled(10'000'000));
}

TEST_F(GrowthOfNumbersTest, ManyFreshMapsThroughTheirFirstSteps) {
  for (stress::Rounds rounds(scaled(300, 20)); rounds.next();) {
    Plan plan(400);
    stress::Violations violations;
    stress::Numbers::Map map;
    {
      Background reader([&](const auto& stop) {
        read_until_stopped<stress::Numbers>(map, plan, rounds.round(), violations, stop);
      });
      run_threads(writer_count,
                  [&](unsigned w) { write_part<stress::Numbers>(map, plan, w, violations); });
    }
    EXPECT_EQ(map.len(), plan.survivors());
    for (u64 n = 0; n < plan.total(); ++n) {
      violations.expect(map.contains(n) != Plan::is_doomed(n), "wrong at the end", n);
    }
    ASSERT_EQ(violations.count(), 0U) << violations.text();
  }
}

/// Keeps the keys that `map` puts into the same shard as `held` away from the writers: whoever
/// holds a guard may block them there, and they are not what these tests look at.
template <class Map>
bool shares_shard(const Map& map, u64 key, u64 held) {
  return map.determine_map(key) == map.determine_map(held);
}

/// A map with enough groups that each shard has its own.
stress::Numbers::Map prefilled(u64 elements) {
  auto map = stress::Numbers::Map::with_shard_amount(16);
  for (u64 n = 0; n < elements; ++n) map.insert(n, content_of(n));
  return map;
}

constexpr u64 first_new_key = 1'000'000;

template <class Holder>
void grow_around_a_guard(const Holder& with_guard) {
  constexpr u64 prefill = 5000;
  constexpr u64 held = 17;
  auto map = prefilled(prefill);
  const u64 each = scaled(400'000, 2000);
  stress::Violations violations;
  std::atomic<u64> skipped{0};
  with_guard(map, held, [&] {
    phase("growing around the guard");
    Background reader([&](const auto& stop) {
      Rng rng = stress::random_for(7);
      while (!stopped(stop)) {
        const u64 n = rng.below(prefill);
        if (shares_shard(map, n, held)) continue;
        const auto copy = map.get_copy(n);
        violations.expect(copy == content_of(n), "lost or wrong", n);
      }
    });
    run_threads(writer_count, [&](unsigned w) {
      u64 left_out = 0;
      for (u64 i = 0; i < each; ++i) {
        const u64 n = first_new_key + w * each + i;
        if (shares_shard(map, n, held)) {
          ++left_out;
          continue;
        }
        violations.expect(!map.insert(n, content_of(n)), "replaced", n);
      }
      skipped.fetch_add(left_out);
    });
  });
  phase("after the guard");
  const u64 present = prefill + writer_count * each - skipped.load();
  EXPECT_EQ(map.len(), present);
  // The held group is free again, and so is everything that growth had put off.
  for (u64 n = first_new_key; n < first_new_key + writer_count * each; ++n) {
    if (shares_shard(map, n, held)) {
      map.insert(n, content_of(n));
    } else {
      violations.expect(map.get_copy(n) == content_of(n), "lost or wrong", n);
    }
  }
  for (u64 n = 0; n < prefill; ++n) {
    violations.expect(map.get_copy(n) == content_of(n), "lost or wrong", n);
  }
  EXPECT_EQ(map.len(), prefill + writer_count * each);
  u64 counted = 0;
  for ([[maybe_unused]] auto item : map.iter()) ++counted;
  EXPECT_EQ(counted, prefill + writer_count * each);
  EXPECT_NO_VIOLATIONS(violations);
}

TEST_F(GrowthOfNumbersTest, SharedGuardHeldThroughTheWholeGrowth) {
  grow_around_a_guard([](auto& map, u64 held, const auto& grow) {
    const auto guard = map.get(held);
    ASSERT_TRUE(guard);
    grow();
    EXPECT_EQ(*guard, content_of(held));
    EXPECT_EQ(guard.key(), held);
    EXPECT_EQ(map.get_copy(held), content_of(held));
  });
}

TEST_F(GrowthOfNumbersTest, ExclusiveGuardHeldThroughTheWholeGrowth) {
  grow_around_a_guard([](auto& map, u64 held, const auto& grow) {
    auto guard = map.get_mut(held);
    ASSERT_TRUE(guard);
    *guard = 1;
    grow();
    EXPECT_EQ(*guard, 1U);
    *guard = content_of(held);
  });
}

TEST_F(GrowthOfNumbersTest, IteratorItemHeldThroughTheWholeGrowth) {
  grow_around_a_guard([](auto& map, u64 held, const auto& grow) {
    for (auto item : map.iter()) {
      if (item.key() != held) continue;
      grow();
      EXPECT_EQ(item.value(), content_of(held));
    }
  });
}

TEST_F(GrowthOfNumbersTest, IteratorBetweenItemsSeesAllThatStayed) {
  constexpr u64 prefill = 5000;
  auto map = prefilled(prefill);
  stress::Violations violations;
  std::vector<int> visits(prefill);
  u64 walked = 0;
  for (auto it = map.begin(); it != map.end(); ++it) {
    u64 n = 0;
    {
      auto item = *it;
      n = item.key();
    }
    if (n >= prefill) continue;
    ++visits[n];
    if (++walked % 500 != 0) continue;
    // No item in hand: nothing is locked, other threads may do everything to every key.
    bool free = false;
    std::thread([&] { free = map.try_get_mut(n).is_present(); }).join();
    ASSERT_TRUE(free) << "the iterator locks a group between items";
    const u64 first = first_new_key + walked * 1000;
    run_threads(2, [&](unsigned w) {
      for (u64 i = w; i < scaled(40'000, 2000); i += 2) map.insert(first + i, 0);
    });
  }
  for (u64 n = 0; n < prefill; ++n) violations.expect(visits[n] == 1, "not visited once", n);
  EXPECT_NO_VIOLATIONS(violations);
}

// The holder itself inserts everything, also into the group that it holds and through as many
// doublings as it takes: nobody may make it wait for itself. (Its group cannot be split meanwhile,
// so it grows long where the map was small when the guard was taken.)
TEST_F(GrowthOfNumbersTest, HolderOfGuardsGrowsTheMapAlone) {
  for (const bool exclusive : {false, true}) {
    for (const u64 prefill : {u64{1}, u64{5000}}) {
      const u64 total = prefill == 1 ? scaled(8000, 1000) : scaled(400'000, 8000);
      stress::Numbers::Map map;
      for (u64 n = 0; n < prefill; ++n) map.insert(n, content_of(n));
      stress::Violations violations;
      {
        auto writer = exclusive ? std::optional(map.get_mut(0)) : std::nullopt;
        auto reader = exclusive ? std::nullopt : std::optional(map.get(0));
        for (u64 n = prefill; n < total; ++n) {
          violations.expect(!map.insert(n, content_of(n)), "replaced", n);
          if (n % 1024 == 0) {
            violations.expect(map.get_copy(0) == content_of(0), "the guarded element is gone");
            violations.expect(*map.get(n / 2) == content_of(n / 2), "lost", n / 2);
          }
        }
        EXPECT_EQ(map.len(), total);
        EXPECT_EQ(exclusive ? **writer : **reader, content_of(0));
      }
      for (u64 n = 0; n < total; ++n) {
        violations.expect(map.get_copy(n) == content_of(n), "lost or wrong", n);
      }
      EXPECT_NO_VIOLATIONS(violations);
    }
  }
}

// ---- Growth whose allocations, hashes and moves fail now and then ---------------------------

template <class S>
class ThrowingGrowthTest : public stress::StressTest {};

using ThrowingSubjects =
    ::testing::Types<Subject<u64, stress::Fickle>, Subject<u64, u64, stress::FickleHash>,
                     Subject<u64, stress::Fickle, stress::FickleHash>>;
TYPED_TEST_SUITE(ThrowingGrowthTest, ThrowingSubjects);

TYPED_TEST(ThrowingGrowthTest, RefusedOperationsChangeNothing) {
  using S = TypeParam;
  Census::reset();
  {
    const u64 each = scaled(40'000, 1000);
    typename S::Map map;
    stress::Violations violations;
    std::atomic<u64> refusals{0};
    {
      Background reader([&](const auto& stop) {
        while (!stopped(stop)) {
          for (auto item : map.iter()) {
            violations.expect(number(item.value()) == content_of(item.key()), "wrong value",
                              item.key());
          }
        }
      });
      phase("inserting");
      run_threads(writer_count, [&](unsigned w) {
        Rng rng = stress::random_for(w);
        u64 refused = 0;
        for (u64 n = w * each; n < (w + 1) * each; ++n) {
          for (bool done = false; !done;) {
            try {
              const stress::Mood::Armed armed(rng, 40);
              switch (rng.below(4)) {
                case 0: done = map.insert_or_assign(n, S::value(content_of(n))); break;
                case 1: done = map.try_emplace(n, S::value(content_of(n))).second; break;
                case 2:
                  static_cast<void>(map.entry(n).or_insert(S::value(content_of(n))));
                  done = true;
                  break;
                default:
                  static_cast<void>(
                      map.get_or_insert_with(n, [&] { return S::value(content_of(n)); }));
                  done = true;
              }
              violations.expect(done, "found what was not inserted", n);
              done = true;
            } catch (const stress::Refusal&) {
              ++refused;
              violations.expect(!map.contains(n), "refused but inserted", n);
            }
          }
          if (n % 8 != 3) continue;
          for (bool done = false; !done;) {
            try {
              const stress::Mood::Armed armed(rng, 40);
              violations.expect(map.erase(n), "lost", n);
              done = true;
            } catch (const stress::Refusal&) {
              ++refused;
              violations.expect(map.contains(n), "refused but erased", n);
            }
          }
        }
        refusals.fetch_add(refused);
      });
    }
    phase("checking");
    EXPECT_GT(refusals.load(), 0U);
    u64 expected = 0;
    for (u64 n = 0; n < writer_count * each; ++n) {
      const bool stays = n % 8 != 3;
      expected += stays ? 1 : 0;
      const auto guard = map.get(n);
      violations.expect(static_cast<bool>(guard) == stays, "present or not, wrongly", n);
      if (guard) violations.expect(number(*guard) == content_of(n), "wrong value", n);
    }
    EXPECT_EQ(map.len(), expected);
    EXPECT_NO_VIOLATIONS(violations);
  }
  EXPECT_EQ(Census::alive.load(), 0);
  EXPECT_EQ(Census::broken.load(), 0U);
}

}  // namespace
