// Allocators with state: last argument of every constructor, told apart, given back everything.
#include "support/allocators.hpp"
#include "support/configs.hpp"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory_resource>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;
using dashmap::DashSet;

template <class K, class V, bool Propagate = false>
using LedgerMap = DashMap<K, V, dashmap::DefaultHash<K>, std::equal_to<>,
                          LedgerAllocator<std::pair<const K, V>, Propagate>>;
using IntMap = LedgerMap<int, int>;
using Allocator = LedgerAllocator<std::pair<const int, int>>;

TEST(MapAllocator, AllMemoryComesFromItAndGoesBack) {
  Ledger ledger;
  {
    IntMap map{Allocator(ledger)};
    EXPECT_EQ(ledger.allocations(), 0U) << "an empty map owns memory";
    for (int i = 0; i < 5000; ++i) map.insert(i, stored(i));
    EXPECT_GE(ledger.bytes(), 5000 * 2 * sizeof(int));
    expect_holds(map, expected(5000));
    map.retain([](const int& k, int&) { return k < 10; });
    map.shrink_to_fit();
    expect_holds(map, expected(10));
    map.clear();
  }
  EXPECT_EQ(ledger.blocks(), 0U);
}

// What a small map grew out of goes back at once, and with an alignment beyond the usual one malloc
// would not use it again (the GNU C library before 2.38).
TEST(MapAllocator, SmallMapsAskForLittle) {
  using Numbers = LedgerMap<std::uint64_t, std::uint64_t>;
  Ledger ledger;
  for (std::uint64_t first = 0; first < 50 * 100; first += 100) {
    Numbers map{Numbers::allocator_type(ledger)};
    for (std::uint64_t i = 0; i < 100; ++i) map.insert(first + i, i);
    EXPECT_LE(ledger.bytes(), 4000U);
  }
  EXPECT_LE(ledger.strictest_alignment(), __STDCPP_DEFAULT_NEW_ALIGNMENT__);
}

TEST(MapAllocator, IsTheLastArgumentOfEveryConstructor) {
  Ledger ledger;
  const Allocator allocator(ledger);
  const std::vector<std::pair<int, int>> pairs{{0, stored(0)}, {1, stored(1)}, {2, stored(2)}};
  {
    IntMap map(pairs.begin(), pairs.end(), allocator);
    expect_holds(map, expected(3));
    EXPECT_GE(ledger.blocks(), 1U);
  }
  {
    const IntMap map({{0, stored(0)}, {1, stored(1)}}, allocator);
    expect_holds(map, expected(2));
    EXPECT_GE(ledger.blocks(), 1U);
  }
  {
    const IntMap map(pairs, allocator);
    expect_holds(map, expected(3));
    EXPECT_GE(ledger.blocks(), 1U);
  }
  EXPECT_EQ(ledger.blocks(), 0U);
}

TEST(MapAllocator, IsTheLastArgumentOfEveryStaticFunction) {
  Ledger ledger;
  const Allocator allocator(ledger);
  const dashmap::DefaultHash<int> hash;
  auto check = [&](IntMap map) {
    map.insert(0, stored(0));
    expect_holds(map, expected(1));
    EXPECT_GE(ledger.blocks(), 1U);
  };
  check(IntMap::with_capacity(100, allocator));
  check(IntMap::with_hasher(hash, allocator));
  check(IntMap::with_shard_amount(4, allocator));
  check(IntMap::with_capacity_and_shard_amount(100, 4, allocator));
  check(IntMap::with_capacity_and_hasher(100, hash, allocator));
  check(IntMap::with_hasher_and_shard_amount(hash, 4, allocator));
  check(IntMap::with_capacity_and_hasher_and_shard_amount(100, hash, 4, allocator));
  EXPECT_EQ(ledger.blocks(), 0U);
}

TEST(MapAllocator, CopyConstructionUsesTheSameOrTheGivenOne) {
  Ledger first;
  Ledger second;
  IntMap original{Allocator(first)};
  for (int i = 0; i < 100; ++i) original.insert(i, stored(i));
  const std::size_t before = first.allocations();
  const IntMap copy(original);
  EXPECT_GT(first.allocations(), before);
  const std::size_t after = first.allocations();
  const IntMap elsewhere(original, Allocator(second));
  EXPECT_EQ(first.allocations(), after);
  EXPECT_GE(second.blocks(), 1U);
  expect_holds(copy, expected(100));
  expect_holds(elsewhere, expected(100));
  EXPECT_TRUE(copy == elsewhere);
}

