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

  // For a map without a table. Throws what copies and the allocator throw.
  void copy_from(Copier& other) {
    if (const std::size_t n = other.size(); n != 0) this->reserve_total(n);
    if constexpr (Types::trivial) {
      copy_groups(other);
    } else {
      copy_elements(other);
    }
  }

 private:
  void copy_elements(Copier& other) {
    typename Base::template Cursor<false> cursor(other, 0, Base::last_hash, Operation::clone);
    Word* word = nullptr;
    word_t seen = 0;
    while (cursor.advance()) {
      const auto& element = cursor.place().slot->element();
      const auto copy = [&] { return make_with<Value>(this->alloc(), element.value); };
      if (cursor.word() != word) {
        word = cursor.word();
        seen = word->load(std::memory_order_acquire);
        if (Base::is_empty_table(this->table())) this->make_first_table();
        keep_up_with(other);
      }
      // Copies of values may change the group: what was removed there and came back was met before.
      if (!word::same_content(seen, word->load(std::memory_order_acquire))) {
        this->insert_held(element.key, copy());
        continue;
      }
      const std::uint64_t hash = other.hash_of_slot(*cursor.place().slot);
      typename Base::Due due(*this);
      Later<typename Base::Prepared> fresh;
      this->add(this->live_of(hash), fresh, hash, element.key, copy, due);
    }
  }

  // Elements that are copied as bytes.
  void copy_groups(Copier& other) {
    using Walk = typename Base::template Groups<false>;
    Walk groups(other, 0, Base::last_hash, Operation::clone);
    std::uint64_t copied = 0;
    for (typename Walk::Hand hand; groups.enter(hand); keep_up_with(other)) {
      const SharedSection section(other.sleepers(), *hand.group.word);
      // An allocator may be called: recorded, as the hold of any walk.
      HoldMark mark(hand.group.word, this, HoldKind::ref_multi, Operation::clone);
      if (Base::is_empty_table(this->table())) this->make_first_table();
      copied += copy_group(other, groups, hand.group, mark.hold());
    }
    this->count_many(static_cast<std::int64_t>(copied));
  }

  // Room for what others inserted there meanwhile. The rest of it comes in hash order, so in a
  // table that is too small it would all go into the chains of a few groups.
  void keep_up_with(const Copier& other) {
    const std::size_t n = other.size();
    if (n <= this->table()->capacity) return;
    try {
      this->reserve_total(n);
    } catch (...) {  // no memory: chains
    }
  }

  // Gives the number of elements.
  std::uint64_t copy_group(const Copier& other, const typename Base::template Groups<false>& groups,
                           const GroupType& group, Hold& hold) {
    TableType& to = *this->table();
    std::uint64_t copied = 0;
    BitMask lanes = match_full(group.table->tags_of(group.index()));
    const bool filled = to.previous.load(std::memory_order_acquire) == nullptr;
    if (filled && group.table->groups == to.groups && groups.admits_all(group)) {
      std::memcpy(static_cast<void*>(to.slots_of(group.index())),
                  group.table->slots_of(group.index()), group_width * sizeof(SlotType));
      std::memcpy(to.tags_of(group.index()), group.table->tags_of(group.index()), group_width);
      copied = lanes.count();
      // Relaxed: the bit changes under the exclusive lock, and the group is locked.
      if (!word::has_overflow(group.word->load(std::memory_order_relaxed))) return copied;
      lanes = BitMask{0};
    }
    typename Base::GroupWalk walk;
    walk.start(group, lanes);
    while (const PlaceType from = walk.next()) {
      if (!groups.admits(group, *from.slot)) continue;
      hold.set_slot(from.slot);
      const PlaceType place = this->room(this->live_of(other.hash_of_slot(*from.slot)));
      std::memcpy(static_cast<void*>(place.slot), from.slot, sizeof(SlotType));
      set_tag(place.tag, *from.tag);
      ++copied;
    }
    return copied;
  }
};

}  // namespace dashmap::detail
