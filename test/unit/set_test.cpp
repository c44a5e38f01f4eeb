// DashSet.
#include "support/configs.hpp"
#include "support/other_thread.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashSet;
using dashmap::DeadlockError;

template <class K, class H, int Count, class Equal = std::equal_to<>>
struct SetConfig {
  using Key = K;
  using Set = DashSet<K, H, Equal>;
  static constexpr int count = Count;
};

using SetConfigs = ::testing::Types<SetConfig<int, dashmap::DefaultHash<int>, 1000>,
                                    SetConfig<std::string, dashmap::DefaultHash<std::string>, 500>,
                                    SetConfig<Tracked, ConstantHash, 60>,
                                    SetConfig<UserId, UserIdHash, 200, UserIdEqual>>;

template <class C>
class SetTest : public ::testing::Test {
 private:
  Census census_;
};
TYPED_TEST_SUITE(SetTest, SetConfigs, );

template <class C>
typename C::Set filled_set(int n = C::count) {
  typename C::Set set;
  for (int i = 0; i < n; ++i) set.insert(make<typename C::Key>(i));
  return set;
}

template <class Set>
std::set<int> elements(const Set& set) {
  std::set<int> all;
  for (auto&& item : set.iter()) {
    EXPECT_TRUE(all.insert(number(item.key())).second) << "visited twice";
  }
  return all;
}

std::set<int> numbers(int n) {
  std::set<int> all;
  for (int i = 0; i < n; ++i) all.insert(i);
  return all;
}

template <class C>
void expect_elements(const typename C::Set& set, const std::set<int>& oracle) {
  EXPECT_EQ(elements(set), oracle);
  EXPECT_EQ(set.len(), oracle.size());
  EXPECT_EQ(set.size(), oracle.size());
  EXPECT_EQ(set.is_empty(), oracle.empty());
  EXPECT_EQ(set.empty(), oracle.empty());
  EXPECT_GE(set.capacity(), oracle.size());
  for (const int n : oracle) EXPECT_TRUE(set.contains(make<typename C::Key>(n))) << n;
}

TYPED_TEST(SetTest, InsertSaysWhetherTheKeyIsNew) {
  using C = TypeParam;
  using K = typename C::Key;
  typename C::Set set;
  for (int i = 0; i < C::count; ++i) {
    EXPECT_TRUE(set.insert(make<K>(i)));
    EXPECT_FALSE(set.insert(make<K>(i)));
  }
  expect_elements<C>(set, numbers(C::count));
}

TYPED_TEST(SetTest, GetShowsTheKey) {
  using C = TypeParam;
  using K = typename C::Key;
  auto set = filled_set<C>();
  for (int i = 0; i < C::count; ++i) {
    const auto ref = set.get(make<K>(i));
    ASSERT_TRUE(ref);
    EXPECT_EQ(number(*ref), i);
    EXPECT_EQ(number(ref.key()), i);
    static_assert(std::is_const_v<std::remove_reference_t<decltype(*ref)>>);
  }
  EXPECT_FALSE(set.get(make<K>(C::count)));
  EXPECT_FALSE(set.contains(make<K>(C::count)));
}

TYPED_TEST(SetTest, RemoveAndErase) {
  using C = TypeParam;
  using K = typename C::Key;
  auto set = filled_set<C>(30);
  const auto removed = set.remove(make<K>(3));
  static_assert(std::is_same_v<std::remove_const_t<decltype(removed)>, std::optional<K>>);
  ASSERT_TRUE(removed.has_value());
  EXPECT_EQ(number(*removed), 3);
  EXPECT_FALSE(set.remove(make<K>(3)).has_value());
  EXPECT_TRUE(set.erase(make<K>(4)));
  EXPECT_FALSE(set.erase(make<K>(4)));
  EXPECT_FALSE(set.remove_if(make<K>(5), [](const K&) { return false; }));
  EXPECT_TRUE(set.remove_if(make<K>(5), [](const K& k) { return number(k) == 5; }));
  EXPECT_FALSE(set.remove_if(make<K>(5), [](const K&) { return true; }));
  std::set<int> oracle = numbers(30);
  for (const int n : {3, 4, 5}) oracle.erase(n);
  expect_elements<C>(set, oracle);
}

