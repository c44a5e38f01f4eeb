// Role
//   What the calling thread holds: one record for each guard, entry, iterator and closure that runs
//   under a lock. Read when a lock is not free, to tell the own thread's lock from another's, and
//   by the deadlock search.
//
// Invariants
//   1. A record is made after its lock was taken and ended before the lock is released. So while a
//      record is seen, its thread (or the guard it stands for, wherever moved) holds the lock.
//   2. Only the owner thread makes records; any thread may end one (a guard moved there).
//   3. A record that ended out of order stays in its block with `where` null, until the owner
//      trims or reuses it. Records are never freed while a guard may still end them: blocks live
//      for ever and are handed on to later threads once all their records have ended.
//   4. A thread that sleeps (its `waiting` is set) does not change its records.
//
// Readers and writers
//   The owner writes fields relaxed and publishes them with `where` (release); the search reads
//   them under its mutex, and only of threads that sleep, which that mutex orders.
//
// Not here
//   Locking itself (lock_word.hpp), the search (deadlock.hpp).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/sync/lock_word.hpp"

namespace dashmap::detail {

// What holds a lock. Odd kinds hold it exclusively.
enum class HoldKind : std::uint32_t {
  ref = 0,
  ref_mut = 1,
  ref_multi = 2,
  ref_mut_multi = 3,
  shared_closure = 4,
  exclusive_closure = 5,
  shard_read = 6,
  shard_write = 7,
  entry = 9,
  map_lock = 11,
  shared_map_lock = 12,
  keys = 13,
};

constexpr bool is_exclusive(HoldKind kind) noexcept {
  return (static_cast<std::uint32_t>(kind) & 1U) != 0;
}

constexpr const char* name_of(HoldKind kind) noexcept {
  switch (kind) {
    case HoldKind::ref: return "a Ref";
    case HoldKind::ref_mut: return "a RefMut";
    case HoldKind::ref_multi: return "an iterator or its item";
    case HoldKind::ref_mut_multi: return "a mutable iterator or its item";
    case HoldKind::shared_closure: return "a running view closure";
    case HoldKind::exclusive_closure: return "a running modifying closure";
    case HoldKind::shard_read: return "a shard's read guard";
    case HoldKind::shard_write: return "a shard's write guard";
    case HoldKind::entry: return "an Entry";
    case HoldKind::map_lock: return "the lock of the whole map";
    case HoldKind::shared_map_lock: return "a running snapshot";
    case HoldKind::keys: return "a running with_keys";
  }
  return "a guard";
}

// Compares the query of a vacant entry with a key, by the map's equality function.
using SameKey = bool (*)(const void* equal, const void* query, const void* key);

struct Hold {
  // The group's word, or the map's address for a range of hashes; null: no record.
  std::atomic<const void*> where{nullptr};
  std::atomic<const void*> slot{nullptr};  // the element held; null: none (a vacant entry, a range)
  // For a vacant entry (slot is null): its query, as the caller passed it, and a comparison of it
  // with a key of the map. Used by the owner thread only.
  std::atomic<const void*> query{nullptr};
  std::atomic<SameKey> same_key{nullptr};
  std::atomic<std::uint64_t> first{0};  // a range's hashes, both included; a vacant entry's hash
  std::atomic<std::uint64_t> last{0};
  std::atomic<HoldKind> kind{HoldKind::ref};

  // Whether this hold locks the group with that word, whose hashes are from `group_first` to
  // `group_last`.
  bool locks(const void* map, const Word* word, std::uint64_t group_first,
             std::uint64_t group_last) const noexcept {
    const void* at = where.load(std::memory_order_acquire);
    if (at == word) return true;
    return at == map && first.load(std::memory_order_relaxed) <= group_last &&
           group_first <= last.load(std::memory_order_relaxed);
  }
  // Whether this hold is of a range that includes the hash.
  bool spans(const void* map, std::uint64_t hash) const noexcept {
    return where.load(std::memory_order_acquire) == map &&
           first.load(std::memory_order_relaxed) <= hash &&
           hash <= last.load(std::memory_order_relaxed);
  }
  bool exclusive() const noexcept { return is_exclusive(kind.load(std::memory_order_relaxed)); }
};

struct Wait;

// The records of one thread: a chain of blocks, the newest first.
struct HoldBlock {
  static constexpr std::size_t size = 64;

  Hold records[size];
  HoldBlock* older = nullptr;  // of the same thread; never changes once published

  template <class F>
  void for_each(F f) const {
    for (const HoldBlock* block = this; block != nullptr; block = block->older) {
      for (const Hold& hold : block->records) {
        if (hold.where.load(std::memory_order_acquire) != nullptr) f(hold);
      }
    }
  }
};

struct HeldThread {
  std::atomic<HoldBlock*> newest{nullptr};
  std::atomic<const Wait*> waiting{nullptr};  // guarded by the deadlock search's mutex
  std::atomic<std::uint64_t> number{0};       // of the thread, for reports; counts from 1
  std::atomic<bool> owned{true};
  HeldThread* next = nullptr;

