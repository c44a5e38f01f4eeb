// Shards and hashing, seen from outside.
#include "support/configs.hpp"
#include "support/other_thread.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <functional>
#include <map>
#include <ranges>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;

template <class C>
class MapShards : public MapTest<C> {};
TYPED_TEST_SUITE(MapShards, Configs, );

TYPED_TEST(MapShards, HoldEachElementInTheShardThatItsKeyNames) {
  using C = TypeParam;
  for (const std::size_t amount : {2U, 16U, 256U}) {
    auto map = C::Map::with_shard_amount(amount);
    for (int i = 0; i < C::count; ++i) map.insert(key<C>(i), value<C>(stored(i)));
    ASSERT_EQ(map.shards().len(), amount);
    ASSERT_EQ(map.shards().size(), amount);
    std::map<int, std::size_t> home;
    Contents seen;
    std::size_t index = 0;
    std::size_t total = 0;
    for (auto&& shard : map.shards()) {
      const auto guard = shard.read();
      std::size_t counted = 0;
      for (auto&& item : guard.iter()) {
        home[number(item.key())] = index;
        EXPECT_TRUE(seen.emplace(number(item.key()), number(item.value())).second);
        ++counted;
      }
      EXPECT_EQ(guard.len(), counted) << "shard " << index;
      EXPECT_EQ(guard.is_empty(), counted == 0);
      total += guard.len();
      ++index;
    }
    EXPECT_EQ(index, amount);
    EXPECT_EQ(total, map.len());
    EXPECT_EQ(seen, expected(C::count));
    for (int i = 0; i < C::count; ++i) {
      EXPECT_EQ(map.determine_map(key<C>(i)), home[i]) << "key " << i << " of " << amount;
      EXPECT_EQ(map.determine_shard(map.hash_usize(key<C>(i))), home[i]);
    }
  }
}

TYPED_TEST(MapShards, TheirNumberStaysWhileTheMapGrows) {
  using C = TypeParam;
  typename C::Map map;
  const std::size_t amount = map.shards().len();
  EXPECT_GE(amount, 2U);
  EXPECT_TRUE(std::has_single_bit(amount));
  std::vector<std::size_t> home;
  for (int i = 0; i < C::count; ++i) {
    home.push_back(map.determine_map(key<C>(i)));
    EXPECT_LT(home.back(), amount);
  }
  for (int i = 0; i < C::count; ++i) map.insert(key<C>(i), value<C>(i));
  EXPECT_EQ(map.shards().len(), amount);
  for (int i = 0; i < C::count; ++i) {
    EXPECT_EQ(map.determine_map(key<C>(i)), home[static_cast<std::size_t>(i)]);
  }
}

TEST(MapShardsDefault, IsTheNextPowerOfTwoOfFourTimesTheCores) {
  const std::size_t cores = std::thread::hardware_concurrency();
  const DashMap<int, int> map;
  if (cores != 0) {
    EXPECT_EQ(map.shards().len(), std::bit_ceil(4 * cores));
  }
}

TEST(MapShardsDefault, AnEmptyMapHasEmptyShards) {
  const DashMap<int, int> map;
  std::size_t index = 0;
  for (auto&& shard : map.shards()) {
    const auto guard = shard.read();
    EXPECT_EQ(guard.len(), 0U);
    EXPECT_TRUE(guard.is_empty());
    for (auto&& item : guard.iter()) ADD_FAILURE() << item.key();
    ++index;
  }
  EXPECT_EQ(index, map.shards().len());
}

TEST(MapShardsLocks, AReadGuardLetsReadersInAndWritersNot) {
  auto map = DashMap<int, std::string>::with_shard_amount(4);
  for (int i = 0; i < 200; ++i) map.insert(i, std::to_string(i));
  std::size_t index = 0;
  for (auto&& shard : map.shards()) {
    {
      const auto guard = shard.read();
      on_another_thread([&] {
        for (int i = 0; i < 200; ++i) {
          EXPECT_TRUE(map.try_get(i).is_present());
          if (map.determine_map(i) == index) {
            EXPECT_TRUE(map.try_get_mut(i).is_locked()) << i;
          }
        }
      });
    }
    on_another_thread([&] {
      for (int i = 0; i < 200; ++i) EXPECT_TRUE(map.try_get_mut(i).is_present());
    });
    ++index;
  }
}

