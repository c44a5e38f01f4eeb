// Paths that ordinary use of the map hardly takes.
#include "support/hashers.hpp"
#include "support/other_thread.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;
using dashmap::DeadlockError;

using Map = DashMap<int, std::string>;

TEST(Corners, TwoItemsOfOneElementAreTwoHolds) {
  Map map{{1, "one"}};
  const auto it = map.iter().begin();
  {
    const auto first = *it;
    {
      const auto second = *it;
      EXPECT_EQ(&*first, &*second);
    }
    on_another_thread([&] { EXPECT_TRUE(map.try_get_mut(1).is_locked()); });
    EXPECT_EQ(*first, "one");
  }
  on_another_thread([&] { EXPECT_FALSE(map.try_get_mut(1).is_locked()); });
}

TEST(Corners, TwoItemsToBeChangedOfOneElementConflict) {
  Map map{{1, "one"}};
  auto range = map.iter_mut();
  auto it = range.begin();
  const auto first = *it;
  EXPECT_THROW(static_cast<void>(*it), DeadlockError);
  EXPECT_EQ(*first, "one");
}

TEST(Corners, AMovedViewOfAShardKeepsItsLock) {
  Map map{{1, "one"}};
  {
    auto shard = map.shards()[map.determine_map(1)].write();
    const auto moved = std::move(shard);
    on_another_thread([&] { EXPECT_TRUE(map.try_get(1).is_locked()); });
    EXPECT_EQ(*moved.get(1), "one");
  }
  on_another_thread([&] { EXPECT_FALSE(map.try_get(1).is_locked()); });
}

TEST(Corners, AKeyOfAnotherShardIsRefused) {
  Map map{{1, "one"}};
  const std::size_t other = (map.determine_map(1) + 1) % map.shards().len();
  auto shard = map.shards()[other].write();
  EXPECT_THROW(static_cast<void>(shard.get(1)), std::out_of_range);
  EXPECT_THROW(static_cast<void>(shard.contains(1)), std::out_of_range);
  EXPECT_THROW(shard.insert(1, "another"), std::out_of_range);
  EXPECT_THROW(shard.remove(1), std::out_of_range);
}

TEST(Corners, AnExecutorThatFailsEndsTheWalk) {
  Map map;
  for (int i = 0; i < 100; ++i) map.insert(i, "value");
  const auto refuse = [](auto&&) { throw std::runtime_error("no more threads"); };
  // With one processor there is nothing to hand out.
  const auto walk = [&] { map.par_for_each([](int, std::string&) {}, refuse); };
  if (dashmap::detail::hardware_threads() > 1) {
    EXPECT_THROW(walk(), std::runtime_error);
    EXPECT_THROW(map.par_retain([](int, std::string&) { return false; }, refuse),
                 std::runtime_error);
  }
  EXPECT_EQ(map.len(), 100U);
  EXPECT_EQ(map.lock_all().len(), 100U);
}

TEST(Corners, AnExecutorMayRunItsTasksLate) {
  Map map;
  for (int i = 0; i < 1000; ++i) map.insert(i, "value");
  std::vector<std::function<void()>> tasks;
  std::atomic<int> visits{0};
  map.par_for_each([&](int, std::string&) { visits.fetch_add(1); },
                   [&](auto task) { tasks.emplace_back(std::move(task)); });
  EXPECT_EQ(visits.load(), 1000);
  for (const auto& task : tasks) task();
  EXPECT_EQ(visits.load(), 1000);
}

