// The hangs, crashes and traps that users of other concurrent maps reported, each as a program
// here. Numbers are those of the issues of the Rust crate DashMap; what cannot even be compiled
// here is in test/compile_fail.

#include <gtest/gtest.h>
#include <dashmap/dashmap.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/stress.hpp"
#include "support/values.hpp"

namespace {

using dashmap::DeadlockError;
using stress::await;
using stress::scaled;
using stress::u64;

using Numbers = dashmap::DashMap<u64, u64>;
/// All keys share one lock, as keys of one shard do elsewhere.
using Crowded = dashmap::DashMap<u64, std::string, stress::OneGroup>;

/// A key is its own hash.
struct Raw {
  using is_avalanching = void;
  u64 operator()(u64 key) const noexcept { return key; }
};

class KnownBugsTest : public stress::StressTest {
 protected:
  void SetUp() override {
    StressTest::SetUp();
    for (u64 i = 0; i < 10; ++i) map.insert(i, "value " + std::to_string(i));
  }
  static void on_thread(const std::function<void()>& work) {
    std::thread([&] { stress::guarded(work); }).join();
  }

  Crowded map;
};

// --- Deadlocks and guards -----------------------------------------------------------------------

// A guard of one key, then another key that happens to share the lock: a hang by chance.
TEST_F(KnownBugsTest, Issue74_TwoKeysOfOneShard) {
  auto a = map.get_mut(1);
  auto b = map.get_mut(2);
  std::swap(*a, *b);
  EXPECT_EQ(*map.get(3), "value 3");
  EXPECT_EQ(*a, "value 2");
  EXPECT_EQ(*b, "value 1");
}

// Conditions that nobody could tell beforehand: here they follow from the keys alone, not from
// where hashes put them. (The whole table: test/unit/guard_table_test.cpp.)
TEST_F(KnownBugsTest, Issues216And233And313And363_ConflictsDependOnKeysNotOnPlaces) {
  for (u64 held = 0; held < 10; ++held) {
    const auto guard = map.get_mut(held);
    for (u64 other = 0; other < 10; ++other) {
      if (other == held) {
        EXPECT_THROW(static_cast<void>(map.get(other)), DeadlockError);
        EXPECT_THROW(map.insert(other, ""), DeadlockError);
      } else {
        EXPECT_TRUE(static_cast<bool>(map.get(other)));
        EXPECT_TRUE(map.insert(other, "new").has_value());
      }
    }
  }
}

// One thread reads a and writes b, another reads b and writes a.
TEST_F(KnownBugsTest, Issue369_CrossedReadsAndWrites) {
  for (u64 round = 0; round < scaled(20); ++round) {
    Numbers numbers{{1, 0}, {2, 0}};
    std::atomic<int> holding{0};
    std::atomic<int> errors{0};
    const auto run = [&](u64 mine, u64 other) {
      const auto guard = numbers.get(mine);
      ++holding;
      while (holding.load() != 2) std::this_thread::yield();
      try {
        numbers.insert(other, 1);
      } catch (const DeadlockError&) {
        ++errors;
      }
    };
    std::thread first(run, 1, 2);
    std::thread second(run, 2, 1);
    first.join();
    second.join();
    EXPECT_EQ(errors.load(), 1);
    EXPECT_EQ(*numbers.get(1) + *numbers.get(2), 1U);
  }
}

// A second read by the same thread while a writer waits in between.
TEST_F(KnownBugsTest, Issue195_SecondReadBehindAWaitingWriter) {
  std::atomic<bool> written{false};
  std::thread writer;
  {
    const auto first = map.get(1);
    writer = std::thread([&] {
      map.insert(1, "written");
      written = true;
    });
    stress::await_that([&] {
      std::ostringstream out;
      map.dump_locks(out);
      return out.str().find(" waits for ") != std::string::npos;
    });
    const auto second = map.get(1);
    const auto third = map.get(2);
    EXPECT_EQ(*second, "value 1");
    EXPECT_FALSE(written.load());
  }
  writer.join();
  EXPECT_EQ(*map.get(1), "written");
}

// Locks that the same thread may take again: for other keys and for reading they are.
TEST_F(KnownBugsTest, Issue356_AskingTheMapFromUnderItsOwnGuard) {
  map.alter(1, [&](u64, std::string text) {
    map.insert(2, "from inside");
    return text + *map.get(2);
  });
  EXPECT_EQ(*map.get(1), "value 1from inside");
}

// How a message tells which operation took a guard; in a checked build the line follows.
std::string taken_by(const std::string& operation) {
  return " (taken by " + operation + (DASHMAP_CHECKED != 0 ? " at " : ")");
}

// Which guard is it that everybody waits for?
TEST_F(KnownBugsTest, Issue243_AStuckProgramCanBeAsked) {
  std::ostringstream out;
  {
    const auto guard = map.get_mut(1);
    map.dump_locks(out);
  }
  EXPECT_NE(out.str().find("a RefMut" + taken_by("get_mut")), std::string::npos) << out.str();
}

// "An infinite loop in lock_exclusive_slow": the own guard was still alive.
TEST_F(KnownBugsTest, Issues316And319_AForgottenGuardIsAMessage) {
  const auto forgotten = map.get(1);
  try {
    map.remove(1);
    FAIL();
  } catch (const DeadlockError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("remove"), std::string::npos) << text;
    EXPECT_NE(text.find("a Ref" + taken_by("get")), std::string::npos) << text;
  }
}