TEST(MapAllocator, MoveConstructionTakesTheMemoryWhereItCan) {
  Ledger first;
  Ledger second;
  IntMap source{Allocator(first)};
  for (int i = 0; i < 100; ++i) source.insert(i, stored(i));
  const std::size_t before = first.allocations();
  IntMap moved(std::move(source));
  EXPECT_EQ(first.allocations(), before) << "a move allocated";
  expect_holds(moved, expected(100));
  IntMap same(std::move(moved), Allocator(first));
  EXPECT_EQ(first.allocations(), before) << "a move to an equal allocator allocated";
  expect_holds(same, expected(100));
  const IntMap other(std::move(same), Allocator(second));
  EXPECT_EQ(first.allocations(), before);
  EXPECT_GE(second.blocks(), 1U) << "memory crossed between unequal allocators";
  expect_holds(other, expected(100));
}

TEST(MapAllocator, AssignmentBetweenUnequalAllocatorsMovesElements) {
  const Census census;
  Ledger first;
  Ledger second;
  using Map = LedgerMap<int, MoveOnly>;
  using MapAllocator = LedgerAllocator<std::pair<const int, MoveOnly>>;
  Map target{MapAllocator(second)};
  target.insert(-5, MoveOnly(1));
  {
    Map source{MapAllocator(first)};
    for (int i = 0; i < 100; ++i) source.insert(i, MoveOnly(stored(i)));
    target = std::move(source);
  }
  EXPECT_EQ(first.blocks(), 0U);
  expect_holds(target, expected(100));
}

TEST(MapAllocator, AssignmentPropagatesWhereTheAllocatorSaysSo) {
  Ledger first;
  Ledger second;
  using Map = LedgerMap<int, int, true>;
  using Propagating = LedgerAllocator<std::pair<const int, int>, true>;
  Map target{Propagating(second)};
  target.insert(-5, 1);
  {
    Map source{Propagating(first)};
    for (int i = 0; i < 100; ++i) source.insert(i, stored(i));
    const std::size_t before = first.allocations();
    target = std::move(source);
    EXPECT_EQ(first.allocations(), before) << "a propagating move allocated";
  }
  EXPECT_EQ(second.blocks(), 0U);
  expect_holds(target, expected(100));
  Map copy{Propagating(second)};
  copy = target;
  expect_holds(copy, expected(100));
  EXPECT_EQ(second.blocks(), 0U) << "a propagating copy kept the old allocator";
}

// Whatever it says of moves.
TEST(MapAllocator, CopyAssignmentPropagatesOrChangesNothing) {
  Ledger first;
  Ledger second;
  using Copying = LedgerAllocator<std::pair<const int, int>, true, false>;
  using Map = DashMap<int, int, dashmap::DefaultHash<int>, std::equal_to<>, Copying>;
  using Set =
      DashSet<int, dashmap::DefaultHash<int>, std::equal_to<>, LedgerAllocator<int, true, false>>;
  Map source{Copying(first)};
  Set source_set{LedgerAllocator<int, true, false>(first)};
  for (int i = 0; i < 100; ++i) source.insert(i, stored(i));
  for (int i = 0; i < 100; ++i) source_set.insert(i);
  const auto assign_failing = [](auto& target, const auto& from) {
    for (long n = 1; n < 1000; ++n) {
      throwing::arm(n);
      try {
        target = from;
        throwing::disarm();
        return;
      } catch (const InjectedBadAlloc&) {
        ASSERT_EQ(target.len(), 1U) << "throw point " << n;
        ASSERT_TRUE(target.contains(-5)) << "throw point " << n;
      }
    }
  };
  Map target{Copying(second)};
  target.insert(-5, 1);
  assign_failing(target, source);
  EXPECT_EQ(target.get_allocator().ledger(), &first);
  expect_holds(target, expected(100));
  Set target_set{LedgerAllocator<int, true, false>(second)};
  target_set.insert(-5);
  assign_failing(target_set, source_set);
  EXPECT_EQ(target_set.get_allocator().ledger(), &first);
  EXPECT_EQ(target_set.len(), 100U);
  EXPECT_EQ(second.blocks(), 0U);
}

TEST(MapAllocator, CopyAssignmentKeepsTheAllocatorOtherwise) {
  Ledger first;
  Ledger second;
  IntMap target{Allocator(second)};
  {
    IntMap source{Allocator(first)};
    for (int i = 0; i < 100; ++i) source.insert(i, stored(i));
    target = source;
  }
  EXPECT_EQ(first.blocks(), 0U);
  EXPECT_GE(second.blocks(), 1U);
  expect_holds(target, expected(100));
}

