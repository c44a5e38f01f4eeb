// Groups with more elements than slots: their chains get elements, and lose them first.
#include "support/hashers.hpp"
#include "support/other_thread.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
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

TEST(Chain, ItsElementsTakeTheFreeSlots) {
  using Table = dashmap::detail::Table<dashmap::detail::Slot<std::uint64_t, std::uint64_t, false>>;
  const std::allocator<int> alloc;
  Table* const table = Table::create(1, alloc);
  for (std::size_t lane = 0; lane < 16; ++lane) set_tag(table->tags_of(0) + lane, 1);
  auto& node = table->add_overflow(0, alloc);
  set_tag(node.tags(), 2);
  set_tag(node.tags() + 3, 3);
  const auto remove = [](std::uint8_t* tag) {
    set_tag(tag, 0);
    return tag;
  };
  EXPECT_TRUE(table->close_gap(0, remove(table->tags_of(0) + 5)));
  EXPECT_EQ(table->tags_of(0)[5], 2);
  EXPECT_EQ(node.tags()[0], 0);
  EXPECT_EQ(table->vacancy_in_chain(0).tag, node.tags());
  set_tag(node.tags(), 4);
  EXPECT_TRUE(table->close_gap(0, remove(node.tags() + 3)));  // the other one stays in the chain
  EXPECT_EQ(node.tags()[0], 4);
  EXPECT_FALSE(table->close_gap(0, remove(table->tags_of(0))));
  EXPECT_EQ(table->tags_of(0)[0], 4);
  EXPECT_FALSE(table->any_in_chain(0));
  EXPECT_FALSE(table->close_gap(0, remove(table->tags_of(0) + 1)));
  EXPECT_EQ(table->vacancy(0).tag, table->tags_of(0) + 1);
  Table::destroy(table, alloc);
}

}  // namespace
