// Standard error: messages that stay, and a progress line below them that changes.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace word_count {

class Console {
 public:
  Console();

  bool is_terminal() const { return is_terminal_; }

  // A line that stays. From any thread.
  void message(std::string_view text);

  // The progress line: replaces the last one on a terminal, is one line more elsewhere.
  void progress(const std::string& text);
  void clear_progress();

 private:
  std::mutex mutex_;
  const bool is_terminal_;
  std::string progress_;
};

// Shows how far a piece of work has come, for as long as it lives: a bar with rate and time left
// ten times a second on a terminal, a plain line every few seconds elsewhere.
class Progress {
 public:
  enum class Unit { files, bytes };

  // `total` 0: nobody knows how much it will be.
  Progress(Console& console, std::string title, Unit unit, std::uint64_t total = 0);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // From any thread.
  void advance(std::uint64_t amount) noexcept {
    done_.fetch_add(amount, std::memory_order_relaxed);
  }

 private:
  using Clock = std::chrono::steady_clock;

  void paint(const std::stop_token& stop);
  std::string line() const;
  std::string amount(double value) const;

  Console& console_;
  const std::string title_;
  const Unit unit_;
  const std::uint64_t total_;
  const Clock::time_point start_ = Clock::now();
  std::atomic<std::uint64_t> done_{0};
  std::jthread painter_;
};

}  // namespace word_count
