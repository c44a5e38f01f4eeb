// Role
//   What a map is made of: the newest table, the functions and the allocator, the count, the
//   sleepers, and the tables that wait to be freed. Everything about its life but its resizing.
//
// Invariants
//   1. table() is never null: an empty map shares one constant table, whose single group is empty
//      and whose word (pending without a waiter) sends every writer to the slow path.
//   2. size() is the number of elements whenever no insertion or removal is under way.
//   3. A table is retired once it is unlinked from the chain of tables, and freed after
//      PinRegistry::quiescent() said so, or with the map. An insertion frees a slice at a time.
//   Models (test/model): 1 growth.*; 2 map.count, several; 3 growth.readers, shrink.
//
// Readers and writers
//   sync(state.table): a new table is stored with release, pairs with the acquire load in table().
//   retired_, kept_: pushed by anybody (release), taken whole under the resize lock (acquire).
//
// Not here
//   Locking groups (acquire.hpp), moving elements (resize.hpp).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <type_traits>
#include <utility>

#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/core/counter.hpp"
#include "dashmap/detail/core/types.hpp"
#include "dashmap/detail/reclaim/pin.hpp"
#include "dashmap/detail/sync/byte_lock.hpp"
#include "dashmap/detail/sync/lock_handle.hpp"
#include "dashmap/detail/sync/visitors.hpp"
#include "dashmap/detail/table/table_memory.hpp"

namespace dashmap::detail {

// A live group, with the value of its word when it was found.
template <class TableType>
struct Group {
  TableType* table;
  typename TableType::FirstSlot first;
  Word* word;
  word_t seen;

  std::size_t index() const noexcept { return first.group(); }
  auto& header() const noexcept { return table->header_of(first); }

  std::uint64_t first_hash() const noexcept { return table->first_hash(index()); }
  std::uint64_t last_hash() const noexcept { return table->last_hash(index()); }
};

// For a search that ends with a look at the word: one that was not readable never gets equal to
// what this gives, so nobody need ask (lock_word.hpp, 6). By value: else it would be kept in
// memory.
template <class TableType>
DASHMAP_DETAIL_INLINE Group<TableType> as_if_readable(Group<TableType> group) noexcept {
  group.seen |= word::readable;
  settle_value(group.seen);
  return group;
}

// Nobody is in the group, or waits for it.
template <class TableType>
DASHMAP_DETAIL_INLINE bool is_free(const Group<TableType>& group) noexcept {
  return word::is_readable(group.seen) && word::is_quiet(group.seen);
}
// Locks such a group exclusively if it has not changed since, which proves a search in it right.
template <class TableType>
DASHMAP_DETAIL_INLINE bool lock_as_seen(const Group<TableType>& group) noexcept {
  word_t seen = group.seen;
  // Relaxed, where it fails: what is seen then is not looked at, the slow path reads the word anew.
  if (!group.word->compare_exchange_strong(seen, word::locked_from(group.seen),
                                           std::memory_order_acquire, std::memory_order_relaxed))
    return false;
  changes_may_follow();
  return true;
}

// The table of all empty maps, with its one group.
template <class SlotType>
struct EmptyTable {
  struct Whole {
    Table<SlotType> table{nullptr, 1};
    typename Table<SlotType>::GroupHeader header{{word::readable | word::pending}, {nullptr}, {}};
  };
  inline static constinit Whole whole{};
  static_assert(sizeof(Table<SlotType>) == offsetof(Whole, header));
};

inline unsigned hardware_threads() noexcept {
  static const unsigned count = std::max(1U, std::thread::hardware_concurrency());
  return count;
}

// Default number of shards: the power of two at or above 4 × cores.
inline std::size_t default_shards() noexcept {
  return std::bit_ceil(std::size_t{4} * hardware_threads());
}

template <class TypesOfMap>
class State {
 public:
  using Types = TypesOfMap;
  using Key = typename Types::Key;
  using Hasher = typename Types::Hasher;
  using Equal = typename Types::Equal;
  using Alloc = typename Types::Alloc;
  using SlotType = typename Types::SlotType;
  using TableType = typename Types::TableType;

  State(Hasher hasher, Equal equal, const Alloc& alloc, std::size_t shards)
      : hasher_(std::move(hasher)),
        equal_(std::move(equal)),
        alloc_(alloc),
        shard_bits_(static_cast<std::uint8_t>(std::countr_zero(shards))) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { destroy(); }

  // Neither map is in use by other threads, and no guard is alive.
  void steal(State& other) noexcept {
    destroy();
    other.visitors_.dismiss();
    other.free_retired();
    // This one's are the empty table and 0.
    exchange_unshared(sleepers_.newest_table, other.sleepers_.newest_table);
    count_.swap(other.count_);
  }

  void swap_contents(State& other) noexcept {
    visitors_.dismiss();
    other.visitors_.dismiss();
    free_retired();
    other.free_retired();
    exchange_unshared(sleepers_.newest_table, other.sleepers_.newest_table);
    count_.swap(other.count_);
    std::swap(shard_bits_, other.shard_bits_);
  }

