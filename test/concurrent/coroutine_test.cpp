// The map in coroutines and in a thread pool, where what begins on one thread goes on on another:
// what docs/guards.md says about guards and suspensions, each of its statements.
//
// Coroutines here change their thread at each suspension, and which one they go on at is part of
// the test. None of them keeps a plain local guard beyond a suspension and then does more with it
// than to end it or to move it: that is what the documentation warns of.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using dashmap::DeadlockError;
using stress::await;
using stress::number;
using stress::phase;
using stress::Rng;
using stress::scaled;
using stress::u64;

// Threads with a queue each. Jobs of one worker run in the order in which they were posted.
class Workers {
 public:
  explicit Workers(unsigned count) : queues_(count) {
    for (unsigned index = 0; index < count; ++index) {
      threads_.emplace_back([this, index] { run(index); });
    }
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  ~Workers() {
    wait();
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

  unsigned count() const { return static_cast<unsigned>(queues_.size()); }

  void post(unsigned worker, std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      queues_[worker].push_back(std::move(job));
      ++unfinished_;
    }
    changed_.notify_all();
  }

  // `co_await workers.on(i)`: the coroutine goes on at that worker.
  auto on(unsigned worker) {
    struct Hop {
      Workers* workers;
      unsigned worker;
      bool await_ready() const noexcept { return false; }
      void await_suspend(std::coroutine_handle<> self) const { workers->post(worker, self); }
      void await_resume() const noexcept {}
    };
    return Hop{this, worker};
  }
  // At any of them.
  auto on_any(Rng& rng) { return on(static_cast<unsigned>(rng.below(count()))); }

  // Until all that was posted is done, and what that posted, and so on.
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return unfinished_ == 0; });
  }

 private:
  void run(unsigned index) {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return stop_ || !queues_[index].empty(); });
      if (queues_[index].empty()) return;
      auto job = std::move(queues_[index].front());
      queues_[index].pop_front();
      lock.unlock();
      stress::guarded(job);
      job = nullptr;
      lock.lock();
      if (--unfinished_ == 0) changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::deque<std::function<void()>>> queues_;
  u64 unfinished_ = 0;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

// A coroutine that nobody waits for but Workers::wait. It begins on the thread that calls it.
struct Task {
  struct promise_type {
    Task get_return_object() noexcept { return {}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() noexcept {}
    void unhandled_exception() {
      stress::guarded([] { throw; });
    }
  };
};

// ---- Nothing held across a suspension -------------------------------------------------------

constexpr u64 accounts = 20;
constexpr u64 opening_balance = 1000;
constexpr u64 coroutines = 12;

template <class S>
class CoroutineTest : public stress::StressTest {
 protected:
  using Map = typename S::Map;

