// Role
//   The record of a hold: what the deadlock search, error messages and a thread's own look-ups know
//   about a lock that somebody has.
//
// Invariants
//   See held.hpp, which is the one that changes them.
//
// Readers and writers
//   See held.hpp.
//
// Not here
//   Making and ending records (held.hpp), the lists of them (hold_list.hpp).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <utility>

#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/sync/lock_word.hpp"
#include "dashmap/detail/sync/operation.hpp"

namespace dashmap::detail {

// A line of the user's program.
struct Line {
  const char* file = nullptr;
  unsigned number = 0;
};
#if DASHMAP_CHECKED
// Where the operation under way was called, until the record of it is made.
DASHMAP_DETAIL_SHARED inline constinit thread_local Line noted_caller{};
class NotedCaller {
 public:
  explicit NotedCaller(const std::source_location& caller) noexcept {
    noted_caller = {caller.file_name(), caller.line()};
  }
  NotedCaller(const NotedCaller&) = delete;
  NotedCaller& operator=(const NotedCaller&) = delete;
  ~NotedCaller() { noted_caller = {}; }
};
inline Line take_noted_caller() noexcept { return std::exchange(noted_caller, Line{}); }
#else
DASHMAP_DETAIL_INLINE Line take_noted_caller() noexcept { return {}; }
#endif

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
  more_keys = 15,  // of a group that a record of kind `keys` counts already
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
    case HoldKind::keys:
    case HoldKind::more_keys: return "a running with_keys";
  }
  return "a guard";
}

// Both in one number, which is recorded by one instruction.
constexpr std::uint32_t purpose_of(HoldKind kind, Operation operation) noexcept {
  return static_cast<std::uint32_t>(kind) << 8 | static_cast<std::uint32_t>(operation);
}

// Compares the query of a vacant entry with a key, by the map's equality function.
using SameKey = bool (*)(const void* equal, const void* query, const void* key);

// Values of `user` beside the address of a HeldThread. `lent` is added to one.
inline constexpr std::uintptr_t no_user = 0;    // never moved: its maker uses it
inline constexpr std::uintptr_t lent = 1;       // held.hpp, 6
inline constexpr std::uintptr_t no_longer = 2;  // about to end

struct Hold;
struct HeldThread;

// A key that is held without an element: the query of a vacant entry, as the caller passed it, and
// a comparison of it with a key of the map. For the thread that has it alone.
struct VacantKey {
  std::uint64_t hash = 0;
  const void* query = nullptr;
  SameKey same = nullptr;
};

// A hold, as those who ask see it.
struct HoldView {
  const void* where;  // the group's word, or the map's address for a range of hashes
  const void* slot;   // the element held; null: none (a vacant entry, a range)
  VacantKey vacant;
  std::uint64_t first;  // a range's hashes, both included
  std::uint64_t last;
  std::uint64_t from;  // those of the groups locked for it
  std::uint64_t to;
  HoldKind kind;
  Operation operation;  // which took it
  Line line;            // where that was called; no file: not known
  Hold* record;         // null: a running closure's

  // Whether this hold locks the group with that word, whose hashes are from `group_first` to
  // `group_last`.
  bool locks(const void* map, const Word* word, std::uint64_t group_first,
             std::uint64_t group_last) const noexcept {
    // All of the group: while a unit moves, a part of its range may be locked in the newer table
    // already.
    return where == word || (where == map && from <= group_first && group_last <= to);
  }
  // Whether this hold is of a range that includes the hash.
  bool spans(const void* map, std::uint64_t hash) const noexcept {
    return where == map && first <= hash && hash <= last;
  }
  bool exclusive() const noexcept { return is_exclusive(kind); }
  // Whether it stands for a hold of its own in its group's word.
  bool counts() const noexcept { return kind != HoldKind::more_keys; }
  bool roams() const noexcept;
};

// The hold of a closure that runs, in its caller's frame. Plain memory: only its thread reads it,
// and the deadlock search while that thread sleeps. So the compiler leaves it out where it sees
// that the closure calls nothing that could ask.
struct ClosureHold {
  const void* where;
  const void* slot;
  HoldKind kind;
  Operation operation;
  Line line;
  VacantKey vacant;
  ClosureHold* outer;
  bool nested = false;  // its thread took the group once more since

