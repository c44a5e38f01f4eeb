// Sizes, seeds, time budget, threads and the watchdog of the multi-threaded tests.
//
// Short form: every test does a fixed amount of work. Long form: DASHMAP_STRESS_SECONDS is a total
// that the selected tests share. DASHMAP_STRESS_SEED repeats the random choices of a failed run
// (not the interleaving), and DASHMAP_STRESS_WATCHDOG sets the seconds after which a test that is
// still running is taken for hung: the process then aborts and names the test and its phase.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#if defined(__SANITIZE_THREAD__)
#define DASHMAP_STRESS_TSAN 1
#endif
#if defined(__SANITIZE_ADDRESS__)
#define DASHMAP_STRESS_ASAN 1
#endif
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DASHMAP_STRESS_TSAN 1
#endif
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define DASHMAP_STRESS_ASAN 1
#endif
#endif

namespace stress {

using u64 = std::uint64_t;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

#if defined(DASHMAP_STRESS_TSAN)
inline constexpr bool under_thread_sanitizer = true;
#else
inline constexpr bool under_thread_sanitizer = false;
#endif

#if defined(DASHMAP_STRESS_ASAN)
inline constexpr bool under_address_sanitizer = true;
#else
inline constexpr bool under_address_sanitizer = false;
#endif

#if defined(__OPTIMIZE__) || (defined(_MSC_VER) && defined(NDEBUG))
inline constexpr bool optimized = true;
#else
inline constexpr bool optimized = false;
#endif

inline constexpr bool under_sanitizer = under_thread_sanitizer || under_address_sanitizer;
inline constexpr bool small_address_space = sizeof(void*) < 8;

/// By how much a test shrinks its work in this build.
inline constexpr u64 slowdown = (under_thread_sanitizer    ? 16
                                 : under_address_sanitizer ? 5
                                                           : 1) *
                                (optimized ? 1 : 3);

/// `full` in an optimized build without sanitizers, elsewhere a fraction, never below `least`.
constexpr u64 scaled(u64 full, u64 least = 1) { return std::max(full / slowdown, least); }

/// A bijective scrambler (the finalizer of splitmix64).
constexpr u64 mix(u64 x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31);
}

// ---- Environment ---------------------------------------------------------------------------

inline std::optional<u64> environment_number(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return static_cast<u64>(std::strtoull(text, nullptr, 0));
}

inline u64 base_seed() {
  static const u64 seed = [] {
    if (const auto given = environment_number("DASHMAP_STRESS_SEED")) return *given;
    std::random_device device;
    return (u64{device()} << 20) ^ u64 { device() };
  }();
  return seed;
}

/// Seconds of the long form, 0 in the short form.
inline u64 long_form_seconds() {
  static const u64 total = environment_number("DASHMAP_STRESS_SECONDS").value_or(0);
  return total;
}

/// The share of the long form that one test gets; zero in the short form.
inline milliseconds test_share() {
  const int tests = std::max(1, ::testing::UnitTest::GetInstance()->test_to_run_count());
  return milliseconds(long_form_seconds() * 1000 / static_cast<u64>(tests));
}

inline std::string current_test_name() {
  const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
  if (info == nullptr) return "(no test)";
  return std::string(info->test_suite_name()) + "." + info->name();
}

// ---- Random choices ------------------------------------------------------------------------

class Rng {
 public:
  explicit Rng(u64 seed) : state_(mix(seed + 0x9e3779b97f4a7c15U)) {}

  u64 next() {
    state_ += 0x9e3779b97f4a7c15U;
    return mix(state_);
  }
  u64 below(u64 bound) { return next() % bound; }
  bool one_in(u64 n) { return below(n) == 0; }

 private:
  u64 state_;
};

/// A generator of its own for each `salt` (a thread, a round) of the running test.
inline Rng random_for(u64 salt) {
  const u64 name = std::hash<std::string>{}(current_test_name());
  return Rng(base_seed() ^ mix(name) ^ mix(salt * 2 + 1));
}

/// Lets other threads in now and then, so that operations overlap also on few cores.
inline void maybe_yield(Rng& rng, u64 one_in = 8) {
  if (rng.one_in(one_in)) std::this_thread::yield();
}

// ---- Watchdog ------------------------------------------------------------------------------

inline std::atomic<const char*> current_phase{"start"};

/// Names what the running test is doing, for the watchdog's message. Takes string literals.
inline void phase(const char* name) { current_phase.store(name, std::memory_order_relaxed); }

/// Aborts the process when it is not destroyed within a limit.
class Watchdog {
 public:
  Watchdog(std::string test, seconds limit)
      : test_(std::move(test)), thread_([this, limit] { watch(limit); }) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  /// What to print beside the test's name when it hangs; null for nothing.
  void on_hang(std::function<void(std::ostream&)> report) {
    const std::lock_guard lock(mutex_);
    report_ = std::move(report);
  }

 private:
  void watch(seconds limit) {
    std::unique_lock lock(mutex_);
    if (wake_.wait_for(lock, limit, [this] { return done_; })) return;
    std::cerr << "\n[ WATCHDOG ] " << test_ << " still running after " << limit.count()
              << " s in phase '" << current_phase.load(std::memory_order_relaxed)
              << "', DASHMAP_STRESS_SEED=" << base_seed() << std::endl;
    if (report_) report_(std::cerr);
    std::cerr << std::flush;
    std::abort();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::function<void(std::ostream&)> report_;
  std::string test_;
  std::thread thread_;  // last: starts when all else is there
};

/// The fixture of all multi-threaded tests: a watchdog, and the seed when a test fails.
class StressTest : public ::testing::Test {
 protected:
  void SetUp() override {
    phase("start");
    const u64 usual = environment_number("DASHMAP_STRESS_WATCHDOG")
                          .value_or(under_sanitizer || !optimized ? 900 : 180);
    const u64 share = static_cast<u64>(test_share().count()) / 1000;
    watchdog_.emplace(current_test_name(), seconds(usual + 3 * share));
  }

