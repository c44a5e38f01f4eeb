// Role
//   The 64-bit word of a group: reader/writer lock, version for optimistic readers, and state in
//   the life of a table, in one. This file knows the layout and the single transitions; who waits
//   and who may nest is decided above.
//
//     63 ........ 31|30 29 28|27 .... 16|15|14 ....... 0|
//         version   | R  M  O|   depth  | P|   readers  |
//
//   R readable: live, not locked exclusively, not moved. Optimistic readers test this bit alone;
//     a zeroed word (a group that its table's growth has not filled yet) is not readable.
//   M moved: the elements are in the next table, for ever.
//   O overflow: elements are in the group's chain of overflow nodes.
//   P pending: somebody sleeps who must get in next; those without other guards wait too.
//   version: counts exclusive sections, modulo 2^33. At the top, so that its carry is lost; next to
//     R, so that taking the first hold is one addition: R carries into the version.
//   depth: exclusive holds, all of one thread (it may hold several keys of a group).
//   readers: shared holds.
//
// Invariants
//   1. R is clear while depth > 0. Slots and tags change only while depth > 0 (or before the
//      group is first readable).
//   2. The version grows at each transition from depth 0 to 1: two loads of the word that differ
//      at most in `readers` and P, both with R, enclose no change of the group.
//   3. While depth > 0 only the holding thread, and whoever releases a guard nested in its hold,
//      change the word, but for P. So a holder that finds its own value unchanged (no nested guard
//      is left, nobody must get in next) may release with a plain store. A mark that it overwrites
//      in this moment is not missed: the sleeper is woken, and sets it again if that was in vain.
//   4. readers > 0 while depth > 0 means that the same thread holds shared guards of the group
//      too (nested or upgraded): other readers get in only when depth is 0.
//   5. M is set by a mover that holds depth 1 with no readers, and never cleared.
//   6. The word of a group that was filled has a version from the start. So a word that is not
//      readable (virgin, locked or moved) never turns into itself with R set: a reader may set R in
//      what it saw instead of asking for it, and finds the word changed.
//   Models (test/model): 1, 4 lock.exclusive, shared, three, upgrade, downgrade; 2 lock.validate,
//   map.read; 3 lock.nested_shared, nested_exclusive; 5, 6 growth.*; P lock.pending, parking.*.
//
// Readers and writers
//   sync(group.lock): acquire by compare-exchange, pairs with sync(group.unlock).
//   sync(group.unlock): release, pairs with sync(group.lock) and sync(group.validate).
//   sync(group.validate): acquire load before the reads, load fence and reload after them.
//
// Not here
//   Waiting (parking.hpp), who holds what (held.hpp), what the word protects (table/).
#pragma once

#include <atomic>
#include <cstdint>
#include <stdexcept>

#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail {

using word_t = std::uint64_t;

namespace word {

inline constexpr word_t reader_one = 1;
inline constexpr word_t reader_mask = 0x7fff;
inline constexpr word_t pending = word_t{1} << 15;
inline constexpr word_t depth_one = word_t{1} << 16;
inline constexpr word_t depth_mask = word_t{0xfff} << 16;
inline constexpr word_t overflow = word_t{1} << 28;
inline constexpr word_t moved = word_t{1} << 29;
inline constexpr word_t readable = word_t{1} << 30;
inline constexpr word_t version_one = word_t{1} << 31;
// Of a group that was filled, see invariant 6.
inline constexpr word_t first = version_one | readable;

constexpr bool is_readable(word_t w) noexcept { return (w & readable) != 0; }
constexpr bool is_virgin(word_t w) noexcept { return w == 0; }
constexpr bool is_moved(word_t w) noexcept { return (w & moved) != 0; }
constexpr bool is_locked(word_t w) noexcept { return (w & depth_mask) != 0; }
constexpr bool has_overflow(word_t w) noexcept { return (w & overflow) != 0; }
constexpr word_t readers(word_t w) noexcept { return w & reader_mask; }
// Somebody may sleep whom the release of a shared hold concerns (parking.hpp, 1).
constexpr bool is_awaited(word_t w) noexcept { return (w & (pending | depth_mask)) != 0; }
// For another reader: nobody must get in before it, and the count does not overflow.
constexpr bool has_room(word_t w) noexcept {
  static_assert(pending == reader_mask + 1);
  return static_cast<std::uint16_t>(w) < reader_mask;
}
// One exclusive hold, nothing nested in it, and nobody must get in next.
constexpr bool is_sole(word_t w) noexcept {
  return (w & (reader_mask | pending | depth_mask)) == depth_one;
}
// Neither readers inside nor writers waiting.
constexpr bool is_quiet(word_t w) noexcept { return static_cast<std::uint16_t>(w) == 0; }

// Invariant 2.
constexpr bool same_content(word_t before, word_t after) noexcept {
  return ((before ^ after) & ~(reader_mask | pending)) == 0;
}

// The first exclusive hold of a readable word, and what the last one leaves.
constexpr word_t locked_from(word_t w) noexcept { return w + (version_one - readable + depth_one); }
constexpr word_t unlocked_from(word_t locked) noexcept { return locked + (readable - depth_one); }

[[noreturn]] DASHMAP_DETAIL_COLD inline void throw_too_many_guards() {
  throw std::length_error("dashmap: too many guards on one group of keys");
}

}  // namespace word

