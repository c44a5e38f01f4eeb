// Random single-key and multi-key operations of several threads on very few keys, while another
// thread makes the table grow and shrink: every history must be linearizable.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/history.hpp"
#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::Cell;
using stress::Cells;
using stress::history_keys;
using stress::Kind;
using stress::number;
using stress::Operation;
using stress::phase;
using stress::Rng;
using stress::Rounds;
using stress::run_threads;
using stress::scaled;
using stress::Subject;
using stress::Ticker;
using stress::u64;

/// One thread's part in a history.
template <class S>
class Performer {
 public:
  using Map = typename S::Map;
  using Key = typename S::Key;
  using Value = typename S::Value;

  Performer(Map& map, Ticker& ticker, unsigned thread, Rng rng)
      : map_(map), ticker_(ticker), thread_(thread), rng_(rng) {}

  /// One random call on a random key.
  void single_key() {
    const auto k = static_cast<std::uint8_t>(rng_.below(history_keys));
    const Key key = S::key(k);
    stress::maybe_yield(rng_, 16);
    if (rng_.one_in(128)) return visit_all();
    switch (rng_.below(30)) {
      case 0:
        return record(Kind::insert, k, [&](Operation& op) {
          op.seen = cell(map_.insert(key, S::value(op.argument)));
          return true;
        });
      case 1:
        return record(Kind::assign, k, [&](Operation& op) {
          op.flag = map_.insert_or_assign(key, S::value(op.argument));
          return true;
        });
      case 2:
      case 3:
        return record(Kind::read, k, [&](Operation& op) {
          op.seen = cell(map_.get_copy(key));
          return true;
        });
      case 4:
        return record(Kind::read, k, [&](Operation& op) {
          if (const auto guard = map_.get(key)) op.seen = number(*guard);
          return true;
        });
      case 5:
        return record(Kind::read, k, [&](Operation& op) {
          op.seen = map_.view(key, [](const Key&, const Value& v) { return number(v); });
          return true;
        });
      case 6:
        return record(Kind::contains, k, [&](Operation& op) {
          op.flag = map_.contains(key);
          return true;
        });
      case 7:
        return record(Kind::read, k, [&](Operation& op) {
          const auto guard = map_.get_mut(key);
          pause();
          if (guard) op.seen = number(*guard);
          return true;
        });
      case 8:
        return record(Kind::read, k, [&](Operation& op) {
          auto result = map_.try_get(key);
          if (result.is_locked()) return false;
          if (result.is_present()) op.seen = number(*result.unwrap());
          return true;
        });
      case 9:
        return record(Kind::remove, k, [&](Operation& op) {
          if (const auto removed = map_.remove(key)) op.seen = number(removed->second);
          return true;
        });
      case 10:
        return record(Kind::erase, k, [&](Operation& op) {
          op.flag = map_.erase(key);
          return true;
        });
      case 11:
        return record(Kind::increment, k, [&](Operation& op) {
          const bool found = map_.alter(key, [&](const Key&, Value value) {
            op.seen = number(value);
            pause();
            return S::value(*op.seen + 1);
          });
          return found == op.seen.has_value() || fail("alter's answer and its closure disagree");
        });
      case 12:
        return record(Kind::increment, k, [&](Operation& op) {
          if (auto guard = map_.get_mut(key)) increment(op, *guard);
          return true;
        });
      case 13:
        return record(Kind::increment, k, [&](Operation& op) {
          auto result = map_.try_get_mut(key);
          if (result.is_locked()) return false;
          if (result.is_present()) {
            auto guard = result.unwrap();
            increment(op, *guard);
          }
          return true;
        });
      case 14:
        return record(Kind::increment, k, [&](Operation& op) {
          auto result = map_.try_get_mut_for(key, std::chrono::microseconds(50));
          if (result.is_locked()) return false;
          if (result.is_present()) {
            auto guard = result.unwrap();
            increment(op, *guard);
          }
          return true;
        });
      case 15:
        return record(Kind::increment, k, [&](Operation& op) {
          auto guard = map_.get_mut(key);
          if (!guard) return true;
          increment(op, *guard);
          const auto reader = std::move(guard).downgrade();
          pause();
          return number(*reader) == *op.seen + 1 || fail("a write came between downgrade's locks");
        });
      case 16:
        return record(Kind::increment, k, [&](Operation& op) {
          map_.with_keys(std::array<Key, 1>{key}, [&](std::span<Value*> found) {
            if (found[0] != nullptr) increment(op, *found[0]);
          });
          return true;
        });
      case 17:
        return record(Kind::find_or_add, k, [&](Operation& op) {
          auto [guard, fresh] = map_.try_emplace(key, S::value(op.argument));
          op.seen = number(*guard);
          return fresh == (*op.seen == op.argument) || fail("try_emplace misreports");
        });
      case 18:
        return record(Kind::find_or_add, k, [&](Operation& op) {
          op.seen = number(*map_.entry(key).or_insert(S::value(op.argument)));
          return true;
        });
      case 19:
        return record(Kind::find_or_add, k, [&](Operation& op) {
          op.seen = number(*map_.entry(key).or_insert_with([&] {
            pause();
            return S::value(op.argument);
          }));
          return true;
        });
      case 20:
        return record(Kind::find_or_add, k, [&](Operation& op) {
          op.seen = number(*map_.get_or_insert_with(key, [&] {
            pause();
            return S::value(op.argument);
          }));
          return true;
        });
      case 21:
        return record(Kind::add_or_increment, k, [&](Operation& op) {
          static_cast<void>(map_.entry(key)
                                .and_modify([&](Value& value) { increment(op, value); })
                                .or_insert(S::value(op.argument)));
          return true;
        });
      case 22:
        return record(Kind::add_or_increment, k, [&](Operation& op) {
          map_.compute(key, [&](std::optional<Value>& value) {
            if (value) {
              increment(op, *value);
            } else {
              value = S::value(op.argument);
            }
          });
          return true;
        });
      case 23:
        return record(Kind::toggle, k, [&](Operation& op) {
          op.seen = map_.compute(key, [&](std::optional<Value>& value) {
            const Cell before = cell(value);
            pause();
            if (value) {
              value.reset();
            } else {
              value = S::value(op.argument);
            }
            return before;
          });
          return true;
        });
      case 24:
        return record(Kind::toggle, k, [&](Operation& op) {
          auto entry = map_.entry(key);
          if (entry.is_occupied()) {
            op.seen = number(entry.occupied()->get());
            pause();
            entry.occupied()->remove();
          } else {
            static_cast<void>(entry.vacant()->insert(S::value(op.argument)));
          }
          return true;
        });
      case 25:
        return record(Kind::remove_even, k, [&](Operation& op) {
          const auto removed = map_.remove_if(key, [](const Key&, const Value& value) {
            return number(value) % 2 == 0;
          });
          if (removed) op.seen = number(removed->second);
          return true;
        });
      case 26:
        return record(Kind::store, k, [&](Operation& op) {
          static_cast<void>(map_.entry(key).insert(S::value(op.argument)));
          return true;
        });
      case 27:
        return record(Kind::add_or_increment, k, [&](Operation& op) {
          auto entry = map_.try_entry(key);
          if (!entry) return false;
          static_cast<void>(std::move(*entry)
                                .and_modify([&](Value& value) { increment(op, value); })
                                .or_insert(S::value(op.argument)));
          return true;
        });
      case 28:
        return record(Kind::store, k, [&](Operation& op) {
          map_.insert_many(std::array<std::pair<Key, Value>, 1>{
              std::pair(key, S::value(op.argument))});
          return true;
        });
      default: return read_batch();
    }
  }

