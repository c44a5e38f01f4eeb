// Exact sums: several threads count on few hot keys through every way to change a value in place.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::number;
using stress::phase;
using stress::Rng;
using stress::Rounds;
using stress::run_threads;
using stress::scaled;
using stress::u64;

constexpr unsigned thread_count = 4;
constexpr u64 hot_keys = 3;

template <class S>
struct Idiom {
  const char* name;
  std::function<void(typename S::Map&, const typename S::Key&)> add_one;
};

/// The ways to add one to the counter of a key that may be absent.
template <class S>
std::vector<Idiom<S>> idioms_for_absent_keys() {
  using Map = typename S::Map;
  using Key = typename S::Key;
  using Value = typename S::Value;
  const auto bump = [](Value& value) { value = S::value(number(value) + 1); };
  return {
      {"entry().and_modify().or_insert()",
       [=](Map& map, const Key& key) {
         static_cast<void>(map.entry(key).and_modify(bump).or_insert(S::value(1)));
       }},
      {"*entry().or_insert()",
       [=](Map& map, const Key& key) { bump(*map.entry(key).or_insert(S::value(0))); }},
      {"*entry().or_insert_with()",
       [=](Map& map, const Key& key) {
         bump(*map.entry(key).or_insert_with([] { return S::value(0); }));
       }},
      {"*entry().or_insert_with_key()",
       [=](Map& map, const Key& key) {
         bump(*map.entry(key).or_insert_with_key([](const Key&) { return S::value(0); }));
       }},
      {"*entry().or_try_insert_with()",
       [=](Map& map, const Key& key) {
         bump(*map.entry(key).or_try_insert_with([] { return std::optional(S::value(0)); }));
       }},
      {"occupied entry insert, vacant entry insert",
       [=](Map& map, const Key& key) {
         auto entry = map.entry(key);
         if (auto* occupied = entry.occupied()) {
           occupied->insert(S::value(number(occupied->get()) + 1));
         } else {
           static_cast<void>(entry.vacant()->insert(S::value(1)));
         }
       }},
      {"occupied entry get_mut",
       [=](Map& map, const Key& key) {
         auto entry = map.entry(key);
         if (auto* occupied = entry.occupied()) {
           bump(occupied->get_mut());
         } else {
           static_cast<void>(entry.vacant()->insert(S::value(1)));
         }
       }},
      {"try_entry until not locked",
       [=](Map& map, const Key& key) {
         for (;;) {
           if (auto entry = map.try_entry(key)) {
             bump(*std::move(*entry).or_insert(S::value(0)));
             return;
           }
           std::this_thread::yield();
         }
       }},
      {"try_emplace",
       [=](Map& map, const Key& key) {
         auto [guard, fresh] = map.try_emplace(key, S::value(0));
         static_cast<void>(fresh);
         bump(*guard);
       }},
      {"compute",
       [=](Map& map, const Key& key) {
         map.compute(key, [&](std::optional<Value>& value) {
           value = S::value(value ? number(*value) + 1 : 1);
         });
       }},
      {"get_or_insert_with, then alter",
       [=](Map& map, const Key& key) {
         {
           [[maybe_unused]] const auto guard =
               map.get_or_insert_with(key, [] { return S::value(0); });
         }
         EXPECT_TRUE(
             map.alter(key, [](const Key&, Value value) { return S::value(number(value) + 1); }));
       }},
      {"get_or_insert_with whose factory counts, else get_mut",
       [=](Map& map, const Key& key) {
         bool inserted = false;
         {
           [[maybe_unused]] const auto guard = map.get_or_insert_with(key, [&] {
             inserted = true;
             return S::value(1);
           });
         }
         if (!inserted) bump(*map.get_mut(key));
       }},
  };
}

