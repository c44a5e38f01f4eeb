#include "threads.hpp"

#include <algorithm>
#include <chrono>
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
