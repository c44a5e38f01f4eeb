// Role
//   Where the calling thread's stack is.
//
// Invariants
//   1. A guess where the system does not tell: what most systems give a thread. The first thread's
//      stack has nothing else near it, so that the guess is as good there.
//   2. The address sanitizer keeps locals in a stack of its own, to find uses after a function's
//      return; it says what lies there.
//   Tests: 1, 2 concurrent/moved_guards_test.cpp.
//
// Readers and writers
//   None: a leaf function.
//
// Not here
//   What it is asked for (sync/held.hpp).
#pragma once

#include <cstddef>
#include <cstdint>

#include "dashmap/detail/base/config.hpp"

#if DASHMAP_DETAIL_GLIBC
#include <pthread.h>
#include <unistd.h>
#endif
#if DASHMAP_DETAIL_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace dashmap::detail {

// As numbers, which compare with any address.
struct StackBounds {
  std::uintptr_t low;
  std::uintptr_t high;  // one past its end
};

inline StackBounds this_thread_stack() noexcept {
#if DASHMAP_DETAIL_GLIBC
  // Not for the first thread, where it reads a file.
  if (::gettid() != ::getpid()) {
    pthread_attr_t attributes;
    if (::pthread_getattr_np(::pthread_self(), &attributes) == 0) {
      void* low = nullptr;
      std::size_t size = 0;
      const bool known = ::pthread_attr_getstack(&attributes, &low, &size) == 0;
      ::pthread_attr_destroy(&attributes);
      const auto begin = reinterpret_cast<std::uintptr_t>(low);
      if (known) return {begin, begin + size};
    }
  }
#endif
  constexpr std::uintptr_t mebibyte = std::uintptr_t{1} << 20;
  const char here = 0;
  const auto at = reinterpret_cast<std::uintptr_t>(&here);
  return {at - 7 * mebibyte, at + mebibyte};
}

// The calling thread's second stack, or null: all but builds for the address sanitizer have none.
inline void* this_thread_second_stack() noexcept {
#if DASHMAP_DETAIL_ASAN
  return ::__asan_get_current_fake_stack();
#else
  return nullptr;
#endif
}
// The stack's thread lives.
inline bool is_in_second_stack([[maybe_unused]] void* stack,
                               [[maybe_unused]] const void* place) noexcept {
#if DASHMAP_DETAIL_ASAN
  // The cast: the interface takes any address so, and writes nothing there.
  return stack != nullptr && ::__asan_addr_is_in_fake_stack(stack, const_cast<void*>(place),
                                                            nullptr, nullptr) != nullptr;
#else
  return false;
#endif
}

}  // namespace dashmap::detail