  /// Many coroutines `carry(workers, map, violations, number)` at once; no money may be lost.
  template <class Carry>
  void run(const Carry& carry) {
    Map map;
    const auto reporter = this->dump_on_hang(map);
    stress::Violations violations;
    for (u64 n = 0; n < accounts; ++n) map.insert(S::key(n), S::value(opening_balance));
    phase("carrying");
    {
      Workers workers(4);
      for (u64 n = 0; n < coroutines; ++n) carry(workers, map, violations, n);
    }
    EXPECT_NO_VIOLATIONS(violations);
    EXPECT_EQ(map.len(), accounts);
    u64 total = 0;
    for (u64 n = 0; n < accounts; ++n) total += number(*map.get(S::key(n)));
    EXPECT_EQ(total, accounts * opening_balance);
  }
};

using Subjects = ::testing::Types<stress::Numbers, stress::Texts, stress::Crowded>;
TYPED_TEST_SUITE(CoroutineTest, Subjects);

// Carries money from account to account, and has it in its own hands while it changes threads.
template <class S>
Task carry_by_closures(Workers& workers, typename S::Map& map, stress::Violations& violations,
                       u64 self) {
  using Key = typename S::Key;
  using Value = typename S::Value;
  Rng rng = stress::random_for(self);
  const Key own = S::key(accounts + self);
  for (u64 i = 0; i < scaled(1000, 30); ++i) {
    co_await workers.on_any(rng);
    u64 in_hand = 0;
    map.alter(S::key(rng.below(accounts)), [&](const Key&, Value value) {
      in_hand = number(value) / 2;
      return S::value(number(value) - in_hand);
    });
    violations.expect(!map.insert(own, S::value(in_hand)), "own element was there", self);

    co_await workers.on_any(rng);
    const auto copy = map.get_copy(own);
    violations.expect(copy && number(*copy) == in_hand, "own element", self);
    map.compute(own, [](std::optional<Value>& value) { value.reset(); });

    co_await workers.on_any(rng);
    violations.expect(!map.contains(own), "own element is there", self);
    map.alter(S::key(rng.below(accounts)),
              [&](const Key&, const Value& value) { return S::value(number(value) + in_hand); });
    u64 seen = stress::damaged;
    const bool found = map.view(S::key(rng.below(accounts)),
                                [&](const Key&, const Value& value) { seen = number(value); });
    violations.expect(found && seen <= accounts * opening_balance, "viewed", seen);
  }
}

TYPED_TEST(CoroutineTest, ClosuresAndCopiesNeedNoCare) { this->run(carry_by_closures<TypeParam>); }

// The same with guards that end before each suspension, and are taken again after it.
template <class S>
Task carry_by_guards(Workers& workers, typename S::Map& map, stress::Violations& violations,
                     u64 self) {
  Rng rng = stress::random_for(self);
  for (u64 i = 0; i < scaled(1000, 30); ++i) {
    co_await workers.on_any(rng);
    const auto key = S::key(rng.below(accounts));
    u64 in_hand = 0;
    {
      auto guard = map.get_mut(key);
      in_hand = number(*guard) / 2;
      *guard = S::value(number(*guard) - in_hand);
    }
    co_await workers.on_any(rng);
    auto guard = map.get_mut(key);
    bool refused = false;
    try {
      map.insert(key, S::value(0));
    } catch (const DeadlockError&) {
      refused = true;
    }
    violations.expect(refused, "the guard does not count for the thread that took it", self);
    *guard = S::value(number(*guard) + in_hand);
  }
}

TYPED_TEST(CoroutineTest, GuardsAreTakenAgainAfterASuspension) {
  this->run(carry_by_guards<TypeParam>);
}

// ---- Guards that are held across a suspension ------------------------------------------------

using Map = dashmap::DashMap<u64, std::string, stress::OneGroup>;

class HeldAcrossTest : public stress::StressTest {
 protected:
  void SetUp() override {
    StressTest::SetUp();
    for (u64 n = 0; n < 8; ++n) map.insert(n, "value");
  }

