// Constructors, copies, moves, swap and comparison.
#include "support/allocators.hpp"
#include "support/configs.hpp"

#include <gtest/gtest.h>

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <limits>
#include <list>
#include <ranges>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;

template <class C>
class MapConstruct : public MapTest<C> {};
TYPED_TEST_SUITE(MapConstruct, Configs, );

TYPED_TEST(MapConstruct, ADefaultConstructedMapIsEmpty) {
  using C = TypeParam;
  typename C::Map map;
  expect_holds(map, {});
  EXPECT_FALSE(map.contains(key<C>(0)));
  EXPECT_FALSE(map.remove(key<C>(0)));
  EXPECT_TRUE(map.begin() == map.end());
}

TYPED_TEST(MapConstruct, WithCapacityTakesThatManyWithoutGrowing) {
  using C = TypeParam;
  for (const int n : {1, 2, 13, 16, 17, C::count}) {
    auto map = C::Map::with_capacity(static_cast<std::size_t>(n));
    const std::size_t promised = map.capacity();
    EXPECT_GE(promised, static_cast<std::size_t>(n));
    for (int i = 0; i < n; ++i) map.insert(key<C>(i), value<C>(stored(i)));
    EXPECT_EQ(map.capacity(), promised) << "grew while taking " << n;
    expect_holds(map, expected(n));
  }
}

TYPED_TEST(MapConstruct, MovingTakesEverythingAndLeavesAUsableMap) {
  using C = TypeParam;
  auto source = filled<C>();
  typename C::Map target(std::move(source));
  expect_holds(target, expected(C::count));
  expect_holds(source, {});  // NOLINT: a moved-from map is empty
  source.insert(key<C>(1), value<C>(2));
  expect_holds(source, {{1, 2}});
  expect_holds(target, expected(C::count));
}

TYPED_TEST(MapConstruct, MoveAssignmentDropsTheOldElements) {
  using C = TypeParam;
  const Census census;
  auto source = filled<C>(20);
  const long one_map = census.more();
  typename C::Map target = filled<C>(30);
  target = std::move(source);
  expect_holds(target, expected(20));
  EXPECT_EQ(census.more(), one_map);
  target = typename C::Map();
  expect_holds(target, {});
}

TYPED_TEST(MapConstruct, SwapExchangesContents) {
  using C = TypeParam;
  auto a = filled<C>(20);
  auto b = filled<C>(33);
  a.swap(b);
  expect_holds(a, expected(33));
  expect_holds(b, expected(20));
  using std::swap;
  swap(a, b);
  expect_holds(a, expected(20));
  expect_holds(b, expected(33));
  typename C::Map none;
  a.swap(none);
  expect_holds(a, {});
  expect_holds(none, expected(20));
}

TYPED_TEST(MapConstruct, CopiesAreDeep) {
  using C = TypeParam;
  if constexpr (C::copyable) {
    auto original = filled<C>();
    typename C::Map copy(original);
    auto clone = original.clone();
    typename C::Map assigned = filled<C>(3);
    assigned = original;
    original.insert(key<C>(0), value<C>(1));
    original.remove(key<C>(1));
    for (auto* map : {&copy, &clone, &assigned}) expect_holds(*map, expected(C::count));
    copy.insert(key<C>(2), value<C>(7));
    EXPECT_EQ(number(*clone.get(key<C>(2))), stored(2));
    EXPECT_EQ(number(*original.get(key<C>(2))), stored(2));
  } else {
    static_assert(!std::copy_constructible<typename C::Map>);
    static_assert(!std::is_copy_assignable_v<typename C::Map>);
  }
}

