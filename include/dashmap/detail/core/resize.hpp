// Role
//   Makes tables and moves elements between them, a unit at a time, while everybody works on.
//
//   A new table is published at once, all its groups virgin: their elements are still in
//   `previous`. A unit is what must move together: one group of the smaller table and the groups
//   of the larger that share its hashes. Writers move units as they go; a unit with a group in
//   use is skipped and tried again later, never waited for.
//
// Invariants
//   1. Each element is in exactly one group that is neither virgin nor moved: the live group of
//      its hash, found from the newest table back through virgin groups (find_live).
//   2. A unit moves while all its source groups are locked exclusively with nothing nested. Its
//      destinations are virgin: nobody else reaches them. They become readable before the sources
//      are marked moved, so who sees `moved` finds the destination live.
//   3. A source must be live before it moves: chains of tables (when a guard holds up a growth
//      and the next begins) move oldest first.
//   4. A unit moves as a whole or not at all: what can fail, memory for chains, comes before the
//      first relocation, or while all that was relocated is whole in its old place as well, so that
//      nothing but tags is to be taken back.
//   5. A table is unlinked by whoever moves its last unit, when all of its groups are moved.
//   6. Moved-from elements are destroyed after their groups were unlocked; the table stays until
//      then, since its unit is not counted as done.
//   7. A unit is counted after its slots were vacated: large tables give memory back as they move.
//      Nobody has a hold on a moved group or visits it, by its moved word nobody gets one, and
//      who found the group before that without a lock discards what it reads. Words, tags, heads
//      and nodes stay until the table is freed.
//   Models (test/model): 1, 2 growth.readers, writers, first; 3 growth.chain; 5 growth.*, shrink.
//   Tests: 4 exception/one_key_test.cpp, unit/chain_test.cpp; 6 unit/corners_test.cpp; 7
//   concurrent/reclamation_test.cpp.
//
// Readers and writers
//   sync(resize.filled): release store of a destination's word, pairs with sync(group.validate)
//   and the locks. sync(resize.moved): release store of a source's word, pairs with the acquire
//   load in find_live. sync(resize.unlink): the last decrement of units_left is acq_rel, so all
//   moves come before the unlinking.
//
// Not here
//   When memory is given back (state.hpp), who waits for a lock (acquire.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <stdexcept>
#include <thread>
#include <utility>

#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/core/state.hpp"
#include "dashmap/detail/sync/lock_handle.hpp"
#include "dashmap/detail/table/filling.hpp"

namespace dashmap::detail {

template <class Types>
class Resizer : public State<Types> {
 public:
  using Base = State<Types>;
  using typename Base::SlotType;
  using typename Base::TableType;
  using GroupType = Group<TableType>;
  using Base::Base;

  // The live group of a hash. The map is pinned.
  GroupType find_live(std::uint64_t hash) {
    for (;;) {
      for (TableType* table = this->table(); table != nullptr;) {
        const std::size_t index = table->index_of(hash);
        Word& word = table->word_of(index);
        word_t seen = word.load(std::memory_order_acquire);  // sync(group.validate)
        if (word::is_virgin(seen)) {
          TableType* older = table->previous.load(std::memory_order_acquire);
          if (older == nullptr) {
            // Filled meanwhile, or a table that never had a previous one: an empty group. Only a
            // second look after `previous` was seen null can tell.
            word.compare_exchange_strong(seen, word::first, std::memory_order_acq_rel);
            continue;
          }
          table = older;
          continue;
        }
        if (word::is_moved(seen)) break;  // sync(resize.moved): the newer table has it now
        return {table, TableType::FirstSlot::of(index), &word, seen};
      }
    }
  }

  // Runs maintenance, if an insertion asked for it, after the locks declared later are released.
  class Due {
   public:
    explicit Due(Resizer& map) noexcept : map_(map) {}
    Due(const Due&) = delete;
    Due& operator=(const Due&) = delete;
    DASHMAP_DETAIL_INLINE ~Due() {
      if (counter != 0) [[unlikely]]
        map_.maintain(counter);
    }
    std::int64_t counter = 0;

   private:
    Resizer& map_;
  };

  // For a writer that did not find its group in the newest table: moves the next few units, in
  // order, so that the new table's memory is touched page by page; once all had their turn, the
  // hash's own. What cannot be had at once stays. The map is pinned.
  void pull(std::uint64_t hash) {
    TableType* table = this->table();
    if (Base::is_empty_table(table)) return;
    if (is_first_pass(*table)) {
      help(*table, 16);
    } else {
      move_unit_of(*table, hash);
    }
  }

