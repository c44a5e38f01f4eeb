// Role
//   Lets an iterator and the item in its hand share one hold on a group, without counting: while
//   the item lives where the iterator made it, the hold is the iterator's, and ends with the item;
//   an item that goes its own way takes the hold along.
//
// Invariants
//   1. A tied item and its tie point at each other. At most one item is tied to a tie.
//   2. An item that was moved, or whose iterator went on, owns its hold.
//   3. When an item is gone its hold is gone: an iterator holds nothing between items.
//   Tests: 1, 2, 3 unit/map_iterate_test.cpp.
//
// Readers and writers
//   Plain pointers: an item that was never moved belongs to the iterator's thread. A moved item may
//   go to any thread.
//
// Not here
//   What is iterated (core/walk.hpp), the items as users see them (iterator.hpp).
#pragma once

#include <utility>

#include "dashmap/detail/sync/deadlock.hpp"
#include "dashmap/detail/sync/lock_handle.hpp"

namespace dashmap::detail {

template <bool Exclusive>
struct Tie;

// The lock side of an iterator's item.
template <bool Exclusive>
struct TiedItem {
  Handle<Exclusive> own;
  Tie<Exclusive>* tie = nullptr;

  explicit TiedItem(Tie<Exclusive>& to);
  TiedItem(TiedItem&& other) noexcept;
  TiedItem& operator=(TiedItem&&) = delete;
  ~TiedItem();

  // A second item of one element, which only shared ones may have.
  DASHMAP_DETAIL_COLD void share(Tie<Exclusive>& from) {
    if constexpr (Exclusive) throw_self_deadlock(Operation::iter_mut, from.handle.hold().view());
    own.take(from.handle.again());
  }

 protected:
  // Passes on what the item is about to show.
  template <class T>
  T& used(T& shown) const noexcept {
    own.use();
    return shown;
  }
};

template <bool Exclusive>
struct Tie {
  Handle<Exclusive> handle;
  TiedItem<Exclusive>* item = nullptr;

  Tie() noexcept = default;
  Tie(Tie&& other) noexcept
      : handle(std::move(other.handle)), item(std::exchange(other.item, nullptr)) {
    if (item != nullptr) item->tie = this;
  }
  Tie& operator=(Tie&&) = delete;
  ~Tie() { part(); }

  // The iterator goes on: a tied item keeps the hold.
  void part() noexcept {
    if (item == nullptr) return;
    item->own.take(std::move(handle));
    std::exchange(item, nullptr)->tie = nullptr;
  }
};

template <bool Exclusive>
DASHMAP_DETAIL_INLINE TiedItem<Exclusive>::TiedItem(Tie<Exclusive>& to) {
  if (to.item == nullptr) [[likely]] {
    tie = &to;
    to.item = this;
  } else {
    share(to);
  }
}
template <bool Exclusive>
TiedItem<Exclusive>::TiedItem(TiedItem&& other) noexcept {
  if (other.tie != nullptr) other.tie->part();
  own = std::move(other.own);
}
template <bool Exclusive>
DASHMAP_DETAIL_INLINE TiedItem<Exclusive>::~TiedItem() {
  if (tie != nullptr) [[likely]] {
    tie->item = nullptr;
    tie->handle.reset();
  }
}

}  // namespace dashmap::detail
