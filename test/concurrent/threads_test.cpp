// Threads that come and go: short-lived threads, guards that travel between threads and outlive the
// thread that took them, and thread-local objects that use the map while their thread ends.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using stress::await;
using stress::number;
using stress::phase;
using stress::Rng;
using stress::run_threads;
using stress::scaled;
using stress::u64;

using Map = dashmap::DashMap<u64, u64>;
using Guard = decltype(std::declval<Map&>().get(u64{}));
using GuardMut = decltype(std::declval<Map&>().get_mut(u64{}));

using ThreadsTest = stress::StressTest;

TEST_F(ThreadsTest, ThousandsOfShortLivedThreads) {
  Map map;
  const auto reporter = dump_on_hang(map);
  map.insert(0, 0);
  const u64 batches = scaled(500, 40);
  constexpr unsigned alive = 8;
  stress::Violations violations;
  {
    stress::Churn<stress::Numbers> churn(map, 1 << 20, 2000);
    phase("running short-lived threads");
    for (u64 batch = 0; batch < batches; ++batch) {
      run_threads(alive, [&](unsigned thread) {
        const u64 own = 1 + batch * alive + thread;
        map.alter(0, [](const u64&, u64 value) { return value + 1; });
        map.insert(own, own);
        violations.expect(map.get_copy(own) == own, "own key", own);
        violations.expect(*map.get(own) == own, "own guard", own);
        for (u64 n = 1; n < batch * alive; n += 97) {
          violations.expect(map.contains(n) == (n % 2 == 0), "key of the dead", n);
        }
        if (own % 2 == 1) violations.expect(map.erase(own), "own key gone", own);
      });
    }
  }
  EXPECT_NO_VIOLATIONS(violations);
  EXPECT_EQ(map.get_copy(0), batches * alive);
  EXPECT_EQ(map.len(), 1 + batches * alive / 2);
}

// Some of the threads have a counter of their own, the others share; each wave takes over from the
// one before.
TEST_F(ThreadsTest, TheCountIsExactWhoeverCounted) {
  Map map;
  map.reserve(4096);
  const auto reporter = dump_on_hang(map);
  constexpr unsigned alive = 24;
  const u64 each = scaled(20'000, 2'000);
  for (u64 wave = 0; wave < 4; ++wave) {
    run_threads(alive, [&](unsigned thread) {
      for (u64 n = 0; n < each; ++n) map.insert(n * alive + thread, wave);
      for (u64 n = wave % 2; n < each; n += 2) map.erase(n * alive + thread);
    });
    ASSERT_EQ(map.len(), alive * (each / 2));
  }
}

TEST_F(ThreadsTest, ThreadsOutliveTheirMapsAndMapsTheirThreads) {
  auto shared = std::make_shared<Map>();
  std::vector<std::thread> threads;
  std::atomic<u64> done{0};
  for (unsigned i = 0; i < 4; ++i) {
    threads.emplace_back([map = shared, i, &done] {
      for (u64 n = 0; n < 1000; ++n) map->insert(n * 4 + i, n);
      Map own;  // one more map in this thread, dead before the thread
      for (u64 n = 0; n < 100; ++n) own.insert(n, n);
      done.fetch_add(own.len());
    });
  }
  shared.reset();  // the last thread destroys the map
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(done.load(), 400U);
}

TEST_F(ThreadsTest, GuardsAreReleasedByAnotherThread) {
  Map map;
  const auto reporter = dump_on_hang(map);
  for (u64 n = 0; n < 2000; ++n) map.insert(n, n);
  for (u64 round = 0; round < scaled(2000, 100); ++round) {
    const u64 key = round % 2000;
    if (round % 2 == 0) {
      std::thread([guard = map.get(key), key] { EXPECT_EQ(*guard, key); }).join();
    } else {
      std::thread([guard = map.get_mut(key), key]() mutable {
        EXPECT_EQ(*guard, key);
        *guard = key;
      }).join();
    }
    // Released for this thread too, which took it.
    map.alter(key, [](const u64&, u64 value) { return value + 1; });
    *map.get_mut(key) -= 1;
    EXPECT_EQ(map.get_copy(key), key);
  }
}

TEST_F(ThreadsTest, GuardsOutliveTheThreadThatTookThem) {
  Map map;
  const auto reporter = dump_on_hang(map);
  for (u64 n = 0; n < 2000; ++n) map.insert(n, n);
  for (u64 round = 0; round < scaled(1000, 60); ++round) {
    const u64 key = round % 2000;
    std::optional<Guard> reader;
    std::optional<GuardMut> writer;
    const bool exclusive = round % 2 == 1;
    std::thread([&] {
      if (exclusive) {
        writer.emplace(map.get_mut(key));
      } else {
        reader.emplace(map.get(key));
      }
    }).join();
    // The thread is gone, its lock is not.
    std::atomic<bool> knocking{false};
    std::atomic<bool> entered{false};
    std::atomic<bool> released{false};
    std::thread visitor([&] {
      stress::guarded([&] {
        EXPECT_TRUE(map.try_get_mut(key).is_locked());
        knocking.store(true);
        auto guard = map.get_mut(key);  // waits; the one who took the lock may have been "me" once
        EXPECT_TRUE(released.load()) << "entered while a guard was alive";
        entered.store(true);
        *guard += 1;
      });
    });
    await(knocking);
    if (round % 50 == 0) stress::linger();
    EXPECT_FALSE(entered.load());
    if (exclusive) {
      EXPECT_EQ(**writer, key);
      released.store(true);
      writer.reset();
    } else {
      EXPECT_EQ(**reader, key);
      released.store(true);
      reader.reset();
    }
    visitor.join();
    EXPECT_EQ(map.insert(key, key), key + 1);
  }
}