 protected:
  // After an insertion that found something to do: grow, help, give memory back. Never throws:
  // a table that cannot be allocated is tried again later, overflow nodes serve until then.
  DASHMAP_DETAIL_COLD void maintain(std::int64_t counter) noexcept {
    bool full = false;
    std::uint64_t groups = 0;
    std::uint64_t wanted = 0;
    {
      const Pin pin(this);
      TableType* table = this->table();
      groups = table->groups;
      if (table->previous.load(std::memory_order_acquire) != nullptr) {
        // A first pass goes over all units quickly; what it skipped is tried now and then.
        const bool first_pass = is_first_pass(*table);
        const std::uint64_t often = first_pass ? Base::help_mask : 63;
        if ((static_cast<std::uint64_t>(counter) & often) == 0) help(*table, first_pass ? 4 : 64);
      }
      const std::uint64_t size = this->size();
      full = size > table->capacity;
      wanted = std::clamp(groups_for(size), groups << 1, groups << max_ratio_bits);
    }
    if (full || this->has_retired()) {
      if (!this->resize_lock_.try_lock()) {
        // Who makes the larger table may wait for its turn: what is inserted meanwhile makes
        // chains.
        if (full) std::this_thread::yield();
        return;
      }
      const std::lock_guard lock(this->resize_lock_, std::adopt_lock);
      this->reclaim(false);
      if (full) {
        try {
          resize_locked(groups, wanted);
        } catch (...) {  // no memory: later
        }
      }
    }
  }

  // Moves what can be moved, giving way to nobody but those who use a unit, and frees.
  void settle() {
    for (int tries = 0; tries < 64; ++tries) {
      bool done = false;
      {
        const Pin pin(this);
        TableType* table = this->table();
        const std::uint64_t units = unit_count(*table);
        for (std::uint64_t u = 0; u < units; ++u) move_unit(*table, u);
        done = unit_count(*table) == 0;
      }
      {
        const std::lock_guard lock(this->resize_lock_);
        this->reclaim(true);
      }
      if (done && !this->has_retired(true)) return;
      std::this_thread::yield();
    }
  }

  void make_first_table(std::uint64_t groups = 1) {
    const std::lock_guard lock(this->resize_lock_);
    if (!Base::is_empty_table(this->table())) return;
    if (groups >= Base::striped_from_groups) this->make_stripes();
    TableType::template prepare<typename Types::Alloc>(groups);
    TableType* table = TableType::create(groups, this->alloc());
    table->use_huge_pages();
    // Relaxed: publish() releases the table with its words.
    for (std::size_t g = 0; g < groups; ++g) {
      table->word_of(g).store(word::first, std::memory_order_relaxed);
    }
    this->publish(table);
  }

  // A move touches at most so many groups: the pause of a writer that helps is bounded.
  static constexpr unsigned max_ratio_bits = 4;

  // A table that was made before it is needed.
  struct Spare {
    Resizer& map;
    TableType* table = nullptr;

    ~Spare() {
      if (table != nullptr) TableType::destroy(table, map.alloc());
    }
  };

  // To so many groups, unless the newest table has not `expected` any more. Under the resize lock.
  void resize_locked(std::uint64_t expected, std::uint64_t groups, Spare* spare = nullptr) {
    TableType* from = this->table();  // the lock keeps it the newest, so it is not freed
    if (from->groups != expected || from->groups == groups) return;
    if (groups >= Base::striped_from_groups) this->make_stripes();
    TableType* to = spare != nullptr && spare->table != nullptr && spare->table->groups == groups
                        ? std::exchange(spare->table, nullptr)
                        : TableType::create(groups, this->alloc());
    // Relaxed: publish() releases it with the table.
    to->units_left.store(std::min(from->groups, groups), std::memory_order_relaxed);
    // Relaxed: as above.
    to->previous.store(from, std::memory_order_relaxed);
    this->publish(to);
  }

 private:
  static constexpr std::size_t max_ratio = std::size_t{1} << max_ratio_bits;

  static std::uint64_t unit_count(const TableType& to) noexcept {
    const TableType* from = to.previous.load(std::memory_order_acquire);
    return from == nullptr ? 0 : std::min(to.groups, from->groups);
  }

  // How many groups of `table` belong to a unit that moves between it and `other`.
  static std::size_t groups_a_unit(const TableType& table, const TableType& other) noexcept {
    return table.shift < other.shift ? std::size_t{1} << (other.shift - table.shift) : 1;
  }

  // Whether there are units whose turn has not come yet. Relaxed: a hint, who moves a unit looks
  // whether it is still to be moved.
  static bool is_first_pass(const TableType& to) noexcept {
    return to.next_unit.load(std::memory_order_relaxed) < unit_count(to);
  }

