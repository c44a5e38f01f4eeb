// Paths that ordinary use of the map hardly takes.
#include "support/hashers.hpp"
#include "support/other_thread.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

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

}  // namespace