/// Those for a key that is there.
template <class S>
std::vector<Idiom<S>> idioms_for_present_keys() {
  using Map = typename S::Map;
  using Key = typename S::Key;
  using Value = typename S::Value;
  const auto bump = [](Value& value) { value = S::value(number(value) + 1); };
  return {
      {"alter",
       [=](Map& map, const Key& key) {
         map.alter(key, [](const Key&, Value value) { return S::value(number(value) + 1); });
       }},
      {"get_mut", [=](Map& map, const Key& key) { bump(*map.get_mut(key)); }},
      {"get_mut value_mut", [=](Map& map, const Key& key) { bump(map.get_mut(key).value_mut()); }},
      {"try_get_mut until present",
       [=](Map& map, const Key& key) {
         for (;;) {
           auto result = map.try_get_mut(key);
           EXPECT_FALSE(result.is_absent());
           if (result.is_present()) {
             bump(*result.unwrap());
             return;
           }
           std::this_thread::yield();
         }
       }},
      {"try_get_mut_for until present",
       [=](Map& map, const Key& key) {
         for (;;) {
           auto result = map.try_get_mut_for(key, std::chrono::milliseconds(1));
           EXPECT_FALSE(result.is_absent());
           if (result.is_present()) {
             bump(*result.unwrap());
             return;
           }
         }
       }},
      {"get_mut and downgrade",
       [=](Map& map, const Key& key) {
         auto guard = map.get_mut(key);
         bump(*guard);
         const u64 mine = number(*guard);
         const auto reader = std::move(guard).downgrade();
         EXPECT_EQ(number(*reader), mine);
       }},
      {"get_mut and map",
       [=](Map& map, const Key& key) {
         auto part = map.get_mut(key).map([](Value& value) -> Value& { return value; });
         bump(*part);
       }},
      {"with_keys",
       [=](Map& map, const Key& key) {
         map.with_keys(std::array<Key, 1>{key}, [&](std::span<Value*> found) { bump(*found[0]); });
       }},
      {"remove_if_mut that refuses",
       [=](Map& map, const Key& key) {
         map.remove_if_mut(key, [&](const Key&, Value& value) {
           bump(value);
           return false;
         });
       }},
  };
}

/// One call that adds one to each of the hot keys.
template <class S>
std::vector<std::pair<const char*, std::function<void(typename S::Map&)>>> idioms_for_all_keys() {
  using Map = typename S::Map;
  using Key = typename S::Key;
  using Value = typename S::Value;
  const auto is_hot = [](const Key& key) { return number(key) < hot_keys; };
  const auto bump = [](Value& value) { value = S::value(number(value) + 1); };
  return {
      {"iter_mut",
       [=](Map& map) {
         for (auto item : map.iter_mut()) {
           if (is_hot(item.key())) bump(item.value_mut());
         }
       }},
      {"alter_all",
       [=](Map& map) {
         map.alter_all([=](const Key& key, Value value) {
           return is_hot(key) ? S::value(number(value) + 1) : std::move(value);
         });
       }},
      {"retain",
       [=](Map& map) {
         map.retain([=](const Key& key, Value& value) {
           if (is_hot(key)) bump(value);
           return true;
         });
       }},
      {"with_keys on all",
       [=](Map& map) {
         map.with_keys(std::array<Key, hot_keys>{S::key(0), S::key(1), S::key(2)},
                       [&](std::span<Value*> found) {
                         for (Value* value : found) bump(*value);
                       });
       }},
  };
}

template <class S>
class CountersTest : public stress::StressTest {
 protected:
  using Map = typename S::Map;

  static void expect_counts(const Map& map, u64 total, const std::string& how) {
    u64 sum = 0;
    for (u64 k = 0; k < hot_keys; ++k) {
      const auto guard = map.get(S::key(k));
      if (guard) sum += number(*guard);
    }
    EXPECT_EQ(sum, total) << how;
  }

  static void insert_zeros(Map& map) {
    for (u64 k = 0; k < hot_keys; ++k) map.insert(S::key(k), S::value(0));
  }
};

using Subjects = ::testing::Types<stress::Numbers, stress::Texts, stress::Crowded>;
TYPED_TEST_SUITE(CountersTest, Subjects);

