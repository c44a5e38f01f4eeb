// Role
//   Passes over ranges of hashes that run to their end (retain and its like), one group at a time.
//
// Invariants
//   1. A sweep that goes on to the next group of a table has a group of that table locked until it
//      has the next one: the table stays. It leaves off where the range does.
//   2. A sweep holds the group of its element and nothing else. While its closure runs the hold has
//      a record with the element; both end before the next closure of another group, and when the
//      closure throws. Only where the record says that the thread took the group once more
//      (acquire.hpp) may elements be gone, or held by the thread.
//   3. What a sweep takes out of a group is destroyed after the group is released.
//   4. Operations on many keys check for conflicting holds of their own thread before they change
//      anything.
//   Models (test/model): 1 growth.sweep*.
//   Tests: 1 unit/map_whole_test.cpp; 2, 4 unit/reentrancy_test.cpp; 3
//   unit/displaced_value_test.cpp.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   Which group comes next (groups.hpp), groups locked together (range.hpp), walks that stop at
//   each element (walk.hpp), threads (parallel.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "dashmap/detail/core/groups.hpp"

namespace dashmap::detail {

template <class Types>
class Sweeper : public GroupFinder<Types> {
 public:
  using Base = GroupFinder<Types>;
  using Base::Base;
  using typename Base::Displaced;
  using typename Base::GroupType;
  using typename Base::GroupWalk;
  using typename Base::Key;
  using typename Base::PlaceType;
  using typename Base::SlotType;
  using typename Base::TableType;
  using GroupHeader = typename TableType::GroupHeader;
  using typename Base::Value;
  template <bool Exclusive>
  using Groups = typename Base::template Groups<Exclusive>;

  // Keeps the elements for which f(const Key&, Value&) is true. `f` has references to what it uses.
  template <class F>
  void retain(std::uint64_t first, std::uint64_t last, F f, Operation operation) {
    Grave grave(*this);
    sweep(first, last, operation, grave, [f, &grave](const PlaceType& place) {
      auto& element = place.slot->element();
      if (!std::invoke(f, std::as_const(element.key), element.value)) grave.take(place);
    });
  }