TYPED_TEST(SetTest, RetainAndClear) {
  using C = TypeParam;
  using K = typename C::Key;
  auto set = filled_set<C>();
  set.retain([](const K& k) { return number(k) % 2 == 0; });
  std::set<int> evens;
  for (int i = 0; i < C::count; i += 2) evens.insert(i);
  expect_elements<C>(set, evens);
  set.shrink_to_fit();
  expect_elements<C>(set, evens);
  set.clear();
  expect_elements<C>(set, {});
}

TYPED_TEST(SetTest, ExtendAndIterate) {
  using C = TypeParam;
  using K = typename C::Key;
  auto set = filled_set<C>(5);
  std::vector<K> more;
  for (int i = 3; i < 40; ++i) more.push_back(make<K>(i));
  set.extend(more);
  expect_elements<C>(set, numbers(40));
  std::set<int> seen;
  for (auto&& item : set) EXPECT_TRUE(seen.insert(number(*item)).second);
  EXPECT_EQ(seen, numbers(40));
  auto other = filled_set<C>(2);
  other.extend(set);
  expect_elements<C>(other, numbers(40));
}

TYPED_TEST(SetTest, ConstructCopyMoveSwapCompare) {
  using C = TypeParam;
  using K = typename C::Key;
  std::vector<K> keys;
  for (int i = 0; i < 40; ++i) keys.push_back(make<K>(i));
  typename C::Set from_iterators(keys.begin(), keys.end());
  const typename C::Set from_range(keys);
  const typename C::Set from_list{make<K>(0), make<K>(1), make<K>(1)};
  expect_elements<C>(from_iterators, numbers(40));
  expect_elements<C>(from_range, numbers(40));
  expect_elements<C>(from_list, numbers(2));
  EXPECT_TRUE(from_iterators == from_range);
  EXPECT_TRUE(from_list != from_range);
  auto copy = from_iterators;
  auto clone = from_iterators.clone();
  copy.erase(make<K>(0));
  EXPECT_TRUE(copy != clone);
  EXPECT_TRUE(clone == from_range);
  auto moved = std::move(from_iterators);
  expect_elements<C>(moved, numbers(40));
  typename C::Set other = filled_set<C>(3);
  moved.swap(other);
  expect_elements<C>(moved, numbers(3));
  expect_elements<C>(other, numbers(40));
}

TYPED_TEST(SetTest, Snapshot) {
  using C = TypeParam;
  using K = typename C::Key;
  const auto set = filled_set<C>();
  const std::vector<K> all = set.snapshot();
  std::set<int> seen;
  for (const K& k : all) EXPECT_TRUE(seen.insert(number(k)).second);
  EXPECT_EQ(seen, numbers(C::count));
}

TYPED_TEST(SetTest, DrainAndExtractIf) {
  using C = TypeParam;
  using K = typename C::Key;
  auto set = filled_set<C>();
  std::set<int> taken;
  for (auto&& k : set.extract_if([](const K& key) { return number(key) % 2 == 1; })) {
    taken.insert(number(k));
  }
  for (const int n : taken) EXPECT_EQ(n % 2, 1);
  EXPECT_EQ(taken.size(), static_cast<std::size_t>(C::count / 2));
  EXPECT_EQ(set.len(), static_cast<std::size_t>(C::count - C::count / 2));
  for (auto&& k : set.drain()) EXPECT_TRUE(taken.insert(number(k)).second);
  EXPECT_EQ(taken, numbers(C::count));
  expect_elements<C>(set, {});
}

TYPED_TEST(SetTest, Shards) {
  using C = TypeParam;
  using K = typename C::Key;
  auto set = C::Set::with_shard_amount(8);
  for (int i = 0; i < C::count; ++i) set.insert(make<K>(i));
  EXPECT_EQ(set.shards().len(), 8U);
  std::size_t index = 0;
  std::size_t total = 0;
  for (auto&& shard : set.shards()) {
    const auto guard = shard.read();
    total += guard.len();
    for (auto&& item : guard.iter()) EXPECT_EQ(set.determine_map(item.key()), index);
    ++index;
  }
  EXPECT_EQ(index, 8U);
  EXPECT_EQ(total, set.len());
}