TEST_F(KnownBugsTest, Issues35And239_LenInsideAFactory) {
  EXPECT_EQ(*map.entry(77).or_insert_with([&] { return std::to_string(map.len()); }), "10");
  EXPECT_EQ(map.len(), 11U);
  const auto guard = map.get_mut(77);
  EXPECT_EQ(map.len(), 11U);
  EXPECT_FALSE(map.is_empty());
}

TEST_F(KnownBugsTest, Issue284_RemovalInsideALoop) {
  for (auto it = map.iter().begin(); it != map.end(); ++it) {
    const u64 key = (*it).key();
    if (key % 2 == 0) map.remove(key);
  }
  EXPECT_EQ(map.len(), 5U);
  // With the item in hand it is an error, no hang.
  for (const auto item : map.iter()) EXPECT_THROW(map.remove(item.key()), DeadlockError);
}

// Look, then act: another thread came between. As one operation nobody does.
TEST_F(KnownBugsTest, Issues121And253And309And327_LookAndActAsOneStep) {
  Numbers numbers;
  constexpr u64 threads = 4;
  const u64 turns = scaled(2000);
  std::atomic<u64> inserted{0};
  std::vector<std::thread> all;
  for (u64 t = 0; t < threads; ++t) {
    all.emplace_back([&] {
      for (u64 i = 0; i < turns; ++i) {
        *numbers.entry(0).or_insert(0) += 1;
        if (numbers.try_emplace(1 + i, i).second) ++inserted;
        numbers.compute(turns + 1, [](std::optional<u64>& v) { v = v.value_or(0) + 1; });
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  EXPECT_EQ(numbers.get_copy(0), threads * turns);
  EXPECT_EQ(inserted.load(), turns);
  EXPECT_EQ(numbers.get_copy(turns + 1), threads * turns);
}

// A helper that returns what it found: the guard goes along, or a copy.
TEST_F(KnownBugsTest, Issues96And140And157And175And230And347_ValuesOutOfAHelper) {
  const auto guarded = [&](u64 key) { return map.get(key); };
  const auto part = [&](u64 key) {
    return map.get(key).map([](const std::string& text) -> const char& { return text.back(); });
  };
  EXPECT_EQ(*guarded(3), "value 3");
  EXPECT_EQ(*part(4), '4');
  EXPECT_EQ(map.get_copy(5), "value 5");
  const auto kept = guarded(6);
  EXPECT_THROW(map.insert(6, ""), DeadlockError);  // still there
  EXPECT_EQ(*kept, "value 6");
}

// A projected guard keeps the lock, and may go to another thread.
TEST_F(KnownBugsTest, Issues41And203And246_ProjectionsKeepTheLockAcrossThreads) {
  auto part = map.get_mut(1).map([](std::string& text) -> char& { return text.back(); });
  on_thread([&] { EXPECT_TRUE(map.try_get(1).is_locked()); });
  on_thread([moved = std::make_shared<decltype(part)>(std::move(part))] { **moved = 'X'; });
  EXPECT_EQ(map.get_copy(1), "value X");
}

// A projection to two parts at once.
TEST_F(KnownBugsTest, Issues337And338_ProjectionToSeveralParts) {
  dashmap::DashMap<u64, std::pair<std::string, std::string>> pairs;
  pairs.insert(1, {"a", "b"});
  auto guard = pairs.get_mut(1);
  auto& [first, second] = *guard;
  std::swap(first, second);
  EXPECT_EQ(pairs.get_copy(1)->first, "b");
}

// A guard across a suspension; see test/concurrent/coroutine_test.cpp. Here: ended elsewhere.
TEST_F(KnownBugsTest, Issues25And79And153And174And343_AGuardThatEndsOnAnotherThread) {
  auto guard = std::make_shared<std::optional<decltype(map.get_mut(1))>>(map.get_mut(1));
  std::thread other([guard] { guard->reset(); });
  EXPECT_EQ(map.insert(1, "after"), "value 1");
  other.join();
}

// --- Soundness ----------------------------------------------------------------------------------

// A reference that outlived its guard (test/compile_fail/dangling_*.cpp diagnose it). What the
// guard shows stays while the guard does, whatever others do.
TEST_F(KnownBugsTest, Issue167_TheValueStaysWhileTheGuardDoes) {
  auto guard = map.get(1);
  const std::string& text = guard.value();
  std::thread remover([&] { map.remove(1); });
  std::thread grower([&] {
    for (u64 i = 100; i < 1000; ++i) map.insert(i, "x");
  });
  stress::linger();
  EXPECT_EQ(text, "value 1");
  {
    const auto released = std::move(guard);
  }
  remover.join();
  grower.join();
  EXPECT_FALSE(map.contains(1));
}

// Guards and entries in other threads' hands: exclusive means exclusive.
TEST_F(KnownBugsTest, Issues191And201_GuardsInOtherHandsExclude) {
  Numbers numbers{{1, 0}};
  const u64 turns = scaled(300);
  const auto count_up = [&] {
    for (u64 i = 0; i < turns; ++i) {
      auto guard = numbers.get_mut(1);
      on_thread([moved = std::make_shared<decltype(guard)>(std::move(guard))] { ++**moved; });
    }
  };
  std::thread first(count_up);
  std::thread second(count_up);
  first.join();
  second.join();
  EXPECT_EQ(numbers.get_copy(1), 2 * turns);
}

// A data race in the lock: increments under it were lost.
TEST_F(KnownBugsTest, Issue213_NothingIsLostUnderTheLock) {
  Numbers numbers{{1, 0}};
  u64 beside = 0;  // protected by the guard alone
  std::vector<std::thread> all;
  const u64 turns = scaled(5000);
  for (int t = 0; t < 4; ++t) {
    all.emplace_back([&] {
      for (u64 i = 0; i < turns; ++i) {
        auto guard = numbers.get_mut(1);
        *guard += 1;
        ++beside;
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  EXPECT_EQ(numbers.get_copy(1), 4 * turns);
  EXPECT_EQ(beside, 4 * turns);
}

// Shared and exclusive access to one element at a time.
TEST_F(KnownBugsTest, Issue10_NoSharedAccessBesideAnExclusiveOne) {
  {
    const auto shared = map.get(1);
    EXPECT_TRUE(map.try_get_mut(1).is_locked());
    on_thread([&] { EXPECT_TRUE(map.try_get_mut(1).is_locked()); });
  }
  const auto exclusive = map.get_mut(1);
  EXPECT_TRUE(map.try_get(1).is_locked());
  on_thread([&] { EXPECT_TRUE(map.try_get(1).is_locked()); });
}

// One shard: a shift by all bits, then an access out of bounds.
TEST_F(KnownBugsTest, Issue232_OneShard) {
  for (const std::size_t bad : {0U, 1U, 3U, 6U}) {
    EXPECT_THROW(static_cast<void>(Numbers::with_shard_amount(bad)), std::invalid_argument);
  }
  auto two = Numbers::with_shard_amount(2);
  for (u64 i = 0; i < 1000; ++i) two.insert(i, i);
  EXPECT_EQ(two.shards().len(), 2U);
  EXPECT_EQ(two.shards()[0].read().len() + two.shards()[1].read().len(), 1000U);
}

// It took its locks twice.
TEST_F(KnownBugsTest, Issues304And305_ShrinkToFit) {
  Numbers numbers;
  for (u64 i = 0; i < 10'000; ++i) numbers.insert(i, i);
  for (u64 i = 10; i < 10'000; ++i) numbers.remove(i);
  const std::size_t before = numbers.capacity();
  numbers.shrink_to_fit();
  EXPECT_LT(numbers.capacity(), before);
  const auto guard = numbers.get_mut(3);
  numbers.shrink_to_fit();
  EXPECT_EQ(numbers.len(), 10U);
}

// The state of the lock was garbage at an unlock. Each kind of hold leaves the word as it was.
TEST_F(KnownBugsTest, Issue351_EveryUnlockLeavesAFreeLock) {
  for (int round = 0; round < 50; ++round) {
    {
      const auto guard = map.get(1);
    }
    {
      const auto guard = map.get_mut(1);
    }
    {
      const auto guard = map.get_mut(1).downgrade();
    }
    {
      const auto entry = map.entry(99);
    }
    {
      const auto taken = map.try_get_mut(1);
    }
    {
      const auto all = map.lock_all();
    }
    {
      const auto shard = map.shards()[0].write();
    }
    for (const auto item : map.iter()) static_cast<void>(item.key());
    for (const auto item : map.iter_mut()) static_cast<void>(item.key());
    on_thread([&] {
      for (u64 i = 0; i < 10; ++i) EXPECT_TRUE(map.try_get_mut(i).is_present()) << i;
    });
  }
}

// Shifts of hashes at the edges: the smallest and the largest numbers of shards, all hashes.
TEST_F(KnownBugsTest, Issues4And23And52And127And132And133_ShardsOfEveryHash) {
  using Map = dashmap::DashMap<u64, u64, Raw>;
  for (const std::size_t shards : {std::size_t{2}, std::size_t{1} << 7, std::size_t{1} << 16}) {
    auto numbers = Map::with_shard_amount(shards);
    for (int bit = 0; bit < 64; ++bit) {
      for (const u64 key : {u64{1} << bit, ~(u64{1} << bit), ~u64{0} << bit, ~u64{0} >> bit}) {
        numbers.insert(key, key);
        EXPECT_EQ(numbers.get_copy(key), key);
        EXPECT_LT(numbers.determine_map(key), shards);
      }
    }
    numbers.insert(0, 0);
    numbers.insert(~u64{0}, 0);
    EXPECT_EQ(numbers.determine_map(0), 0U);
    EXPECT_EQ(numbers.determine_map(~u64{0}), shards - 1);
  }
}

// Guards are as movable as what they guard allows, never copyable.
TEST_F(KnownBugsTest, SourceOf61_GuardsAreMoveOnly) {
  using Guard = decltype(map.get(1));
  using GuardMut = decltype(map.get_mut(1));
  using Entry = decltype(map.entry(1));
  static_assert(std::is_nothrow_move_constructible_v<Guard> &&
                !std::is_copy_constructible_v<Guard>);
  static_assert(std::is_nothrow_move_constructible_v<GuardMut> &&
                !std::is_copy_constructible_v<GuardMut>);
  static_assert(!std::is_copy_constructible_v<Entry>);
  static_assert(std::is_same_v<decltype(*std::declval<Guard&>()), const std::string&>);
}

// --- Traps --------------------------------------------------------------------------------------

// Comparison and copying of a map while this thread reads it: recursive shared locks.
TEST_F(KnownBugsTest, Trap_SharedLocksAreRecursive) {
  auto guard = map.get(1);
  EXPECT_TRUE(map == map);
  EXPECT_EQ(map.clone().len(), 10U);
  std::atomic<bool> done{false};
  std::thread writer([&] {
    map.insert(1, "x");
    done = true;
  });
  stress::linger();
  EXPECT_TRUE(map == map);  // with a writer that waits
  EXPECT_FALSE(done.load());
  {
    const auto released = std::move(guard);
  }
  writer.join();
}

// A temporary guard holds to the end of its expression, and not longer.
TEST_F(KnownBugsTest, Trap_ATemporaryGuardEndsWithItsExpression) {
  EXPECT_EQ(map.get(1)->size() + (map.try_get_mut(1).is_locked() ? 100 : 0), 107U);
  EXPECT_FALSE(map.try_get_mut(1).is_locked());
}

// Destructors of displaced values call the map.
TEST_F(KnownBugsTest, Trap_DestructorsRunAfterTheUnlock) {
  struct Asks {
    std::function<void()> at_end;
    Asks() = default;
    explicit Asks(std::function<void()> f) : at_end(std::move(f)) {}
    Asks(Asks&& other) noexcept : at_end(std::exchange(other.at_end, nullptr)) {}
    Asks& operator=(Asks&& other) noexcept {
      std::swap(at_end, other.at_end);
      return *this;
    }
    ~Asks() {
      if (at_end) at_end();
    }
  };
  std::atomic<int> asked{0};
  dashmap::DashMap<u64, Asks> values;
  const auto ask = [&](u64 key) {
    return Asks([&values, &asked, key] {
      static_cast<void>(values.contains(key));
      static_cast<void>(values.try_get_mut(key));
      values.erase(key + 1000);
      ++asked;
    });
  };
  for (u64 i = 0; i < 20; ++i) values.insert(i, ask(i));
  values.insert(0, ask(0));
  values.remove(1);
  values.erase(2);
  values.compute(3, [](std::optional<Asks>& v) { v.reset(); });
  values.retain([](u64 key, const Asks&) { return key != 4; });
  values.clear();
  EXPECT_EQ(asked.load(), 21);
  EXPECT_TRUE(values.empty());
}

// The hash of the standard library leaves small numbers as they are: all in one shard, one tag.
TEST_F(KnownBugsTest, Trap_WeakHashesAreMixed) {
  auto numbers = dashmap::DashMap<u64, u64, std::hash<u64>>::with_shard_amount(16);
  std::set<std::size_t> shards;
  for (u64 i = 0; i < 1000; ++i) shards.insert(numbers.determine_map(i));
  EXPECT_EQ(shards.size(), 16U);
}

// Another thread ends the guard: no owner is assumed.
TEST_F(KnownBugsTest, Trap_UnlockOnAnotherThread) {
  auto guard = map.get_mut(1);
  on_thread([moved = std::make_shared<decltype(guard)>(std::move(guard))] { moved.get(); });
  EXPECT_EQ(map.insert(1, "free"), "value 1");
}

// An iterator holds one lock at a time, none at its end, and none between items.
TEST_F(KnownBugsTest, Trap_AnIteratorAtItsEndHoldsNothing) {
  Numbers numbers;
  for (u64 i = 0; i < 1000; ++i) numbers.insert(i, i);
  const auto free_for_others = [&] {
    std::size_t locked = 0;
    on_thread([&] {
      for (u64 i = 0; i < 1000; ++i) locked += numbers.try_get_mut(i).is_locked() ? 1U : 0U;
    });
    return locked;
  };
  auto it = numbers.iter().begin();
  for (; it != numbers.end(); ++it) {
    const u64 key = (*it).key();
    if (key % 100 == 0) {
      EXPECT_EQ(free_for_others(), 0U) << "between items";
      const auto item = *it;
      EXPECT_LE(free_for_others(), 40U) << "more than a group";
    }
  }
  EXPECT_EQ(free_for_others(), 0U) << "at the end";
  numbers.clear();
}

// A kept item holds its own group only.
TEST_F(KnownBugsTest, Trap_AKeptItemDoesNotFollowTheIterator) {
  Numbers numbers;
  for (u64 i = 0; i < 1000; ++i) numbers.insert(i, i);
  auto it = numbers.iter().begin();
  const auto kept = *it;
  for (++it; it != numbers.end(); ++it) static_cast<void>((*it).key());
  on_thread([&] {
    std::size_t locked = 0;
    for (u64 i = 0; i < 1000; ++i) locked += numbers.try_get_mut(i).is_locked() ? 1U : 0U;
    EXPECT_GE(locked, 1U);
    EXPECT_LE(locked, 40U);
  });
}

// A closure that fails: elsewhere the process ends.
TEST_F(KnownBugsTest, Trap_AClosureThatThrowsLeavesTheElement) {
  EXPECT_THROW(map.alter(1, [](u64, std::string) -> std::string { throw std::runtime_error(""); }),
               std::runtime_error);
  EXPECT_EQ(map.get_copy(1), "value 1");
  on_thread([&] { EXPECT_EQ(map.insert(1, "free"), "value 1"); });
}

// `try_entry` of a locked key took the key along.
TEST_F(KnownBugsTest, Trap_TryEntryLeavesTheKeyOfALockedEntry) {
  dashmap::DashMap<std::string, u64> texts;
  std::string key = "a key that is too long for a small string";
  texts.insert(key, 1);
  const auto guard = texts.get_mut(key);
  EXPECT_FALSE(texts.try_entry(std::move(key)).has_value());
  EXPECT_EQ(key, "a key that is too long for a small string");  // NOLINT: that is the point
}

// with_capacity(n) grew before it had n elements.
TEST_F(KnownBugsTest, Trap_CapacityIsEnoughForItsNumber) {
  for (const std::size_t n : {1U, 10U, 100U, 1000U, 10'000U}) {
    auto numbers = Numbers::with_capacity(n);
    const std::size_t before = numbers.capacity();
    for (u64 i = 0; i < n; ++i) numbers.insert(i, i);
    EXPECT_EQ(numbers.capacity(), before) << n;
  }
}

// `entry` of a key that is there made the table grow.
TEST_F(KnownBugsTest, Trap_AnOccupiedEntryDoesNotGrowTheMap) {
  Numbers numbers;
  while (numbers.len() < numbers.capacity() || numbers.len() < 16) {
    numbers.insert(numbers.len(), 0);
  }
  const std::size_t before = numbers.capacity();
  for (u64 i = 0; i < numbers.len(); ++i) *numbers.entry(i).or_insert(9) += 1;
  static_cast<void>(numbers.entry(~u64{0}).is_occupied());
  EXPECT_EQ(numbers.capacity(), before);
}

}  // namespace
