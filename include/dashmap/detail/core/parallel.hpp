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
//   `next_` is changed by read-modify-write. The mutex orders what was done with the pieces, and
//   who is `busy_`, with the wait.
//
// Not here
//   What is done with a piece.
#pragma once

#include <algorithm>
#include <atomic>
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
  Pieces(std::size_t count, unsigned threads) : count_(count), threads_(threads) {}

  // Takes pieces and calls work(first, number of pieces) until none is left.
  template <class Work>
  void run(Work& work) {
    {
      const std::lock_guard lock(mutex_);
      ++busy_;
    }
    std::exception_ptr error;
    try {
      while (const auto taken = take()) work(taken.first, taken.count);
    } catch (...) {
      error = std::current_exception();
    }
    if (error) cancel(error);
    const std::lock_guard lock(mutex_);
    if (--busy_ == 0) done_.notify_all();
  }

  // No further pieces; wait() throws the error.
  void cancel(const std::exception_ptr& error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = error;
    next_.store(count_, std::memory_order_relaxed);  // relaxed: as in take()
  }

  // For a thread that ran until no piece was left.
  void wait() {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [&] { return busy_ == 0; });
    if (error_) std::rethrow_exception(error_);
  }

 private:
  struct Share {
    std::size_t first = 0;
    std::size_t count = 0;
    explicit operator bool() const noexcept { return count != 0; }
  };
  // A quarter of what would be this thread's part of the rest: few steps while much is left, single
  // pieces at the end (guided self-scheduling, Polychronopoulos and Kuck 1987).
  Share take() noexcept {
    // Relaxed, here and below: only the number counts. What the pieces are was known before, and
    // the mutex orders what comes of them.
    std::size_t next = next_.load(std::memory_order_relaxed);
    while (next < count_) {
      const std::size_t share = std::max<std::size_t>(1, (count_ - next) / (4 * threads_));
      if (next_.compare_exchange_weak(next, next + share, std::memory_order_relaxed)) {
        return {next, share};
      }
    }
    return {};
  }

  std::mutex mutex_;
  std::condition_variable done_;
  const std::size_t count_;
  const std::size_t threads_;
  std::atomic<std::size_t> next_{0};
  std::size_t busy_ = 0;  // threads that may have a piece
  std::exception_ptr error_;
};

// Calls work(first, n), with n pieces from `first` on, for all of 0 … count - 1; `execute(task)`
// runs a nullary task some time.
template <class Work, class Executor>
void run_pieces(std::size_t count, Work& work, Executor&& execute) {
  const unsigned threads = hardware_threads();
  const auto pieces = std::make_shared<Pieces>(count, threads);
  try {
    for (unsigned i = 1; i < threads; ++i) {
      execute([pieces, &work] { pieces->run(work); });
    }
  } catch (...) {
    pieces->cancel(std::current_exception());
  }
  pieces->run(work);
  pieces->wait();
}

// Threads that are waited for. Not std::jthread, which some standard libraries do not have.
class JoinedThreads {
 public:
  JoinedThreads() = default;
  JoinedThreads(const JoinedThreads&) = delete;
  JoinedThreads& operator=(const JoinedThreads&) = delete;
  ~JoinedThreads() {
    for (std::thread& thread : threads_) thread.join();
  }
  template <class Task>
  void start(Task&& task) {
    threads_.emplace_back(std::forward<Task>(task));
  }

 private:
  std::vector<std::thread> threads_;
};

template <class Work>
void run_pieces(std::size_t count, Work& work) {
  JoinedThreads threads;
  run_pieces(count, work, [&](auto task) { threads.start(std::move(task)); });
}

}  // namespace dashmap::detail
