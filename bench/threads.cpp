#include "threads.hpp"

#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <exception>
#include <latch>
#include <thread>
#include <vector>

namespace bench {

namespace {

using Clock = std::chrono::steady_clock;

struct Part {
  Clock::time_point start;
  Clock::time_point end;
  double cpu_seconds = 0;
  std::exception_ptr error;
};

/// Keeps the calling thread on the n-th of the processors that the process has, as long as there
/// are enough for `count` threads: new ones would begin on the same one, one after the other.
void settle_down(unsigned n, unsigned count) {
  cpu_set_t all;
  if (sched_getaffinity(0, sizeof all, &all) != 0) return;
  if (count > static_cast<unsigned>(CPU_COUNT(&all))) return;
  for (std::size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all) || n-- != 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof one, &one);
    return;
  }
}

}  // namespace

double cpu_seconds_of_this_thread() {
  return static_cast<double>(nanoseconds_of_this_thread()) * 1e-9;
}

u64 nanoseconds_of_this_thread() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<u64>(time.tv_sec) * 1'000'000'000 + static_cast<u64>(time.tv_nsec);
}

Timing run_threads(unsigned count, const std::function<void(unsigned)>& work) {
  std::vector<Part> parts(count);
  {
    std::latch ready(count);
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < count; ++i) {
      threads.emplace_back([&, i] {
        Part part;
        settle_down(i, count);
        ready.arrive_and_wait();
        part.start = Clock::now();
        const double cpu_before = cpu_seconds_of_this_thread();
        try {
          work(i);
        } catch (...) {
          part.error = std::current_exception();
        }
        part.cpu_seconds = cpu_seconds_of_this_thread() - cpu_before;
        part.end = Clock::now();
        parts[i] = part;
      });
    }
  }

  Timing timing;
  Clock::time_point start = parts[0].start;
  Clock::time_point end = parts[0].end;
  for (const Part& part : parts) {
    if (part.error) std::rethrow_exception(part.error);
    start = std::min(start, part.start);
    end = std::max(end, part.end);
    timing.cpu_seconds += part.cpu_seconds;
  }
  timing.seconds = std::chrono::duration<double>(end - start).count();
  return timing;
}

}  // namespace bench
