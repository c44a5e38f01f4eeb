// Elements of a unit, put into the groups of a larger or smaller table, also where memory runs out.
#include "support/allocators.hpp"
#include "support/throwing.hpp"

#include <dashmap/dashmap.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <type_traits>

namespace {

using namespace dashmap_test;
using dashmap::detail::group_width;
using dashmap::detail::set_tag;
using dashmap::detail::tag_of;

/// Too large to be kept in place.
struct Large {
  std::uint64_t number = 0;
  std::array<char, 400> more{};
};

/// The first unit of a move between two tables. Its keys are hashes.
template <class V>
class Unit {
  using Alloc = LedgerAllocator<std::byte>;
  using Slot = dashmap::detail::Slot<std::uint64_t, V, true>;
  using Table = dashmap::detail::Table<Slot>;
  using Place = dashmap::detail::Place<Slot>;
  using Filling = dashmap::detail::Filling<Slot, 16>;
  static constexpr std::size_t units = 2;

 public:
  Unit(std::size_t from_groups, std::size_t to_groups, std::mt19937_64& random)
      : random_(random), from_count_(from_groups), to_count_(to_groups) {}
  Unit(const Unit&) = delete;
  Unit& operator=(const Unit&) = delete;
  ~Unit() {
    const auto& table = moved_ ? to_ : from_;
    for (std::size_t group = 0; group < (moved_ ? to_count_ : from_count_); ++group) {
      table->for_each(group, [&](Place place) { place.slot->destroy(alloc_); });
    }
    Table::destroy(from_, alloc_);
    Table::destroy(to_, alloc_);
  }

  /// Elements in some of the slots and of those of a few overflow nodes; `crowded`: nearly all go
  /// to the last group.
  void fill(bool crowded) {
    for (std::size_t group = 0; group < from_count_; ++group) {
      for (std::size_t lane = 0; lane < group_width; ++lane) {
        if (likely())
          put(group, {from_->slots_of(group) + lane, from_->tags_of(group) + lane}, crowded);
      }
      for (std::size_t n = random_() % 8; n != 0; --n) {
        auto& node = from_->add_overflow(group, alloc_);
        for (std::size_t lane = 0; lane < node.width(); ++lane) {
          if (likely()) put(group, node.place(lane), crowded);
        }
      }
    }
  }

  /// There is memory for so many overflow nodes.
  bool move(long nodes) {
    const auto hash_of = [](const Slot& slot) { return slot.element().hash.value; };
    Filling filling(*to_, 0, to_count_);
    throwing::arm(nodes + 1);
    if (from_count_ == 1 && to_count_ <= Filling::few) {
      moved_ = filling.take_only(*from_, 0, hash_of, alloc_);
    } else {
      moved_ = filling.make_room(*from_, 0, from_count_, hash_of, alloc_);
      for (std::size_t group = 0; moved_ && group < from_count_; ++group) {
        filling.take(*from_, group, hash_of);
      }
    }
    throwing::disarm();
    for (std::size_t group = 0; moved_ && group < to_count_; ++group) {
      EXPECT_EQ(filling.overflows(group), static_cast<bool>(to_->any_in_chain(group)));
    }
    return moved_;
  }

  void expect_all_in(bool moved) {
    std::multiset<std::uint64_t> met;
    Table& table = moved ? *to_ : *from_;
    for (std::size_t group = 0; group < table.groups; ++group) {
      table.for_each(group, [&](Place place) {
        const auto& element = place.slot->element();
        EXPECT_EQ(table.index_of(element.key), group);
        EXPECT_EQ(element.hash.value, element.key);
        EXPECT_EQ(*place.tag, tag_of(element.key));
        EXPECT_TRUE(is_value_of(element.value, element.key));
        met.insert(element.key);
      });
      if (moved && table.any_in_chain(group)) {
        EXPECT_FALSE(table.vacancy(Table::FirstSlot::of(group)));
      }
    }
    EXPECT_EQ(met, keys_);
    if (moved) return;
    for (std::size_t group = 0; group < to_->groups; ++group) {
      to_->for_each(group, [](Place) { ADD_FAILURE() << "an element is left there"; });
    }
  }

 private:
  bool likely() { return random_() % 8 != 0; }

  void put(std::size_t group, Place place, bool crowded) {
    const std::size_t to_group = crowded && likely() ? to_count_ - 1 : random_() % to_count_;
    const Table& smaller_groups = to_count_ > from_count_ ? *to_ : *from_;
    const std::size_t index = to_count_ > from_count_ ? to_group : group;
    const std::uint64_t first = smaller_groups.first_hash(index);
    const std::uint64_t hash = first + random_() % (smaller_groups.last_hash(index) - first + 1);
    typename Slot::template Prepared<Alloc> element(alloc_, hash, hash,
                                                    [&] { return value_of(hash); });
    element.commit(*place.slot);
    set_tag(place.tag, tag_of(hash));
    keys_.insert(hash);
  }

  static V value_of(std::uint64_t key) {
    if constexpr (std::is_same_v<V, Large>) {
      return Large{key};
    } else if constexpr (std::is_same_v<V, std::string>) {
      return "a value that is not short: " + std::to_string(key);
    } else {
      return V{key};
    }
  }
  static bool is_value_of(const V& value, std::uint64_t key) {
    if constexpr (std::is_same_v<V, Large>) {
      return value.number == key;
    } else {
      return value == value_of(key);
    }
  }

  Ledger ledger_;
  Alloc alloc_{ledger_};
  std::mt19937_64& random_;
  std::size_t from_count_;
  std::size_t to_count_;
  Table* from_ = Table::create(units * from_count_, alloc_);
  Table* to_ = Table::create(units * to_count_, alloc_);
  std::multiset<std::uint64_t> keys_;
  bool moved_ = false;
};

template <class V>
class FillingTest : public ::testing::Test {};
using Values = ::testing::Types<std::uint64_t, std::string, Large>;
TYPED_TEST_SUITE(FillingTest, Values);

TYPED_TEST(FillingTest, AUnitMovesWholeOrNotAtAll) {
  struct Ratio {
    std::size_t from;
    std::size_t to;
  };
  std::mt19937_64 random(7);
  int without_memory = 0;
  for (const auto& [from, to] : {Ratio{1, 2}, {1, 4}, {1, 8}, {1, 16}, {2, 1}, {16, 1}}) {
    for (int round = 0; round < 40; ++round) {
      SCOPED_TRACE(testing::Message() << from << " to " << to << ", round " << round);
      Unit<TypeParam> unit(from, to, random);
      unit.fill(round % 2 == 0);
      for (long nodes = 0; !unit.move(nodes); ++nodes) {
        ++without_memory;
        unit.expect_all_in(false);
        if (this->HasFailure()) return;
      }
      unit.expect_all_in(true);
      if (this->HasFailure()) return;
    }
  }
  EXPECT_GT(without_memory, 100);
}

}  // namespace