TEST(MapAllocator, SwapExchangesPropagatingAllocators) {
  Ledger first;
  Ledger second;
  using Map = LedgerMap<int, int, true>;
  using Propagating = LedgerAllocator<std::pair<const int, int>, true>;
  Map a{Propagating(first)};
  for (int i = 0; i < 50; ++i) a.insert(i, stored(i));
  {
    Map b{Propagating(second)};
    for (int i = 0; i < 9; ++i) b.insert(i, stored(i));
    a.swap(b);
    expect_holds(a, expected(9));
    expect_holds(b, expected(50));
  }
  EXPECT_EQ(first.blocks(), 0U);
  EXPECT_GE(second.blocks(), 1U);
}

TEST(MapAllocator, OverAlignedElementsAreAligned) {
  const Census census;
  Ledger ledger;
  using Map = LedgerMap<int, OverAligned>;
  Map map{LedgerAllocator<std::pair<const int, OverAligned>>(ledger)};
  for (int i = 0; i < 300; ++i) map.insert(i, OverAligned(stored(i)));
  expect_holds(map, expected(300));
}

TEST(MapAllocator, AFailingReservationSaysSoAndChangesNothing) {
  Ledger ledger;
  IntMap map{Allocator(ledger)};
  for (int i = 0; i < 20; ++i) map.insert(i, stored(i));
  const std::size_t before = map.capacity();
  throwing::arm(1);
  const bool reserved = map.try_reserve(100'000);
  throwing::disarm();
  EXPECT_FALSE(reserved);
  EXPECT_TRUE(throwing::fired);
  EXPECT_EQ(map.capacity(), before);
  expect_holds(map, expected(20));
  EXPECT_TRUE(map.try_reserve(1000));
  EXPECT_GE(map.capacity(), 1020U);
}

// A map grows to it in several steps.
TEST(MapAllocator, AReservationThatIsFarTooLargeChangesNothing) {
  Ledger ledger;
  ledger.set_largest(1 << 20);
  IntMap map{Allocator(ledger)};
  for (int i = 0; i < 20; ++i) map.insert(i, stored(i));
  const std::size_t before = map.capacity();
  EXPECT_FALSE(map.try_reserve(100'000'000));
  EXPECT_EQ(map.capacity(), before);
  EXPECT_TRUE(map.try_reserve(10'000));
  EXPECT_GE(map.capacity(), 10'020U);
  expect_holds(map, expected(20));
}

// While a group is in use all that belongs there waits in a chain.
TEST(MapAllocator, ALongChainTakesFewPieces) {
  Ledger ledger;
  IntMap map{Allocator(ledger)};
  constexpr int count = 20'000;
  map.insert(0, stored(0));
  const std::size_t before = ledger.allocations();
  {
    const auto held = map.get(0);
    for (int i = 1; i < count; ++i) map.insert(i, stored(i));
    EXPECT_LT(ledger.allocations() - before, 100U);
    for (int i = 1; i < count; i += 2) EXPECT_TRUE(map.erase(i));
    for (int i = 1; i < count; i += 2) map.insert(i, stored(i));
    EXPECT_LT(ledger.allocations() - before, 100U);
    EXPECT_EQ(map.len(), static_cast<std::size_t>(count));
    for (int i = 1; i < count; ++i) ASSERT_EQ(map.get_copy(i), stored(i)) << i;
    expect_holds(map, expected(count));
  }
  map.reserve(count);
  expect_holds(map, expected(count));
}

TEST(MapAllocator, EveryOtherUseOfTheMapWorks) {
  Ledger ledger;
  IntMap map{Allocator(ledger)};
  *map.entry(1).or_insert(2) += 1;
  EXPECT_EQ(*map.get(1), 3);
  map.extend(std::vector<std::pair<int, int>>{{5, 6}, {7, 8}});
  EXPECT_EQ(map.snapshot().size(), 3U);
  const auto clone = map.clone();
  EXPECT_TRUE(clone == map);
  auto view = std::move(map).into_read_only();
  EXPECT_EQ(*view.get(5), 6);
  const IntMap back = std::move(view).into_inner();
  EXPECT_EQ(back.len(), 3U);
}

TEST(MapAllocator, Polymorphic) {
  Ledger ledger;
  LedgerResource resource(ledger);
  using Map = DashMap<int, int, dashmap::DefaultHash<int>, std::equal_to<>,
                      std::pmr::polymorphic_allocator<std::pair<const int, int>>>;
  {
    Map map(&resource);
    EXPECT_EQ(ledger.allocations(), 0U);
    for (int i = 0; i < 1000; ++i) map.insert(i, stored(i));
    EXPECT_GE(ledger.bytes(), 1000 * 2 * sizeof(int));
    expect_holds(map, expected(1000));
    const std::vector<std::pair<int, int>> pairs{{1, 2}};
    const Map from_range(pairs, &resource);
    EXPECT_EQ(*from_range.get(1), 2);
  }
  EXPECT_EQ(ledger.blocks(), 0U);
}

// Also what a copy, or a map with another allocator, takes over.
TEST(MapAllocator, ValuesLiveInTheMemoryOfTheirMap) {
  Ledger first;
  Ledger second;
  LedgerResource resource(first);
  LedgerResource other(second);
  using Map =
      DashMap<std::pmr::string, std::pmr::string, dashmap::DefaultHash<std::pmr::string>,
              std::equal_to<>,
              std::pmr::polymorphic_allocator<std::pair<const std::pmr::string, std::pmr::string>>>;
  const std::pmr::string text("text that is too long to be kept in the string itself");
  Map map(&resource);
  map.insert(text, text);
  const auto lives_in = [&](const Map& m, const LedgerResource& memory) {
    const auto ref = m.get(text);
    EXPECT_EQ(*ref, text);
    EXPECT_EQ(ref->get_allocator().resource(), &memory);
    EXPECT_EQ(ref.key().get_allocator().resource(), &memory);
  };
  lives_in(map, resource);
  lives_in(Map(map, &other), other);
  Map moved(std::move(map), &other);
  lives_in(moved, other);
  {
    auto all = moved.lock_all();
    all.insert(text, text);
  }
  lives_in(moved, other);
  // Whichever way a value comes in.
  moved.entry(std::pmr::string("1")).or_default();
  moved.entry(std::pmr::string("2")).or_insert(text);
  moved.compute(std::pmr::string("3"), [&](auto& value) { value = text; });
  moved.get_or_insert_with(std::pmr::string("4"), [&] { return text; });
  moved.compute(std::pmr::string("3"), [&](auto& value) { value = std::pmr::string(text); });
  moved.alter(std::pmr::string("4"), [&](auto&, auto&&) { return std::pmr::string(text); });
  moved.insert(std::pmr::string("5"), text);
  EXPECT_EQ(moved.insert(std::pmr::string("5"), std::pmr::string("new")), text);
  moved.entry(std::pmr::string("6")).insert(text);
  moved.entry(std::pmr::string("6")).insert(std::pmr::string(text));
  {
    auto entry = moved.entry(std::pmr::string("6"));
    EXPECT_EQ(entry.occupied()->insert(std::pmr::string(text)), text);
  }
  moved.alter_all([&](auto&, auto&&) { return std::pmr::string(text); });
  EXPECT_EQ(moved.len(), 7U);
  for (auto item : moved) EXPECT_EQ(item.value().get_allocator().resource(), &other);
}

// The allocator goes through pairs.
TEST(MapAllocator, PairsOfValuesLiveInTheMemoryOfTheirMap) {
  Ledger ledger;
  LedgerResource resource(ledger);
  using Value = std::pair<std::pmr::string, int>;
  using Alloc = std::pmr::polymorphic_allocator<std::pair<const int, Value>>;
  dashmap::DashMap<int, Value, dashmap::DefaultHash<int>, std::equal_to<>, Alloc> map(&resource);
  const Value value("text that is too long to be kept in the string itself", 1);
  map.insert(1, value);
  map.insert(1, value);
  map.entry(2).or_insert(value);
  map.try_emplace(3, value);
  map.compute(4, [&](auto& it) { it = value; });
  map.alter(4, [&](auto&, auto&&) { return value; });
  EXPECT_EQ(map.len(), 4U);
  for (auto item : map) EXPECT_EQ(item.value().first.get_allocator().resource(), &resource);
}

TEST(SetAllocator, AllMemoryComesFromItAndGoesBack) {
  Ledger ledger;
  using Set = DashSet<int, dashmap::DefaultHash<int>, std::equal_to<>, LedgerAllocator<int>>;
  {
    Set set{LedgerAllocator<int>(ledger)};
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(set.insert(i));
    EXPECT_EQ(set.len(), 100U);
    EXPECT_GE(ledger.blocks(), 1U);
  }
  EXPECT_EQ(ledger.blocks(), 0U);
}

}  // namespace