// Whatever the two tables look like: fewer groups or more, full ones with chains, empty ones.
TYPED_TEST(MapConstruct, CopiesOfAnyShapeHaveTheElements) {
  using C = TypeParam;
  if constexpr (C::copyable) {
    for (const int n : {0, 1, 16, 17, 120, 121, 400, 1920}) {
      for (const int keep : {1, 2, 7}) {
        for (const int room : {0, 5000}) {
          auto original = filled<C>(n);
          Contents oracle = expected(n);
          for (int i = 0; i < n; ++i) {
            if (i % keep == 0) continue;
            original.remove(key<C>(i));
            oracle.erase(i);
          }
          original.reserve(static_cast<std::size_t>(room));
          typename C::Map copy(original);
          expect_holds(copy, oracle);
          EXPECT_TRUE(copy == original);
          // It counts what it has: so it grows when it must.
          for (int i = n; i < 2 * n; ++i) {
            copy.insert(key<C>(i), value<C>(stored(i)));
            oracle[i] = stored(i);
          }
          EXPECT_GE(copy.capacity(), oracle.size());
          expect_holds(copy, oracle);
          copy.clear();
          EXPECT_EQ(copy.size(), 0U);
        }
      }
    }
  }
}

// A value; a copy of the one with the number `trigger` runs what the test wants, once.
struct Watched {
  inline static int trigger = -1;
  inline static std::function<void()> on_copy;

  int number = 0;

  Watched() = default;
  explicit Watched(int n) : number(n) {}
  Watched(const Watched& other) : number(other.number) {
    if (number != trigger) return;
    trigger = -1;
    on_copy();
  }
  Watched(Watched&&) noexcept = default;
  Watched& operator=(const Watched&) = default;
  Watched& operator=(Watched&&) noexcept = default;
  ~Watched() = default;
};