  Hasher& hasher() noexcept { return hasher_; }
  const Hasher& hasher() const noexcept { return hasher_; }
  Equal& equal() noexcept { return equal_; }
  const Equal& equal() const noexcept { return equal_; }
  Alloc& alloc() noexcept { return alloc_; }
  const Alloc& alloc() const noexcept { return alloc_; }
  Sleepers& sleepers() noexcept { return sleepers_; }
  Visitors& visitors() noexcept { return visitors_; }
  unsigned shard_bits() const noexcept { return shard_bits_; }
  void set_shard_bits(unsigned bits) noexcept { shard_bits_ = static_cast<std::uint8_t>(bits); }

  // All 64 bits, mixed.
  template <class Q>
  DASHMAP_DETAIL_INLINE std::uint64_t full_hash(const Q& key) const {
    static_assert(!becomes_key<Q, Types>, "as_query comes first");
    const auto raw = static_cast<std::uint64_t>(hasher_(key));
    if constexpr (hash_is_avalanching<Hasher> && sizeof(decltype(hasher_(key))) == 8) {
      return raw;
    } else {
      return mix64(raw);
    }
  }
  // The 63 bits that order the table.
  template <class Q>
  DASHMAP_DETAIL_INLINE std::uint64_t hash_of(const Q& key) const {
    return full_hash(key) >> 1;
  }
  std::uint64_t hash_of_slot(const SlotType& slot) const noexcept(Types::cheap_hash) {
    if constexpr (Types::cheap_hash && SlotType::in_place) {
      return hash_of(slot.element().key);
    } else {
      return slot.element().hash.value;
    }
  }

  TableType* table() const noexcept {
    return static_cast<TableType*>(sleepers_.newest_table.load(std::memory_order_acquire));
  }
  static TableType* empty_table() noexcept { return &EmptyTable<SlotType>::whole.table; }
  // That of any module of the program. Of a table that cannot be freed meanwhile.
  static bool is_empty_table(const TableType* table) noexcept { return table->bytes == 0; }

  std::size_t size() const noexcept {
    const std::int64_t sum = count_.sum();
    return sum > 0 ? static_cast<std::size_t>(sum) : 0;
  }

  // Of the newest table; 0 where there is none yet.
  std::uint64_t newest_groups() const {
    const Pin pin(this);
    const TableType* table = this->table();
    return is_empty_table(table) ? 0 : table->groups;
  }
  std::size_t capacity() const {
    const std::uint64_t groups = newest_groups();
    return groups == 0 ? 0 : number_as<std::size_t>(capacity_of(groups));
  }

  // Counts an element in, into the table that the caller has locked a group of. Gives the counter's
  // value when the table wants maintenance, else 0.
  DASHMAP_DETAIL_INLINE std::int64_t count_in(const TableType& table) noexcept {
    if (Counter::Number* const own = count_.own()) [[likely]]
      return due_at(table, Counter::add_own(*own, 1));
    return count_in_shared(table);
  }
  // Counts elements in, into a map that nobody else knows.
  void count_many(std::int64_t n) noexcept { count_.add_alone(n); }
  DASHMAP_DETAIL_INLINE void count_out(std::int64_t n = 1) noexcept { count_.add(-n); }
  // The calling thread's own counter, if it has one.
  DASHMAP_DETAIL_INLINE Counter::Number* own_count() noexcept { return count_.own(); }

 protected:
  // One counter is enough while a table is so small that its locks are shared more anyway.
  static constexpr std::uint64_t striped_from_groups = 16;

  // Tables of up to so many groups are kept until a larger one goes: to know that nobody looks at
  // one any more takes longer than to fill it.
  static constexpr std::uint64_t kept_groups = 2;

  // While a table grows an insertion in so many helps, less one.
  static constexpr std::uint64_t help_mask = 3;

  // The same by a thread that has no counter of its own, or where the count is not striped.
  DASHMAP_DETAIL_NOINLINE std::int64_t count_in_shared(const TableType& table) noexcept {
    // Relaxed: a hint, who is sent to help looks again.
    const bool growing = table.previous.load(std::memory_order_relaxed) != nullptr;
    const bool striped = count_.stripe_count() != 0;
    const std::int64_t value = count_.add_shared(1);
    if (striped) return due_at(table, value);
    const bool due = growing || value > static_cast<std::int64_t>(table.capacity) || has_retired();
    return due ? value : 0;
  }
  // The value of a counter that went up, if it is one at which the table wants maintenance, but
  // never 0; else 0.
  DASHMAP_DETAIL_INLINE static std::int64_t due_at(const TableType& table,
                                                   std::int64_t value) noexcept {
    // Relaxed: a hint, who is sent to help looks again.
    const std::uint64_t often = table.check_mask.load(std::memory_order_relaxed);
    if ((static_cast<std::uint64_t>(value) & often) != 0) [[likely]]
      return 0;
    return value == 0 ? 1 : value;
  }
  // Called under the resize lock. Throws what the allocator throws.
  void make_stripes() { count_.stripe(hardware_threads(), alloc_); }

