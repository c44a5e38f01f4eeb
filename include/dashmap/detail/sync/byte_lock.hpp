// Role
//   A mutex of one byte, for what is rare and short: resizing, the list of a map's iterators.
//
// Invariants
//   1. As std::mutex; not recursive.
//   Models (test/model): 1 growth.chain.
//
// Readers and writers
//   The flag: acquire on locking, release on unlocking.
//
// Not here
//   The locks of groups (lock_word.hpp).
#pragma once

#include <atomic>

#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail {

class ByteLock {
 public:
  bool try_lock() noexcept { return !flag_.test_and_set(std::memory_order_acquire); }
  void lock() noexcept {
    // Relaxed: try_lock acquires.
    while (!try_lock()) flag_.wait(true, std::memory_order_relaxed);
  }
  void unlock() noexcept {
    flag_.clear(std::memory_order_release);
    flag_.notify_one();
  }

 private:
  std::atomic_flag flag_;
};

}  // namespace dashmap::detail