TEST(Corners, AnExecutorsThreadsAreWaitedFor) {
  Map map;
  for (int i = 0; i < 10'000; ++i) map.insert(i, "value");
  std::vector<std::thread> threads;
  std::atomic<bool> begun{false};
  std::atomic<int> visits{0};
  const auto visit = [&](int, std::string&) {
    // The caller has no work left when this is through.
    if (!begun.exchange(true)) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    visits.fetch_add(1);
  };
  map.par_for_each(visit, [&](auto task) {
    threads.emplace_back(std::move(task));
    while (!begun.load()) std::this_thread::yield();
  });
  EXPECT_EQ(visits.load(), 10'000);
  for (std::thread& thread : threads) thread.join();
}

TEST(Corners, AnErrorEndsTheWalk) {
  Map map;
  for (int i = 0; i < 1000; ++i) map.insert(i, "value");
  int visits = 0;
  const auto visit = [&](int, std::string&) {
    ++visits;
    throw std::runtime_error("enough");
  };
  EXPECT_THROW(map.par_for_each(visit, [](const auto& task) { task(); }), std::runtime_error);
  EXPECT_EQ(visits, 1);
}

TEST(Corners, AViewOfEverythingMayGrowTheMap) {
  Map map;
  for (int i = 0; i < 16; ++i) map.insert(i, "value");
  {
    auto all = map.lock_all();
    for (int i = 16; i < 1000; ++i) all.insert(i, "value");
    on_another_thread([&] { EXPECT_TRUE(map.try_get(999).is_locked()); });
  }
  on_another_thread([&] {
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(map.try_get_mut(i).is_present()) << i;
  });
}

TEST(Corners, AFactoryMayUseTheRestOfItsGroup) {
  DashMap<int, std::string, ConstantHash> map;
  EXPECT_EQ(*map.get_or_insert_with(1,
                                    [&] {
                                      map.insert(2, "two");
                                      return "one";
                                    }),
            "one");
  EXPECT_EQ(map.get_copy(1), "one");
  EXPECT_EQ(map.get_copy(2), "two");
  EXPECT_EQ(map.len(), 2U);
}

TEST(Corners, GetManyOfAList) {
  const Map map{{1, "one"}, {3, "three"}};
  std::string seen;
  map.get_many({1, 2, 3}, [&](int, const std::string* value) { seen += value ? *value : "-"; });
  EXPECT_EQ(seen, "one-three");
}

// The same vacant place, asked for by other types than the entry was.
TEST(Corners, AVacantEntryConflictsWithQueriesOfEveryType) {
  DashMap<std::string, int> map;
  map.insert("there", 1);
  const auto entry = map.entry(std::string_view("absent"));
  EXPECT_THROW(map.insert("absent", 1), DeadlockError);
  EXPECT_THROW(map.insert(std::string("absent"), 1), DeadlockError);
  EXPECT_THROW(static_cast<void>(map.entry(std::string_view("absent"))), DeadlockError);
  EXPECT_FALSE(map.try_entry("absent").has_value());
  EXPECT_TRUE(map.insert_or_assign("other", 1));
  EXPECT_EQ(map.len(), 2U);
}

/// What an equality does besides, once.
std::function<void()> besides;

/// Its bytes are all of it, but its equality is not said to take any.
struct AskingKey {
  int number;
  friend bool operator==(const AskingKey& a, const AskingKey& b) {
    if (besides) std::exchange(besides, nullptr)();
    return a.number == b.number;
  }
};
struct AskingEqual {
  bool operator()(int a, int b) const { return AskingKey{a} == AskingKey{b}; }
};

/// Nobody can change the keys of a group while they are compared.
template <class AskingMap, class Key = typename AskingMap::key_type>
void expect_compared_under_a_lock() {
  AskingMap map;
  map.insert(Key{1}, 10);
  map.insert(Key{2}, 20);
  int asked = 0;
  const auto expect_locked = [&](auto&& call) {
    besides = [&] {
      ++asked;
      EXPECT_TRUE(on_another_thread([&] { return map.try_get_mut(Key{2}).is_locked(); }));
    };
    call();
    besides = nullptr;
  };
  expect_locked([&] { EXPECT_TRUE(map.contains(Key{1})); });
  expect_locked([&] { EXPECT_EQ(map.get_copy(Key{1}), 10); });
  expect_locked([&] { EXPECT_EQ(*map.get(Key{1}), 10); });
  expect_locked([&] { EXPECT_TRUE(map.view(Key{1}, [](const Key&, int) {})); });
  expect_locked([&] { *map.get_mut(Key{1}) = 11; });
  expect_locked([&] { map.insert(Key{1}, 12); });
  expect_locked([&] { EXPECT_TRUE(map.erase(Key{1})); });
  EXPECT_EQ(asked, 7);
}

TEST(Corners, AnEqualityThatIsNotPlainRunsUnderALock) {
  expect_compared_under_a_lock<DashMap<AskingKey, int, ConstantHash>>();
  expect_compared_under_a_lock<DashMap<int, int, ConstantHash, AskingEqual>>();
}

/// Calls a function when it ends, even empty after a move.
struct Ending {
  std::function<void()>* at_end;
  explicit Ending(std::function<void()>& call) : at_end(&call) {}
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  Ending(Ending&& other) noexcept : at_end(other.at_end) {}
  Ending& operator=(Ending&& other) noexcept = default;
  ~Ending() {
    if (*at_end) (*at_end)();
  }
};

TEST(Corners, MovedFromElementsEndWhereNothingIsLocked) {
  std::function<void()> at_end;
  DashMap<int, Ending> map;
  int count = 0;
  int ended = 0;
  at_end = [&] {
    ++ended;
    for (int i = 0; i < count; ++i) EXPECT_FALSE(map.try_get(i).is_locked());
  };
  for (; count < 100; ++count) map.insert(count, Ending(at_end));
  EXPECT_GT(ended, 200);  // they grew several tables
  at_end = nullptr;
}

// It has no lock any more: what it inserted might be there already, and another thread at it.
TEST(Corners, AnEntryServesOnce) {
  DashMap<std::string, int> map;
  using Entry = decltype(map.entry("key"));
  const std::vector<std::function<void(Entry&)>> uses{
      [](Entry& entry) { entry.or_insert(2); },
      [](Entry& entry) { entry.or_insert_with_key([](const std::string&) { return 2; }); },
      [](Entry& entry) { entry.or_try_insert_with([] { return std::optional(2); }); },
      [](Entry& entry) { entry.insert(2); },
      [](Entry& entry) { entry.insert_entry(2); },
      [](Entry& entry) { static_cast<void>(entry.into_key()); },
      [](Entry& entry) { entry.is_occupied() ? void(entry.occupied()->remove()) : throw 1; },
      [](Entry& entry) { entry.is_occupied() ? void(entry.occupied()->insert(2)) : throw 1; },
      [](Entry& entry) {
        entry.is_occupied() ? void(entry.occupied()->replace_entry(2)) : throw 1;
      },
      [](Entry& entry) { const Entry moved(std::move(entry)); },
  };
  for (const bool present : {false, true}) {
    for (const auto& first : uses) {
      for (const auto& second : uses) {
        map.clear();
        if (present) map.insert("key", 1);
        Entry entry = map.entry("key");
        try {
          first(entry);
        } catch (int) {  // not for a vacant one
          continue;
        }
        const auto before = map.get_copy("key");
        const std::size_t size = map.len();
        try {
          second(entry);
        } catch (const std::logic_error&) {
        } catch (int) {
        }
        if (&first != &uses[7]) {  // which leaves it as it is
          EXPECT_EQ(map.len(), size);
          EXPECT_EQ(map.get_copy("key"), before);
        }
      }
    }
  }
  Entry entry = map.entry("key");
  entry.or_insert(1);
  EXPECT_THROW(entry.or_insert(2), std::logic_error);
}

/// Finds an `int` without being one, or making one.
struct Probe {
  int number;
};
struct ProbeHash {
  std::size_t operator()(int key) const noexcept { return static_cast<std::size_t>(key); }
  std::size_t operator()(Probe key) const noexcept { return static_cast<std::size_t>(key.number); }
};
struct ProbeEqual {
  bool operator()(int a, int b) const noexcept { return a == b; }
  bool operator()(int a, Probe b) const noexcept { return a == b.number; }
};

TEST(Corners, AVacantEntryConflictsWithAQueryThatIsNoKey) {
  DashMap<int, std::string, ProbeHash, ProbeEqual> map{{1, "one"}};
  const auto entry = map.entry(7);
  EXPECT_THROW(map.erase(Probe{7}), DeadlockError);
  EXPECT_FALSE(map.erase(Probe{8}));
  EXPECT_TRUE(map.erase(Probe{1}));
}

TEST(Corners, ComputeGivesWhatItsClosureGives) {
  DashMap<int, int> map;
  static int outside = 1;
  int& given = map.compute(1, [](std::optional<int>&) -> int& { return outside; });
  EXPECT_EQ(&given, &outside);
  static_assert(std::is_void_v<decltype(map.compute(1, [](std::optional<int>&) {}))>);
}

}  // namespace
