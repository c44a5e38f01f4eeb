// Role
//   The owners of one hold on a group, as objects: a hold that a guard, an entry or a closure keeps
//   (recorded, movable to any thread), and the short exclusive section inside one operation.
//
// Invariants
//   1. A handle that tests true stands for exactly one shared or exclusive hold, released once.
//   2. Handles that live while user code runs have a record (held.hpp); it ends before the hold.
//   3. Nothing of the table is touched after the releasing change of the word.
//
// Readers and writers
//   See lock_word.hpp; the wake-up check after a release is sync(parking.asleep).
//
// Not here
//   How holds are taken (core/acquire.hpp).
#pragma once

#include <utility>

#include "dashmap/detail/base/asymmetric_fence.hpp"
#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/sync/held.hpp"
#include "dashmap/detail/sync/lock_word.hpp"
#include "dashmap/detail/sync/parking.hpp"

namespace dashmap::detail {

inline void wake_after_release(Sleepers& sleepers, const Word* word) {
  if (sleepers.maybe_any()) [[unlikely]]
    ParkingLot::wake(word);
}

// Releases one hold by read-modify-write, whatever else is nested.
template <bool Exclusive>
void release_hold(Sleepers& sleepers, Word& word) {
  if constexpr (Exclusive) {
    // With nothing nested, nobody but this hold can change the word (lock_word.hpp, 3).
    const word_t seen = word.load(std::memory_order_relaxed);
    const bool alone = word::readers(seen) == 0 && (seen & word::depth_mask) == word::depth_one;
    if (alone && sleepers.maybe_any() && ParkingLot::hand_over(word, seen)) return;
    release_exclusive(word);
  } else {
    release_shared(word);
  }
  wake_after_release(sleepers, &word);
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
  DASHMAP_DETAIL_INLINE ~Section() {
    if (word_ != nullptr) release();
  }

  explicit operator bool() const noexcept { return word_ != nullptr; }
  Word& word() const noexcept { return *word_; }
  bool nested() const noexcept { return locked_ == 0; }

  // Gives the hold up to a handle.
  Word* take() noexcept { return std::exchange(word_, nullptr); }

 private:
  DASHMAP_DETAIL_INLINE void release() noexcept {
    if (word_->load(std::memory_order_relaxed) == locked_) [[likely]] {
      word_->store(word::unlocked_from(locked_), std::memory_order_release);
      light_fence();  // sync(parking.asleep)
      wake_after_release(*sleepers_, word_);
    } else {
      release_slow(*sleepers_, *word_);
    }
  }
  DASHMAP_DETAIL_COLD static void release_slow(Sleepers& sleepers, Word& word) noexcept {
    release_hold<true>(sleepers, word);
  }

  Sleepers* sleepers_ = nullptr;
  Word* word_ = nullptr;
  word_t locked_ = 0;
};

// A recorded hold.
template <bool Exclusive>
class Handle {
 public:
  Handle() noexcept = default;
  // Takes over a hold on `word` that the caller has; releases it when no record can be made.
  DASHMAP_DETAIL_INLINE Handle(Sleepers& sleepers, Word* word, const void* slot, HoldKind kind)
      : sleepers_(&sleepers), word_(word) {
    try {
      hold_ = Held::push(word, slot, kind);
    } catch (...) {
      release_hold<Exclusive>(*sleepers_, *word_);
      throw;
    }
  }
  DASHMAP_DETAIL_INLINE Handle(Handle&& other) noexcept
      : sleepers_(other.sleepers_),
        word_(std::exchange(other.word_, nullptr)),
        hold_(other.hold_) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      reset();
      sleepers_ = other.sleepers_;
      word_ = std::exchange(other.word_, nullptr);
      hold_ = other.hold_;
    }
    return *this;
  }
  DASHMAP_DETAIL_INLINE ~Handle() { reset(); }

  explicit operator bool() const noexcept { return word_ != nullptr; }
  Hold& hold() const noexcept { return *hold_; }
  Word& word() const noexcept { return *word_; }

  DASHMAP_DETAIL_INLINE void reset() noexcept {
    if (word_ == nullptr) return;
    Held::pop(hold_);
    release_hold<Exclusive>(*sleepers_, *std::exchange(word_, nullptr));
  }

  // Another hold of the same kind on the same group.
  Handle again() const {
    add_same(*word_, Exclusive);
    return Handle(*sleepers_, word_, hold_->slot.load(std::memory_order_relaxed),
                  hold_->kind.load(std::memory_order_relaxed));
  }

  // Makes the hold shared, with no moment in between in which a writer could get in.
  Handle<false> downgrade() &&
    requires Exclusive
  {
    detail::downgrade(*word_);
    hold_->kind.store(HoldKind::ref, std::memory_order_relaxed);
    Handle<false> shared;
    shared.sleepers_ = sleepers_;
    shared.word_ = std::exchange(word_, nullptr);
    shared.hold_ = hold_;
    wake_after_release(*sleepers_, shared.word_);
    return shared;
  }

 private:
  template <bool>
  friend class Handle;

  Sleepers* sleepers_ = nullptr;
  Word* word_ = nullptr;
  Hold* hold_ = nullptr;
};

using SharedHandle = Handle<false>;
using ExclusiveHandle = Handle<true>;

// A record without a hold of its own: marks an operation's lock while user code runs under it.
class HoldMark {
 public:
  DASHMAP_DETAIL_INLINE HoldMark(const void* where, const void* slot, HoldKind kind)
      : hold_(Held::push(where, slot, kind)) {}
  HoldMark(const HoldMark&) = delete;
  HoldMark& operator=(const HoldMark&) = delete;
  DASHMAP_DETAIL_INLINE ~HoldMark() { Held::pop(hold_); }

  Hold& hold() const noexcept { return *hold_; }

 private:
  Hold* hold_;
};

}  // namespace dashmap::detail
