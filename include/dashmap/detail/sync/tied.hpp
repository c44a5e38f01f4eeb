// Role
//   Lets an iterator and the item in its hand share one hold on a group, without counting: while
//   the item lives where the iterator made it, it leans on the iterator's hold; once either goes
//   its own way, the item gets a hold of its own.
//
// Invariants
//   1. A tied item and its tie point at each other. At most one item is tied to a tie.
//   2. An item that was moved, or whose iterator went on, owns its hold.
//
// Readers and writers
//   Plain pointers: an item that was never moved belongs to the iterator's thread. A moved item may
//   go to any thread.
//
// Not here
//   What is iterated (core/walk.hpp), the items as users see them (iterator.hpp).
#pragma once

#include <utility>

#include "dashmap/detail/sync/lock_handle.hpp"

namespace dashmap::detail {

template <bool Exclusive>
struct Tie;

// The lock side of an iterator's item. While the item lives where the iterator made it, it leans on
// the iterator's hold; once either goes its own way, it has one of its own.
template <bool Exclusive>
struct TiedItem {
  Handle<Exclusive> own;
  Tie<Exclusive>* tie = nullptr;

  explicit TiedItem(Tie<Exclusive>& to);
  TiedItem(TiedItem&& other);
  TiedItem& operator=(TiedItem&&) = delete;
  ~TiedItem();
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
  ~Tie() {
    if (item != nullptr) {
      item->own = std::move(handle);
      item->tie = nullptr;
    }
  }
  // The item keeps what it has while the iterator goes on.
  void part() {
    if (item == nullptr) return;
    item->own = handle.again();
    std::exchange(item, nullptr)->tie = nullptr;
  }
};

template <bool Exclusive>
TiedItem<Exclusive>::TiedItem(Tie<Exclusive>& to) {
  if (to.item == nullptr) {
    tie = &to;
    to.item = this;
  } else {
    own = to.handle.again();
  }
}
template <bool Exclusive>
TiedItem<Exclusive>::TiedItem(TiedItem&& other) {
  if (other.tie != nullptr) other.tie->part();
  own = std::move(other.own);
}
template <bool Exclusive>
TiedItem<Exclusive>::~TiedItem() {
  if (tie != nullptr) tie->item = nullptr;
}

}  // namespace dashmap::detail