  // Takes out all elements; where none has a destructor, a group's at once.
  void clear() {
    this->template check_range<true>(0, Base::last_hash, Operation::clear);
    Grave grave(*this);
    sweep<SlotType::trivial_destruction>(0, Base::last_hash, Operation::clear, grave,
                                         [&grave](const PlaceType& place) { grave.take(place); });
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

  std::vector<std::pair<Key, Value>> extract_all(Operation operation) {
    return extract([](const Key&, Value&) { return true; }, operation, this->size());
  }
  // Takes out the elements for which f(const Key&, Value&) is true; `expected`: how many.
  template <class F>
  std::vector<std::pair<Key, Value>> extract(F&& f, Operation operation, std::size_t expected = 0) {
    this->template check_range<true>(0, Base::last_hash, operation);
    std::vector<std::pair<Key, Value>> out;
    out.reserve(expected);
    Grave grave(*this);
    sweep(0, Base::last_hash, operation, grave, [&](const PlaceType& place) {
      auto& element = place.slot->element();
      if (!std::invoke(f, std::as_const(element.key), element.value)) return;
      grave.prepare();
      // Room first: growing after the element was moved out could lose it.
      if (out.size() == out.capacity()) out.reserve(std::max<std::size_t>(8, 2 * out.size()));
      give_both(element, into(out));
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
      map_.discard(place);
      if constexpr (!SlotType::trivial_destruction) {
        place.slot->relocate(slots_.add());
        place.slot->destroy_moved();
      }
    }
    // All of take() that may throw.
    void prepare() {
      if constexpr (!SlotType::trivial_destruction) slots_.prepare();
    }

    // A place for a value that is replaced.
    Displaced& displaced() {
      displaced_.prepare();
      return displaced_.add();
    }

    bool empty() const noexcept {
      return SlotType::trivial || (slots_.empty() && displaced_.empty());
    }
    DASHMAP_DETAIL_INLINE void clear() noexcept {
      if constexpr (!SlotType::trivial) {
        slots_.clear([this](SlotType& slot) { slot.destroy(map_.alloc()); });
        displaced_.clear([](Displaced&) {});
      }
    }

   private:
    // Things that stay where they are, a group's worth in a chunk, of which one is kept.
    template <class T>
    class Chunks {
     public:
      void prepare() {
        if (chunks_.empty() || chunks_.front().used == group_width) chunks_.emplace_front();
      }
      T& add() noexcept {
        Chunk& chunk = chunks_.front();
        std::optional<T>& place = chunk.places[chunk.used++];
        place.emplace();
        return *place;
      }
      // An empty one is never in front of others but while something is added.
      bool empty() const noexcept { return chunks_.empty() || chunks_.front().used == 0; }
      template <class F>
      void clear(F before) noexcept {
        if (chunks_.empty()) return;
        for (Chunk& chunk : chunks_) {
          for (std::size_t i = 0; i < chunk.used; ++i) {
            before(*chunk.places[i]);
            chunk.places[i].reset();
          }
          chunk.used = 0;
        }
        chunks_.erase_after(chunks_.begin(), chunks_.end());
      }

     private:
      struct Chunk {
        std::array<std::optional<T>, group_width> places;
        std::size_t used = 0;
      };
      std::forward_list<Chunk> chunks_;
    };

    Sweeper& map_;
    Chunks<SlotType> slots_;
    Chunks<Displaced> displaced_;
  };

  static constexpr std::size_t line = 64;
  static constexpr std::size_t headers_ahead = 4;

  // Asks for the slots of the next group and for the header of one further on, if there are any:
  // the lock's instruction keeps the processor from looking ahead by itself.
  DASHMAP_DETAIL_INLINE static void prefetch_behind(const GroupHeader* header,
                                                    const SlotType* slot_array, bool any) noexcept {
    if (!any) return;
    DASHMAP_DETAIL_PREFETCH(header + headers_ahead);
    // As bytes: what is asked for are lines, wherever in them slots begin.
    const auto* next = reinterpret_cast<const unsigned char*>(slot_array + group_width);
    constexpr std::size_t size = std::min(group_width * sizeof(SlotType), 8 * line);
#pragma GCC unroll 8
    for (std::size_t at = 0; at < size; at += line) DASHMAP_DETAIL_PREFETCH(next + at);
  }

  // Calls f(place) for each element of a range, its group locked, the element recorded, and clears
  // the grave behind each group. By value: fewer loads for each element. `Clears`: f takes each
  // element out, which has no destructor.
  template <bool Clears = false, class F>
  DASHMAP_DETAIL_INLINE void sweep(std::uint64_t first, std::uint64_t last, Operation operation,
                                   Grave& grave, F f) {
    Groups<true> groups(*this, first, last, operation);
    typename Groups<true>::Hand hand;
    while (groups.enter(hand)) {
      if (hand.calm) [[likely]] {
        sweep_calm<Clears>(groups, hand, grave, f);
      } else {
        const Section section(this->sleepers(), *hand.group.word, hand.locked);
        sweep_rest(groups, hand.group, hand.lanes, f);
      }
      grave.clear();
    }
  }
  // The group in hand, and those behind it for as long as they are free and have elements and no
  // grave is dug. Each is locked before the one before is released, by one try that does not wait,
  // so that the table stays without a pin; no closure runs meanwhile.
  template <bool Clears, class F>
  DASHMAP_DETAIL_NOINLINE void sweep_calm(
      Groups<true>& groups, const typename Groups<true>::Hand& hand, Grave& grave, F f) {
    TableType& table = *hand.group.table;
    const std::size_t end = groups.end_in(table);
    std::size_t index = hand.group.index();
    GroupHeader* header = &table.header_of(index);
    Word* word = hand.group.word;
    SlotType* slot_array = table.slots_of(index);
    BitMask lanes = hand.lanes;
    Section section(this->sleepers(), *word, hand.locked);
    for (;;) {
      if constexpr (Clears) {
        clear_lanes(lanes, header->tags);
      } else {
        prefetch_behind(header, slot_array, index + headers_ahead < table.groups);
        if (lanes) [[likely]]
          sweep_lanes(word, groups.operation(), lanes, PlaceType::of(slot_array, header->tags), f);
      }
      if (lanes || word::has_overflow(section.locked())) [[unlikely]]
        sweep_rest(groups, {&table, TableType::FirstSlot::of(index), word, 0}, lanes, f);
      if (++index == end || !grave.empty()) break;
      word = &(++header)->word;
      slot_array += group_width;
      word_t seen = word->load(std::memory_order_acquire);
      if (!word::is_readable(seen)) [[unlikely]]
        break;
      lanes = match_full(header->tags);
      const word_t locked = word::locked_from(seen);
      if (!lanes || !try_lock_exclusive(*word, seen, 0, false)) [[unlikely]]
        break;
      section.pass_to(*word, locked);
      if (word::has_overflow(locked)) [[unlikely]] {
        // Its chain may lie anywhere. Relaxed: only a hint, nothing is read through it here.
        DASHMAP_DETAIL_PREFETCH(header->chain.load(std::memory_order_relaxed));
      }
    }
    groups.skip_to(table, index);
  }
  // No user code runs here, so there is nothing to record.
  DASHMAP_DETAIL_INLINE void clear_lanes(BitMask& lanes, std::uint8_t* tags) noexcept {
    std::int64_t count = 0;
    for (; lanes; lanes.clear_lowest(), ++count) set_tag(tags + lanes.next(), 0);
    this->count_out(count);
  }
  // The elements in `lanes`, until the closure takes the group once more. Nothing is called here
  // but the closure: where that calls nothing, GCC leaves out the mark.
  template <class F>
  DASHMAP_DETAIL_INLINE static void sweep_lanes(const Word* word, Operation operation,
                                                BitMask& lanes, const PlaceType& first, F& f) {
    ClosureMark mark(word, word, HoldKind::ref_mut_multi, operation);
    do {
      const std::size_t lane = lanes.next();
      lanes.clear_lowest();
      mark.set_slot(first.slot + lane);
      f(PlaceType::of(first.slot + lane, first.tag + lane));
    } while (lanes && !mark.nested());
  }
  // The elements in `lanes` and in overflow nodes. The closure may have removed some of them, or
  // taken guards that outlive it.
  template <class F>
  DASHMAP_DETAIL_COLD void sweep_rest(const Groups<true>& groups, GroupType group, BitMask lanes,
                                      F f) {
    // Until an element is in hand the record names something that no key is compared with.
    ClosureMark mark(group.word, group.word, HoldKind::ref_mut_multi, groups.operation());
    GroupWalk walk;
    walk.start(group, lanes);
    while (const PlaceType place = walk.next()) {
      if (!groups.admits(group, *place.slot)) continue;
      mark.set_slot(place.slot);
      f(place);
    }
    this->tidy(group);
  }
};

}  // namespace dashmap::detail
