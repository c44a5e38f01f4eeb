#pragma once

#include <functional>

namespace bench {

struct Timing {
  double seconds = 0;      // from the first thread's start to the last one's end
  double cpu_seconds = 0;  // user and system time of all threads
};

/// Calls `work(i)` in threads 0 to count - 1, which start together. Rethrows what one throws.
Timing run_threads(unsigned count, const std::function<void(unsigned)>& work);

}  // namespace bench
