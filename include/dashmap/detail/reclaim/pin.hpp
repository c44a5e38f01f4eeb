// Role
//   Says which threads may be looking at a map's tables right now, so that an unlinked table is
//   freed while the map lives. A thread pins a map for the length of one operation by storing the
//   map's address in its own record; whoever unlinked a table waits until it has seen every
//   record without that address once. There is no epoch: operations are short and never wait
//   while pinned, so one look a thread is nearly always enough.
//
// Invariants
//   1. A record belongs to one thread at a time; it is free exactly when it holds `free_mark`.
//   2. Between the pin's store and its end the record holds the map's address, or `any_mark`
//      (nested operations on two maps): a scan for that map never passes it. A QuickPin is taken
//      only where the record is idle, so nothing is lost when it ends.
//   3. A pin's store comes before its reads of the map's table pointers, and unlinking comes
//      before the scan: light and heavy side of one asymmetric barrier, or full fences on both.
//   4. What is locked needs no pin: a table is unlinked only when every group of it has moved,
//      and a locked group cannot move. Hence no user code relies on a pin.
//   5. Records are never freed: a scan may read one at any time.
//   6. No two threads have the same number at a time. Who gets a number sees all that the thread
//      that had it before stored.
//   Models (test/model): 1, 5 pin.claims*; 2 pin.nested_*; 3 pin.one, again, three, fenced,
//   elsewhere*, handed_on*; 4 growth.chain.
//   Tests: 6 concurrent/threads_test.cpp.
//
// Readers and writers
//   The owner stores its record (before light_fence); a scan loads all (after heavy_fence). Records
//   are claimed and released by exchanging `free_mark`. A pin's store is sync(pin.end) as well: a
//   scan for another map may see it in place of the end of the thread's pin of that map.
//
// Not here
//   The list of unlinked tables, which belongs to the map (core/state.hpp).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <thread>

#include "dashmap/detail/base/asymmetric_fence.hpp"
#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail {

// The numbers of threads from 0 on, each as small as may be. Only so many threads have one at a
// time.
class DASHMAP_DETAIL_SHARED ThreadNumbers {
 public:
  static constexpr std::uint32_t count = 64;
  static constexpr std::uint32_t none = ~std::uint32_t{0};

  static std::uint32_t take() noexcept {
    std::uint64_t taken = taken_.load(std::memory_order_relaxed);  // the exchange looks again
    for (;;) {
      const auto number = static_cast<std::uint32_t>(std::countr_one(taken));
      if (number == count) return none;
      // sync(pin.number): acquire, pairs with the release in give_back(). Relaxed where it fails:
      // nothing but the number to try next is taken from it.
      if (taken_.compare_exchange_weak(taken, taken | std::uint64_t{1} << number,
                                       std::memory_order_acquire, std::memory_order_relaxed)) {
        return number;
      }
    }
  }
  static void give_back(std::uint32_t number) noexcept {
    if (number == none) return;
    taken_.fetch_and(~(std::uint64_t{1} << number), std::memory_order_release);  // sync(pin.number)
  }

 private:
  inline static constinit std::atomic<std::uint64_t> taken_{0};
};

struct alignas(64) PinRecord {
  explicit constexpr PinRecord(const void* value) noexcept : map(value) {}

  std::atomic<const void*> map;
  PinRecord* next = nullptr;
};

// Addresses that no map has, see PinRegistry.
DASHMAP_DETAIL_SHARED inline constexpr char pin_marks[3] = {};
DASHMAP_DETAIL_SHARED inline constinit PinRecord first_pin{&pin_marks[0]};

class DASHMAP_DETAIL_SHARED PinRegistry {
 public:
  // Addresses that no map has. `fenced_mark` is the idle state of a thread that must fence at
  // every pin because the system refused the asymmetric barrier: a QuickPin takes it for busy.
  static constexpr const void* free_mark() noexcept { return &pin_marks[0]; }
  static constexpr const void* any_mark() noexcept { return &pin_marks[1]; }
  static constexpr const void* fenced_mark() noexcept { return &pin_marks[2]; }

  // A record that holds `value`, reused or new. Throws std::bad_alloc.
  static PinRecord* claim(const void* value) {
    for (PinRecord* record = head_.load(std::memory_order_acquire); record != nullptr;
         record = record->next) {
      const void* expected = free_mark();
      if (record->map.load(std::memory_order_relaxed) == expected &&
          record->map.compare_exchange_strong(expected, value, std::memory_order_acq_rel)) {
        return record;
      }
    }
    auto* record = new PinRecord(value);
    record->next = head_.load(std::memory_order_relaxed);
    // sync(pin.registry): release, pairs with the acquire loads of head_ in claim and quiescent.
    while (!head_.compare_exchange_weak(record->next, record, std::memory_order_release,
                                        std::memory_order_relaxed)) {
    }
    return record;
  }