  void publish(TableType* table) noexcept {
    std::uint64_t often = 0;
    if (const std::size_t stripes = count_.stripe_count()) {
      // Insertions go beyond the capacity by an eighth at most; by a quarter if not only the
      // stripes' own threads insert, but others as well.
      often = table->capacity / (8 * stripes);
      often = std::bit_floor(std::clamp<std::uint64_t>(often, 1, 1024)) - 1;
    }
    table->filled_check_mask = often;
    // Relaxed: this thread set it.
    if (table->previous.load(std::memory_order_relaxed) != nullptr) often &= help_mask;
    // Relaxed: published with the table.
    table->check_mask.store(often, std::memory_order_relaxed);
    sleepers_.newest_table.store(table, std::memory_order_release);  // sync(state.table)
  }

  void retire(TableType* table) noexcept {
    std::atomic<TableType*>& list = table->groups <= kept_groups ? kept_ : retired_;
    // Relaxed, both: only the address of the head is used, reclaim() takes all that was released.
    table->next_retired = list.load(std::memory_order_relaxed);
    while (!list.compare_exchange_weak(table->next_retired, table, std::memory_order_release,
                                       std::memory_order_relaxed)) {
    }
  }
  // Without `all`, those that are kept do not count.
  bool has_retired(bool all = false) const noexcept {
    // Relaxed, all three: a hint, reclaim() takes the lists.
    return retired_.load(std::memory_order_relaxed) != nullptr ||
           doomed_.load(std::memory_order_relaxed) != nullptr ||
           (all && kept_.load(std::memory_order_relaxed) != nullptr);
  }
  // Frees what can be freed, or a slice of it. Under the resize lock, not pinned.
  void reclaim(bool all) noexcept {
    // Relaxed, here and below: the resize lock orders those who change it.
    TableType* doomed = doomed_.load(std::memory_order_relaxed);
    TableType* retired = retired_.exchange(nullptr, std::memory_order_acquire);
    TableType* kept = nullptr;
    if (retired != nullptr || all) kept = kept_.exchange(nullptr, std::memory_order_acquire);
    if (retired != nullptr || kept != nullptr) {
      const bool quiet = PinRegistry::quiescent(this);
      for (TableType* list : {retired, kept}) {
        while (list != nullptr) {
          TableType* table = std::exchange(list, list->next_retired);
          if (quiet) {
            table->next_retired = std::exchange(doomed, table);
          } else {
            retire(table);
          }
        }
      }
    }
    while (doomed != nullptr) {
      TableType* next = doomed->next_retired;
      if (all) {
        TableType::destroy(doomed, alloc_);
      } else if (!TableType::destroy_slice(doomed, alloc_)) {
        break;
      }
      doomed = next;
    }
    doomed_.store(doomed, std::memory_order_relaxed);
  }

  Sleepers sleepers_{empty_table()};  // first
  ByteLock resize_lock_;              // resizing is rare and mostly tries

 private:
  void free_retired() noexcept {
    for (std::atomic<TableType*>* tables : {&retired_, &kept_, &doomed_}) {
      TableType* list = tables->exchange(nullptr, std::memory_order_acquire);
      while (list != nullptr) {
        TableType::destroy(std::exchange(list, list->next_retired), alloc_);
      }
    }
  }

  void destroy() noexcept {
    visitors_.dismiss();
    free_retired();
    TableType* table = this->table();
    // Relaxed: nobody else uses the map any more.
    sleepers_.newest_table.store(empty_table(), std::memory_order_relaxed);
    while (table != nullptr && !is_empty_table(table)) {
      if constexpr (!SlotType::trivial_destruction) {
        for (std::size_t g = 0; g < table->groups; ++g) {
          const word_t seen = table->word_of(g).load(std::memory_order_acquire);
          if (word::is_virgin(seen) || word::is_moved(seen)) continue;
          table->for_each(g, [&](auto place) { place.slot->destroy(alloc_); });
        }
      }
      TableType* older = table->previous.load(std::memory_order_acquire);
      TableType::destroy(table, alloc_);
      table = older;
    }
    count_.reset(alloc_);
  }

  DASHMAP_DETAIL_NO_UNIQUE_ADDRESS Hasher hasher_;
  DASHMAP_DETAIL_NO_UNIQUE_ADDRESS Equal equal_;
  DASHMAP_DETAIL_NO_UNIQUE_ADDRESS Alloc alloc_;
  std::uint8_t shard_bits_;
  Counter count_;
  std::atomic<TableType*> retired_{nullptr};
  std::atomic<TableType*> kept_{nullptr};
  std::atomic<TableType*> doomed_{nullptr};  // nobody looks at them; changed under the resize lock
  Visitors visitors_;
};

}  // namespace dashmap::detail
