// Runs something on another thread and stops the process when it does not come back.
#pragma once

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <future>
#include <thread>
#include <type_traits>
#include <utility>

namespace dashmap_test {

/// How long a step that must not block may take on a slow machine under a sanitizer.
inline constexpr std::chrono::seconds patience{60};

/// Returns what `work()` returns there; throws what it throws.
template <class Work>
auto on_another_thread(Work&& work) -> std::invoke_result_t<Work&> {
  using Result = std::invoke_result_t<Work&>;
  std::packaged_task<Result()> task([&work]() -> Result { return work(); });
  std::future<Result> result = task.get_future();
  std::thread thread(std::move(task));
  if (result.wait_for(patience) != std::future_status::ready) {
    std::fputs("a call on another thread hangs: a lock was left taken\n", stderr);
    std::abort();
  }
  thread.join();
  return result.get();
}

}  // namespace dashmap_test