// In a table made for fifty elements they would nearly all be in overflow nodes, of four slots at
// first.
TEST(MapCopy, GrowsWithWhatComesMeanwhile) {
  using Map = DashMap<int, Watched, dashmap::DefaultHash<int>, std::equal_to<>,
                      LedgerAllocator<std::pair<const int, Watched>>>;
  Ledger ledger;
  Map map{Map::allocator_type(ledger)};
  std::size_t before = 0;
  map.reserve(2000);
  for (int i = 0; i < 50; ++i) map.insert(i, Watched(i));
  Watched::on_copy = [&] {
    for (int i = 50; i < 20'000; ++i) map.insert(i, Watched(i));
    before = ledger.allocations();
  };
  Watched::trigger = (*map.begin()).key();  // the first of a walk
  const Map copy(map);
  EXPECT_EQ(map.size(), 20'000U);
  EXPECT_GT(copy.size(), 10'000U);
  EXPECT_GE(copy.capacity(), copy.size());
  for (auto&& item : copy) EXPECT_EQ(item.key(), item->number);
  EXPECT_LT(ledger.allocations() - before, copy.size() / 16);
}

TEST(MapCopy, HasEachKeyOnceWhateverCopiesDo) {
  for (int trigger = 1; trigger <= 3; ++trigger) {
    DashMap<int, Watched> map;
    for (int i = 1; i <= 3; ++i) map.insert(i, Watched(i));
    Watched::on_copy = [&] {
      for (int i = 1; i <= 3; ++i) {
        if (i == trigger) continue;
        map.erase(i);
        map.insert(1000 + i, Watched(i));
        map.insert(i, Watched(i));
      }
    };
    Watched::trigger = trigger;
    DashMap<int, Watched> copy(map);
    std::size_t counted = 0;
    for (auto&& item : copy) {
      static_cast<void>(item);
      ++counted;
    }
    EXPECT_EQ(copy.size(), counted);
    for (const int key : {1, 2, 3, 1001, 1002, 1003}) {
      copy.erase(key);
      EXPECT_FALSE(copy.contains(key));
    }
    EXPECT_TRUE(copy.is_empty());
  }
}

TEST(MapCopy, OfAnEmptyMapAllocatesNothing) {
  DashMap<int, int> map;
  map.insert(1, 2);
  map.clear();
  EXPECT_EQ(map.clone().capacity(), 0U);
}

// A guard keeps groups of older tables in use.
TYPED_TEST(MapConstruct, AMapIsCopiedInTheMiddleOfAGrowth) {
  using C = TypeParam;
  if constexpr (C::copyable) {
    auto original = filled<C>(100);
    std::optional held(original.get(key<C>(50)));
    for (int i = 100; i < 3000; ++i) original.insert(key<C>(i), value<C>(stored(i)));
    typename C::Map copy(original);
    expect_holds(copy, expected(3000));
    held.reset();
    copy.insert(key<C>(3000), value<C>(stored(3000)));
    expect_holds(copy, expected(3001));
    expect_holds(original, expected(3000));
  }
}

TYPED_TEST(MapConstruct, SelfAssignmentKeepsTheElements) {
  using C = TypeParam;
  if constexpr (C::copyable) {
    auto map = filled<C>(10);
    auto& same = map;
    map = same;
    expect_holds(map, expected(10));
  }
}

TYPED_TEST(MapConstruct, BuiltFromAPairOfIterators) {
  using C = TypeParam;
  using Pair = std::pair<typename C::Key, typename C::Value>;
  if constexpr (C::copyable) {
    std::vector<Pair> pairs;
    for (int i = 0; i < 40; ++i) pairs.emplace_back(key<C>(i), value<C>(stored(i)));
    const typename C::Map from_iterators(pairs.begin(), pairs.end());
    expect_holds(from_iterators, expected(40));
    const typename C::Map from_range(pairs);
    expect_holds(from_range, expected(40));
    EXPECT_EQ(number(pairs[39].second), stored(39)) << "the source was moved from";
  }
  std::list<Pair> movable;
  for (int i = 0; i < 40; ++i) movable.emplace_back(key<C>(i), value<C>(stored(i)));
  const typename C::Map moved(std::make_move_iterator(movable.begin()),
                              std::make_move_iterator(movable.end()));
  expect_holds(moved, expected(40));
}

TEST(MapConstructors, InitializerList) {
  const DashMap<std::string, int> map{{"one", 1}, {"two", 2}, {"three", 3}};
  EXPECT_EQ(map.len(), 3U);
  EXPECT_EQ(*map.get("one"), 1);
  EXPECT_EQ(*map.get("two"), 2);
  EXPECT_EQ(*map.get("three"), 3);
}

TEST(MapConstructors, TheSameKeyTwiceCountsOnce) {
  const std::vector<std::pair<int, int>> twice{{1, 10}, {2, 20}, {1, 30}};
  const DashMap<int, int> map(twice.begin(), twice.end());
  EXPECT_EQ(map.len(), 2U);
  EXPECT_TRUE(map.contains(1));
  EXPECT_EQ(*map.get(2), 20);
}

TEST(MapConstructors, AnyRangeOfPairs) {
  const std::map<int, std::string> tree{{1, "a"}, {2, "b"}};
  const DashMap<int, std::string> from_tree(tree);
  EXPECT_EQ(from_tree.len(), 2U);
  EXPECT_EQ(*from_tree.get(2), "b");

  const std::array<std::pair<int, int>, 3> array{{{1, 2}, {3, 4}, {5, 6}}};
  const DashMap<int, int> from_array(array);
  EXPECT_EQ(from_array.len(), 3U);

  const DashMap<int, int> from_view(std::views::iota(0, 50) |
                                    std::views::transform([](int i) { return std::pair(i, -i); }));
  EXPECT_EQ(from_view.len(), 50U);
  EXPECT_EQ(*from_view.get(49), -49);

  std::istringstream words("1 2 3 4");
  const DashMap<int, int> from_input(
      std::views::istream<int>(words) |
      std::views::transform([](int i) { return std::pair(i, i * i); }));
  EXPECT_EQ(from_input.len(), 4U);
  EXPECT_EQ(*from_input.get(4), 16);
}

TEST(MapConstructors, WithHasher) {
  auto map = DashMap<int, int, BoundHash>::with_hasher(BoundHash(99));
  EXPECT_EQ(map.hasher().seed, 99U);
  EXPECT_FALSE(map.insert(1, 2));
  EXPECT_EQ(*map.get(1), 2);
}

TEST(MapConstructors, WithCapacityAndHasher) {
  auto map = DashMap<int, int, BoundHash>::with_capacity_and_hasher(100, BoundHash(5));
  EXPECT_EQ(map.hasher().seed, 5U);
  const std::size_t promised = map.capacity();
  EXPECT_GE(promised, 100U);
  for (int i = 0; i < 100; ++i) map.insert(i, i);
  EXPECT_EQ(map.capacity(), promised);
}

TEST(MapConstructors, MoreThanAnyMapCanHave) {
  DashMap<int, int> in_place;
  EXPECT_THROW(in_place.reserve(in_place.max_size() + 1), std::length_error);
  DashMap<int, std::array<char, 100'000>> nodes;  // each in memory of its own
  EXPECT_THROW(nodes.reserve(nodes.max_size() + 1), std::length_error);
  EXPECT_THROW(decltype(nodes)::with_capacity(nodes.max_size() + 1), std::length_error);
}

TEST(MapConstructors, ShardAmounts) {
  for (std::size_t amount = 2; amount <= 1024; amount *= 2) {
    const auto map = DashMap<int, int>::with_shard_amount(amount);
    EXPECT_EQ(map.shards().size(), amount);
    EXPECT_EQ(map.shards().len(), amount);
    EXPECT_TRUE(map.is_empty());
  }
  const auto sized = DashMap<int, int>::with_capacity_and_shard_amount(300, 8);
  EXPECT_EQ(sized.shards().len(), 8U);
  EXPECT_GE(sized.capacity(), 300U);
  const auto hashed = DashMap<int, int, BoundHash>::with_hasher_and_shard_amount(BoundHash(3), 16);
  EXPECT_EQ(hashed.shards().len(), 16U);
  EXPECT_EQ(hashed.hasher().seed, 3U);
  const auto all =
      DashMap<int, int, BoundHash>::with_capacity_and_hasher_and_shard_amount(200, BoundHash(4),
                                                                              32);
  EXPECT_EQ(all.shards().len(), 32U);
  EXPECT_EQ(all.hasher().seed, 4U);
  EXPECT_GE(all.capacity(), 200U);
}

TEST(MapConstructors, BadShardAmountsAreRefused) {
  using Map = DashMap<int, int>;
  using Bound = DashMap<int, int, BoundHash>;
  for (const std::size_t bad : {std::size_t{0}, std::size_t{1}, std::size_t{3}, std::size_t{6},
                                std::size_t{1000}, std::numeric_limits<std::size_t>::max()}) {
    EXPECT_THROW(static_cast<void>(Map::with_shard_amount(bad)), std::invalid_argument) << bad;
    EXPECT_THROW(static_cast<void>(Map::with_capacity_and_shard_amount(10, bad)),
                 std::invalid_argument)
        << bad;
    EXPECT_THROW(static_cast<void>(Bound::with_hasher_and_shard_amount(BoundHash(1), bad)),
                 std::invalid_argument)
        << bad;
    EXPECT_THROW(
        static_cast<void>(Bound::with_capacity_and_hasher_and_shard_amount(10, BoundHash(1), bad)),
        std::invalid_argument)
        << bad;
  }
}

TEST(MapConstructors, ImpossibleCapacitiesAreRefused) {
  using Map = DashMap<std::uint64_t, std::uint64_t>;
  using Bound = DashMap<int, int, BoundHash>;
  for (const std::size_t bad :
       {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() / 2,
        std::numeric_limits<std::size_t>::max() / 8}) {
    EXPECT_THROW(static_cast<void>(Map::with_capacity(bad)), std::length_error) << bad;
    EXPECT_THROW(static_cast<void>(Map::with_capacity_and_shard_amount(bad, 4)), std::length_error)
        << bad;
    EXPECT_THROW(static_cast<void>(Bound::with_capacity_and_hasher(bad, BoundHash(1))),
                 std::length_error)
        << bad;
    EXPECT_THROW(
        static_cast<void>(Bound::with_capacity_and_hasher_and_shard_amount(bad, BoundHash(1), 4)),
        std::length_error)
        << bad;
  }
}

TEST(MapConstructors, ReserveOfAnImpossibleAmountChangesNothing) {
  DashMap<int, int> map{{1, 2}};
  EXPECT_THROW(map.reserve(std::numeric_limits<std::size_t>::max()), std::length_error);
  EXPECT_THROW(map.reserve(std::numeric_limits<std::size_t>::max() / 4), std::length_error);
  EXPECT_FALSE(map.try_reserve(std::numeric_limits<std::size_t>::max()));
  EXPECT_FALSE(map.try_reserve(std::numeric_limits<std::size_t>::max() / 4));
  expect_holds(map, {{1, 2}});
}

TEST(MapConstructors, MovingKeepsTheHasherAndTheShards) {
  auto map = DashMap<int, int, BoundHash>::with_hasher_and_shard_amount(BoundHash(77), 64);
  map.insert(1, 2);
  const auto moved = std::move(map);
  EXPECT_EQ(moved.hasher().seed, 77U);
  EXPECT_EQ(moved.shards().len(), 64U);
  EXPECT_EQ(*moved.get(1), 2);
}

TEST(MapConstructors, CopyingKeepsTheHasherAndTheShards) {
  auto map = DashMap<int, int, BoundHash>::with_hasher_and_shard_amount(BoundHash(77), 64);
  map.insert(1, 2);
  const auto copy = map;
  EXPECT_EQ(copy.hasher().seed, 77U);
  EXPECT_EQ(copy.shards().len(), 64U);
  EXPECT_EQ(*copy.get(1), 2);
  EXPECT_EQ(copy.hash_usize(5), map.hash_usize(5));
}

TEST(MapCompare, EqualWhenTheSameElements) {
  DashMap<int, int> a{{1, 2}, {3, 4}};
  DashMap<int, int> b{{3, 4}, {1, 2}};  // another seed, another order
  EXPECT_TRUE(a == b);
  EXPECT_FALSE(a != b);
  EXPECT_TRUE(a == a);
  b.insert(1, 5);
  EXPECT_TRUE(a != b) << "same keys, another value";
  b.insert(1, 2);
  b.insert(9, 9);
  EXPECT_TRUE(a != b) << "one more";
  a.insert(8, 9);
  EXPECT_TRUE(a != b) << "same size, another key";
  EXPECT_TRUE((DashMap<int, int>() == DashMap<int, int>()));
}

TEST(MapCompare, AcrossSizesHashersAndShardAmounts) {
  auto small = DashMap<int, std::string>::with_shard_amount(2);
  auto large = DashMap<int, std::string>::with_capacity_and_shard_amount(5000, 64);
  for (int i = 0; i < 500; ++i) {
    small.insert(i, std::to_string(i));
    large.insert(499 - i, std::to_string(499 - i));
  }
  EXPECT_TRUE(small == large);
  large.remove(250);
  EXPECT_FALSE(small == large);
}

TEST(MapCompare, AGuardInHandDoesNotStopAComparison) {
  DashMap<int, int> a{{1, 2}, {3, 4}};
  const DashMap<int, int> b{{1, 2}, {3, 4}};
  const auto held = a.get(1);
  EXPECT_TRUE(a == b);
  EXPECT_TRUE(b == a);
  EXPECT_TRUE(a == a);
}

TEST(MapConstructDeduced, FromIterators) {
  const std::vector<std::pair<int, std::string>> pairs{{1, "one"}, {2, "two"}};
  const dashmap::DashMap map(pairs.begin(), pairs.end());
  static_assert(std::is_same_v<decltype(map), const dashmap::DashMap<int, std::string>>);
  EXPECT_EQ(map.len(), 2U);
  const dashmap::DashMap copy(map.begin(), map.end());
  static_assert(std::is_same_v<decltype(copy), decltype(map)>);
  EXPECT_EQ(copy, map);
  const std::vector<int> keys{1, 2, 2};
  const dashmap::DashSet set(keys.begin(), keys.end());
  static_assert(std::is_same_v<decltype(set), const dashmap::DashSet<int>>);
  EXPECT_EQ(set.len(), 2U);
}

}  // namespace
