// Groups with more elements than slots: their chains get elements, and lose them first.
#include "support/allocators.hpp"
#include "support/hashers.hpp"
#include "support/other_thread.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace dashmap_test;
using dashmap::DashMap;
using dashmap::detail::set_tag;

using Map = DashMap<int, std::string, ConstantHash>;  // all in one group
constexpr int many = 120;                             // narrow nodes, and wide ones

std::string text(int n) { return "the value of number " + std::to_string(n); }

void expect_exactly(const Map& map, const std::set<int>& keys) {
  EXPECT_EQ(map.len(), keys.size());
  for (int n = 0; n < many; ++n) {
    ASSERT_EQ(map.contains(n), keys.contains(n)) << n;
    if (keys.contains(n)) {
      ASSERT_EQ(map.get_copy(n), text(n));
    }
  }
}

TEST(Chain, ElementsComeAndGoInAnyOrder) {
  Map map;
  std::set<int> present;
  std::mt19937 random(7);
  std::vector<int> order(many);
  std::iota(order.begin(), order.end(), 0);
  for (int round = 0; round < 6; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const int n : order) {
      map.insert(n, text(n));
      present.insert(n);
    }
    expect_exactly(map, present);
    std::shuffle(order.begin(), order.end(), random);
    // Down to a few, to as many as there are slots, and to none.
    const std::size_t left = round % 3 == 0 ? 10 : round % 3 == 1 ? 16 : 0;
    for (const int n : order) {
      if (present.size() == left) break;
      if (n % 3 == 0) {
        EXPECT_EQ(map.remove(n)->second, text(n));
      } else if (n % 3 == 1) {
        EXPECT_TRUE(map.erase(n));
      } else {
        map.compute(n, [](auto& value) { value.reset(); });
      }
      present.erase(n);
      expect_exactly(map, present);
    }
  }
}

// A place that was passed is not filled from one that was not.
TEST(Chain, AnIteratorMeetsWhatStays) {
  for (int passed = 1; passed < 16; ++passed) {
    Map map;
    for (int n = 0; n < 40; ++n) map.insert(n, text(n));
    std::multiset<int> met;
    auto range = map.iter();
    auto it = range.begin();
    for (int i = 0; i < passed; ++i, ++it) met.insert((*it).key());
    // The iterator stands at its next element, which is the other thread's to leave alone.
    const int next = (*it).key();
    const std::set<int> gone(met.begin(), met.end());
    on_another_thread([&] {
      for (const int n : gone) EXPECT_TRUE(map.erase(n));
    });
    for (; it != range.end(); ++it) met.insert((*it).key());
    EXPECT_TRUE(met.contains(next));
    for (int n = 0; n < 40; ++n) EXPECT_EQ(met.count(n), 1U) << n << ", passed " << passed;
  }
}

// Under a guard of the same group elements stay where they are, also if it was taken on the way.
TEST(Chain, AGuardsElementStaysUnderIt) {
  constexpr int kept = 39;
  Map map;
  for (int n = 0; n <= kept; ++n) map.insert(n, text(n));
  for (int n = 0; n < kept; ++n) {
    std::optional<decltype(map.get_mut(kept))> guard;
    const std::string* place = nullptr;
    const auto take = [&](const int&, const std::string&) {
      guard.emplace(map.get_mut(kept));
      place = &**guard;
      return true;
    };
    if (n % 2 == 0) {
      EXPECT_TRUE(map.remove_if(n, take));
    } else {
      take(n, "");
      EXPECT_TRUE(map.erase(n));
    }
    EXPECT_EQ(&**guard, place);
    EXPECT_EQ(**guard, text(kept));
  }
  EXPECT_EQ(map.get_copy(kept), text(kept));
}

// How far apart the map's elements are, in bytes.
std::uintptr_t spread(Map& map) {
  std::vector<std::uintptr_t> places;
  // As numbers: the distances of objects that are in no array together.
  for (auto item : map) places.push_back(reinterpret_cast<std::uintptr_t>(&item.value()));
  const auto [first, last] = std::ranges::minmax(places);
  return last - first;
}
constexpr std::uintptr_t group_bytes = 16 * (sizeof(std::string) + 2 * sizeof(std::uint64_t));

