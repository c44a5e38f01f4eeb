// Role
//   The records of each thread: blocks of them in a list that others read, and where the next one
//   goes.
//
// Invariants
//   1. A block that is `quiet` has no records, so nobody looks for them there: threads that held
//      much once are as quick as others.
//   2. With n guards held a record costs no more than with one, in the mean, and there is place for
//      no more than some three times as many records as were held at once.
//   3. The places from the top on, in the current block, are free.
//   Models (test/model): 1 held.records. Tests: 1, 2, 3 unit/hold_list_test.cpp.
//
// Readers and writers
//   Any thread goes over the blocks by `newest` and `older`, and ends records. All else its thread
//   changes alone; the next one that is given the list by `owned` goes on with it.
//
// Not here
//   A record (hold.hpp), what is done with them (held.hpp).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

#include "dashmap/detail/base/stack_bounds.hpp"
#include "dashmap/detail/sync/hold.hpp"

namespace dashmap::detail {

struct Wait;

// The records of one thread: a chain of blocks, the newest first.
struct HoldBlock {
  static constexpr std::size_t size = 64;

  Hold records[size];
  HoldBlock* older = nullptr;  // of the same thread; never changes once published
  // Its thread found no record in it, and makes none before it takes this back. Relaxed: who must
  // see a record sees what its thread did before it made it.
  std::atomic<bool> quiet{false};
  HoldBlock* next_busy = nullptr;  // for its thread alone

  bool all_ended() const noexcept {
    return std::all_of(std::begin(records), std::end(records),
                       [](const Hold& hold) { return hold.ended(); });
  }
};

struct HeldThread {
  constexpr HeldThread(HoldBlock* block, bool taken) noexcept
      : newest(block), owned(taken), current(block), busy(block) {}

  std::atomic<HoldBlock*> newest;
  // While the thread sleeps: what it waits for, and its closures. Guarded by the search's mutex.
  std::atomic<const Wait*> waiting{nullptr};
  const ClosureHold* closures = nullptr;
  std::atomic<std::uint64_t> number{0};      // of the thread, for reports; counts from 1
  std::atomic<std::uintptr_t> id{0};         // as debuggers know it, see thread_id()
  std::atomic<std::uintptr_t> stack_low{0};  // where its stack is
  std::atomic<std::uintptr_t> stack_high{0};
  std::atomic<void*> second_stack{nullptr};  // see this_thread_second_stack()
  std::atomic<std::uint32_t> adopted{0};     // records in other threads' blocks that count here
  std::atomic<bool> owned;
  HeldThread* next = nullptr;

  // For the thread alone: where the next record goes, and all blocks that are not `quiet`.
  HoldBlock* current;
  HoldBlock* busy;
  std::size_t walks = 0;  // under way over the busy blocks, which then stay in their list
  // A round of the search for places of ended records: what comes next, the blocks it passed, and
  // the places it found.
  HoldBlock* round = nullptr;
  std::size_t round_next = 0;
  std::size_t round_blocks = 0;
  std::size_t round_found = 0;
  std::size_t to_make = 0;  // blocks, before the next round

  // As a number, to which marks can be added.
  std::uintptr_t as_user() const noexcept { return reinterpret_cast<std::uintptr_t>(this); }

  // Relaxed, all, here and below: set before the thread makes its first record, by which others
  // come here, and taken back as it ends, when no guard is on its stack any more.
  void set_stack(const StackBounds& bounds, void* second) noexcept {
    stack_low.store(bounds.low, std::memory_order_relaxed);
    stack_high.store(bounds.high, std::memory_order_relaxed);
    second_stack.store(second, std::memory_order_relaxed);
  }
  bool has_on_stack(const void* place) const noexcept {
    // As a number: it need not be part of what it is compared with.
    const auto at = reinterpret_cast<std::uintptr_t>(place);
    return (stack_low.load(std::memory_order_relaxed) <= at &&
            at < stack_high.load(std::memory_order_relaxed)) ||
           is_in_second_stack(second_stack.load(std::memory_order_relaxed), place);
  }