  template <class F>
  void for_each(F f) const {
    newest.load(std::memory_order_acquire)->for_each(f);
  }
  bool holds_nothing() const {
    bool nothing = true;
    for_each([&](const Hold&) { nothing = false; });
    return nothing;
  }
};

// The calling thread's place for the next record, the end of its newest block, and its list. Three
// trivial variables, so that reaching one takes one instruction.
inline constinit thread_local Hold* held_top = nullptr;
inline constinit thread_local Hold* held_end = nullptr;
inline constinit thread_local HeldThread* held_thread = nullptr;

class Held {
 public:
  // Makes a record: 8 instructions. Throws std::bad_alloc when the thread needs another block.
  DASHMAP_DETAIL_INLINE static Hold* push(const void* where, const void* slot, HoldKind kind) {
    Hold* hold = held_top;
    if (hold == held_end) [[unlikely]] {
      hold = push_slow();
    } else {
      held_top = hold + 1;
    }
    hold->slot.store(slot, std::memory_order_relaxed);
    hold->kind.store(kind, std::memory_order_relaxed);
    hold->where.store(where, std::memory_order_release);
    return hold;
  }

  // Ends a record, on whichever thread.
  DASHMAP_DETAIL_INLINE static void pop(Hold* hold) noexcept {
    hold->where.store(nullptr, std::memory_order_release);
    if (hold + 1 == held_top) [[likely]]
      held_top = hold;
  }

  static HeldThread* this_thread() noexcept { return held_thread; }

  static bool any() {
    bool found = false;
    for_each([&](const Hold&) { found = true; });
    return found;
  }

  // Calls f(hold) for each record of the calling thread.
  template <class F>
  static void for_each(F f) {
    if (held_thread == nullptr) return;
    const HoldBlock* newest = held_thread->newest.load(std::memory_order_relaxed);
    for (const Hold* hold = newest->records; hold != held_top; ++hold) {
      if (hold->where.load(std::memory_order_acquire) != nullptr) f(*hold);
    }
    if (newest->older != nullptr) newest->older->for_each(f);
  }

  // Every thread that ever held something, for the search and for reports.
  static HeldThread* threads() noexcept { return threads_.load(std::memory_order_acquire); }

 private:
  struct Owner {
    ~Owner() { release(); }
    void touch() noexcept {}
  };

  static void release() noexcept {
    if (held_thread != nullptr) {
      held_thread->owned.store(false, std::memory_order_release);
    }
    held_top = held_end = nullptr;
    held_thread = nullptr;
  }

  DASHMAP_DETAIL_COLD static Hold* push_slow() {
    if (held_thread == nullptr) {
      claim_thread();
      return held_top++;
    }
    // Records that ended out of order: below the top, then in the middle of any block.
    HoldBlock* newest = held_thread->newest.load(std::memory_order_relaxed);
    Hold* top = held_top;
    while (top != newest->records && (top - 1)->where.load(std::memory_order_acquire) == nullptr) {
      --top;
    }
    held_top = top;
    if (top != held_end) return held_top++;
    for (HoldBlock* block = newest; block != nullptr; block = block->older) {
      for (Hold& hold : block->records) {
        if (hold.where.load(std::memory_order_acquire) == nullptr) return &hold;
      }
    }
    auto* block = new HoldBlock;
    block->older = newest;
    held_thread->newest.store(block, std::memory_order_release);
    held_top = block->records;
    held_end = block->records + HoldBlock::size;
    return held_top++;
  }

  static void claim_thread() {
    static std::atomic<std::uint64_t> counter{0};
    static thread_local Owner owner;
    owner.touch();
    HeldThread* thread = threads();
    for (; thread != nullptr; thread = thread->next) {
      bool expected = false;
      if (!thread->owned.load(std::memory_order_acquire) && thread->holds_nothing() &&
          thread->owned.compare_exchange_strong(expected, true, std::memory_order_acq_rel)) {
        break;
      }
    }
    if (thread == nullptr) {
      auto* block = new HoldBlock;
      thread = new HeldThread;
      thread->newest.store(block, std::memory_order_relaxed);
      thread->next = threads_.load(std::memory_order_relaxed);
      // sync(held.threads): release, pairs with the acquire load in threads().
      while (!threads_.compare_exchange_weak(thread->next, thread, std::memory_order_release,
                                             std::memory_order_relaxed)) {
      }
    }
    thread->number.store(counter.fetch_add(1, std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
    HoldBlock* newest = thread->newest.load(std::memory_order_relaxed);
    held_top = newest->records;
    held_end = newest->records + HoldBlock::size;
    held_thread = thread;
  }

  inline static std::atomic<HeldThread*> threads_{nullptr};
};

}  // namespace dashmap::detail
