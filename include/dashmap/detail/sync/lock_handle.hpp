// Role
//   The owners of one hold on a group, as objects: a hold that a guard, an entry or a closure keeps
//   (recorded, movable to any thread), and the short exclusive section inside one operation.
//
// Invariants
//   1. A handle that tests true stands for exactly one shared or exclusive hold, released once.
//   2. Handles that live while user code runs have a record (held.hpp); it ends before the hold.
//   3. Nothing of the table is touched after the releasing change of the word.
//   Models (test/model): 1 lock.nested_*; 2 deadlock.circle, held.ends_elsewhere; 3 lock.*,
//   parking.*.
//
// Readers and writers
//   See lock_word.hpp; the wake-up check after a release is sync(parking.asleep).
//
// Not here
//   How holds are taken (core/acquire.hpp).
#pragma once

#include <memory>
#include <utility>

#include "dashmap/detail/base/asymmetric_fence.hpp"
#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/sync/held.hpp"
#include "dashmap/detail/sync/lock_word.hpp"
#include "dashmap/detail/sync/parking.hpp"

namespace dashmap::detail {

DASHMAP_DETAIL_INLINE void wake_after_release(Sleepers& sleepers, const Word* word,
                                              ParkingLot::Whom whom = ParkingLot::Whom::enterers) {
  if (sleepers.maybe_any()) [[unlikely]]
    ParkingLot::wake(sleepers, word, whom);
}

// After the release of a shared hold; `before` is the word from before.
DASHMAP_DETAIL_COLD inline void wake_after_reader(Sleepers& sleepers, const Word& word,
                                                  word_t before) {
  if (word::is_locked(before)) {  // it was nested
    wake_after_release(sleepers, &word);
  } else {
    ParkingLot::wake_writers(&word, word::readers(before) - 1);
  }
}

// The release of a shared hold on a word at which somebody may sleep.
DASHMAP_DETAIL_COLD inline void release_awaited(Sleepers& sleepers, Word& word) {
  // Relaxed: a guess, which the exchange of the hand-over confirms.
  const word_t seen = word.load(std::memory_order_relaxed);
  if (!word::is_locked(seen) && ParkingLot::hand_over_shared(word, seen)) return;
  wake_after_reader(sleepers, word, release_shared(word));
}

// The release of an exclusive hold by read-modify-write, whatever else is nested.
DASHMAP_DETAIL_COLD inline void release_among_others(Sleepers& sleepers, Word& word) noexcept {
  // With nothing nested, nobody but this hold can change the word (lock_word.hpp, 3).
  const word_t seen = word.load(std::memory_order_relaxed);
  const bool alone = word::is_sole(seen & ~word::pending);
  if (alone && sleepers.any() && ParkingLot::hand_over(word, seen)) return;
  release_exclusive(word);
  wake_after_release(sleepers, &word);
}

// Releases one hold, whatever else is nested.
template <bool Exclusive>
DASHMAP_DETAIL_INLINE void release_hold(Sleepers& sleepers, Word& word) {
  if constexpr (Exclusive) {
    release_among_others(sleepers, word);
  } else {
    // Relaxed: a mark that is set after this is seen by the release itself.
    if (word::is_awaited(word.load(std::memory_order_relaxed))) [[unlikely]] {
      release_awaited(sleepers, word);
      return;
    }
    const word_t before = release_shared(word);
    if (word::is_awaited(before)) [[unlikely]]
      wake_after_reader(sleepers, word, before);
  }
}

// Releases an exclusive hold by a plain store. Nobody else can change the word, which is `seen`,
// but for a mark (lock_word.hpp, 3).
DASHMAP_DETAIL_INLINE void release_alone(Sleepers& sleepers, Word& word, word_t seen) noexcept {
  word.store(word::unlocked_from(seen), std::memory_order_release);
  light_fence();  // sync(parking.asleep)
  wake_after_release(sleepers, &word);
}

// Releases the exclusive hold of a guard by the thread that made it and that it counts for. No
// other thread can be about to nest in it: none found its record among its own.
DASHMAP_DETAIL_INLINE void release_own(Sleepers& sleepers, Word& word) noexcept {
  // Acquire: a guard that was nested here may have been released by another thread.
  const word_t seen = word.load(std::memory_order_acquire);
  if (word::is_sole(seen)) [[likely]] {
    release_alone(sleepers, word, seen);
  } else {
    release_among_others(sleepers, word);
  }
}

// The exclusive section of one operation. `locked` is the word as this section left it, or 0 when
// the section is nested in another hold of the thread.
class Section {
 public:
  Section() noexcept = default;
  DASHMAP_DETAIL_INLINE Section(Sleepers& sleepers, Word& word, word_t locked) noexcept
      : sleepers_(&sleepers), word_(&word), locked_(locked) {}
  DASHMAP_DETAIL_INLINE Section(Section&& other) noexcept
      : sleepers_(other.sleepers_),
        word_(std::exchange(other.word_, nullptr)),
        locked_(other.locked_) {}
  Section& operator=(Section&&) = delete;
  DASHMAP_DETAIL_INLINE ~Section() { end(); }

