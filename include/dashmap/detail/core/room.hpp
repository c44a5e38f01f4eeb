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
  using typename Base::GroupType;
  using typename Base::PlaceType;

  // A vacant place of the locked group, in a new overflow node if need be.
  DASHMAP_DETAIL_INLINE PlaceType room(const GroupType& group) {
    if (const PlaceType place = group.table->vacancy(group.first)) [[likely]]
      return place;
    return room_in_chain(group);
  }

  // After removals from a group that the caller has locked.
  DASHMAP_DETAIL_INLINE void tidy(const GroupType& group) noexcept {
    // Relaxed: only who has the group locked changes this bit.
    if (word::has_overflow(group.word->load(std::memory_order_relaxed))) [[unlikely]]
      tidy_chain(group);
  }

 private:
  // By value, here and below: else the caller would keep them in memory.
  DASHMAP_DETAIL_NOINLINE PlaceType room_in_chain(GroupType group) {
    PlaceType place = group.table->vacancy_in_chain(group.index());
    if (!place) place = group.table->add_overflow(group.index(), this->alloc()).place(0);
    // Relaxed, both: only who has the group locked changes this bit, and the unlock publishes it.
    if (!word::has_overflow(group.word->load(std::memory_order_relaxed))) {
      group.word->fetch_or(word::overflow, std::memory_order_relaxed);
    }
    return place;
  }

  DASHMAP_DETAIL_NOINLINE void tidy_chain(GroupType group) noexcept {
    // Acquire: a guard that was nested here may have been released by another thread.
    const bool alone = word::is_sole(group.word->load(std::memory_order_acquire)) &&
                       !this->visitors().any_at(group.word, group.word);
    if (alone && !group.table->close_gaps(group.index())) {
      // Relaxed: as in room_in_chain.
      group.word->fetch_and(~word::overflow, std::memory_order_relaxed);
    }
  }
};

}  // namespace dashmap::detail