TEST(Sets, WithCapacityReserveAndErrors) {
  auto set = DashSet<int>::with_capacity(500);
  const std::size_t promised = set.capacity();
  EXPECT_GE(promised, 500U);
  for (int i = 0; i < 500; ++i) set.insert(i);
  EXPECT_EQ(set.capacity(), promised);
  set.reserve(1000);
  EXPECT_GE(set.capacity(), 1500U);
  EXPECT_TRUE(set.try_reserve(10));
  EXPECT_THROW(static_cast<void>(DashSet<int>::with_shard_amount(3)), std::invalid_argument);
  EXPECT_THROW(static_cast<void>(DashSet<int>::with_capacity(static_cast<std::size_t>(-1))),
               std::length_error);
  const auto seeded = DashSet<int, SeededHash>::with_hasher(SeededHash{9});
  EXPECT_EQ(seeded.hasher().seed, 9U);
}

TEST(Sets, KeepTheStoredKey) {
  DashSet<TaggedKey> set;
  EXPECT_TRUE(set.insert(TaggedKey{1, 100}));
  EXPECT_FALSE(set.insert(TaggedKey{1, 200}));
  EXPECT_EQ(set.get(TaggedKey{1, 0})->tag, 100);
}

TEST(Sets, OfMoveOnlyKeys) {
  const Census census;
  struct Hash {
    std::size_t operator()(const MoveOnly& key) const noexcept {
      return static_cast<std::size_t>(key.number());
    }
  };
  DashSet<MoveOnly, Hash> set;
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(set.insert(MoveOnly(i)));
  const auto removed = set.remove(MoveOnly(50));
  ASSERT_TRUE(removed.has_value());
  EXPECT_EQ(removed->number(), 50);
  EXPECT_EQ(set.len(), 99U);
}

TEST(Sets, GuardsLockAndConflictsAreRefused) {
  DashSet<std::string> set{"a", "b"};
  {
    const auto ref = set.get("a");
    on_another_thread([&] { EXPECT_TRUE(set.contains("a")); });
    EXPECT_TRUE(set.contains("a"));
    EXPECT_THROW(static_cast<void>(set.erase("a")), DeadlockError);
    EXPECT_THROW(set.clear(), DeadlockError);
    EXPECT_TRUE(set.erase("b"));
    EXPECT_TRUE(set.insert("c"));
  }
  EXPECT_TRUE(set.erase("a"));
  EXPECT_EQ(set.len(), 1U);
}

TEST(Sets, WorkWithAlgorithms) {
  DashSet<int> set;
  for (int i = 0; i < 100; ++i) set.insert(i);
  EXPECT_EQ(std::ranges::count_if(set.iter(), [](auto&& item) { return *item % 2 == 0; }), 50);
  static_assert(std::ranges::input_range<const DashSet<int>&>);
}

TEST(Sets, PassesOnSeveralThreadsMeetEachKeyOnce) {
  DashSet<int> set;
  for (int i = 0; i < 1000; ++i) set.insert(i);
  std::vector<std::atomic<int>> met(1000);
  set.par_for_each([&](const int& key) { ++met[static_cast<std::size_t>(key)]; });
  for (const auto& times : met) EXPECT_EQ(times.load(), 1);
  set.par_retain([](const int& key) { return key % 2 == 0; });
  EXPECT_EQ(set.len(), 500U);
  EXPECT_TRUE(set.contains(0));
  EXPECT_FALSE(set.contains(1));
}

TEST(Sets, ManyElements) {
  DashSet<std::string> set;
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(set.insert(make<std::string>(i)));
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(set.contains(make<std::string>(i)));
  for (int i = 0; i < 20'000; i += 2) ASSERT_TRUE(set.erase(make<std::string>(i)));
  for (int i = 0; i < 20'000; ++i) ASSERT_EQ(set.contains(make<std::string>(i)), i % 2 == 1);
  EXPECT_EQ(set.len(), 10'000U);
}

TEST(SetItems, ALoopOverKeysHasThemForItself) {
  dashmap::DashSet<std::string> set;
  for (char c = 'a'; c <= 'z'; ++c) set.insert(std::string(50, c));
  std::size_t met = 0;
  for (const std::string& key : set) {
    const std::string copy = key;
    EXPECT_TRUE(set.erase(copy));
    EXPECT_EQ(key, copy);
    ++met;
  }
  EXPECT_EQ(met, 26U);
  EXPECT_TRUE(set.is_empty());

  dashmap::DashSet<std::unique_ptr<int>> owners;
  owners.insert(std::make_unique<int>(1));
  const auto number = [](const std::unique_ptr<int>& owner) { return *owner; };
  for (auto item : owners) EXPECT_EQ(number(item), 1);
}

}  // namespace