  explicit operator bool() const noexcept { return word_ != nullptr; }
  Word& word() const noexcept { return *word_; }
  bool nested() const noexcept { return locked_ == 0; }
  word_t locked() const noexcept { return locked_; }

  // Releases the hold before its time.
  DASHMAP_DETAIL_INLINE void end() noexcept {
    if (word_ != nullptr) release();
    word_ = nullptr;
  }
  // Releases the hold and takes over another one.
  DASHMAP_DETAIL_INLINE void pass_to(Word& word, word_t locked) noexcept {
    release();
    word_ = &word;
    locked_ = locked;
  }
  // Gives the hold up to a handle.
  Word* take() noexcept { return std::exchange(word_, nullptr); }

 private:
  DASHMAP_DETAIL_INLINE void release() noexcept {
    // Acquire: a guard that was nested here may have been released by another thread.
    if (word_->load(std::memory_order_acquire) == locked_) [[likely]] {
      release_alone(*sleepers_, *word_, locked_);
    } else {
      release_among_others(*sleepers_, *word_);
    }
  }

  Sleepers* sleepers_ = nullptr;
  Word* word_ = nullptr;
  word_t locked_ = 0;
};

// Says that a handle only changes its place within one operation or object: that is no move in the
// sense of held.hpp, 2.
struct StaysHere {};
inline constexpr StaysHere stays_here{};

// A recorded hold. Whether it was ever moved is kept in the object: where the compiler sees that a
// guard was made in the function at hand and not moved, it leaves out all that others need.
template <bool Exclusive>
class Handle {
 public:
  DASHMAP_DETAIL_INLINE Handle() noexcept { moved_ = false; }
  // Takes over a hold on `word` that the caller has; releases it when no record can be made. An
  // empty handle without a word.
  DASHMAP_DETAIL_INLINE Handle(Sleepers& sleepers, Word* word, const void* slot, HoldKind kind,
                               Operation operation)
      : sleepers_(&sleepers), word_(word) {
    if (word != nullptr) {
      try {
        hold_ = Held::push(word, slot, kind, operation);
      } catch (...) {
        release_hold<Exclusive>(*sleepers_, *word_);
        throw;
      }
    }
    moved_ = false;
  }
  Handle(Handle&& other) noexcept : Handle(std::move(other), stays_here) { went_away(); }
  DASHMAP_DETAIL_INLINE Handle(Handle&& other, StaysHere) noexcept
      : sleepers_(other.sleepers_), word_(std::exchange(other.word_, nullptr)), hold_(other.hold_) {
    moved_ = other.moved_;
  }
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      take(std::move(other));
      went_away();
    }
    return *this;
  }
  DASHMAP_DETAIL_INLINE ~Handle() { reset(); }

  // Gives up what was made in memory a moment ago. The members are copied singly: GCC would load
  // two of them at once, which waits until both were written to the cache.
  DASHMAP_DETAIL_INLINE Handle give() noexcept {
    Word* word = std::exchange(word_, nullptr);
    settle_value(word);
    Handle given;
    given.sleepers_ = sleepers_;
    given.word_ = word;
    given.hold_ = hold_;
    given.moved_ = moved_;
    return given;
  }

  // For an empty handle: as the constructor. It stays empty when that throws.
  DASHMAP_DETAIL_INLINE void begin(Sleepers& sleepers, Word& word, const void* slot, HoldKind kind,
                                   Operation operation) {
    try {
      std::construct_at(this, sleepers, &word, slot, kind, operation);
    } catch (...) {
      std::construct_at(this);
      throw;
    }
  }
  // Assigns what stays here.
  void take(Handle&& other) noexcept {
    reset();
    std::construct_at(this, std::move(other), stays_here);
  }

  // Says that what came here with `stays_here` was moved all the same.
  void went_away() noexcept {
    if (word_ == nullptr) return;
    Held::move(hold_, this);
    moved_ = true;
  }

  explicit operator bool() const noexcept { return word_ != nullptr; }
  Hold& hold() const noexcept { return *hold_; }
  Word& word() const noexcept { return *word_; }
  // The thread that made it may be at work in the group: it was moved here, or is in an object or
  // a coroutine that went there, or is shown through a reference.
  bool moved() const noexcept {
    return !stayed() && (moved_ || !(Held::is_own(hold_) || Held::is_at_home(hold_)));
  }
  // The object's own part of it, to be said anew behind calls that the compiler does not look
  // through.
  DASHMAP_DETAIL_INLINE bool moved_flag() const noexcept { return moved_; }
  DASHMAP_DETAIL_INLINE void set_moved_flag(bool moved) noexcept { moved_ = moved; }
  // Before that is said behind user code, which may have shown the handle to a thread that used it.
  DASHMAP_DETAIL_INLINE void came_back([[maybe_unused]] bool moved) const noexcept {
    if (DASHMAP_DETAIL_KNOWN_FALSE(moved) && !Held::is_own(hold_)) [[unlikely]]
      Held::take_back(hold_);
  }
  // The calling thread takes the hold itself into its hands: it counts for it from now on.
  DASHMAP_DETAIL_INLINE void take_over() const noexcept {
    if (stayed() || word_ == nullptr || Held::is_own(hold_)) return;
    Held::take_over(hold_);
  }

  // The calling thread reaches for what is locked.
  DASHMAP_DETAIL_INLINE void use() const noexcept {
    if (stayed() || word_ == nullptr || Held::is_own(hold_)) return;
    Held::use(hold_, this);
  }

  // GCC does not always see that there is no guard in an optional.
  DASHMAP_DETAIL_NO_UNINITIALIZED_WARNINGS
  DASHMAP_DETAIL_INLINE void reset() noexcept {
    if (word_ == nullptr) return;
    Word& word = *std::exchange(word_, nullptr);
    if (stayed() || Held::is_own(hold_)) [[likely]] {
      Held::pop(hold_);
      if constexpr (Exclusive) {
        release_own(*sleepers_, word);
        return;
      }
    } else {
      Held::pop_moved(hold_);
    }
    release_hold<Exclusive>(*sleepers_, word);
  }
  DASHMAP_DETAIL_WARNINGS_AGAIN

  // Another hold of the same kind on the same group, for the calling thread.
  Handle again() const {
    add_same(*word_, Exclusive);
    return Handle(*sleepers_, word_, hold_->slot.load(std::memory_order_relaxed), hold_->kind(),
                  hold_->operation());
  }

  // Makes the hold shared, with no moment in between in which a writer could get in.
  Handle<false> downgrade() &&
    requires Exclusive
  {
    take_over();
    detail::downgrade(*word_);
    hold_->set_kind(HoldKind::ref);
    Handle<false> shared;
    shared.sleepers_ = sleepers_;
    shared.word_ = std::exchange(word_, nullptr);
    shared.hold_ = hold_;
    shared.moved_ = moved_;
    wake_after_release(*sleepers_, shared.word_);
    return shared;
  }

 private:
  template <bool>
  friend class Handle;

  // The compiler knows that the handle is where its thread made it: it cannot know that of a
  // handle in a coroutine's frame once the coroutine was suspended, or of one that it is shown
  // through a reference.
  DASHMAP_DETAIL_INLINE bool stayed() const noexcept { return DASHMAP_DETAIL_KNOWN_FALSE(moved_); }

  Sleepers* sleepers_ = nullptr;
  Word* word_ = nullptr;
  Hold* hold_ = nullptr;
  bool moved_;  // set last: what is stored through pointers in between could make it unknown
};