  /// One random call that concerns all keys as one step, or a call on one of them.
  void any_key() {
    switch (rng_.below(8)) {
      case 0:
        return record(Kind::increment_all, 0, [&](Operation& op) {
          map_.with_keys(all_keys(), [&](std::span<Value*> found) {
            for (std::size_t i = 0; i < history_keys; ++i) {
              if (found[i] == nullptr) continue;
              op.all_seen[i] = number(*found[i]);
              pause();
              *found[i] = S::value(*op.all_seen[i] + 1);
            }
          });
          return true;
        });
      case 1:
        return record(Kind::read_all, 0, [&](Operation& op) {
          for (const auto& [key, value] : map_.snapshot()) note(op, number(key), number(value));
          return true;
        });
      case 2:
        return record(Kind::read_all, 0, [&](Operation& op) {
          auto all = map_.lock_all();
          for (auto&& item : all.iter()) note(op, number(item.key()), number(item.value()));
          return true;
        });
      default: return single_key();
    }
  }

  std::vector<Operation>& history() { return history_; }

 private:
  static Cell cell(const std::optional<Value>& value) {
    return value ? Cell(number(*value)) : Cell();
  }

  static std::array<Key, history_keys> all_keys() { return {S::key(0), S::key(1), S::key(2)}; }

  static void note(Operation& op, u64 key, u64 value) {
    if (key < history_keys) op.all_seen[key] = value;
  }

  void pause() { stress::maybe_yield(rng_, 8); }

  void increment(Operation& op, Value& value) {
    op.seen = number(value);
    pause();
    value = S::value(*op.seen + 1);
  }

  static bool fail(const char* what) {
    ADD_FAILURE() << what;
    return true;
  }

  Operation operation(Kind kind, std::uint8_t key, unsigned lane) const {
    Operation op;
    op.kind = kind;
    op.key = key;
    op.slot = static_cast<std::uint8_t>(thread_ * (history_keys + 1) + lane);
    return op;
  }

