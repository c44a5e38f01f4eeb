// Runs something in a process of its own, so that nothing that was done before can matter to it.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <stdexcept>
#include <type_traits>

namespace bench {

/// Calls `work` in a child process, which has a second thread, asleep, and gives the bytes
/// of what it wrote into `answer`. The calling process may have no other thread.
/// \throws std::runtime_error with the text of what `work` threw, or how the child ended
void run_in_child(const std::function<void()>& work, std::span<std::byte> answer);

template <class Answer>
Answer in_child(const std::function<Answer()>& work) {
  static_assert(std::is_trivially_copyable_v<Answer>);
  Answer answer{};
  const auto bytes = std::as_writable_bytes(std::span(&answer, 1));
  run_in_child([&] { answer = work(); }, bytes);
  return answer;
}

}  // namespace bench
