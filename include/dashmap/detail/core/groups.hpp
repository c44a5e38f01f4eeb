// Role
//   Goes over ranges of hashes, one group at a time: which group comes next, and takes it.
//
// Invariants
//   1. The position is a hash: what lies below was visited, what lies above was not. Tables change
//      size only between groups in hash order, so an element that is present throughout is met
//      exactly once. A group that began below the position (the table shrank) is filtered.
//   Tests: 1 unit/map_remove_test.cpp.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   What is done with a group's elements (sweep.hpp, walk.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dashmap/detail/core/range.hpp"

namespace dashmap::detail {

template <class Types>
class GroupFinder : public Ranges<Types> {
 public:
  using Base = Ranges<Types>;
  using Base::Base;
  using typename Base::GroupType;
  using typename Base::SlotType;
  using typename Base::TableType;

  // The groups of a range of hashes that have elements. Who enters one releases it.
  template <bool Exclusive>
  class Groups {
   public:
    Groups(GroupFinder& map, std::uint64_t first, std::uint64_t last, Operation operation) noexcept
        : map_(&map), first_(first), last_(last), operation_(operation) {}

    // The group in hand, as values: they stay in registers, and the processor goes on with them
    // while it waits for the lock's instruction.
    struct Hand {
      GroupType group{};
      BitMask lanes{0};  // that have an element
      // As in Acquired: not 0 where the thread entered exclusively, and is alone.
      word_t locked = 0;
      // While this thread takes the group, entered exclusively, no further time, admits() is true.
      bool calm = false;
    };

    // Locks the next group; false at the end, with nothing locked.
    DASHMAP_DETAIL_INLINE bool enter(Hand& hand) {
      if (first_ > last_) return false;
      if (!grab(hand)) [[unlikely]] {
        const auto acquired = enter_slow();
        if (!acquired) return false;
        hand.group = acquired->group;
        hand.locked = acquired->locked;
        hand.lanes = match_full(hand.group.table->tags_of(hand.group.index()));
      }
      const std::uint64_t last_of_group = hand.group.last_hash();
      from_ = first_;
      filter_ = hand.group.first_hash() < first_ || last_of_group > last_;
      hand.calm = !filter_ && hand.locked != 0;
      first_ = last_of_group + 1;
      return true;
    }

    // Behind the last group of a table that lies within the range.
    std::size_t end_in(const TableType& table) const noexcept { return table.index_of(last_ + 1); }
    // What was not entered here was visited: on from group `index` of a table.
    void skip_to(const TableType& table, std::size_t index) noexcept {
      first_ = table.first_hash(index);
    }

    // Takes the group again that was entered last, which nobody moved since it was released. True
    // where all of its elements are admitted.
    DASHMAP_DETAIL_INLINE bool reenter(const GroupType& group) {
      own_ = false;
      if (Base::template take_free<Exclusive>(*group.word,
                                              group.word->load(std::memory_order_acquire)))
          [[likely]]
        return !filter_;
      reenter_slow();
      return admits_all(group);
    }

    // Whether an element of the group entered last is one of the range. Throws DeadlockError if
    // this thread has it already.
    DASHMAP_DETAIL_INLINE bool admits(const GroupType& group, const SlotType& slot) const {
      return admits_all(group) || examine(group, slot);
    }
    DASHMAP_DETAIL_INLINE bool admits_all(const GroupType& group) const {
      return !(filter_ || own_ || nested_since(*group.word));
    }
    // By value: nobody is told where the caller has its group.
    DASHMAP_DETAIL_COLD bool examine(GroupType group, const SlotType& slot) const {
      if (filter_ && !in_range(slot)) return false;
      if (own_ || nested_since(*group.word)) check_admitted(group, slot);
      return true;
    }

    void check_admitted(const GroupType& group, const SlotType& slot) const {
      map_->template require<Exclusive>(group, &slot, map_->hash_of_slot(slot), slot.element().key,
                                        Request{operation_});
    }

    GroupFinder& map() const noexcept { return *map_; }
    Operation operation() const noexcept { return operation_; }
    bool own() const noexcept { return own_; }

   private:
    // Locks the first group from the position on that has elements, in one step, where it is in the
    // newest table and free. At the end the position is behind the last hash.
    DASHMAP_DETAIL_INLINE bool grab(Hand& hand) {
      const QuickPin pin(map_);
      if (!pin) [[unlikely]]
        return false;
      for (;;) {
        hand.group = map_->newest_group(first_);
        if (!word::is_readable(hand.group.seen)) [[unlikely]]
          return false;
        hand.lanes = match_full(hand.group.table->tags_of(hand.group.index()));
        if (hand.lanes || word::has_overflow(hand.group.seen)) [[likely]]
          break;
        if (!Base::unchanged(hand.group)) continue;
        first_ = hand.group.last_hash() + 1;
        if (first_ > last_) return false;
      }
      own_ = false;
      hand.locked = word::locked_from(hand.group.seen);
      return Base::template take_free<Exclusive>(*hand.group.word, hand.group.seen);
    }
    DASHMAP_DETAIL_COLD void reenter_slow() {
      own_ = map_->template acquire<Exclusive>(from_, Request{operation_})->own;
    }
    // As grab, however long it takes.
    DASHMAP_DETAIL_COLD std::optional<typename Base::Acquired> enter_slow() {
      if (first_ > last_ || !skip_empty()) return std::nullopt;
      auto acquired = map_->template acquire<Exclusive>(first_, Request{operation_});
      if (acquired) own_ = acquired->own;
      return acquired;
    }
    // Takes the position past groups that are empty now; false when there are no others.
    bool skip_empty() {
      const Pin pin(map_);
      while (first_ <= last_ && !Base::is_empty_table(map_->table())) {
        const GroupType group = map_->find_live(first_);
        if (!word::is_readable(group.seen) || word::has_overflow(group.seen) ||
            match_full(group.table->tags_of(group.index())).any()) {
          return true;
        }
        if (Base::unchanged(group)) first_ = group.last_hash() + 1;
      }
      first_ = last_ + 1;
      return false;
    }

    // Whether this thread took guards of the group since it was entered.
    static bool nested_since(const Word& word) noexcept {
      // Relaxed: what this thread did itself, it sees.
      const word_t now = word.load(std::memory_order_relaxed);
      if constexpr (Exclusive) {
        return word::readers(now) != 0 || (now & word::depth_mask) != word::depth_one;
      } else {
        return word::is_locked(now);
      }
    }

    bool in_range(const SlotType& slot) const {
      const std::uint64_t hash = map_->hash_of_slot(slot);
      return hash >= from_ && hash <= last_;
    }

    GroupFinder* map_;
    std::uint64_t first_;  // the position; behind `last_` at the end
    std::uint64_t last_;
    bool filter_ = false;
    bool own_ = false;        // the thread had holds on the group before
    std::uint64_t from_ = 0;  // the position when the group was entered
    Operation operation_;
  };
};

}  // namespace dashmap::detail