  Map map;
};

// What a thread finds for whom a guard of key 1 counts.
void expect_own(Map& map) {
  EXPECT_THROW(static_cast<void>(map.get(1)), DeadlockError);
  EXPECT_THROW(map.clear(), DeadlockError);
  EXPECT_TRUE(map.try_get(1).is_locked());
  EXPECT_TRUE(map.contains(1));
  EXPECT_TRUE(map.insert(2, "other"));
  EXPECT_TRUE(map.insert(3, *map.get(2)));
}

// Others wait for a guard that sleeps in a coroutine, and any worker may end it.
Task hold_and_end(Workers& workers, Map& map, std::atomic<bool>& held, std::atomic<bool>& go_on,
                  std::atomic<bool>& ending) {
  co_await workers.on(0);
  auto guard = map.get_mut(1);
  *guard = "held";
  held.store(true);
  await(go_on);
  co_await workers.on(1);
  ending.store(true);
}

TEST_F(HeldAcrossTest, OthersWaitUntilAnyWorkerEndsIt) {
  const auto reporter = dump_on_hang(map);
  Workers workers(2);
  for (u64 round = 0; round < scaled(300, 30); ++round) {
    std::atomic<bool> held{false};
    std::atomic<bool> go_on{false};
    std::atomic<bool> ending{false};
    hold_and_end(workers, map, held, go_on, ending);
    await(held);
    EXPECT_TRUE(map.try_get(1).is_locked());
    go_on.store(true);
    EXPECT_EQ(map.insert(1, "value"), "held");
    EXPECT_TRUE(ending.load());
    workers.wait();
  }
  map.clear();
  EXPECT_TRUE(map.is_empty());
}

// A guard that was moved, into an optional here, counts for whoever used it last.
Task keep_in_optional(Workers& workers, Map& map) {
  co_await workers.on(0);
  std::optional guard(map.get_mut(1));
  for (unsigned hop = 0; hop < 3; ++hop) {
    co_await workers.on((hop + 1) % 2);
    **guard += '.';
    expect_own(map);
  }
  guard.reset();
  map.insert(1, map.get_copy(1).value() + "done");
}

TEST_F(HeldAcrossTest, AGuardInAnOptionalCountsForTheWorkerThatUsedItLast) {
  const auto reporter = dump_on_hang(map);
  {
    Workers workers(2);
    keep_in_optional(workers, map);
  }
  EXPECT_EQ(*map.get(1), "value...done");
}

// So does a plain local: it does not lie on a stack. Entries, too, which change the group itself.
Task keep_in_local(Workers& workers, Map& map) {
  co_await workers.on(0);
  auto guard = map.get_mut(1);
  co_await workers.on(1);
  *guard += "used";
  expect_own(map);
  auto entry = map.entry(100);
  co_await workers.on(0);
  EXPECT_EQ(entry.key(), 100U);
  EXPECT_EQ(*guard, "valueused");
  entry.or_insert("new");
  expect_own(map);
}

TEST_F(HeldAcrossTest, ALocalCountsForTheWorkerThatUsedItLast) {
  const auto reporter = dump_on_hang(map);
  {
    Workers workers(2);
    keep_in_local(workers, map);
  }
  EXPECT_EQ(*map.get(1), "valueused");
  EXPECT_EQ(*map.get(100), "new");
}

// The worker where the guard was taken is free for others: they wait as anybody would, and plain
// questions do not see what is being written.
Task write_elsewhere(Workers& workers, Map& map, std::atomic<bool>& used, std::atomic<bool>& asking,
                     std::atomic<bool>& ending) {
  co_await workers.on(0);
  std::optional guard(map.get_mut(1));
  co_await workers.on(1);
  **guard = std::string(100, 'a');
  used.store(true);
  await(asking);
  for (int i = 0; i < 100; ++i) **guard = std::string(100, i % 2 == 0 ? 'b' : 'a');
  ending.store(true);
}

TEST_F(HeldAcrossTest, TheWorkerThatTookItWaitsForTheOneThatUsesIt) {
  const auto reporter = dump_on_hang(map);
  Workers workers(2);
  for (u64 round = 0; round < scaled(300, 30); ++round) {
    std::atomic<bool> used{false};
    std::atomic<bool> asking{false};
    std::atomic<bool> ending{false};
    write_elsewhere(workers, map, used, asking, ending);
    await(used);
    workers.post(0, [&] {
      asking.store(true);
      switch (round % 3) {
        case 0: EXPECT_EQ(*map.get(1), std::string(100, 'a')); break;
        case 1: EXPECT_EQ(map.get_copy(1), std::string(100, 'a')); break;
        default: EXPECT_EQ(map.insert(1, "value"), std::string(100, 'a')); break;
      }
      EXPECT_TRUE(ending.load());
    });
    workers.wait();
  }
}

// Where a guard sleeps, its worker gets an error instead of a wait: with one worker that could not
// end.
Task hold_a_while(Workers& workers, Map& map) {
  co_await workers.on(0);
  auto guard = map.get_mut(1);
  co_await workers.on(0);
  *guard = "held";
}

Task ask_meanwhile(Workers& workers, Map& map) {
  co_await workers.on(0);
  EXPECT_THROW(map.insert(1, ""), DeadlockError);
  EXPECT_EQ(map.get_copy(1), "value");
  EXPECT_TRUE(map.insert(2, "other"));
  co_await workers.on(0);
  EXPECT_EQ(map.insert(1, "mine"), "held");
}

TEST_F(HeldAcrossTest, ASecondCoroutineOfTheWorkerGetsAnError) {
  const auto reporter = dump_on_hang(map);
  {
    // Both go on in turns: neither begins before both are in the queue.
    Workers workers(1);
    workers.post(0, [&] {
      hold_a_while(workers, map);
      ask_meanwhile(workers, map);
    });
  }
  EXPECT_EQ(*map.get(1), "mine");
}

// ---- A thread pool ----------------------------------------------------------------------------

struct Halves {
  u64 first = 0;
  u64 second = 0;
};
using HalvesMap = dashmap::DashMap<u64, Halves>;
using HalvesGuard = decltype(std::declval<HalvesMap&>().get_mut(u64{}));

class PoolTest : public stress::StressTest {
 protected:
  static constexpr u64 keys = 16;