  HoldView view() const noexcept {
    return {where, slot, vacant, 0, 0, 0, 0, kind, operation, line, nullptr};
  }
};

// The record of any other hold.
struct Hold {
  std::atomic<const void*> where{nullptr};  // null: no record
  std::atomic<const void*> slot{nullptr};
  std::atomic<const void*> query{nullptr};
  std::atomic<SameKey> same_key{nullptr};
  std::atomic<std::uint64_t> first{0};  // or a vacant entry's hash
  std::atomic<std::uint64_t> last{0};
  std::atomic<std::uint64_t> from{0};
  std::atomic<std::uint64_t> to{0};
  std::atomic<std::uint32_t> purpose{0};  // see purpose_of
  std::atomic<const char*> file{nullptr};
  std::atomic<unsigned> line{0};
  // Of a guard that was moved: the thread that uses it, or one of the marks above.
  std::atomic<std::uintptr_t> user{no_user};
  // The guard was moved off its thread's stack: it may be on its way to another thread.
  std::atomic<bool> roams{false};
  std::atomic<bool> travelled{false};  // another thread than its maker used the guard
  const HeldThread* maker = nullptr;   // set before the first record is made here

  // Changes while the record lives are relaxed: its thread reads them in order, the search while
  // that thread sleeps, which the search's mutex orders. But for the kind: who sees that a moved
  // guard is shared sees what was done while it was exclusive.
  void set_slot(const void* held) noexcept { slot.store(held, std::memory_order_relaxed); }
  void set_purpose(HoldKind kind, Operation operation) noexcept {
    purpose.store(purpose_of(kind, operation), std::memory_order_relaxed);
  }
  void set_kind(HoldKind kind) noexcept {
    // sync(held.kind): release, pairs with the acquire load in kind().
    purpose.store(purpose_of(kind, operation()), std::memory_order_release);
  }
  HoldKind kind() const noexcept {
    // sync(held.kind)
    return static_cast<HoldKind>(purpose.load(std::memory_order_acquire) >> 8);
  }
  Operation operation() const noexcept {
    return static_cast<Operation>(purpose.load(std::memory_order_relaxed) & 0xff);
  }
  void set_range(std::uint64_t begin, std::uint64_t end) noexcept {
    first.store(begin, std::memory_order_relaxed);
    last.store(end, std::memory_order_relaxed);
  }
  void set_locked(std::uint64_t begin, std::uint64_t end) noexcept {
    from.store(begin, std::memory_order_relaxed);
    to.store(end, std::memory_order_relaxed);
  }
  void note(const VacantKey& vacant) noexcept {
    first.store(vacant.hash, std::memory_order_relaxed);
    query.store(vacant.query, std::memory_order_relaxed);
    same_key.store(vacant.same, std::memory_order_relaxed);
  }
  void note(const Line& at) noexcept {
    file.store(at.file, std::memory_order_relaxed);
    line.store(at.number, std::memory_order_relaxed);
  }
  // The place is free for a new record.
  void clear_user() noexcept {
    roams.store(false, std::memory_order_relaxed);
    user.store(no_user, std::memory_order_relaxed);
  }
  bool ended() const noexcept { return where.load(std::memory_order_acquire) == nullptr; }
  // Whether the place is free for a new record, which it is ready for then.
  bool is_free() noexcept {
    if (!ended()) return false;
    clear_user();
    return true;
  }
  HoldView view() noexcept {
    constexpr auto relaxed = std::memory_order_relaxed;
    const std::uint64_t hash = first.load(relaxed);
    return {where.load(std::memory_order_acquire),
            slot.load(relaxed),
            {hash, query.load(relaxed), same_key.load(relaxed)},
            hash,
            last.load(relaxed),
            from.load(relaxed),
            to.load(relaxed),
            kind(),
            operation(),
            {file.load(relaxed), line.load(relaxed)},
            this};
  }
};

inline bool HoldView::roams() const noexcept {
  return record != nullptr && record->roams.load(std::memory_order_relaxed);
}

// The calling thread, as a number: on Linux the one that debuggers show.
inline std::uintptr_t thread_id() noexcept {
  const std::thread::id id = std::this_thread::get_id();
  if constexpr (sizeof(id) == sizeof(std::uintptr_t)) {
    return std::bit_cast<std::uintptr_t>(id);
  } else {
    return std::hash<std::thread::id>()(id);
  }
}

}  // namespace dashmap::detail
