// Role
//   Goes over ranges of hashes, one group at a time: which group comes next, and the passes that
//   run to their end (retain and its like).
//
// Invariants
//   1. The position is a hash: what lies below was visited, what lies above was not. Tables change
//      size only between groups in hash order, so an element that is present throughout is met
//      exactly once. A group that began below the position (the table shrank) is filtered.
//   2. A sweep holds the group of its element and nothing else. While its closure runs the hold has
//      a record with the element; both end before the next group, and when the closure throws. Only
//      where the record says that the thread took the group once more (acquire.hpp) may elements be
//      gone, or held by the thread.
//   3. What a sweep takes out of a group is destroyed after the group is released.
//   4. Operations on many keys check for conflicting holds of their own thread before they change
//      anything.
//   Tests: 1 unit/map_remove_test.cpp; 2, 4 unit/reentrancy_test.cpp; 3
//   unit/displaced_value_test.cpp.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   Groups locked together (range.hpp), walks that stop at each element (walk.hpp), threads
//   (parallel.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

#include "dashmap/detail/core/range.hpp"

namespace dashmap::detail {

template <class Types>
class Sweeper : public Ranges<Types> {
 public:
  using Base = Ranges<Types>;
  using Base::Base;
  using typename Base::Displaced;
  using typename Base::GroupType;
  using typename Base::GroupWalk;
  using typename Base::Key;
  using typename Base::PlaceType;
  using typename Base::SlotType;
  using typename Base::Value;

  // The groups of a range of hashes that have elements. Who enters one releases it.
  template <bool Exclusive>
  class Groups {
   public:
    Groups(Sweeper& map, std::uint64_t first, std::uint64_t last, Operation operation) noexcept
        : map_(&map), first_(first), last_(last), operation_(operation) {}

    // The group in hand, as values: they stay in registers, and the processor goes on with them
    // while it waits for the lock's instruction.
    struct Hand {
      GroupType group{};
      BitMask lanes{0};   // that have an element
      word_t locked = 0;  // as in Acquired
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
        hand.lanes = match_full(hand.group.table->tags_of(hand.group.index));
      }
      const std::uint64_t last_of_group = hand.group.last_hash();
      from_ = first_;
      filter_ = hand.group.first_hash() < first_ || last_of_group > last_;
      hand.calm = !filter_ && !own_;
      first_ = last_of_group + 1;
      return true;
    }

    // Takes the group again that was entered last, which nobody moved since it was released.
    void reenter(const GroupType& group) {
      word_t seen = group.word->load(std::memory_order_acquire);
      own_ = false;
      if (!(Exclusive ? try_lock_exclusive(*group.word, seen, 0, false)
                      : try_lock_shared(*group.word, seen, false))) {
        own_ = map_->template acquire<Exclusive>(from_, Request{operation_})->own;
      }
    }

    // Whether an element of the group entered last is one of the range. Throws DeadlockError if
    // this thread has it already.
    DASHMAP_DETAIL_INLINE bool admits(const GroupType& group, const SlotType& slot) const {
      return !(filter_ || own_ || nested_since(*group.word)) || examine(group, slot);
    }
    // By value: nobody is told where the caller has its group.
    DASHMAP_DETAIL_COLD bool examine(GroupType group, const SlotType& slot) const {
      if (filter_ && !in_range(slot)) return false;
      if (own_ || nested_since(*group.word)) check(group, slot);
      return true;
    }

    void check(const GroupType& group, const SlotType& slot) const {
      map_->template require<Exclusive>(group, &slot, map_->hash_of_slot(slot), slot.element().key,
                                        Request{operation_});
    }

