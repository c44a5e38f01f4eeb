#include "interrupt.hpp"

#include <atomic>
#include <csignal>

namespace word_count {

namespace {

std::atomic<bool> interrupt_seen{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch nothing else");

extern "C" void on_interrupt(int) { interrupt_seen.store(true, std::memory_order_relaxed); }

}  // namespace

void catch_interrupts() {
  struct sigaction action{};
  action.sa_handler = on_interrupt;
  // SA_RESETHAND for the second one. No SA_RESTART: a call that waits returns early.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() noexcept { return interrupt_seen.load(std::memory_order_relaxed); }

}  // namespace word_count