// Whichever way elements leave, those that stay are in the group's own slots in the end.
TEST(Chain, EachKindOfRemovalEmptiesIt) {
  constexpr int elements = 40;
  constexpr int staying = 10;
  const auto gone = [](int n) { return n % 4 != 0; };
  const auto one_by_one = [&](auto remove) {
    return [=](Map& map) {
      for (int n = 0; n < elements; ++n) {
        if (gone(n)) remove(map, n);
      }
    };
  };
  const std::vector<std::function<void(Map&)>> ways{
      one_by_one([](Map& map, int n) { map.erase(n); }),
      one_by_one([](Map& map, int n) { map.remove(n); }),
      one_by_one([](Map& map, int n) { map.compute(n, [](auto& value) { value.reset(); }); }),
      one_by_one([](Map& map, int n) { map.entry(n).occupied()->remove(); }),
      [&](Map& map) { map.retain([&](const int& n, std::string&) { return !gone(n); }); },
      [&](Map& map) { map.extract_if([&](const int& n, std::string&) { return gone(n); }); },
  };
  for (std::size_t way = 0; way < ways.size(); ++way) {
    Map map;
    for (int n = 0; n < elements; ++n) map.insert(n, text(n));
    ways[way](map);
    ASSERT_EQ(map.len(), staying);
    EXPECT_LT(spread(map), group_bytes) << way;
  }
}

TEST(Chain, AMovedFromIteratorIsInNobodysWay) {
  Map map;
  for (int n = 0; n < 40; ++n) map.insert(n, text(n));
  auto it = map.begin();
  ++it;
  auto moved = std::move(it);
  while (moved != map.end()) ++moved;
  EXPECT_EQ(it, map.end());  // NOLINT(bugprone-use-after-move): that is what is asked
  for (int n = 0; n < 30; ++n) map.erase(n);
  EXPECT_LT(spread(map), group_bytes);
}

// What a move had allocated when there was no more is there for the next try, and nothing of what
// it had begun to take.
template <class V, class ValueOf>
void expect_moves_that_find_no_memory_keep_none(ValueOf value_of) {
  constexpr int count = 3000;
  constexpr int staying = 2990;
  using Alloc = LedgerAllocator<std::pair<const int, V>>;
  Ledger ledger;
  DashMap<int, V, IdentityHash, std::equal_to<>, Alloc> map{Alloc(ledger)};
  map.insert(0, value_of(0));
  {
    const auto guard = map.get(0);  // what belongs to its group stays in a chain
    for (int n = 1; n < count; ++n) map.insert(n, value_of(n));
  }
  const auto write = [&] { map.alter(1, [](int, V value) { return value; }); };
  ledger.set_largest(4096);
  write();
  const std::size_t before = ledger.bytes();
  for (int i = 0; i < 100; ++i) write();
  EXPECT_EQ(ledger.bytes(), before);
  for (int n = 0; n < count; ++n) EXPECT_EQ(map.get_copy(n), value_of(n));
  map.retain([](int n, const V&) { return n >= staying; });  // moves nothing
  ledger.set_largest(SIZE_MAX);
  map.insert(0, value_of(0));
  map.shrink_to_fit();
  std::set<int> met;
  for (const auto item : map) EXPECT_TRUE(met.insert(item.key()).second) << item.key();
  EXPECT_EQ(met.size(), std::size_t{1 + count - staying});
  for (int n = staying; n < count; ++n) EXPECT_EQ(map.get_copy(n), value_of(n));
}
TEST(Chain, MovesThatFindNoMemoryKeepNone) {
  expect_moves_that_find_no_memory_keep_none<int>([](int n) { return n; });
  expect_moves_that_find_no_memory_keep_none<std::string>(text);
}

TEST(Chain, ItsElementsTakeTheFreeSlots) {
  using Table = dashmap::detail::Table<dashmap::detail::Slot<std::uint64_t, std::uint64_t, false>>;
  const std::allocator<int> alloc;
  Table* const table = Table::create(1, alloc);
  for (std::size_t lane = 0; lane < 16; ++lane) set_tag(table->tags_of(0) + lane, 1);
  auto& node = table->add_overflow(0, alloc);
  set_tag(node.tags(), 2);
  set_tag(node.tags() + 3, 3);
  EXPECT_TRUE(table->close_gaps(0));  // there are none
  EXPECT_EQ(node.tags()[0], 2);
  set_tag(table->tags_of(0) + 5, 0);
  EXPECT_TRUE(table->close_gaps(0));
  EXPECT_EQ(table->tags_of(0)[5], 2);
  EXPECT_EQ(node.tags()[0], 0);
  EXPECT_EQ(table->vacancy_in_chain(0).tag, node.tags());
  set_tag(node.tags(), 4);
  set_tag(node.tags() + 3, 0);
  EXPECT_TRUE(table->close_gaps(0));  // the other one stays in the chain
  EXPECT_EQ(node.tags()[0], 4);
  set_tag(table->tags_of(0), 0);
  set_tag(table->tags_of(0) + 1, 0);
  EXPECT_FALSE(table->close_gaps(0));
  EXPECT_EQ(table->tags_of(0)[0], 4);
  EXPECT_FALSE(table->any_in_chain(0));
  EXPECT_EQ(table->vacancy({0}).tag, table->tags_of(0) + 1);
  Table::destroy(table, alloc);
}

}  // namespace
