// Conservation: tokens move between keys, never appear or vanish. Where a transfer is one atomic
// step, every observer that looks at all accounts in one step sees the same total.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <span>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::Background;
using stress::number;
using stress::phase;
using stress::Rng;
using stress::Rounds;
using stress::run_threads;
using stress::scaled;
using stress::stopped;
using stress::u64;

constexpr unsigned thread_count = 4;
constexpr u64 accounts = 48;
constexpr u64 opening_balance = 1000;
constexpr u64 bank_total = accounts * opening_balance;

template <class S>
class TransferTest : public stress::StressTest {
 protected:
  static void open_accounts(typename S::Map& map) {
    for (u64 n = 0; n < accounts; ++n) map.insert(S::key(n), S::value(opening_balance));
  }

  static u64 total(const typename S::Map& map) {
    u64 sum = 0;
    for (u64 n = 0; n < accounts; ++n) {
      const auto guard = map.get(S::key(n));
      EXPECT_TRUE(guard);
      if (guard) sum += number(*guard);
    }
    return sum;
  }

  static void take(typename S::Value& value, u64 amount) {
    value = S::value(number(value) - amount);
  }
  static void give(typename S::Value& value, u64 amount) {
    value = S::value(number(value) + amount);
  }

  /// Adds up the accounts in a sequence of things with a key and a value.
  template <class Items>
  static u64 sum_of(Items&& items) {
    u64 sum = 0;
    for (auto&& item : items) {
      const auto& [key, value] = item;
      if (number(key) < accounts) sum += number(value);
    }
    return sum;
  }
};

using Subjects = ::testing::Types<stress::Numbers, stress::Texts, stress::Crowded>;
TYPED_TEST_SUITE(TransferTest, Subjects);

template <class S>
constexpr u64 churned_keys = S::crowding > 1 ? 60 : 1000;

