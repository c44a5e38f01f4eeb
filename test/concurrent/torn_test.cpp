// Torn values: every word of a value, and of a key, comes from one write. The words of a value are
// all equal and name the key that they belong to.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::Background;
using stress::damaged;
using stress::number;
using stress::phase;
using stress::Rng;
using stress::run_threads;
using stress::scaled;
using stress::stopped;
using stress::Subject;
using stress::u64;
using stress::WideKey;
using stress::WideKeyHash;
using stress::Words;

constexpr u64 hot_keys = 24;

/// A value for key k, different each time.
constexpr u64 stamp(u64 counter, u64 k) { return counter << 8 | k; }
constexpr u64 key_in(u64 stamped) { return stamped & 0xff; }

template <class S>
class TornValuesTest : public stress::StressTest {
 protected:
  using Map = typename S::Map;
  using Key = typename S::Key;
  using Value = typename S::Value;

  static void check(stress::Violations& violations, u64 k, u64 seen, const char* how) {
    if (seen == damaged) {
      violations.add(how, k, 0, 0);
    } else if (key_in(seen) != k) {
      violations.add("the value of another key", k, key_in(seen), seen);
    }
  }

  /// Overwrites word by word where the value is an array of words, so that a reader that is let in
  /// too early has the time to see a mix.
  static void rewrite(Value& value, u64 n, Rng& rng) {
    if constexpr (requires { value.words; }) {
      for (std::size_t i = 0; i < value.words.size(); ++i) {
        value.words[i] = n;
        if (i == 1) stress::maybe_yield(rng, 64);
      }
    } else {
      value = S::value(n);
    }
  }

  static void write_once(Map& map, u64 k, u64 n, Rng& rng, stress::Violations& violations) {
    const Key key = S::key(k);
    switch (rng.below(10)) {
      case 0:
        if (const auto old = map.insert(key, S::value(n))) {
          check(violations, k, number(*old), "insert gave a torn value");
        }
        break;
      case 1: map.insert_or_assign(key, S::value(n)); break;
      case 2:
        map.alter(key, [&](const Key&, Value value) {
          check(violations, k, number(value), "alter gave a torn value");
          rewrite(value, n, rng);
          return value;
        });
        break;
      case 3:
      case 4:
        if (auto guard = map.get_mut(key)) {
          check(violations, k, number(*guard), "get_mut gave a torn value");
          rewrite(*guard, n, rng);
        }
        break;
      case 5:
        static_cast<void>(map.entry(key)
                              .and_modify([&](Value& value) { rewrite(value, n, rng); })
                              .or_insert(S::value(n)));
        break;
      case 6:
        map.with_keys(std::array<Key, 1>{key}, [&](std::span<Value*> found) {
          if (found[0] != nullptr) rewrite(*found[0], n, rng);
        });
        break;
      case 7:
        if (const auto removed = map.remove(key)) {
          check(violations, k, number(removed->second), "remove gave a torn value");
          violations.expect(number(removed->first) == k, "remove gave a torn key", k);
        }
        break;
      case 8: map.erase(key); break;
      default:
        map.compute(key, [&](std::optional<Value>& value) {
          if (!value) {
            value = S::value(n);
          } else if (rng.one_in(2)) {
            rewrite(*value, n, rng);
          } else {
            value.reset();
          }
        });
    }
  }

  static void read_once(const Map& map, Rng& rng, stress::Violations& violations) {
    const u64 k = rng.below(hot_keys);
    const Key key = S::key(k);
    switch (rng.below(6)) {
      case 0:
      case 1:
      case 2:
        if (const auto copy = map.get_copy(key)) {
          check(violations, k, number(*copy), "get_copy gave a torn value");
        }
        break;
      case 3:
        map.view(key, [&](const Key& stored, const Value& value) {
          check(violations, k, number(value), "view gave a torn value");
          violations.expect(number(stored) == k, "view gave a torn key", k);
        });
        break;
      case 4:
        if (const auto guard = map.get(key)) {
          const u64 first = number(*guard);
          check(violations, k, first, "get gave a torn value");
          stress::maybe_yield(rng, 32);
          violations.expect(number(*guard) == first, "changed under a guard", k);
          violations.expect(number(guard.key()) == k, "get gave a torn key", k);
        }
        break;
      default:
        map.get_many(std::array<Key, 2>{key, S::key(rng.below(hot_keys))}, [&](const Key& query,
                                                                               const Value* value) {
          if (value == nullptr) return;
          check(violations, number(query), number(*value), "get_many gave a torn value");
        });
    }
    if (rng.one_in(512)) {
      for (auto item : map.iter()) {
        const u64 stored = number(item.key());
        if (!violations.expect(stored != damaged, "iter gave a torn key")) continue;
        if (stored < hot_keys) {
          check(violations, stored, number(item.value()), "iter gave a torn value");
        }
      }
    }
    if (rng.one_in(512)) {
      for (const auto& [stored, value] : map.snapshot()) {
        if (number(stored) < hot_keys) {
          check(violations, number(stored), number(value), "snapshot gave a torn value");
        }
      }
    }
  }