  // Calls f(hold) for each record in its blocks, whoever uses it.
  template <class F>
  void for_each_made(F f) const {
    for (HoldBlock* block = newest.load(std::memory_order_acquire); block != nullptr;
         block = block->older) {
      if (block->quiet.load(std::memory_order_relaxed)) continue;  // relaxed: see there
      for (Hold& hold : block->records) {
        if (!hold.ended()) f(hold);
      }
    }
  }
  bool made(const Hold* hold) const noexcept { return hold->maker == this; }
  bool is_unused() const {
    bool unused = adopted.load(std::memory_order_acquire) == 0;
    for_each_made([&](const Hold&) { unused = false; });
    return unused;
  }

  // --- for the thread alone ---

  // Calls f(hold) for each record in its blocks; f may make and end records. `top`: behind the
  // last one of the current block.
  template <class F>
  void for_each_own(const Hold* top, F f) {
    if (walks == 0) set_quiet();
    const Walk walk(walks);
    HoldBlock* const here = current;
    for (Hold* hold = here->records; hold != top; ++hold) {
      if (!hold->ended()) f(*hold);
    }
    for (HoldBlock* block = busy; block != nullptr; block = block->next_busy) {
      if (block == here) continue;
      for (Hold& hold : block->records) {
        if (!hold.ended()) f(hold);
      }
    }
  }

  // Takes the blocks without records off the list.
  void set_quiet() noexcept {
    for (HoldBlock** link = &busy; *link != nullptr;) {
      HoldBlock& block = **link;
      if (&block == current || !block.all_ended()) {
        link = &block.next_busy;
      } else {
        block.quiet.store(true, std::memory_order_relaxed);  // relaxed: see there
        *link = block.next_busy;
      }
    }
  }

  // A place for a record where the current block is full; or the first one of another block, which
  // then is current. In the mean few steps: a round goes over all blocks while records are made,
  // and one that finds little room is followed by half as many new blocks. So at least a third of
  // the places had records at once, some time. Throws std::bad_alloc.
  Hold* next_place() {
    if (to_make == 0) {
      if (Hold* hold = find_ended()) return hold;
    }
    auto* block = new HoldBlock;
    --to_make;
    block->quiet.store(true, std::memory_order_relaxed);    // relaxed: not published yet
    block->older = newest.load(std::memory_order_relaxed);  // relaxed: its thread alone changes it
    newest.store(block, std::memory_order_release);
    return make_current(*block);
  }

  // The next thread has the list: it looks for places before it makes any.
  void begin_anew() noexcept {
    round = nullptr;
    round_next = round_blocks = round_found = to_make = 0;
  }

  Hold* make_current(HoldBlock& block) noexcept {
    for (Hold& hold : block.records) {
      hold.clear_user();
      hold.maker = this;
    }
    if (block.quiet.load(std::memory_order_relaxed)) {
      block.quiet.store(false, std::memory_order_relaxed);  // relaxed: see there
      block.next_busy = std::exchange(busy, &block);
    }
    current = &block;
    return block.records;
  }

 private:
  struct Walk {
    explicit Walk(std::size_t& number) noexcept : walks(number) { ++walks; }
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;
    ~Walk() { --walks; }
    std::size_t& walks;
  };

  // Null at the end of a round that found less than half of the places.
  Hold* find_ended() noexcept {
    for (;;) {
      if (round == nullptr) {
        const bool fruitless = 2 * round_found < round_blocks * HoldBlock::size;
        if (fruitless) to_make = (round_blocks + 1) / 2;
        round_blocks = round_found = 0;
        if (fruitless) return nullptr;
        round = newest.load(std::memory_order_relaxed);
      }
      while (round != nullptr) {
        HoldBlock& block = *round;
        // Quiet: perhaps since the round stopped within it. Relaxed: see there.
        const bool whole =
            block.quiet.load(std::memory_order_relaxed) || (round_next == 0 && block.all_ended());
        while (!whole && round_next != HoldBlock::size) {
          Hold& hold = block.records[round_next++];
          if (!hold.is_free()) continue;
          ++round_found;
          return &hold;
        }
        round = block.older;
        round_next = 0;
        ++round_blocks;
        if (!whole) continue;
        round_found += HoldBlock::size;
        return make_current(block);
      }
    }
  }
};

}  // namespace dashmap::detail
