// Nobody starves: a writer gets in among readers whose guards overlap without a gap, a reader gets
// in among writers, and a waiter of one kind among many of its own.
//
// There is no upper bound in time to test against, on a machine of any load: the bound is in turns
// that others get meanwhile, and the longest waits are printed. These tests end when the one who
// waits has got in often enough; the watchdog ends them when it never does.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <array>
#include <atomic>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::Background;
using stress::Clock;
using stress::milliseconds;
using stress::number;
using stress::phase;
using stress::Rng;
using stress::scaled;
using stress::stopped;
using stress::u64;

template <class S>
class FairnessTest : public stress::StressTest {
 protected:
  static constexpr u64 hot = 1;
  static constexpr u64 neighbour = 2;  // in the same group with a constant hash

  void SetUp() override {
    StressTest::SetUp();
    for (u64 n = 0; n < 8; ++n) map.insert(S::key(n), S::value(0));
  }

  /// Runs `attempt` `times` times while others count their turns in `others`. Reports the longest
  /// wait, and gives how many turns of others there were to a wait.
  template <class Attempt>
  u64 get_through(const char* who, const std::atomic<u64>& others, u64 times,
                  const Attempt& attempt) {
    auto longest = Clock::duration::zero();
    u64 most = 0;
    u64 all = 0;
    for (u64 i = 0; i < times; ++i) {
      const auto start = Clock::now();
      const u64 before = others.load();
      attempt();
      const u64 turns = others.load() - before;
      most = std::max(most, turns);
      all += turns;
      longest = std::max(longest, Clock::now() - start);
    }
    const auto in_us = std::chrono::duration_cast<std::chrono::microseconds>(longest).count();
    std::cout << "[ FAIRNESS ] " << who << ": longest of " << times << " waits " << in_us
              << " us; turns of others in a wait: at most " << most << ", on average "
              << all / times << "\n";
    EXPECT_LT(in_us, 60'000'000);
    return all / times;
  }

  /// Turns of others, on average: those who are inside, and those who come until the waiting thread
  /// has made itself known, which are many only when the system puts it off just then.
  static constexpr u64 few = 500;

  typename S::Map map;
};

using Subjects = ::testing::Types<stress::Numbers, stress::Texts, stress::Crowded>;
TYPED_TEST_SUITE(FairnessTest, Subjects);

/// Four readers pass the key on: each takes its guard before the one before it lets go, so that the
/// lock is never without a reader unless the map holds readers back.
template <class S>
class RelayOfReaders {
 public:
  explicit RelayOfReaders(typename S::Map& map)
      : readers_{reader(map), reader(map), reader(map), reader(map)} {
    stress::await_that([&] { return taken_.load() > 8; });
  }

  ~RelayOfReaders() {
    for (auto& one : readers_) one.finish();
  }

  RelayOfReaders(const RelayOfReaders&) = delete;
  RelayOfReaders& operator=(const RelayOfReaders&) = delete;

  const std::atomic<u64>& taken() const { return taken_; }

 private:
  Background reader(typename S::Map& map) {
    return Background([this, &map](const std::atomic<bool>& stop) {
      const auto key = S::key(1);
      while (!stopped(stop)) {
        const auto guard = map.get(key);
        const u64 mine = taken_.fetch_add(1) + 1;
        EXPECT_TRUE(guard);
        // Holds on until another reader has come in, or, when none is let in, for a moment.
        const auto patience = Clock::now() + milliseconds(2);
        while (taken_.load() == mine && Clock::now() < patience && !stopped(stop)) {
          std::this_thread::yield();
        }
      }
    });
  }

  std::atomic<u64> taken_{0};
  std::array<Background, 4> readers_;
};

TYPED_TEST(FairnessTest, WriterGetsInAmongOverlappingReaders) {
  using S = TypeParam;
  using Value = typename S::Value;
  const u64 times = scaled(60, 30);
  phase("writing among readers");
  RelayOfReaders<S> readers(this->map);
  u64 value = 0;
  const u64 turns = this->get_through("writer among readers", readers.taken(), times, [&] {
    const auto key = S::key(this->hot);
    switch (value % 5) {
      case 0: {
        auto guard = this->map.get_mut(key);
        *guard = S::value(++value);
        break;
      }
      case 1: this->map.insert(key, S::value(++value)); break;
      case 2: this->map.alter(key, [&](const auto&, Value) { return S::value(++value); }); break;
      case 3:
        this->map.with_keys(std::array{key},
                            [&](std::span<Value*> found) { *found[0] = S::value(++value); });
        break;
      default: {
        auto result = this->map.try_get_mut_for(key, stress::seconds(60));
        ASSERT_TRUE(result.is_present());
        *result.unwrap() = S::value(++value);
      }
    }
  });
  EXPECT_LT(turns, this->few);
  EXPECT_EQ(number(*this->map.get(S::key(this->hot))), times);
  EXPECT_GT(readers.taken().load(), 8U);
}

TYPED_TEST(FairnessTest, WholeMapOperationsGetInAmongOverlappingReaders) {
  using S = TypeParam;
  using Value = typename S::Value;
  phase("whole-map operations among readers");
  RelayOfReaders<S> readers(this->map);
  u64 turn = 0;
  const u64 turns =
      this->get_through("whole map among readers", readers.taken(), scaled(30, 5), [&] {
        switch (turn++ % 5) {
          case 0: this->map.retain([](const auto&, Value&) { return true; }); break;
          case 1: this->map.alter_all([](const auto&, Value value) { return value; }); break;
          case 2: {
            const auto all = this->map.lock_all();
            EXPECT_EQ(all.len(), 8U);
            break;
          }
          case 3:
            for (auto item : this->map.iter_mut()) item.value_mut() = S::value(turn);
            break;
          default: EXPECT_EQ(this->map.snapshot().size(), 8U);
        }
      });
  EXPECT_LT(turns, 10 * this->few);  // it takes lock after lock
}

