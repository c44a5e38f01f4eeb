// Role
//   A count that many threads change. It begins as one number; once it is striped, each thread with
//   a number (pin.hpp) has a cache line of its own to count in.
//
// Invariants
//   1. sum() is what was counted, whenever nobody is counting.
//   2. A thread's own counter is stored by the thread with its number only (pin.hpp, 6), so without
//      a locked instruction; all others add to the counter beside it.
//   Models (test/model): 1 map.count, several.
//   Tests: 2 concurrent/threads_test.cpp.
//
// Readers and writers
//   sync(counter.stripes): the array is stored with release, pairs with the acquire load in
//   stripes(). Each count is released: whoever sees it may expect to find what was counted.
//
// Not here
//   What a count of elements means for a table (state.hpp).
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/reclaim/pin.hpp"

namespace dashmap::detail {

// The numbers of a striped count. A line for their number, and one for each thread, where the first
// is the thread's own and the second is for others.
struct Stripes {
  struct Line {
    alignas(64) std::atomic<std::int64_t> at[counters_a_line] = {};
  };
  explicit constexpr Stripes(std::uint32_t n) noexcept : numbers(n) {}

  std::uint32_t numbers;
  alignas(64) std::atomic<std::int64_t> at[counters_a_line] = {};  // in fact so many
};
static_assert(sizeof(Stripes) == 2 * sizeof(Stripes::Line));

// Of a count that is not striped: no thread has a number of its own there.
DASHMAP_DETAIL_SHARED inline constinit Stripes no_stripes{0};

class DASHMAP_DETAIL_SHARED Counter {
 public:
  using Number = std::atomic<std::int64_t>;

  Counter() noexcept = default;
  Counter(const Counter&) = delete;
  Counter& operator=(const Counter&) = delete;

  std::int64_t sum() const noexcept {
    std::int64_t sum = first_.load(std::memory_order_acquire);
    const Stripes& all = stripes();
    for (std::size_t own = 0; own < all.numbers; own += counters_a_line) {
      sum += all.at[own].load(std::memory_order_acquire);
      sum += all.at[own + 1].load(std::memory_order_acquire);
    }
    return sum;
  }

  // The calling thread's own counter, none unless the count is striped.
  DASHMAP_DETAIL_INLINE Number* own() noexcept {
    Stripes& all = stripes();
    const std::uint32_t number = this_thread_counter;
    return number < all.numbers ? &all.at[number] : nullptr;
  }
  // Counts there, and gives its new value.
  DASHMAP_DETAIL_INLINE static std::int64_t add_own(Number& own, std::int64_t change) noexcept {
    // Relaxed, the load: nobody else stores it.
    const std::int64_t value = own.load(std::memory_order_relaxed) + change;
    own.store(value, std::memory_order_release);
    return value;
  }
  // Counts where several threads do, and gives the new value.
  DASHMAP_DETAIL_NOINLINE std::int64_t add_shared(std::int64_t change) noexcept {
    Stripes& all = stripes();
    const std::uint32_t others = all.numbers - counters_a_line;
    Number& number = all.numbers == 0 ? first_ : all.at[(this_thread_counter & others) + 1];
    return number.fetch_add(change, std::memory_order_release) + change;
  }
  DASHMAP_DETAIL_INLINE void add(std::int64_t change) noexcept {
    if (Number* const number = own()) [[likely]] {
      add_own(*number, change);
    } else {
      add_shared(change);
    }
  }

  // 0: it is not striped.
  std::size_t stripe_count() const noexcept { return stripes().numbers / counters_a_line; }
  // Stripes it. Not at the same time as another such call. Throws what the allocator throws.
  template <class Alloc>
  void stripe(std::size_t threads, const Alloc& alloc) {
    if (stripe_count() != 0) return;
    LineAlloc<Alloc> line_alloc(alloc);
    const std::size_t n = std::clamp<std::size_t>(std::bit_ceil(threads), 4, ThreadNumbers::count);
    using Traits = std::allocator_traits<LineAlloc<Alloc>>;
    Stripes::Line* const lines = std::to_address(Traits::allocate(line_alloc, n + 1));
    for (std::size_t i = 2; i <= n; ++i) ::new (static_cast<void*>(lines + i)) Stripes::Line;
    // sync(counter.stripes)
    stripes_.store(::new (static_cast<void*>(lines))
                       Stripes(static_cast<std::uint32_t>(n) * counters_a_line),
                   std::memory_order_release);
  }

  // The rest is for who has the count alone.

  // Back to 0, with nothing allocated.
  template <class Alloc>
  void reset(const Alloc& alloc) noexcept {
    first_.store(0, std::memory_order_relaxed);  // relaxed, here and below: nobody else counts
    const std::size_t n = stripe_count();
    Stripes* const old = stripes_.exchange(&no_stripes, std::memory_order_relaxed);
    if (n == 0) return;
    LineAlloc<Alloc> line_alloc(alloc);
    using Traits = std::allocator_traits<LineAlloc<Alloc>>;
    auto* const lines = reinterpret_cast<Stripes::Line*>(old);  // cast: as the allocator gave it
    Traits::deallocate(line_alloc,
                       std::pointer_traits<typename Traits::pointer>::pointer_to(*lines), n + 1);
  }
  void swap(Counter& other) noexcept {
    exchange_unshared(first_, other.first_);
    exchange_unshared(stripes_, other.stripes_);
  }
  void add_alone(std::int64_t change) noexcept {
    first_.fetch_add(change, std::memory_order_relaxed);  // relaxed: nobody else counts
  }

 private:
  template <class Alloc>
  using LineAlloc = typename std::allocator_traits<Alloc>::template rebind_alloc<Stripes::Line>;

  Stripes& stripes() const noexcept { return *stripes_.load(std::memory_order_acquire); }

  Number first_{0};
  std::atomic<Stripes*> stripes_{&no_stripes};
};

}  // namespace dashmap::detail
