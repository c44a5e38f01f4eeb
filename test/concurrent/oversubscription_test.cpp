// More threads than processors, with guards held across a yield, so that holders lose the
// processor: those who wait sleep, the others go on, and the throughput stays what two threads
// reach.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <ctime>
#include <iostream>
#include <thread>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::Clock;
using stress::milliseconds;
using stress::phase;
using stress::Rng;
using stress::u64;

class OversubscriptionTest : public stress::StressTest {
 protected:
  static constexpr u64 keys = 100'000;
  static constexpr u64 yields_one_in = 1024;

  struct Measured {
    double per_second;
    double processor_ns;  // user and system time of an operation
  };

  void SetUp() override {
    StressTest::SetUp();
    for (u64 n = 0; n < keys; ++n) map.insert(n, 0);
  }

  /// `count` threads for a while: two shared guards to an exclusive one, some held across a yield.
  Measured measure(unsigned count) {
    constexpr milliseconds duration{100};
    std::atomic<bool> stop{false};
    std::atomic<u64> operations{0};
    std::vector<std::thread> threads;
    const std::clock_t processor = std::clock();
    const auto start = Clock::now();
    for (unsigned thread = 0; thread < count; ++thread) {
      threads.emplace_back([&, thread] {
        Rng rng = stress::random_for(thread);
        u64 mine = 0;
        for (; !stress::stopped(stop); ++mine) {
          const u64 key = rng.below(keys);
          if (mine % 3 == 0) {
            auto guard = map.get_mut(key);
            *guard += 1;
            stress::maybe_yield(rng, yields_one_in);
          } else {
            const auto guard = map.get(key);
            stress::maybe_yield(rng, yields_one_in);
          }
        }
        operations.fetch_add(mine);
      });
    }
    std::this_thread::sleep_for(duration);
    stop.store(true);
    for (auto& thread : threads) thread.join();
    const std::chrono::duration<double> took = Clock::now() - start;
    const double used = static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC;
    const auto all = static_cast<double>(operations.load());
    return {all / took.count(), used * 1e9 / all};
  }

  dashmap::DashMap<u64, u64> map;
};

TEST_F(OversubscriptionTest, SixteenThreadsGetAsMuchDoneAsTwo) {
  constexpr std::size_t rounds = 7;
  phase("measuring");
  std::array<double, rounds> throughput{};
  std::array<double, rounds> processor_time{};
  Measured two{};
  Measured sixteen{};
  for (std::size_t round = 0; round < rounds; ++round) {
    two = measure(2);
    sixteen = measure(16);
    throughput.at(round) = sixteen.per_second / two.per_second;
    processor_time.at(round) = sixteen.processor_ns / two.processor_ns;
  }
  const auto median = [](auto& ratios) {
    std::sort(ratios.begin(), ratios.end());
    return ratios[rounds / 2];
  };
  std::cout << "[ OVERLOAD ] 16 threads to 2, median of " << rounds << " rounds: throughput "
            << median(throughput) << ", processor time of an operation " << median(processor_time)
            << "; last round: " << two.per_second / 1e6 << " and " << sixteen.per_second / 1e6
            << " million operations a second, " << two.processor_ns << " and "
            << sixteen.processor_ns << " ns each\n";
  if (stress::under_sanitizer) return;  // they have locks of their own
  EXPECT_GE(median(throughput), 0.8);
  EXPECT_LE(median(processor_time), 3.0);  // with more processors, lines change hands
}

}  // namespace
