// What docs/consistency.md says about fork.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "support/stress.hpp"

namespace {

using stress::scaled;
using stress::u64;
using Map = dashmap::DashMap<u64, u64>;
using TextMap = dashmap::DashMap<std::string, std::string>;

/// Forks; the child does `work()`, which says whether all was right, and leaves without clean-up.
template <class Work>
void expect_right_in_child(Work work) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::alarm(60);  // a hang
    int code = 1;
    try {
      code = work() ? 0 : 1;
    } catch (...) {
      code = 2;
    }
    ::_exit(code);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_FALSE(WIFSIGNALED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0) << "1: wrong, 2: an exception";
}

/// All kinds of work on a map that holds 0 … n-1, each with itself; it holds the same afterwards.
bool works(Map& map, u64 n) {
  bool right = map.len() == n;
  for (u64 i = 0; i < n; ++i) right = right && map.get_copy(i) == i && *map.get(i) == i;
  for (u64 i = n; i < 4 * n; ++i) right = right && !map.insert(i, i);  // grows
  u64 met = 0;
  for (const auto item : map.iter()) right = right && item.key() == item.value() && ++met != 0;
  right = right && met == 4 * n;
  for (u64 i = n; i < 4 * n; ++i) right = right && map.remove(i).has_value();
  map.shrink_to_fit();
  {
    const auto guard = map.get_mut(1);
    try {
      map.insert(1, 2);
      right = false;
    } catch (const dashmap::DeadlockError&) {
    }
  }
  return right && map.snapshot().size() == n && map.lock_all().len() == n;
}

class ForkTest : public stress::StressTest {};

// Threads that come and go between two maps; the child uses a third, and makes a fourth.
TEST_F(ForkTest, AChildOfThreadsUsesMapsThatNobodyUsed) {
  constexpr u64 idle_size = 300;
  Map idle;
  for (u64 i = 0; i < idle_size; ++i) idle.insert(i, i);
  Map busy;
  TextMap busy_text;
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (u64 t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      for (u64 i = 0; !stop.load(); ++i) {
        busy.insert(i % 64, t);
        busy_text.insert(std::to_string(i % 7), "value");
        const auto guard = busy_text.get(std::to_string(i % 5));
        busy.remove(i % 50);
        if (i % 100 == 0) busy.shrink_to_fit();
      }
    });
  }
  for (u64 round = 0; round < scaled(20) && !HasFailure(); ++round) {
    expect_right_in_child([&] {
      static Map fresh;  // never destroyed: see DASHMAP_CHECKED there
      for (u64 i = 0; i < idle_size; ++i) fresh.insert(i, i);
      return works(idle, idle_size) && works(fresh, idle_size);
    });
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(works(idle, idle_size));
}

TEST_F(ForkTest, AChildOfThreadsMayExecute) {
  Map busy;
  std::atomic<bool> stop{false};
  std::thread thread([&] {
    for (u64 i = 0; !stop.load(); ++i) busy.insert(i % 1000, i);
  });
  expect_right_in_child([] {
    ::execl("/bin/true", "true", nullptr);
    return false;
  });
  stop = true;
  thread.join();
}

// Parent and child each have the guard, of maps that have nothing to do with each other any more.
TEST(ForkAloneTest, ParentAndChildGoOnWithTheirGuards) {
  TextMap map;
  for (int i = 0; i < 100; ++i) map.insert(std::to_string(i), "old");
  const auto go_on = [&](auto& guard) {
    bool right = map.try_get("1").is_locked() && *guard == "old";
    try {
      map.insert("1", "conflict");
      right = false;
    } catch (const dashmap::DeadlockError&) {
    }
    *guard = "new";
    for (int i = 2; i < 2000; ++i) map.insert(std::to_string(i), "grown");
    return right;
  };
  {
    auto guard = map.get_mut("1");
    expect_right_in_child([&] {
      bool right = go_on(guard);
      {
        const auto released = std::move(guard);
      }
      return right && map.get_copy("1") == "new" && map.erase("1") && map.len() == 1999;
    });
    EXPECT_EQ(*guard, "old");
    EXPECT_EQ(map.len(), 100U);
    EXPECT_TRUE(go_on(guard));
  }
  EXPECT_EQ(map.insert("1", "newer"), "new");
}

// The child is a process like any other: its threads wait for each other, tables are freed.
TEST(ForkAloneTest, TheChildMayHaveThreads) {
  Map map;
  for (u64 i = 0; i < 100; ++i) map.insert(i, 0);
  expect_right_in_child([&] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (u64 i = 0; i < 4000; ++i) {
          {
            auto guard = map.get_mut(i % 2);
            if (i % 64 == 0) std::this_thread::yield();
            *guard += 1;
          }  // with it, insertions into groups of others could be a circle
          map.insert(100 + i * 4 + static_cast<u64>(t), i);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return *map.get(0) + *map.get(1) == 16'000 && map.len() == 100 + 16'000;
  });
  EXPECT_EQ(map.len(), 100U);
}

// A closure's thread comes back twice, once in each process.
TEST(ForkAloneTest, ForkInsideAClosure) {
  Map map{{1, 1}};
  bool in_child = false;
  map.alter(1, [&](const u64&, u64 v) {
    const pid_t child = ::fork();
    in_child = child == 0;
    int status = 1;
    if (!in_child) {
      EXPECT_EQ(::waitpid(child, &status, 0), child);
      EXPECT_EQ(status, 0);
    }
    return v + (in_child ? 10 : 1);
  });
  if (in_child) ::_exit(map.get_copy(1) == 11 && !map.insert(2, 2) ? 0 : 1);
  EXPECT_EQ(map.get_copy(1), 2U);
}

}  // namespace
