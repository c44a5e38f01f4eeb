// Role
//   The iterators of a map, each with the group in which it stands. Between two elements an
//   iterator locks nothing, but its group must not move to another table: the elements that it has
//   not met are those in the lanes that it has not passed.
//
// Invariants
//   1. A visitor stands at a group, or leaves one, while it has that group locked. A mover has its
//      groups locked when it asks, so it sees all visitors that must hold it up.
//   2. A visitor is in the list from its construction until it, or the map's contents, end or move.
//   Tests: 1, 2 unit/map_iterate_test.cpp.
//
// Readers and writers
//   `at_`: written by the iterator's thread under the group's lock, read by movers under that lock
//   and the list's; the group's lock orders them. The list changes under its lock; its first
//   pointer is read without one, for maps without iterators.
//
// Not here
//   How an iterator walks (core/walk.hpp), how groups move (core/resize.hpp).
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>

#include "dashmap/detail/sync/byte_lock.hpp"
#include "dashmap/detail/sync/lock_word.hpp"

namespace dashmap::detail {

class Visitor;

class Visitors {
 public:
  Visitors() noexcept = default;
  Visitors(const Visitors&) = delete;
  Visitors& operator=(const Visitors&) = delete;
  ~Visitors() { dismiss(); }

  // The map's contents end or move: iterators are of no further use.
  void dismiss() noexcept;
  // Whether somebody stands at one of the groups from one to another of a table, given their words.
  bool any_at(const Word* first, const Word* last) noexcept;

 private:
  friend class Visitor;
  ByteLock lock_;
  std::atomic<Visitor*> first_{nullptr};
};

class Visitor {
 public:
  explicit Visitor(Visitors& all) noexcept : all_(&all) { join(); }
  Visitor(const Visitor& other) noexcept : all_(other.all_), at_(other.at()) { join(); }
  // Where one was moved to stands in its place.
  Visitor(Visitor&& other) noexcept : all_(other.all_), at_(other.at()) {
    join();
    other.stand_at(nullptr);
  }
  Visitor& operator=(const Visitor&) = delete;
  ~Visitor() {
    if (all_ == nullptr) return;
    const std::lock_guard lock(all_->lock_);
    if (next_ != nullptr) next_->before_ = before_;
    if (before_ != nullptr) {
      before_->next_ = next_;
    } else {
      all_->first_.store(next_, std::memory_order_relaxed);
    }
  }

  // Null: at none.
  void stand_at(const Word* word) noexcept { at_.store(word, std::memory_order_relaxed); }
  const Word* at() const noexcept { return at_.load(std::memory_order_relaxed); }

 private:
  friend class Visitors;

  void join() noexcept {
    if (all_ == nullptr) return;
    const std::lock_guard lock(all_->lock_);
    next_ = all_->first_.load(std::memory_order_relaxed);
    if (next_ != nullptr) next_->before_ = this;
    all_->first_.store(this, std::memory_order_relaxed);
  }

  Visitors* all_;  // null: dismissed
  Visitor* next_ = nullptr;
  Visitor* before_ = nullptr;
  std::atomic<const Word*> at_{nullptr};
};

inline void Visitors::dismiss() noexcept {
  const std::lock_guard lock(lock_);
  for (Visitor* visitor = first_.load(std::memory_order_relaxed); visitor != nullptr;
       visitor = visitor->next_) {
    visitor->all_ = nullptr;
  }
  first_.store(nullptr, std::memory_order_relaxed);
}

inline bool Visitors::any_at(const Word* first, const Word* last) noexcept {
  if (first_.load(std::memory_order_relaxed) == nullptr) return false;
  const std::lock_guard lock(lock_);
  for (const Visitor* visitor = first_.load(std::memory_order_relaxed); visitor != nullptr;
       visitor = visitor->next_) {
    const Word* word = visitor->at();
    if (!(word < first) && !(last < word)) return true;
  }
  return false;
}

}  // namespace dashmap::detail
