#include "console.hpp"

#include "format.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iostream>
#include <utility>

namespace word_count {

using namespace std::chrono_literals;

namespace {

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Console::Console() : is_terminal_(isatty(STDERR_FILENO) == 1) {}

void Console::message(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (!progress_.empty()) std::cerr << "\r\x1b[K";
  std::cerr << text << '\n' << progress_ << std::flush;
}

void Console::progress(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (is_terminal_) {
    // A line that wraps could not be replaced.
    progress_ = text.substr(0, terminal_width() - 1);
    std::cerr << '\r' << progress_ << "\x1b[K" << std::flush;
  } else {
    std::cerr << text << '\n' << std::flush;
  }
}

void Console::clear_progress() {
  const std::lock_guard lock(mutex_);
  if (!progress_.empty()) std::cerr << "\r\x1b[K" << std::flush;
  progress_.clear();
}

Progress::Progress(Console& console, std::string title, Unit unit, std::uint64_t total)
    : console_(console), title_(std::move(title)), unit_(unit), total_(total) {
  painter_ = std::jthread([this](const std::stop_token& stop) { paint(stop); });
}

Progress::~Progress() {
  painter_.request_stop();
  painter_.join();
  console_.clear_progress();
}

void Progress::paint(const std::stop_token& stop) {
  const auto period = console_.is_terminal() ? Clock::duration(100ms) : Clock::duration(5s);
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  while (!never.wait_for(lock, stop, period, [&] { return stop.stop_requested(); })) {
    console_.progress(line());
  }
}

std::string Progress::line() const {
  const auto done = static_cast<double>(done_.load(std::memory_order_relaxed));
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double rate = done / seconds;
  const std::string rate_text = ", " + amount(rate) + "/s";
  if (total_ == 0) return title_ + ": " + amount(done) + rate_text;

  const auto total = static_cast<double>(total_);
  const double part = std::min(done / total, 1.0);
  std::string text = title_ + " ";
  if (console_.is_terminal()) {
    constexpr std::size_t width = 20;
    const auto filled = static_cast<std::size_t>(part * width);
    text += "[" + std::string(filled, '#') + std::string(width - filled, '-') + "] ";
  }
  text += with_decimals(std::floor(part * 100), 0) + " %" + rate_text;
  if (rate > 0) text += ", " + as_time_left(std::max(total - done, 0.0) / rate) + " left";
  return text;
}

std::string Progress::amount(double value) const {
  if (unit_ == Unit::bytes) return as_bytes(value);
  return with_commas(static_cast<std::uint64_t>(value)) + " files";
}

}  // namespace word_count
