#pragma once

#include <functional>

#include "random.hpp"

namespace bench {

struct Timing {
  double seconds = 0;      // from the first thread's start to the last one's end
  double cpu_seconds = 0;  // user and system time of all threads
};

/// Calls `work(i)` in threads 0 to count - 1, which start together. Rethrows what one throws.
Timing run_threads(unsigned count, const std::function<void(unsigned)>& work);

/// The user and system time that the calling thread took so far.
double cpu_seconds_of_this_thread();
u64 nanoseconds_of_this_thread();

}  // namespace bench