  void help(TableType& to, std::uint64_t batch) {
    const std::uint64_t units = unit_count(to);
    if (units == 0) return;
    const std::uint64_t start = to.next_unit.fetch_add(batch, std::memory_order_relaxed);
    if (start < units) {
      const auto ratio = static_cast<std::size_t>(std::max<std::uint64_t>(to.groups / units, 1));
      to.expect(static_cast<std::size_t>(start) * ratio,
                static_cast<std::size_t>(std::min(start + batch, units)) * ratio);
    }
    // A power of two, of which the compiler does not know.
    for (std::uint64_t i = 0; i < batch; ++i) move_unit(to, (start + i) & (units - 1));
  }

  void move_unit_of(TableType& to, std::uint64_t hash) {
    const TableType* from = to.previous.load(std::memory_order_acquire);
    if (from == nullptr) return;
    const unsigned shift = std::max(to.shift, from->shift);
    move_unit(to, hash >> shift);
  }

  // The exclusive locks on a unit's sources; released as they were unless `moved`.
  struct Sources {
    Resizer& map;
    TableType& table;
    std::size_t first;
    std::size_t locked = 0;
    bool moved = false;

    ~Sources() {
      for (std::size_t i = 0; i < locked; ++i) {
        Word& word = table.word_of(first + i);
        const word_t seen = word.load(std::memory_order_relaxed);
        // Nobody else changes a word locked with nothing nested.
        word.store(moved ? word::moved : word::unlocked_from(seen),
                   std::memory_order_release);  // sync(resize.moved)
        // sync(parking.asleep)
        light_fence();
        wake_after_release(map.sleepers(), &word, ParkingLot::Whom::everybody);
      }
    }
  };

  // Moves one unit into `to` unless it is in use or there is no memory. The map is pinned.
  DASHMAP_DETAIL_NOINLINE void move_unit(TableType& to, std::uint64_t unit) {
    TableType* from = to.previous.load(std::memory_order_acquire);
    if (from == nullptr) return;
    const std::size_t from_ratio = groups_a_unit(*from, to);
    const std::size_t to_ratio = groups_a_unit(to, *from);
    const std::size_t source = number_as<std::size_t>(unit) * from_ratio;
    const std::size_t target = number_as<std::size_t>(unit) * to_ratio;
    if (!word::is_virgin(to.word_of(target).load(std::memory_order_acquire))) return;
    {
      Sources sources{*this, *from, source};
      if (!lock_sources(sources, from_ratio)) return;
      if (this->visitors().any_at(&from->word_of(source), &from->word_of(source + from_ratio - 1)))
        return;
      const auto hash_of = [this](const SlotType& slot) { return this->hash_of_slot(slot); };
      Filling<SlotType, max_ratio> filling(to, target, to_ratio);
      if (from_ratio == 1 && to_ratio <= filling.few) [[likely]] {
        if (!filling.take_only(*from, source, hash_of, this->alloc())) return;
      } else {
        if (!filling.make_room(*from, source, from_ratio, hash_of, this->alloc())) return;
        for (std::size_t i = 0; i < from_ratio; ++i) filling.take(*from, source + i, hash_of);
      }
      for (std::size_t i = 0; i < to_ratio; ++i) {
        to.word_of(target + i)
            .store(word::first | (filling.overflows(i) ? word::overflow : 0),
                   std::memory_order_release);  // sync(resize.filled)
      }
      sources.moved = true;
    }
    if constexpr (!SlotType::trivial_destruction) {
      for (std::size_t i = 0; i < from_ratio; ++i) {
        from->for_each(source + i, [](auto place) { place.slot->destroy_moved(); });
      }
    }
    from->vacate_groups(source, from_ratio);
    if (to.units_left.fetch_sub(1, std::memory_order_acq_rel) == 1) {  // sync(resize.unlink)
      if (TableType* old = to.previous.exchange(nullptr, std::memory_order_acq_rel)) {
        this->retire(old);
        to.check_mask.store(to.filled_check_mask, std::memory_order_relaxed);  // relaxed: a hint
        to.use_huge_pages();
      }
    }
  }

  bool lock_sources(Sources& sources, std::size_t count) {
    TableType& from = sources.table;
    for (std::size_t i = 0; i < count; ++i) {
      Word& word = from.word_of(sources.first + i);
      word_t seen = word.load(std::memory_order_acquire);
      if (word::is_virgin(seen)) {
        if (TableType* older = from.previous.load(std::memory_order_acquire)) {
          const unsigned shift = std::max(from.shift, older->shift);
          move_unit(from, from.first_hash(sources.first + i) >> shift);
          seen = word.load(std::memory_order_acquire);
        }
        if (word::is_virgin(seen)) {
          if (from.previous.load(std::memory_order_acquire) != nullptr) return false;
          // As in find_live: no previous table, so empty, or filled in between.
          word.compare_exchange_strong(seen, word::first, std::memory_order_acq_rel);
          seen = word.load(std::memory_order_acquire);
        }
      }
      if (!try_lock_exclusive(word, seen, 0, true)) return false;
      ++sources.locked;
    }
    return true;
  }
};

}  // namespace dashmap::detail