    Sweeper& map() const noexcept { return *map_; }
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
        hand.lanes = match_full(hand.group.table->tags_of(hand.group.index));
        if (hand.lanes || word::has_overflow(hand.group.seen)) [[likely]]
          break;
        if (!Base::unchanged(hand.group)) continue;
        first_ = hand.group.last_hash() + 1;
        if (first_ > last_) return false;
      }
      // A group that is free has no exclusive hold, and for an exclusive one no other: none of this
      // thread's is in the way.
      own_ = false;
      word_t seen = hand.group.seen;
      hand.locked = word::locked_from(seen);
      // Without room for a reader acquire waits, or throws.
      return Exclusive ? try_lock_exclusive(*hand.group.word, seen, 0, false)
                       : word::has_room(seen) && try_lock_shared(*hand.group.word, seen, false);
    }
    // The same, however long it takes.
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
            match_full(group.table->tags_of(group.index)).any()) {
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

    Sweeper* map_;
    std::uint64_t first_;  // the position; behind `last_` at the end
    std::uint64_t last_;
    bool filter_ = false;
    bool own_ = false;        // the thread had holds on the group before
    std::uint64_t from_ = 0;  // the position when the group was entered
    Operation operation_;
  };

  // Keeps the elements for which f(const Key&, Value&) is true.
  template <class F>
  void retain(std::uint64_t first, std::uint64_t last, F&& f, Operation operation) {
    Grave grave(*this);
    sweep(first, last, operation, grave, [&](const PlaceType& place) {
      auto& element = place.slot->element();
      if (!std::invoke(f, std::as_const(element.key), element.value)) grave.take(place);
    });
  }

  template <class F>
  void alter_all(F&& f) {
    this->template check_range<true>(0, Base::last_hash, Operation::alter_all);
    Grave grave(*this);
    sweep(0, Base::last_hash, Operation::alter_all, grave, [&](const PlaceType& place) {
      if constexpr (std::is_trivially_copyable_v<Value>) {
        Displaced displaced;
        this->alter_slot(*place.slot, f, displaced);
      } else {
        this->alter_slot(*place.slot, f, grave.displaced());
      }
    });
  }

  // Takes out the elements for which f(const Key&, Value&) is true.
  template <class F>
  std::vector<std::pair<Key, Value>> extract(F&& f, Operation operation) {
    this->template check_range<true>(0, Base::last_hash, operation);
    std::vector<std::pair<Key, Value>> out;
    Grave grave(*this);
    sweep(0, Base::last_hash, operation, grave, [&](const PlaceType& place) {
      auto& element = place.slot->element();
      if (!std::invoke(f, std::as_const(element.key), element.value)) return;
      grave.prepare();
      // Room first: growing after the element was moved out could lose it.
      if (out.size() == out.capacity()) out.reserve(std::max<std::size_t>(8, 2 * out.size()));
      out.emplace_back(give<Key, Value>(element.key), give<Key, Value>(element.value));
      grave.take(place);
    });
    return out;
  }

  // For a map that nobody else uses any more: all elements to the newest table.
  void finish() {
    this->template check_range<true>(0, Base::last_hash, Operation::into_read_only);
    this->settle();
  }

 private:
  // What was taken out of the group in hand.
  class Grave {
   public:
    explicit Grave(Sweeper& map) noexcept : map_(map) {}
    Grave(const Grave&) = delete;
    Grave& operator=(const Grave&) = delete;
    ~Grave() { clear(); }

    // Removes the element.
    void take(const PlaceType& place) {
      prepare();
      set_tag(place.tag, 0);
      if constexpr (!SlotType::trivial_destruction) {
        chunks_.front().emplace_back();
        place.slot->relocate(chunks_.front().back());
        place.slot->destroy_moved();
      }
      map_.count_out();
    }
    // All of take() that may throw. A chunk never grows: elements cannot be copied bytewise.
    void prepare() {
      if constexpr (!SlotType::trivial_destruction) {
        if (chunks_.empty() || chunks_.front().size() == chunks_.front().capacity()) {
          chunks_.emplace_front().reserve(group_width);
        }
      }
    }

    // A place for a value that is replaced.
    Displaced& displaced() { return displaced_.emplace_front(); }

    void clear() noexcept {
      for (auto& chunk : chunks_) {
        for (SlotType& slot : chunk) slot.destroy(map_.alloc());
        chunk.clear();
      }
      displaced_.clear();
    }

   private:
    Sweeper& map_;
    std::forward_list<std::vector<SlotType>> chunks_;
    std::forward_list<Displaced> displaced_;
  };

  // Asks for the slots and the word of groups to come: the lock's instruction keeps the processor
  // from looking ahead by itself.
  DASHMAP_DETAIL_INLINE static void prefetch_behind(const GroupType& group) noexcept {
    constexpr std::size_t line = 64;
    constexpr std::size_t words_a_line = line / sizeof(word_t);
    const auto& table = *group.table;
    if (group.index + words_a_line >= table.groups) return;
    DASHMAP_DETAIL_PREFETCH(&table.word_of(group.index + words_a_line));
    // As bytes: what is asked for are lines, wherever in them slots begin.
    const auto* slots = reinterpret_cast<const unsigned char*>(table.slots_of(group.index + 1));
    for (std::size_t at = 0; at < std::min(group_width * sizeof(SlotType), 8 * line); at += line) {
      DASHMAP_DETAIL_PREFETCH(slots + at);
    }
  }

  // Calls f(place) for each element of a range, its group locked, the element recorded, and clears
  // the grave behind each group.
  template <class F>
  DASHMAP_DETAIL_INLINE void sweep(std::uint64_t first, std::uint64_t last, Operation operation,
                                   Grave& grave, F f) {
    Groups<true> groups(*this, first, last, operation);
    typename Groups<true>::Hand hand;
    while (groups.enter(hand)) {
      sweep_group(groups, hand, f);
      grave.clear();
    }
  }
  template <class F>
  DASHMAP_DETAIL_INLINE void sweep_group(const Groups<true>& groups,
                                         const typename Groups<true>::Hand& hand, F& f) {
    const Section section(this->sleepers(), *hand.group.word, hand.locked);
    // Until an element is in hand the record names something that no key is compared with.
    ClosureMark mark(hand.group.word, hand.group.word, HoldKind::ref_mut_multi, groups.operation());
    prefetch_behind(hand.group);
    GroupWalk walk;
    walk.start(hand.group, hand.lanes);
    bool disturbed = !hand.calm;
    while (const PlaceType place = walk.next(disturbed)) {
      if (disturbed && !groups.admits(hand.group, *place.slot)) continue;
      mark.set_slot(place.slot);
      f(place);
      // The closure may have removed elements of the group, or taken guards that outlive it.
      disturbed = disturbed || mark.nested();
    }
  }
};

}  // namespace dashmap::detail
