// Role
//   Runs a function over the pieces of the hash space on several threads: the caller, and either
//   threads of its own or an executor of the user's.
//
// Invariants
//   1. Each piece is taken by exactly one thread, from one counter.
//   2. The caller returns when all pieces are done, whether or not the executor ever ran its tasks:
//      a task that starts later finds nothing to do and touches only the shared counter block.
//   3. The first exception stops the handing out of pieces and reaches the caller.
//   Tests: 1, 2, 3 unit/corners_test.cpp.
//
// Readers and writers
//   `next` and `busy` are changed by read-modify-write; the mutex orders `busy` with the wait.
//
// Not here
//   What is done with a piece.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "dashmap/detail/core/state.hpp"

namespace dashmap::detail {

class Pieces {
 public:
  explicit Pieces(std::size_t count) : count_(count) {}

  // Takes pieces and calls work(piece) until none is left.
  template <class Work>
  void run(Work& work) {
    for (;;) {
      std::size_t piece = 0;
      {
        const std::lock_guard lock(mutex_);
        if (next_ == count_) return;
        piece = next_++;
        ++busy_;
      }
      std::exception_ptr error;
      try {
        work(piece);
      } catch (...) {
        error = std::current_exception();
      }
      const std::lock_guard lock(mutex_);
      if (error) {
        if (!error_) error_ = error;
        next_ = count_;
      }
      if (--busy_ == 0 && next_ == count_) done_.notify_all();
    }
  }

  // No further pieces; wait() throws the error.
  void cancel(const std::exception_ptr& error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    next_ = count_;
  }

  void wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return busy_ == 0 && next_ == count_; });
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::condition_variable done_;
  std::size_t count_;
  std::size_t next_ = 0;
  std::size_t busy_ = 0;
  std::exception_ptr error_;
};

// Calls work(piece) for pieces 0 … count - 1; `execute(task)` runs a nullary task some time.
template <class Work, class Executor>
void run_pieces(std::size_t count, Work& work, Executor&& execute) {
  const auto pieces = std::make_shared<Pieces>(count);
  try {
    for (unsigned i = 1; i < hardware_threads(); ++i) {
      execute([pieces, &work] { pieces->run(work); });
    }
  } catch (...) {
    pieces->cancel(std::current_exception());
  }
  pieces->run(work);
  pieces->wait();
}

template <class Work>
void run_pieces(std::size_t count, Work& work) {
  std::vector<std::jthread> threads;
  run_pieces(count, work, [&](auto task) { threads.emplace_back(std::move(task)); });
}

}  // namespace dashmap::detail
