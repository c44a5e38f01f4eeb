// Role
//   A store-load barrier whose frequent side is free. The light side costs nothing but stops the
//   compiler; the heavy side makes every other thread of the process execute a full barrier.
//
// Invariants
//   1. If thread A runs `x = 1; light_fence(); read y` and thread B runs
//      `y = 1; heavy_fence(); read x`, at least one of them reads 1, provided that
//      asymmetric_fences() is true.
//   2. asymmetric_fences() never changes once a thread has read it. Where it is false, callers of
//      the light side use a sequentially consistent fence or operation instead (full_fence()).
//   Models (test/model): 1 litmus.sb_membarrier, pin.*, parking.*.
//
// Readers and writers
//   The light side: every operation on a map. The heavy side: reclamation, and a thread about to
//   sleep. Source: membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED; the pair is that of P1202.
//
// Not here
//   Who publishes what before the fence: see reclaim/pin.hpp and sync/parking.hpp.
#pragma once

#include <atomic>
#include <exception>

#include "dashmap/detail/base/config.hpp"

#if DASHMAP_DETAIL_MEMBARRIER
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace dashmap::detail {

// A full barrier, as an operation that the thread sanitizer understands.
inline void full_fence() noexcept {
#if DASHMAP_DETAIL_TSAN
  static std::atomic<int> dummy{0};
  dummy.fetch_add(0, std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

#if DASHMAP_DETAIL_MEMBARRIER

// True when the kernel took the registration; a sandbox may refuse the call.
inline bool asymmetric_fences() noexcept {
  static const bool registered =
      ::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0U, 0) == 0;
  return registered;
}

inline void heavy_fence() noexcept {
  if (asymmetric_fences()) {
    const auto call = [](int command) { return ::syscall(SYS_membarrier, command, 0U, 0) == 0; };
    // A registration may be lost by a fork; a sandbox that came later leaves no safe way on.
    if (!call(MEMBARRIER_CMD_PRIVATE_EXPEDITED) &&
        !(call(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
          call(MEMBARRIER_CMD_PRIVATE_EXPEDITED))) {
      std::terminate();
    }
  }
  full_fence();
}

#else

inline constexpr bool asymmetric_fences() noexcept { return false; }
inline void heavy_fence() noexcept { full_fence(); }

#endif

inline void light_fence() noexcept { DASHMAP_DETAIL_COMPILER_FENCE(); }

}  // namespace dashmap::detail
