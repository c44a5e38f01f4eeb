// Role
//   Fills a new map, which nobody else knows yet, with the elements of another one. Both have the
//   same hash function, so nothing is looked for, and whole groups are copied where the tables are
//   alike.
//
// Invariants
//   1. An element is copied once, as passes meet each once (groups.hpp, 1), into the group that its
//      hash has in the new table.
//   Tests: 1 unit/map_construct_test.cpp, concurrent/iteration_test.cpp.
//
// Readers and writers
//   Of the other map, as in acquire.hpp.
//
// Not here
//   Which functions and allocator a copy has (container.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dashmap/detail/core/walk.hpp"

namespace dashmap::detail {

template <class Types>
class Copier : public Walker<Types> {
 public:
  using Base = Walker<Types>;
  using Base::Base;
  using typename Base::GroupType;
  using typename Base::PlaceType;
  using typename Base::SlotType;
  using typename Base::TableType;
  using typename Base::Value;

  // For a map without elements. Throws what copies and the allocator throw.
  void copy_from(Copier& other) {
    if (Base::is_empty_table(other.table())) return;
    this->make_first_table(groups_for(other.size()));
    TableType& to = *this->table();
    if constexpr (Types::trivial) {
      copy_groups(other, to);
    } else {
      copy_elements(other, to);
    }
    // Others went on inserting there.
    if (this->size() > to.capacity) this->reserve_total(this->size());
  }

 private:
  void copy_elements(Copier& other, TableType& to) {
    typename Base::template Cursor<false> cursor(other, 0, Base::last_hash, Operation::clone);
    while (cursor.advance()) {
      const SlotType& slot = *cursor.place().slot;
      const std::uint64_t hash = other.hash_of_slot(slot);
      Later<typename Base::Prepared> fresh;
      typename Base::Due due(*this);
      this->add(
          group_of(to, hash), fresh, hash, slot.element().key,
          [&]() -> Value { return Value(slot.element().value); }, due);
      due.counter = 0;  // the table stays: it grows when all is here
    }
  }

  // Elements that are copied as bytes.
  void copy_groups(Copier& other, TableType& to) {
    using Groups = typename Base::template Groups<false>;
    std::int64_t count = 0;
    const auto append = [&](const PlaceType& from) {
      const PlaceType place = this->room(group_of(to, other.hash_of_slot(*from.slot)));
      std::memcpy(static_cast<void*>(place.slot), from.slot, sizeof(SlotType));
      set_tag(place.tag, *from.tag);
      ++count;
    };
    Groups groups(other, 0, Base::last_hash, Operation::clone);
    for (typename Groups::Hand hand; groups.enter(hand);) {
      const GroupType& group = hand.group;
      const SharedSection section(other.sleepers(), *group.word);
      BitMask lanes = match_full(group.table->tags_of(group.index));
      if (group.table->groups == to.groups && groups.admits_all(group)) {
        std::memcpy(static_cast<void*>(to.slots_of(group.index)),
                    group.table->slots_of(group.index), group_width * sizeof(SlotType));
        std::memcpy(to.tags_of(group.index), group.table->tags_of(group.index), group_width);
        count += lanes.count();
        // Relaxed: the group is locked.
        if (!word::has_overflow(group.word->load(std::memory_order_relaxed))) continue;
        lanes = BitMask{0};
      }
      // Named as by a walk before it has an element in hand: an allocator may be called.
      const HoldMark mark(group.word, this, HoldKind::ref_multi, Operation::clone);
      typename Base::GroupWalk walk;
      walk.start(group, lanes);
      while (const PlaceType place = walk.next()) {
        if (groups.admits(group, *place.slot)) append(place);
      }
    }
    this->count_many(count);
  }

  static GroupType group_of(TableType& table, std::uint64_t hash) noexcept {
    const std::size_t index = table.index_of(hash);
    return {&table, index, &table.word_of(index), 0};
  }
};

}  // namespace dashmap::detail