using SharedHandle = Handle<false>;
using ExclusiveHandle = Handle<true>;

// A record without a hold of its own.
class HoldMark {
 public:
  HoldMark(const void* where, const void* slot, HoldKind kind, Operation operation)
      : hold_(Held::push(where, slot, kind, operation)) {}
  HoldMark(const HoldMark&) = delete;
  HoldMark& operator=(const HoldMark&) = delete;
  ~HoldMark() { Held::pop(hold_); }

  Hold& hold() const noexcept { return *hold_; }

 private:
  Hold* hold_;
};

// Marks an operation's lock while user code runs under it.
class ClosureMark {
 public:
  DASHMAP_DETAIL_INLINE ClosureMark(const void* where, const void* slot, HoldKind kind,
                                    Operation operation) noexcept
      : hold_{where, slot, kind, operation, take_noted_caller(), {}, held_closures} {
    held_closures = &hold_;
  }
  ClosureMark(const ClosureMark&) = delete;
  ClosureMark& operator=(const ClosureMark&) = delete;
  DASHMAP_DETAIL_INLINE ~ClosureMark() { held_closures = hold_.outer; }

  DASHMAP_DETAIL_INLINE void set_slot(const void* slot) noexcept { hold_.slot = slot; }
  DASHMAP_DETAIL_INLINE void note(const VacantKey& vacant) noexcept { hold_.vacant = vacant; }
  // Whether the closure took the group once more: elements of it may be held, or gone, since.
  DASHMAP_DETAIL_INLINE bool nested() const noexcept { return hold_.nested; }

 private:
  ClosureHold hold_;
};

// A shared hold under which a closure runs.
class SharedSection {
 public:
  DASHMAP_DETAIL_INLINE SharedSection(Sleepers& sleepers, Word& word) noexcept
      : sleepers_(sleepers), word_(word) {}
  SharedSection(const SharedSection&) = delete;
  SharedSection& operator=(const SharedSection&) = delete;
  DASHMAP_DETAIL_INLINE ~SharedSection() { release_hold<false>(sleepers_, word_); }

 private:
  Sleepers& sleepers_;
  Word& word_;
};

}  // namespace dashmap::detail