// Withdrawal and deposit are two steps: only the final total is promised.
TYPED_TEST(TransferTest, StepByStepTransfersConserveTheTotal) {
  using S = TypeParam;
  using Value = typename S::Value;
  const u64 times = scaled(30'000, 500);
  for (Rounds rounds(1); rounds.next();) {
    typename S::Map map;
    const auto reporter = this->dump_on_hang(map);
    this->open_accounts(map);
    {
      stress::Churn<S> churn(map, 1000, churned_keys<S>);
      phase("transferring");
      run_threads(thread_count, [&](unsigned thread) {
        Rng rng = stress::random_for(rounds.round() * 16 + thread);
        for (u64 i = 0; i < times; ++i) {
          const auto from = S::key(rng.below(accounts));
          const auto to = S::key(rng.below(accounts));
          const u64 wanted = 1 + rng.below(20);
          u64 taken = 0;
          const auto withdraw = [&](Value& value) {
            taken = std::min(wanted, number(value));
            this->take(value, taken);
          };
          switch (rng.below(4)) {
            case 0:
              map.alter(from, [&](const auto&, Value value) {
                withdraw(value);
                return value;
              });
              break;
            case 1: withdraw(*map.get_mut(from)); break;
            case 2: map.entry(from).and_modify(withdraw); break;
            default: map.compute(from, [&](std::optional<Value>& value) { withdraw(*value); });
          }
          stress::maybe_yield(rng, 32);
          switch (rng.below(4)) {
            case 0:
              map.alter(to, [&](const auto&, Value value) {
                this->give(value, taken);
                return value;
              });
              break;
            case 1: this->give(*map.get_mut(to), taken); break;
            case 2: this->give(*map.entry(to).or_insert(S::value(0)), taken); break;
            default:
              map.compute(to, [&](std::optional<Value>& value) { this->give(*value, taken); });
          }
        }
      });
      phase("stopping the churn");
    }
    EXPECT_EQ(this->total(map), bank_total);
  }
}

// The account itself moves: a removal and an insertion elsewhere. A thread that finds no account
// finds none; nothing is lost at the end.
TYPED_TEST(TransferTest, WanderingElementsAreNeitherLostNorDoubled) {
  using S = TypeParam;
  const u64 times = scaled(30'000, 500);
  constexpr u64 places = accounts * 2;
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  for (u64 n = 0; n < accounts; ++n) map.insert(S::key(n), S::value(n));
  {
    stress::Churn<S> churn(map, 1000, churned_keys<S>);
    phase("wandering");
    run_threads(thread_count, [&](unsigned thread) {
      Rng rng = stress::random_for(thread);
      for (u64 i = 0; i < times; ++i) {
        auto removed = map.remove(S::key(rng.below(places)));
        if (!removed) continue;
        // Settles at the first free place from a random one on.
        for (u64 place = rng.below(places);; place = (place + 1) % places) {
          const u64 identity = number(removed->second);
          auto entry = map.entry(S::key(place));
          if (entry.is_occupied()) continue;
          static_cast<void>(entry.vacant()->insert(S::value(identity)));
          break;
        }
      }
    });
    phase("stopping the churn");
  }
  EXPECT_EQ(map.len(), accounts);
  std::vector<int> found(accounts);
  for (auto item : map.iter()) {
    const u64 identity = number(item.value());
    ASSERT_LT(identity, accounts);
    ++found[identity];
  }
  for (u64 n = 0; n < accounts; ++n) EXPECT_EQ(found[n], 1) << "element " << n;
}

// with_keys on 2 to 4 keys against snapshot, lock_all and with_keys on all of them.
TYPED_TEST(TransferTest, ObserversOfAtomicTransfersSeeTheConstantTotal) {
  using S = TypeParam;
  using Key = typename S::Key;
  using Value = typename S::Value;
  const u64 times = scaled(10'000, 300);
  for (Rounds rounds(1); rounds.next();) {
    typename S::Map map;
    const auto reporter = this->dump_on_hang(map);
    this->open_accounts(map);
    stress::Violations violations;
    std::atomic<u64> looks{0};
    const auto look = [&](u64 sum, const char* how) {
      violations.expect(sum == bank_total, how, sum, bank_total);
      looks.fetch_add(1, std::memory_order_relaxed);
    };
    std::vector<Key> all_keys;
    for (u64 n = 0; n < accounts; ++n) all_keys.push_back(S::key(n));
    {
      stress::Churn<S> churn(map, 1000, churned_keys<S>);
      Background observer([&](const std::atomic<bool>& stop) {
        Rng rng = stress::random_for(rounds.round() * 16 + 9);
        do {
          switch (rng.below(3)) {
            case 0: look(this->sum_of(map.snapshot()), "snapshot"); break;
            case 1: {
              auto all = map.lock_all();
              u64 sum = 0;
              for (auto&& item : all.iter()) {
                if (number(item.key()) < accounts) sum += number(item.value());
              }
              look(sum, "lock_all");
              break;
            }
            default: {
              u64 sum = 0;
              map.with_keys(all_keys, [&](std::span<Value*> found) {
                for (const Value* value : found) sum += number(*value);
              });
              look(sum, "with_keys");
            }
          }
        } while (!stopped(stop));
      });
      phase("transferring");
      run_threads(thread_count - 1, [&](unsigned thread) {
        Rng rng = stress::random_for(rounds.round() * 16 + thread);
        std::vector<Key> keys;
        for (u64 i = 0; i < times; ++i) {
          keys.clear();
          for (u64 n = 2 + rng.below(3); n > 0; --n) keys.push_back(S::key(rng.below(accounts)));
          map.with_keys(keys, [&](std::span<Value*> found) {
            if (found.size() != keys.size()) return violations.add("wrong number of values");
            for (std::size_t k = 1; k < found.size(); ++k) {
              const u64 amount = std::min<u64>(number(*found[0]), rng.below(10));
              this->take(*found[0], amount);
              stress::maybe_yield(rng, 32);
              this->give(*found[k], amount);  // may be the same account
            }
          });
        }
      });
      phase("stopping the others");
    }
    EXPECT_NO_VIOLATIONS(violations);
    EXPECT_GT(looks.load(), 0U);
    EXPECT_EQ(this->total(map), bank_total);
  }
}

// Two guards taken in the order of the hash make a transfer atomic too.
TYPED_TEST(TransferTest, TransfersUnderTwoOrderedGuardsAreAtomic) {
  using S = TypeParam;
  const u64 times = scaled(10'000, 300);
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  this->open_accounts(map);
  stress::Violations violations;
  {
    stress::Churn<S> churn(map, 1000, churned_keys<S>);
    Background observer([&](const std::atomic<bool>& stop) {
      do {
        const u64 sum = this->sum_of(map.snapshot());
        violations.expect(sum == bank_total, "snapshot", sum, bank_total);
      } while (!stopped(stop));
    });
    phase("transferring");
    run_threads(thread_count - 1, [&](unsigned thread) {
      Rng rng = stress::random_for(thread);
      for (u64 i = 0; i < times; ++i) {
        auto first = S::key(rng.below(accounts));
        auto second = S::key(rng.below(accounts));
        if (first == second) continue;
        if (map.hash_usize(first) > map.hash_usize(second)) std::swap(first, second);
        auto one = map.get_mut(first);
        stress::maybe_yield(rng, 16);
        auto two = map.get_mut(second);
        auto& from = rng.one_in(2) ? *one : *two;
        auto& to = &from == &*one ? *two : *one;
        const u64 amount = std::min(number(from), rng.below(10));
        this->take(from, amount);
        stress::maybe_yield(rng, 16);
        this->give(to, amount);
      }
    });
  }
  EXPECT_NO_VIOLATIONS(violations);
  EXPECT_EQ(this->total(map), bank_total);
}

TYPED_TEST(TransferTest, AKeyNamedTwiceGivesOnePointerAndAbsentKeysNull) {
  using S = TypeParam;
  using Key = typename S::Key;
  using Value = typename S::Value;
  typename S::Map map;
  this->open_accounts(map);
  run_threads(thread_count, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    for (u64 i = 0; i < scaled(2000, 100); ++i) {
      const Key twice = S::key(rng.below(accounts));
      const std::array<Key, 4> keys{twice, S::key(accounts + rng.below(100)), twice,
                                    S::key(accounts + thread)};
      map.with_keys(keys, [&](std::span<Value*> found) {
        ASSERT_EQ(found.size(), 4U);
        ASSERT_NE(found[0], nullptr);
        ASSERT_EQ(found[0], found[2]);
        ASSERT_EQ(found[1], nullptr);
        ASSERT_EQ(found[3], nullptr);
        this->give(*found[0], 1);
        this->take(*found[2], 1);
      });
    }
  });
  EXPECT_EQ(this->total(map), bank_total);
}

}  // namespace