// Readers who wait for a time only, and give up, let nobody in before the writer.
TYPED_TEST(FairnessTest, WriterGetsInAmongReadersThatGiveUp) {
  using S = TypeParam;
  phase("writing among readers that give up");
  RelayOfReaders<S> readers(this->map);
  Background impatient([&](const std::atomic<bool>& stop) {
    const auto key = S::key(this->hot);
    while (!stopped(stop)) {
      static_cast<void>(this->map.try_get_for(key, std::chrono::microseconds(300)));
      std::this_thread::yield();  // what is measured is the lock, not the scheduler
    }
  });
  const u64 turns = this->get_through("writer among readers that give up", readers.taken(), 60,
                                      [&] { *this->map.get_mut(S::key(this->hot)) = S::value(1); });
  EXPECT_LT(turns, 2 * this->few);  // with one thread more to share the processors
}

// A writer that reads another key meanwhile: the same group, where all keys share one.
TYPED_TEST(FairnessTest, WriterThatHoldsAnotherKeyGetsInAmongOverlappingReaders) {
  using S = TypeParam;
  phase("writing among readers with a guard in hand");
  RelayOfReaders<S> readers(this->map);
  const u64 turns =
      this->get_through("writer with a guard in hand", readers.taken(), scaled(60, 30), [&] {
        const auto other = this->map.get(S::key(this->neighbour));
        *this->map.get_mut(S::key(this->hot)) = S::value(1);
      });
  EXPECT_LT(turns, this->few);
}

// A key that shares its group with the readers' key, where all keys do.
TYPED_TEST(FairnessTest, InsertionAndRemovalBesideOverlappingReaders) {
  using S = TypeParam;
  phase("inserting beside readers");
  RelayOfReaders<S> readers(this->map);
  u64 turn = 0;
  const u64 turns =
      this->get_through("inserter beside readers", readers.taken(), scaled(60, 30), [&] {
        EXPECT_FALSE(this->map.insert(S::key(100 + turn), S::value(turn)));
        EXPECT_TRUE(this->map.erase(S::key(100 + turn)));
        ++turn;
      });
  EXPECT_LT(turns, this->few);
}

TYPED_TEST(FairnessTest, ReaderGetsInAmongWriters) {
  using S = TypeParam;
  phase("reading among writers");
  std::atomic<u64> writes{0};
  const auto write = [&](u64 salt) {
    return [&, salt](const std::atomic<bool>& stop) {
      Rng rng = stress::random_for(salt);
      for (u64 n = 1; !stopped(stop); ++n) {
        auto guard = this->map.get_mut(S::key(this->hot));
        writes.fetch_add(1);
        stress::maybe_yield(rng, 2);
        *guard = S::value(n);
      }
    };
  };
  Background first(write(1));
  Background second(write(2));
  Background third(write(3));
  u64 turn = 0;
  const u64 turns = this->get_through("reader among writers", writes, scaled(2000, 50), [&] {
    const auto key = S::key(this->hot);
    switch (turn++ % 4) {
      case 0: EXPECT_TRUE(this->map.get(key)); break;
      case 1: EXPECT_TRUE(this->map.get_copy(key)); break;
      case 2:
        EXPECT_TRUE(this->map.view(key, [](const auto&, const auto& v) { return number(v); }));
        break;
      default: EXPECT_TRUE(this->map.try_get_for(key, stress::seconds(60)).is_present());
    }
  });
  EXPECT_LT(turns, this->few);
}

TYPED_TEST(FairnessTest, EveryWriterAmongWritersGetsItsTurns) {
  using S = TypeParam;
  constexpr unsigned writers = 4;
  phase("writing among writers");
  std::array<std::atomic<u64>, writers> turns{};
  const u64 enough = scaled(200, 20);
  // Runs until the slowest has had enough: a starved one would make this run for ever.
  stress::run_threads(writers, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    for (;;) {
      {
        auto guard = this->map.get_mut(S::key(this->hot));
        stress::maybe_yield(rng, 4);
        *guard = S::value(number(*guard) + 1);
      }
      turns[thread].fetch_add(1);
      bool all = true;
      for (const auto& each : turns) all = all && each.load() >= enough;
      if (all) return;
    }
  });
  u64 total = 0;
  for (const auto& each : turns) total += each.load();
  EXPECT_EQ(number(*this->map.get(S::key(this->hot))), total);
}

// get_copy never keeps a writer waiting, however many threads read.
TYPED_TEST(FairnessTest, WriterIsNotHeldUpByCopiers) {
  using S = TypeParam;
  phase("writing among copiers");
  std::atomic<u64> copies{0};
  const auto copy = [&](const std::atomic<bool>& stop) {
    u64 last = 0;
    while (!stopped(stop)) {
      const auto seen = this->map.get_copy(S::key(this->hot));
      EXPECT_TRUE(seen);
      if (!seen) return;
      EXPECT_GE(number(*seen), last);  // one writer, which only counts up
      last = number(*seen);
      copies.fetch_add(1);
    }
  };
  Background first(copy);
  Background second(copy);
  Background third(copy);
  u64 value = 0;
  this->get_through("writer among copiers", copies, scaled(20'000, 500),
                    [&] { *this->map.get_mut(S::key(this->hot)) = S::value(++value); });
}

}  // namespace