  void SetUp() override {
    StressTest::SetUp();
    for (u64 n = 0; n < keys; ++n) map.insert(n, Halves{});
  }

  // Changes one half, and leaves the guard and the other half to a task of that worker.
  static void change(HalvesGuard guard, Workers& workers, unsigned worker) {
    guard->first += 1;
    auto shared = std::make_shared<HalvesGuard>(std::move(guard));
    workers.post(worker, [shared = std::move(shared)]() mutable {
      (*shared)->second += 1;
      shared.reset();
    });
  }

  // Nobody sees an element between the two halves of a change.
  void watch(u64 times) {
    for (u64 n = 0; n < times; ++n) {
      const auto guard = map.get(n % keys);
      EXPECT_EQ(guard->first, guard->second);
    }
  }

  u64 changes() {
    u64 sum = 0;
    for (auto item : map.iter()) sum += item.value().second;
    return sum;
  }

  HalvesMap map;
};

// Tasks that wait for keys, on workers of their own: the follow-ups wait for nothing, so that every
// guard ends. Two tasks that gave guards away and wait for each other's may be refused before the
// guards arrive; they begin again.
TEST_F(PoolTest, FollowUpsOnOtherWorkersEndTheGuards) {
  const auto reporter = dump_on_hang(map);
  const u64 tasks = scaled(4000, 200);
  std::function<void(u64)> task;
  {
    Workers workers(4);
    task = [&](u64 n) {
      try {
        change(map.get_mut(n % keys), workers, static_cast<unsigned>(2 + n % 2));
      } catch (const DeadlockError&) {
        workers.post(static_cast<unsigned>(n / keys % 2), [&task, n] { task(n); });
      }
    };
    for (u64 n = 0; n < tasks; ++n) {
      workers.post(static_cast<unsigned>(n / keys % 2), [&task, n] { task(n); });
    }
    watch(scaled(2000, 100));
  }
  EXPECT_EQ(changes(), tasks);
}

// Where all workers do all, a task does not wait: what it waits for might be behind it in the
// queue.
TEST_F(PoolTest, TasksThatDoNotWaitMayShareTheWorkersOfTheirFollowUps) {
  const auto reporter = dump_on_hang(map);
  const u64 tasks = scaled(1000, 100);
  std::function<void(u64)> task;
  {
    Workers workers(3);
    const auto post = [&](u64 n) {
      workers.post(static_cast<unsigned>(n % workers.count()), [&task, n] { task(n); });
    };
    task = [&, post](u64 n) {
      if (auto result = map.try_get_mut(n % keys); result.is_present()) {
        change(result.unwrap(), workers, static_cast<unsigned>((n + 1) % workers.count()));
      } else {
        std::this_thread::yield();
        post(n);
      }
    };
    for (u64 n = 0; n < tasks; ++n) post(n);
    watch(scaled(500, 50));
  }
  EXPECT_EQ(changes(), tasks);
}

}  // namespace