  void TearDown() override {
    watchdog_.reset();
    if (HasFailure()) {
      std::cerr << "[  STRESS  ] " << current_test_name()
                << " failed with DASHMAP_STRESS_SEED=" << base_seed() << std::endl;
    }
  }

  /// Prints the map's lock table when the test hangs. Call the result's destructor (end of scope)
  /// before the map goes away.
  template <class Map>
  [[nodiscard]] auto dump_on_hang(const Map& map) {
    struct Forget {
      Watchdog* watchdog;
      explicit Forget(Watchdog* w) : watchdog(w) {}
      Forget(const Forget&) = delete;
      Forget& operator=(const Forget&) = delete;
      ~Forget() { watchdog->on_hang(nullptr); }
    };
    if constexpr (requires(std::ostream& out) { map.dump_locks(out); }) {
      watchdog_->on_hang([&map](std::ostream& out) { map.dump_locks(out); });
    }
    return Forget(&*watchdog_);
  }

 private:
  std::optional<Watchdog> watchdog_;
};

/// `for (Rounds rounds(n); rounds.next();)`: n rounds in the short form, as many as fit into the
/// test's share of time in the long form. `part` is the fraction of the share that this loop takes.
class Rounds {
 public:
  explicit Rounds(u64 short_form, double part = 1.0)
      : left_(short_form),
        end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(test_share() * part)) {}

  bool next() {
    if (left_ > 0) {
      --left_;
      ++round_;
      return true;
    }
    if (long_form_seconds() == 0 || Clock::now() >= end_) return false;
    ++round_;
    return true;
  }

  /// 1 in the first round.
  u64 round() const { return round_; }

 private:
  u64 left_;
  u64 round_ = 0;
  Clock::time_point end_;
};

// ---- Threads -------------------------------------------------------------------------------

/// Runs `body` and turns an exception into a test failure.
template <class Body>
void guarded(const Body& body) {
  try {
    body();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "a thread ended by an exception: " << error.what();
  } catch (...) {
    ADD_FAILURE() << "a thread ended by an unknown exception";
  }
}

/// A barrier that may be used any number of times. It spins with yields: a thread that is let
/// through is already running, so that what follows overlaps as much as the machine allows.
class Barrier {
 public:
  explicit Barrier(unsigned count) : count_(count) {}

  void arrive_and_wait() {
    const unsigned generation = generation_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == count_) {
      arrived_.store(0, std::memory_order_relaxed);
      generation_.fetch_add(1, std::memory_order_acq_rel);
      return;
    }
    while (generation_.load(std::memory_order_acquire) == generation) std::this_thread::yield();
  }

 private:
  const unsigned count_;
  std::atomic<unsigned> arrived_{0};
  std::atomic<unsigned> generation_{0};
};

/// Runs `body(index)` in `count` threads that start together, and waits for them.
template <class Body>
void run_threads(unsigned count, const Body& body) {
  Barrier start(count);
  std::vector<std::thread> threads;
  threads.reserve(count);
  for (unsigned index = 0; index < count; ++index) {
    threads.emplace_back([&start, &body, index] {
      start.arrive_and_wait();
      guarded([&] { body(index); });
    });
  }
  for (auto& thread : threads) thread.join();
}

/// A thread that runs `body(stop)` until it returns; `stop` becomes true when `finish` is called
/// or the object is destroyed.
class Background {
 public:
  template <class Body>
  explicit Background(Body body)
      : thread_([this, body = std::move(body)] { guarded([&] { body(stop_); }); }) {}
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background() { finish(); }

  void finish() {
    stop_.store(true, std::memory_order_relaxed);
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;  // last
};

inline bool stopped(const std::atomic<bool>& stop) { return stop.load(std::memory_order_relaxed); }

/// Waits until `flag` is true.
inline void await(const std::atomic<bool>& flag) {
  while (!flag.load(std::memory_order_acquire)) std::this_thread::yield();
}

/// Waits until `ready()` is true.
template <class Ready>
void await_that(const Ready& ready) {
  while (!ready()) std::this_thread::yield();
}

/// Gives another thread a fair chance to get as far as it can. Never an oracle: a test that uses
/// this only finds less when the chance was not taken.
inline void linger(milliseconds duration = milliseconds(5)) {
  const auto end = Clock::now() + duration;
  while (Clock::now() < end) std::this_thread::sleep_for(std::chrono::microseconds(200));
}

// ---- Failures from hot loops ----------------------------------------------------------------

/// Counts broken expectations and keeps the text of the first few; cheap while nothing breaks.
class Violations {
 public:
  /// Notes a violation unless `holds`.
  bool expect(bool holds, std::string_view what, u64 a = 0, u64 b = 0, u64 c = 0) {
    if (!holds) [[unlikely]]
      add(what, a, b, c);
    return holds;
  }

  void add(std::string_view what, u64 a = 0, u64 b = 0, u64 c = 0) {
    if (count_.fetch_add(1, std::memory_order_relaxed) >= 8) return;
    const std::lock_guard lock(mutex_);
    text_ << "\n  " << what << " (" << a << ", " << b << ", " << c << ")";
  }

  u64 count() const { return count_.load(std::memory_order_relaxed); }
  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_.str();
  }

 private:
  std::atomic<u64> count_{0};
  mutable std::mutex mutex_;
  std::ostringstream text_;
};

#define EXPECT_NO_VIOLATIONS(violations) EXPECT_EQ((violations).count(), 0U) << (violations).text()

}  // namespace stress