  /// Runs `body`, which fills in what the call reported, or returns false when it did nothing.
  template <class Body>
  void record(Kind kind, std::uint8_t key, const Body& body) {
    Operation op = operation(kind, key, history_keys);
    // Never used before in this history; odd or even at random.
    op.argument = (u64{thread_} + 1) << 48 | ++count_ << 16 | rng_.below(2);
    op.invoked = ticker_.tick();
    const bool happened = body(op);
    op.returned = ticker_.tick();
    if (happened) history_.push_back(op);
  }

  /// A batch is not one step: each of its lookups is a read of its own within the same interval.
  void read_batch() {
    std::array<Cell, history_keys> seen;
    const u64 invoked = ticker_.tick();
    map_.get_many(all_keys(), [&](const Key& key, const Value* value) {
      if (value != nullptr) seen[number(key)] = number(*value);
    });
    const u64 returned = ticker_.tick();
    for (unsigned k = 0; k < history_keys; ++k) add_read(k, seen[k], invoked, returned);
  }

  /// What an iterator shows was there at some time during the iteration. (What it does not show may
  /// have been erased and inserted again.)
  void visit_all() {
    std::array<Cell, history_keys> seen;
    const u64 invoked = ticker_.tick();
    for (auto item : map_.iter()) {
      const u64 k = number(item.key());
      if (k < history_keys) seen[k] = number(item.value());
    }
    const u64 returned = ticker_.tick();
    for (unsigned k = 0; k < history_keys; ++k) {
      if (seen[k]) add_read(k, seen[k], invoked, returned);
    }
  }

  void add_read(unsigned key, Cell seen, u64 invoked, u64 returned) {
    Operation op = operation(Kind::read, static_cast<std::uint8_t>(key), key);
    op.seen = seen;
    op.invoked = invoked;
    op.returned = returned;
    history_.push_back(op);
  }

  Map& map_;
  Ticker& ticker_;
  unsigned thread_;
  Rng rng_;
  u64 count_ = 0;
  std::vector<Operation> history_;
};

enum class Calls { single_key, any_key };

/// One round: `threads` threads of `length` calls each on a fresh map, with `churned` other keys
/// coming and going (0: none).
template <class S>
void check_round(u64 round, unsigned threads, u64 length, u64 churned, Calls calls) {
  typename S::Map map;
  Ticker ticker;
  std::vector<std::vector<Operation>> parts(threads);
  {
    std::optional<stress::Churn<S>> churn;
    if (churned > 0) churn.emplace(map, 1000, churned);
    run_threads(threads, [&](unsigned thread) {
      Performer<S> performer(map, ticker, thread, stress::random_for(round * 16 + thread));
      performer.history().reserve(length + length / 4);
      for (u64 i = 0; i < length; ++i) {
        if (calls == Calls::single_key) {
          performer.single_key();
        } else {
          performer.any_key();
        }
      }
      parts[thread] = std::move(performer.history());
    });
  }
  std::vector<Operation> history;
  for (auto& part : parts) history.insert(history.end(), part.begin(), part.end());

  if (calls == Calls::any_key) {
    const auto verdict = stress::check_history(history, {});
    ASSERT_TRUE(verdict.linearizable) << verdict.explanation;
    return;
  }
  for (unsigned key = 0; key < history_keys; ++key) {
    const auto verdict = stress::check_history(stress::of_key(history, key), {});
    ASSERT_TRUE(verdict.linearizable) << verdict.explanation;
  }
}

template <class S>
class LinearizabilityTest : public stress::StressTest {};

/// Trivially copyable (read optimistically), not trivially copyable (read under a lock), of both
/// kinds, trivially copyable but large, and all keys in one group.
using Subjects = ::testing::Types<stress::Numbers, stress::Texts, stress::ShortTexts<u64>,
                                  Subject<u64, stress::Words<8>>, stress::Crowded>;
TYPED_TEST_SUITE(LinearizabilityTest, Subjects);

template <class S>
constexpr u64 churned_keys = S::crowding > 1 ? 60 : 1500;

TYPED_TEST(LinearizabilityTest, ShortHistoriesOnFreshMaps) {
  for (Rounds rounds(scaled(250, 20), 0.3); rounds.next() && !this->HasFatalFailure();) {
    check_round<TypeParam>(rounds.round(), 4, 40, 0, Calls::single_key);
  }
}

TYPED_TEST(LinearizabilityTest, SingleKeysWhileTheTableGrowsAndShrinks) {
  for (Rounds rounds(scaled(10, 2)); rounds.next() && !this->HasFatalFailure();) {
    check_round<TypeParam>(rounds.round(), 3 + rounds.round() % 2, 3000, churned_keys<TypeParam>,
                           Calls::single_key);
  }
}

TYPED_TEST(LinearizabilityTest, SeveralKeysAsOneStep) {
  for (Rounds rounds(scaled(12, 2)); rounds.next() && !this->HasFatalFailure();) {
    check_round<TypeParam>(rounds.round(), 3, 1000, churned_keys<TypeParam> / 5, Calls::any_key);
  }
}

}  // namespace