TYPED_TEST(CountersTest, EachIdiomAloneCountsExactly) {
  using S = TypeParam;
  const u64 times = scaled(4000, 100);
  auto idioms = idioms_for_absent_keys<S>();
  const std::size_t absent_ok = idioms.size();
  for (auto& idiom : idioms_for_present_keys<S>()) idioms.push_back(std::move(idiom));
  for (Rounds rounds(1, 0.4); rounds.next();) {
    for (std::size_t i = 0; i < idioms.size(); ++i) {
      phase(idioms[i].name);
      typename S::Map map;
      if (i >= absent_ok) this->insert_zeros(map);
      run_threads(thread_count, [&](unsigned thread) {
        Rng rng = stress::random_for(rounds.round() * 64 + thread);
        for (u64 n = 0; n < times; ++n) {
          idioms[i].add_one(map, S::key(rng.below(hot_keys)));
          stress::maybe_yield(rng, 64);
        }
      });
      this->expect_counts(map, thread_count * times, idioms[i].name);
    }
  }
}

TYPED_TEST(CountersTest, AllIdiomsTogetherCountExactlyWhileTheTableChangesSize) {
  using S = TypeParam;
  const u64 times = scaled(60'000, 500);
  auto idioms = idioms_for_absent_keys<S>();
  for (auto& idiom : idioms_for_present_keys<S>()) idioms.push_back(std::move(idiom));
  const auto for_all = idioms_for_all_keys<S>();
  for (Rounds rounds(2, 0.4); rounds.next();) {
    typename S::Map map;
    this->insert_zeros(map);
    const auto reporter = this->dump_on_hang(map);
    std::atomic<u64> total{0};
    {
      stress::Churn<S> churn(map, 1000, S::crowding > 1 ? 60 : 2000);
      phase("counting");
      run_threads(thread_count, [&](unsigned thread) {
        Rng rng = stress::random_for(rounds.round() * 64 + thread);
        u64 mine = 0;
        for (u64 n = 0; n < times; ++n) {
          if (rng.one_in(200)) {
            for_all[rng.below(for_all.size())].second(map);
            mine += hot_keys;
          } else {
            idioms[rng.below(idioms.size())].add_one(map, S::key(rng.below(hot_keys)));
            ++mine;
          }
        }
        total.fetch_add(mine);
      });
      phase("stopping the churn");
    }
    this->expect_counts(map, total.load(), "all idioms");
    EXPECT_EQ(map.len(), hot_keys);
  }
}

// A counter that is taken out of the map is carried by the thread and merged back: nothing that
// anybody counted may vanish or count twice.
TYPED_TEST(CountersTest, RemovedCountersAreMergedBackExactly) {
  using S = TypeParam;
  using Key = typename S::Key;
  using Value = typename S::Value;
  const u64 times = scaled(60'000, 500);
  const auto idioms = idioms_for_absent_keys<S>();
  // The last two idioms are two calls each: a removal may come between them.
  const std::size_t atomic_idioms = idioms.size() - 2;
  typename S::Map map;
  const auto reporter = this->dump_on_hang(map);
  {
    stress::Churn<S> churn(map, 1000, S::crowding > 1 ? 60 : 2000);
    phase("counting");
    run_threads(thread_count, [&](unsigned thread) {
      Rng rng = stress::random_for(thread);
      for (u64 n = 0; n < times; ++n) {
        const Key key = S::key(rng.below(hot_keys));
        idioms[rng.below(atomic_idioms)].add_one(map, key);
        if (!rng.one_in(4)) continue;
        u64 carried = 0;
        switch (rng.below(4)) {
          case 0:
            if (const auto removed = map.remove(key)) carried = number(removed->second);
            break;
          case 1: {
            auto entry = map.entry(key);
            if (auto* occupied = entry.occupied()) carried = number(occupied->remove());
            break;
          }
          case 2:
            if (const auto replaced = map.insert(key, S::value(0))) carried = number(*replaced);
            break;
          default:
            map.compute(key, [&](std::optional<Value>& value) {
              if (value) carried = number(*value);
              value.reset();
            });
        }
        static_cast<void>(
            map.entry(S::key(rng.below(hot_keys)))
                .and_modify([&](Value& value) { value = S::value(number(value) + carried); })
                .or_insert(S::value(carried)));
      }
    });
    phase("stopping the churn");
  }
  this->expect_counts(map, thread_count * times, "with removals");
}

}  // namespace
