// Role
//   Room for one element more in a locked group, and chains of overflow nodes that are no longer
//   than the elements of their groups need.
//
// Invariants
//   1. The group's word says that there is a chain whenever one has elements.
//   2. An element changes its place only while nobody else has any part of its group, and no
//      iterator stands there: one would miss it.
//   Models (test/model): 1 map.chain.
//   Tests: 1, 2 unit/chain_test.cpp.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   The nodes (table/overflow_node.hpp), what is put there (operations.hpp).
#pragma once

#include <atomic>
#include <cstdint>

#include "dashmap/detail/core/lookup.hpp"

namespace dashmap::detail {

template <class Types>
class Room : public Lookup<Types> {
 public:
  using Base = Lookup<Types>;
  using Base::Base;
  using typename Base::Found;
  using typename Base::GroupType;
  using typename Base::PlaceType;

 protected:
  // A vacant place of the locked group, in a new overflow node if need be.
  DASHMAP_DETAIL_INLINE PlaceType room(const GroupType& group) {
    if (const PlaceType place = group.table->vacancy(group.index)) [[likely]]
      return place;
    return room_in_chain(group);
  }

  // After a removal.
  DASHMAP_DETAIL_INLINE void tidy(Found& found) noexcept {
    if (word::has_overflow(found.section.locked())) [[unlikely]] {
      if (!tidy_chain(found.group, found.section.locked(), found.place.tag)) {
        found.section.clear(word::overflow);
      }
    }
  }

 private:
  // By value, here and below: else the caller would keep them in memory.
  DASHMAP_DETAIL_NOINLINE PlaceType room_in_chain(GroupType group) {
    PlaceType place = group.table->vacancy_in_chain(group.index);
    if (!place) place = group.table->add_overflow(group.index, this->alloc()).place(0);
    // Relaxed: the group is locked, and only who has it changes this bit.
    if (!word::has_overflow(group.word->load(std::memory_order_relaxed))) {
      group.word->fetch_or(word::overflow, std::memory_order_relaxed);  // published by the unlock
    }
    return place;
  }

  // Whether the chain may have elements still.
  DASHMAP_DETAIL_NOINLINE bool tidy_chain(GroupType group, word_t locked,
                                          const std::uint8_t* gap) noexcept {
    // Acquire: a guard that was nested here may have been released by another thread.
    return group.word->load(std::memory_order_acquire) != locked ||
           this->visitors().any_at(group.word, 1) || group.table->close_gap(group.index, gap);
  }
};

}  // namespace dashmap::detail