  // True when every thread was seen outside operations on `map` since the call began: tables
  // unlinked before the call may be freed. False when a thread stayed inside too long (it may
  // have been preempted); try again later. Must not be called from inside an operation.
  static bool quiescent(const void* map) noexcept {
    heavy_fence();
    for (const PinRecord* record = head_.load(std::memory_order_acquire); record != nullptr;
         record = record->next) {
      for (int patience = 256;; --patience) {
        // sync(pin.scan): acquire, pairs with sync(pin.end): the reads of the ended operation
        // come before the memory is reused, also where the next pin is seen.
        const void* pinned = record->map.load(std::memory_order_acquire);
        if (pinned != map && pinned != any_mark()) break;
        if (patience == 0) return false;
        if (patience < 8) {
          std::this_thread::yield();
        } else {
          cpu_relax();
        }
      }
    }
    return true;
  }

 private:
  // The first record is static: a program's first look at an empty map allocates nothing.
  inline static constinit std::atomic<PinRecord*> head_{&first_pin};
};

// Stands for the record of a thread that has none yet: never idle, so a QuickPin leaves it alone.
DASHMAP_DETAIL_SHARED inline constinit PinRecord unregistered_pin{PinRegistry::fenced_mark()};
DASHMAP_DETAIL_SHARED inline constinit thread_local PinRecord* this_thread_pin = &unregistered_pin;

// The calling thread's number times `counters_a_line`, so that arrays of counters in which each
// thread has a cache line take it as it is; or ThreadNumbers::none.
inline constexpr std::uint32_t counters_a_line = 64 / sizeof(std::int64_t);
DASHMAP_DETAIL_SHARED inline constinit thread_local std::uint32_t this_thread_counter =
    ThreadNumbers::none;

// Pins a map for the life of the object, also within other pins.
class DASHMAP_DETAIL_SHARED Pin {
 public:
  DASHMAP_DETAIL_NOINLINE explicit Pin(const void* map) {
    // The barrier was refused, or there never is one.
    const bool fenced = !asymmetric_fences();
    if (this_thread_pin == &unregistered_pin && Owner::exiting) {
      // After the thread's own clean-up (a destructor of a thread-local object uses a map): a
      // record for this operation only.
      record_ = PinRegistry::claim(map);
      before_ = PinRegistry::free_mark();
    } else {
      if (this_thread_pin == &unregistered_pin) {
        static thread_local Owner owner;
        const bool refused = DASHMAP_DETAIL_MEMBARRIER != 0 && fenced;
        this_thread_pin = PinRegistry::claim(refused ? PinRegistry::fenced_mark() : nullptr);
        owner.take_number();
      }
      record_ = this_thread_pin;
      // Relaxed: the record is this thread's.
      before_ = record_->map.load(std::memory_order_relaxed);
      const bool idle = before_ == nullptr || before_ == PinRegistry::fenced_mark();
      record_->map.store(idle || before_ == map ? map : PinRegistry::any_mark(),
                         std::memory_order_release);  // sync(pin.end)
    }
    if (fenced) {
      full_fence();
    } else {
      light_fence();
    }
  }
  // sync(pin.end): release, pairs with sync(pin.scan).
  ~Pin() { record_->map.store(before_, std::memory_order_release); }

  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

 private:
  // Gives the record back when the thread ends.
  struct Owner {
    ~Owner() {
      exiting = true;
      this_thread_counter = ThreadNumbers::none;
      ThreadNumbers::give_back(number);
      this_thread_pin->map.store(PinRegistry::free_mark(), std::memory_order_release);
      this_thread_pin = &unregistered_pin;
    }
    void take_number() noexcept {
      number = ThreadNumbers::take();
      if (number != ThreadNumbers::none) this_thread_counter = number * counters_a_line;
    }

    std::uint32_t number = ThreadNumbers::none;
    inline static constinit thread_local bool exiting = false;
  };

  PinRecord* record_;
  const void* before_;
};

// A pin of 5 instructions for the fast paths. Tests false, and pins nothing, where there is more to
// do: in a thread's first operation, in an operation within another one, on a system that refused
// the asymmetric barrier. Those are for a slow path, with a Pin.
class QuickPin {
 public:
  DASHMAP_DETAIL_INLINE explicit QuickPin(const void* map) noexcept
      : record_(this_thread_pin), held_(is_now<const void*>(record_->map, nullptr)) {
    if (held_) [[likely]]
      record_->map.store(map, successor_store);  // sync(pin.end)
    // Also where it failed: else the compiler keeps what it read for the slow path.
    if constexpr (DASHMAP_DETAIL_MEMBARRIER != 0) {
      light_fence();
    } else {
      full_fence();
    }
  }
  DASHMAP_DETAIL_INLINE ~QuickPin() {
    if (held_) record_->map.store(nullptr, std::memory_order_release);  // sync(pin.end)
  }

  QuickPin(const QuickPin&) = delete;
  QuickPin& operator=(const QuickPin&) = delete;

  explicit operator bool() const noexcept { return held_; }

 private:
  PinRecord* record_;
  bool held_;
};

}  // namespace dashmap::detail