TEST(MapShardsLocks, AWriteGuardKeepsEverybodyOut) {
  auto map = DashMap<int, std::string>::with_shard_amount(4);
  for (int i = 0; i < 200; ++i) map.insert(i, std::to_string(i));
  std::size_t index = 0;
  std::size_t total = 0;
  for (auto&& shard : map.shards()) {
    {
      auto guard = shard.write();
      total += guard.len();
      EXPECT_EQ(guard.is_empty(), guard.len() == 0);
      on_another_thread([&] {
        for (int i = 0; i < 200; ++i) {
          if (map.determine_map(i) == index) {
            EXPECT_TRUE(map.try_get(i).is_locked()) << i;
          }
        }
      });
    }
    on_another_thread([&] {
      for (int i = 0; i < 200; ++i) EXPECT_TRUE(map.try_get_mut(i).is_present());
    });
    ++index;
  }
  EXPECT_EQ(total, 200U);
}

TEST(MapHashing, HashUsizeIsStableAndFollowsEquality) {
  DashMap<int, int> map;
  std::vector<std::size_t> before;
  for (int i = 0; i < 100; ++i) before.push_back(map.hash_usize(i));
  for (int i = 0; i < 5000; ++i) map.insert(i, i);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(map.hash_usize(i), before[static_cast<std::size_t>(i)]);
  }
  const DashMap<int, int> copy(map);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(copy.hash_usize(i), map.hash_usize(i));
}

TEST(MapHashing, ShardsFollowHashPrefixes) {
  // Twice the shards: a shard's elements are those of two neighbours.
  auto coarse = DashMap<int, int, SeededHash>::with_shard_amount(8);
  auto fine = DashMap<int, int, SeededHash>::with_shard_amount(16);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(fine.determine_map(i) / 2, coarse.determine_map(i)) << i;
  }
}

/// Counts its calls.
struct CountingHash {
  inline static int calls = 0;
  std::size_t operator()(const std::string& key) const noexcept {
    ++calls;
    return std::hash<std::string>{}(key);
  }
};

TEST(MapHashing, GrowingAndIteratingCallNoHash) {
  DashMap<std::string, int, CountingHash> map;
  CountingHash::calls = 0;
  for (int i = 0; i < 500; ++i) map.insert(std::to_string(i), i);
  EXPECT_EQ(CountingHash::calls, 500);
  int seen = 0;
  for (const auto& item : map) seen += item.value() >= 0 ? 1 : 0;
  map.retain([](const std::string&, int n) { return n < 50; });
  map.shrink_to_fit();
  EXPECT_EQ(seen, 500);
  EXPECT_EQ(CountingHash::calls, 500);
}

TEST(MapHashing, HasherIsTheOneGiven) {
  const auto map = DashMap<int, int, SeededHash>::with_hasher(SeededHash{123});
  EXPECT_EQ(map.hasher().seed, 123U);
  static_assert(std::is_same_v<std::remove_cvref_t<decltype(map.hasher())>, SeededHash>);
}

// In C++20 the temporaries of a loop's range die before its first round.
TEST(MapShardRanges, ALoopMayTakeThemFromATemporary) {
  dashmap::DashMap<int, int> map;
  for (int i = 0; i < 100; ++i) map.insert(i, 0);
  std::size_t met = 0;
  for (auto shard : map.shards().iter()) {
    for (auto item : shard.write().iter_mut()) {
      EXPECT_THROW(map.erase(item.key()), dashmap::DeadlockError);
      item.value_mut() += 1;
    }
    for (auto item : shard.read().iter()) {
      EXPECT_THROW(map.erase(item.key()), dashmap::DeadlockError);
      met += static_cast<std::size_t>(item.value());
    }
  }
  EXPECT_EQ(met, 100U);
  for (auto item : map.lock_all().iter_mut()) {
    EXPECT_THROW(map.insert(item.key(), 5), dashmap::DeadlockError);
    item.value_mut() += 1;
  }
  for (auto item : map.lock_all().iter()) {
    EXPECT_THROW(map.insert(item.key(), 5), dashmap::DeadlockError);
    EXPECT_EQ(item.value(), 2);
  }
  EXPECT_TRUE(map.try_get_mut(1).is_present());
  const auto values = [](auto item) { return item.value(); };
  for (const int value : map.lock_all().iter() | std::views::transform(values)) {
    EXPECT_EQ(value, 2);
  }
}

}  // namespace
