#pragma once

#include <functional>
#include <latch>
#include <thread>

#include "random.hpp"

namespace bench {

struct Timing {
  double seconds = 0;      // from the first thread's start to the last one's end
  double cpu_seconds = 0;  // user and system time of all threads
};

/// A second thread, asleep. While there is only one, a C library leaves the locked instructions out
/// of its mutexes, which no user of these maps has.
class SecondThread {
 public:
  SecondThread() : thread_([this] { over_.wait(); }) {}
  SecondThread(const SecondThread&) = delete;
  SecondThread& operator=(const SecondThread&) = delete;
  ~SecondThread() {
    over_.count_down();
    thread_.join();
  }

 private:
  std::latch over_{1};
  std::thread thread_;
};

/// Calls `work(i)` in threads 0 to count - 1, which start together, each on a processor of its own
/// if there are so many. Rethrows what one throws.
Timing run_threads(unsigned count, const std::function<void(unsigned)>& work);

/// The user and system time that the calling thread took so far.
double cpu_seconds_of_this_thread();
u64 nanoseconds_of_this_thread();

}  // namespace bench
