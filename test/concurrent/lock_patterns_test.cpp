// Threads that lock several keys in one order never get a DeadlockError, and threads that lock in
// no order at all go on, with a victim here and there. Whoever is refused lets go of everything.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/holds.hpp"
#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

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
using stress::u64;

// ---- Random patterns ------------------------------------------------------------------------

enum class Order { none, of_hash };

class LockPatternTest : public stress::StressTest {
 protected:
  // Cheap keys, and values of which every read but get_copy takes a lock.
  using S = stress::Subject<u64, std::string, stress::PairHash>;
  using Map = S::Map;
  using Value = S::Value;

  static constexpr std::size_t pairs = 6;  // of keys that share a lock
  static constexpr unsigned most_threads = 8;

  /// A thread of a pattern takes its keys one within the other.
  struct Step {
    const stress::Hold<S>* hold;
    u64 number;
    std::size_t hash;
  };

  void SetUp() override {
    StressTest::SetUp();
    Rng rng = stress::random_for(0);
    for (const u64 n : stress::numbers_apart<S>(map, pairs, rng)) {
      keys.push_back(n);
      keys.push_back(n + 1);
    }
  }

  /// A script of up to four steps with different keys.
  std::vector<Step> random_script(Order order, Rng& rng) const {
    static const auto holds = stress::all_holds<S>(stress::milliseconds(1));
    std::vector<Step> script;
    for (const u64 length = 1 + rng.below(4); script.size() < length;) {
      const u64 n = keys[rng.below(keys.size())];
      if (std::any_of(script.begin(), script.end(), [&](auto& step) { return step.number == n; })) {
        continue;
      }
      script.push_back({&holds[rng.below(holds.size())], n, map.hash_usize(S::key(n))});
    }
    // Of two keys that share a lock the one to be written comes first: after a shared lock the
    // other would be an upgrade, for which two readers wait for each other.
    if (order == Order::of_hash) {
      std::sort(script.begin(), script.end(), [](const auto& a, const auto& b) {
        return a.hash != b.hash ? a.hash < b.hash
                                : a.hold->begins_exclusive > b.hold->begins_exclusive;
      });
    }
    return script;
  }

  /// Checks from outside of the map that nobody holds a key with one who holds it alone.
  class Owners {
   public:
    void enter(const Step& step) {
      std::atomic<int>& owners = of(step);
      if (step.hold->exclusive) {
        EXPECT_EQ(owners.exchange(alone), 0) << step.hold->name;
      } else {
        EXPECT_GE(owners.fetch_add(1), 0) << step.hold->name;
      }
    }
    void leave(const Step& step) { of(step).fetch_sub(step.hold->exclusive ? alone : 1); }
    bool none() const {
      return std::all_of(owners_.begin(), owners_.end(), [](auto& one) { return one == 0; });
    }

   private:
    static constexpr int alone = -1000;
    std::atomic<int>& of(const Step& step) { return owners_[step.number]; }

    std::array<std::atomic<int>, prefill> owners_{};
  };

  void run_script(std::span<const Step> script, Owners& owners, Rng& rng) {
    if (script.empty()) return;
    const Step& step = script.front();
    step.hold->run(map, S::key(step.number), [&] {
      owners.enter(step);
      try {
        stress::maybe_yield(rng, 4);
        run_script(script.subspan(1), owners, rng);
      } catch (...) {
        owners.leave(step);
        throw;
      }
      owners.leave(step);
    });
  }

  /// An operation on the whole map by a thread that holds nothing: it is in no circle.
  void run_whole(Rng& rng) {
    switch (rng.below(5)) {
      case 0: static_cast<void>(map.lock_all()); break;
      case 1: static_cast<void>(map.snapshot()); break;
      case 2: map.retain([](const auto&, Value&) { return true; }); break;
      case 3:
        for (auto item : map.iter_mut()) item.value_mut() = S::value(number(item.key()));
        break;
      default:
        for (auto item : map.iter()) EXPECT_EQ(number(item.key()), number(item.value()));
    }
  }

  /// `patterns` random patterns of two to eight threads. Gives the number of refusals.
  u64 run_patterns(u64 patterns, Order order) {
    const auto reporter = dump_on_hang(map);
    stress::Churn<S> churn(map, prefill, 2 * prefill);
    Owners owners;
    std::barrier barrier(most_threads);
    std::atomic<unsigned> victims{0};
    u64 refusals = 0;
    // Whether there is another round, from the first thread to all.
    Rounds rounds(patterns, 0.5);
    std::atomic<u64> round{0};
    run_threads(most_threads, [&](unsigned thread) {
      for (;;) {
        if (thread == 0) round.store(rounds.next() ? rounds.round() : 0);
        barrier.arrive_and_wait();
        const u64 now = round.load();
        if (now == 0) return;
        Rng common = stress::random_for(now * 16);
        const auto participants = static_cast<unsigned>(2 + common.below(most_threads - 1));
        if (thread < participants) {
          Rng rng = stress::random_for(now * 16 + 1 + thread);
          try {
            if (rng.one_in(16)) {
              run_whole(rng);
            } else {
              run_script(random_script(order, rng), owners, rng);
            }
          } catch (const dashmap::DeadlockError& error) {
            victims.fetch_add(1);
            if (order != Order::none) ADD_FAILURE() << "pattern " << now << ": " << error.what();
          }
        }
        barrier.arrive_and_wait();
        if (thread != 0) continue;
        EXPECT_LT(victims.load(), participants) << "nobody was let through in pattern " << now;
        refusals += victims.exchange(0);
        EXPECT_TRUE(owners.none());
        for (const u64 n : keys) {
          EXPECT_TRUE(map.try_get_mut_for(S::key(n), stress::seconds(60)).is_present());
        }
      }
    });
    churn.finish();
    EXPECT_EQ(map.len(), prefill);
    RecordProperty("refusals", std::to_string(refusals));
    return refusals;
  }

  Map map = prefilled_map<S>();
  std::vector<u64> keys;
};

TEST_F(LockPatternTest, TenThousandInNoOrderNeverHang) {
  phase("patterns in no order");
  EXPECT_GT(run_patterns(scaled(10'000, 500), Order::none), 0U);
}

TEST_F(LockPatternTest, TenThousandInOneOrderAreNeverRefused) {
  phase("patterns in one order");
  EXPECT_EQ(run_patterns(scaled(10'000, 500), Order::of_hash), 0U);
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

}  // namespace