using Word = std::atomic<word_t>;

// After the first exclusive hold was taken: no change of the group may become visible before the
// locked word does. An acquiring exchange alone allows that on weakly ordered processors.
// sync(group.changes): release fence, pairs with the load fence of sync(group.validate).
inline void changes_may_follow() noexcept {
#if DASHMAP_DETAIL_TSAN
  DASHMAP_DETAIL_COMPILER_FENCE();
#else
  std::atomic_thread_fence(std::memory_order_release);
#endif
}

// Takes the group exclusively if it is still what `seen` was and nobody holds it: locks and
// validates an optimistic search in one step. `own` counts the shared holds that the calling
// thread has itself (an upgrade). Unless `barge`, those who must get in next go first. On failure
// `seen` is the current value.
DASHMAP_DETAIL_INLINE bool try_lock_exclusive(Word& w, word_t& seen, word_t own,
                                              bool barge) noexcept {
  if (!word::is_readable(seen) || word::readers(seen) != own) return false;
  if (!barge && (seen & word::pending) != 0) return false;
  // The pending mark goes; those who still wait set it again.
  if (!w.compare_exchange_strong(seen, word::locked_from(seen & ~word::pending),
                                 std::memory_order_acquire, std::memory_order_relaxed)) {
    return false;
  }
  changes_may_follow();
  return true;
}

// Adds a shared hold if no writer is inside or, unless `barge`, waiting.
inline bool try_lock_shared(Word& w, word_t& seen, bool barge) {
  while (word::is_readable(seen) && (barge || (seen & word::pending) == 0)) {
    if (word::readers(seen) == word::reader_mask) word::throw_too_many_guards();
    if (w.compare_exchange_weak(seen, seen + word::reader_one, std::memory_order_acquire,
                                std::memory_order_relaxed)) {
      return true;
    }
  }
  return false;
}

// A further hold by the thread that has the group exclusively. `seen` is a value of the word from
// before the thread found its own hold still in place; if it changed since, try again.
inline bool try_nest(Word& w, word_t seen, bool exclusive) {
  const word_t room = exclusive ? word::depth_mask : word::reader_mask;
  if ((seen & room) == room) word::throw_too_many_guards();
  return w.compare_exchange_strong(seen, seen + (exclusive ? word::depth_one : word::reader_one),
                                   std::memory_order_acquire, std::memory_order_relaxed);
}

// One more hold of the kind that the caller has itself.
inline void add_same(Word& w, bool exclusive) {
  word_t seen = w.load(std::memory_order_relaxed);
  while (!try_nest(w, seen, exclusive)) seen = w.load(std::memory_order_relaxed);
}

// Releases one exclusive hold by read-modify-write; true when the group is free for others now.
inline bool release_exclusive(Word& w) noexcept {
  word_t seen = w.load(std::memory_order_relaxed);
  word_t next;
  do {
    next = (seen & word::depth_mask) == word::depth_one ? word::unlocked_from(seen)
                                                        : seen - word::depth_one;
    // seq_cst: the caller then asks whether somebody sleeps, see sync(parking.asleep).
  } while (!w.compare_exchange_weak(seen, next, std::memory_order_seq_cst,
                                    std::memory_order_relaxed));
  return word::is_readable(next);
}

// Exchanges one exclusive hold for a shared one, with no moment in between.
inline void downgrade(Word& w) {
  word_t seen = w.load(std::memory_order_relaxed);
  word_t next;
  do {
    if (word::readers(seen) == word::reader_mask) word::throw_too_many_guards();
    next = ((seen & word::depth_mask) == word::depth_one ? word::unlocked_from(seen)
                                                         : seen - word::depth_one) +
           word::reader_one;
  } while (!w.compare_exchange_weak(seen, next, std::memory_order_seq_cst,
                                    std::memory_order_relaxed));
}

// Gives the word from before.
inline word_t release_shared(Word& w) noexcept {
  return w.fetch_sub(word::reader_one, std::memory_order_seq_cst);
}

}  // namespace dashmap::detail