  /// Two writers and two readers on the hot keys, with `churned` other keys coming and going.
  void mix_writers_and_readers(u64 writes, u64 churned) {
    stress::Violations violations;
    Map map;
    const auto reporter = this->dump_on_hang(map);
    std::atomic<u64> reads{0};
    {
      std::optional<stress::Churn<S>> churn;
      if (churned > 0) churn.emplace(map, 1000, churned);
      const auto read = [&](u64 salt) {
        return [&, salt](const std::atomic<bool>& stop) {
          Rng rng = stress::random_for(salt);
          u64 mine = 0;
          for (; !stopped(stop) || mine == 0; ++mine) read_once(map, rng, violations);
          reads.fetch_add(mine);
        };
      };
      Background first_reader(read(10));
      Background second_reader(read(11));
      phase("writing");
      run_threads(2, [&](unsigned w) {
        Rng rng = stress::random_for(w);
        for (u64 i = 0; i < writes; ++i) {
          const u64 k = rng.below(hot_keys);
          write_once(map, k, stamp(2 * i + w + 1, k), rng, violations);
        }
      });
      phase("stopping the others");
    }
    EXPECT_GT(reads.load(), 0U);
    EXPECT_NO_VIOLATIONS(violations);
  }
};

/// Trivially copyable values of 32, 64 and 96 bytes; keys of 16 and 24 bytes; keys that own memory,
/// some or all; and all in one group.
using Subjects = ::testing::Types<Subject<u64, Words<4>>, Subject<u64, Words<8>>,
                                  Subject<u64, Words<12>>, Subject<WideKey<2>, u64, WideKeyHash>,
                                  Subject<WideKey<3>, Words<4>, WideKeyHash>,
                                  Subject<std::string, Words<4>>, stress::ShortTexts<Words<4>>,
                                  Subject<u64, Words<4>, stress::ConstantHash, 200>>;
TYPED_TEST_SUITE(TornValuesTest, Subjects);

TYPED_TEST(TornValuesTest, OnAQuietTable) {
  for (stress::Rounds rounds(1, 0.4); rounds.next();) {
    this->mix_writers_and_readers(scaled(200'000, 2000), 0);
  }
}

TYPED_TEST(TornValuesTest, WhileTheTableGrowsAndShrinks) {
  for (stress::Rounds rounds(1, 0.6); rounds.next();) {
    this->mix_writers_and_readers(scaled(200'000, 2000), TypeParam::crowding > 1 ? 60 : 1500);
  }
}

// One key that is erased and inserted again with another one that falls into the same slot: a
// reader must not take the key of one and the value of the other.
TYPED_TEST(TornValuesTest, SlotsThatChangeTheirOwner) {
  using S = TypeParam;
  stress::Violations violations;
  typename S::Map map;
  {
    const auto read = [&](u64 salt) {
      return [&, salt](const std::atomic<bool>& stop) {
        Rng rng = stress::random_for(salt);
        do {
          const u64 k = rng.below(hot_keys);
          if (const auto copy = map.get_copy(S::key(k))) {
            this->check(violations, k, number(*copy), "torn");
          }
          map.view(S::key(k), [&](const auto& key, const auto& value) {
            violations.expect(number(key) == k, "key of another", k, number(key));
            this->check(violations, k, number(value), "torn");
          });
        } while (!stopped(stop));
      };
    };
    Background first_reader(read(10));
    Background second_reader(read(11));
    Rng rng = stress::random_for(0);
    phase("replacing");
    for (u64 i = 1; i < scaled(400'000, 2000); ++i) {
      const u64 k = rng.below(hot_keys);
      map.insert(S::key(k), S::value(stamp(i, k)));
      map.erase(S::key(k));
    }
  }
  EXPECT_EQ(map.len(), 0U);
  EXPECT_NO_VIOLATIONS(violations);
}

}  // namespace