// Guards go round through a pool: taken by one thread, dropped by whoever comes next.
TEST_F(ThreadsTest, GuardsGoRoundBetweenThreads) {
  Map map;
  const auto reporter = dump_on_hang(map);
  constexpr u64 keys = 64;
  for (u64 n = 0; n < keys; ++n) map.insert(n, 0);
  std::mutex mutex;
  std::vector<GuardMut> pool;
  std::atomic<u64> added{0};
  phase("passing guards");
  run_threads(4, [&](unsigned thread) {
    Rng rng = stress::random_for(thread);
    for (u64 i = 0; i < scaled(20'000, 500); ++i) {
      // Never waits while the pool holds guards: their owner may be anybody.
      if (auto result = map.try_get_mut(rng.below(keys)); result.is_present()) {
        GuardMut guard = result.unwrap();
        *guard += 1;
        added.fetch_add(1);
        const std::lock_guard lock(mutex);
        pool.push_back(std::move(guard));
      }
      std::optional<GuardMut> taken;
      {
        const std::lock_guard lock(mutex);
        if (pool.size() > rng.below(6)) {
          taken.emplace(std::move(pool.back()));
          pool.pop_back();
        }
      }
      if (taken) {
        **taken += 1;
        added.fetch_add(1);
        // Nobody may wait with guards in hand whose order is chance.
        static_cast<void>(map.try_get(rng.below(keys)));
      }
    }
  });
  pool.clear();
  u64 sum = 0;
  for (u64 n = 0; n < keys; ++n) sum += *map.get_mut(n);
  EXPECT_EQ(sum, added.load());
  map.clear();  // nothing is locked any more
  EXPECT_TRUE(map.is_empty());
}

// ---- Thread-local objects of the user -------------------------------------------------------

struct LastWords {
  Map* map = nullptr;
  u64 key = 0;

  ~LastWords() {
    if (map == nullptr) return;
    map->insert(key, key);
    map->alter(0, [](const u64&, u64 value) { return value + 1; });
    const u64 seen = *map->get(key);
    *map->entry(1).or_insert(0) += seen == key ? 1 : 0;
    for (u64 n = 0; n < 64; ++n) map->insert((key << 20) + n, n);
    for (auto item : map->iter()) {
      if (item.key() == 0) break;
    }
  }
};

void end_threads_with_last_words(bool touch_map_first) {
  Map map;
  map.insert(0, 0);
  map.insert(1, 0);
  const u64 batches = scaled(60, 10);
  for (u64 batch = 0; batch < batches; ++batch) {
    run_threads(4, [&](unsigned thread) {
      const u64 key = 2 + batch * 4 + thread;
      // Thread-local objects die in the reverse order of their construction: here the map's own
      // are born before the user's, or after, and die after or before.
      if (touch_map_first) map.insert(key + (u64{1} << 40), 0);
      static thread_local LastWords words;
      words.map = &map;
      words.key = key;
      map.insert(key + (u64{1} << 40), 0);
      EXPECT_EQ(*map.get(key + (u64{1} << 40)), 0U);
    });
  }
  EXPECT_EQ(map.get_copy(0), batches * 4);
  EXPECT_EQ(map.get_copy(1), batches * 4);
  EXPECT_EQ(map.len(), 2 + batches * 4 * 66);
}

TEST_F(ThreadsTest, ThreadLocalDestructorsUseTheMapBornBeforeIt) {
  end_threads_with_last_words(false);
}

TEST_F(ThreadsTest, ThreadLocalDestructorsUseTheMapBornAfterIt) {
  end_threads_with_last_words(true);
}

TEST_F(ThreadsTest, ThreadLocalGuardsAreReleasedAtThreadExit) {
  Map map;
  for (u64 n = 0; n < 1000; ++n) map.insert(n, 0);
  for (u64 round = 0; round < scaled(200, 20); ++round) {
    const u64 key = round % 1000;
    std::thread([&] {
      // Born before the thread's first use of the map, so that it dies after what the map keeps
      // for the thread.
      static thread_local std::optional<GuardMut> kept;
      kept.reset();
      kept.emplace(map.get_mut(key));
      **kept += 1;
    }).join();
    *map.get_mut(key) += 1;  // hangs when the lock leaked
    EXPECT_TRUE(map.try_get_mut(key).is_present());
  }
  u64 sum = 0;
  for (auto item : map.iter()) sum += item.value();
  EXPECT_EQ(sum, 2 * scaled(200, 20));
}

/// Takes a guard when its thread ends.
struct LastGuard {
  Map* map = nullptr;
  ~LastGuard() {
    if (map != nullptr) *map->get_mut(0) += 1;
  }
};

TEST_F(ThreadsTest, ThreadsThatEndWithGuardsLeaveNoRecordsBehind) {
  Map map;
  map.insert(0, 0);
  const auto records = [] {
    std::size_t n = 0;
    for (auto* t = dashmap::detail::Held::threads(); t != nullptr; t = t->next) ++n;
    return n;
  };
  const std::size_t before = records();
  constexpr u64 threads = 50;
  for (u64 n = 0; n < threads; ++n) {
    std::thread([&] {
      static thread_local LastGuard last[4];
      for (LastGuard& guard : last) guard.map = &map;
      static thread_local LastGuard one;
      static thread_local LastGuard two;
      one.map = &map;
      two.map = &map;
    }).join();
  }
  EXPECT_EQ(map.get_copy(0), threads * 6);
  EXPECT_LE(records(), before + 1);
}

}  // namespace
