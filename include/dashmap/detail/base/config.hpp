// Role
//   Every question to the compiler and the platform is asked here, once. The rest of the library
//   tests the DASHMAP_DETAIL_ macros below and nothing else.
//
//   User options (define to 1 before the first include, or with the CMake options of that name):
//     DASHMAP_PORTABLE_SIMD  compare tags with 64-bit integer arithmetic on every platform
//     DASHMAP_PLAIN_FENCES   fence on every operation instead of the system's asymmetric barrier
//     DASHMAP_CHECKED        errors name the line where a guard was taken (docs/guards.md says
//                            which); a map destroyed while a guard of it lives ends the program
//                            with a message
//
// Invariants
//   1. All translation units of a program set the user options alike. No option changes a layout.
//
// Readers and writers
//   None: macros and two leaf functions.
//
// Not here
//   Anything that needs a second header of the library.
#pragma once

// Before anything else could fail for the same reasons.
#if __cplusplus <= 201703L
#error "dashmap needs C++20: compile with -std=c++20 or newer"
#endif
// A deadlock and missing memory are reported by exceptions; there is no other channel for them.
#if !defined(__cpp_exceptions)
#error "dashmap reports errors by exceptions: compile with -fexceptions"
#endif

#include <atomic>
#include <source_location>

#ifndef DASHMAP_PORTABLE_SIMD
#define DASHMAP_PORTABLE_SIMD 0
#endif
#ifndef DASHMAP_PLAIN_FENCES
#define DASHMAP_PLAIN_FENCES 0
#endif
#ifndef DASHMAP_CHECKED
#define DASHMAP_CHECKED 0
#endif

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define DASHMAP_DETAIL_TSAN 1
#endif
#endif
#if !defined(DASHMAP_DETAIL_TSAN)
#if defined(__SANITIZE_THREAD__)
#define DASHMAP_DETAIL_TSAN 1
#else
#define DASHMAP_DETAIL_TSAN 0
#endif
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DASHMAP_DETAIL_ASAN 1
#endif
#endif
#if !defined(DASHMAP_DETAIL_ASAN)
#if defined(__SANITIZE_ADDRESS__)
#define DASHMAP_DETAIL_ASAN 1
#else
#define DASHMAP_DETAIL_ASAN 0
#endif
#endif

#if !DASHMAP_PORTABLE_SIMD && defined(__SSE2__)
#define DASHMAP_DETAIL_SSE2 1
#else
#define DASHMAP_DETAIL_SSE2 0
#endif
#if DASHMAP_DETAIL_SSE2 && defined(__SSSE3__)
#define DASHMAP_DETAIL_SSSE3 1
#else
#define DASHMAP_DETAIL_SSSE3 0
#endif
#if !DASHMAP_PORTABLE_SIMD && defined(__ARM_NEON) && defined(__aarch64__) && !defined(__AARCH64EB__)
#define DASHMAP_DETAIL_NEON 1
#else
#define DASHMAP_DETAIL_NEON 0
#endif
#if !DASHMAP_DETAIL_SSE2 && !DASHMAP_DETAIL_NEON
#define DASHMAP_DETAIL_PORTABLE_SIMD 1
#else
#define DASHMAP_DETAIL_PORTABLE_SIMD 0
#endif

#if defined(__SIZEOF_INT128__)
#define DASHMAP_DETAIL_INT128 1
#else
#define DASHMAP_DETAIL_INT128 0
#endif

// GCC on x86-64 finds the lowest set bit, and compares an atomic object with a value, in one
// instruction only if told which.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define DASHMAP_DETAIL_GCC_ASM 1
#else
#define DASHMAP_DETAIL_GCC_ASM 0
#endif

// The thread sanitizer does not model an asymmetric barrier and needs none: it takes the plain
// path.
#if defined(__linux__) && !DASHMAP_PLAIN_FENCES && !DASHMAP_DETAIL_TSAN
#define DASHMAP_DETAIL_MEMBARRIER 1
#else
#define DASHMAP_DETAIL_MEMBARRIER 0
#endif

// For 32 bits GCC warns of reads behind short texts, which it does not see to be left out.
#if defined(__SIZEOF_POINTER__) && __SIZEOF_POINTER__ < 8
#define DASHMAP_DETAIL_INLINE_64 inline
#else
#define DASHMAP_DETAIL_INLINE_64 DASHMAP_DETAIL_INLINE
#endif

#if defined(__GNUC__) && !defined(__clang__)
#define DASHMAP_DETAIL_NO_UNINITIALIZED_WARNINGS \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wmaybe-uninitialized\"")
// GCC warns of a parameter here that is named as a global variable there, where it is instantiated.
#define DASHMAP_DETAIL_NO_SHADOW_WARNINGS \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wshadow\"")
#define DASHMAP_DETAIL_WARNINGS_AGAIN _Pragma("GCC diagnostic pop")
#else
#define DASHMAP_DETAIL_NO_UNINITIALIZED_WARNINGS
#define DASHMAP_DETAIL_NO_SHADOW_WARNINGS
#define DASHMAP_DETAIL_WARNINGS_AGAIN
#endif

#if defined(__linux__)
#define DASHMAP_DETAIL_MMAP 1
#else
#define DASHMAP_DETAIL_MMAP 0
#endif

// A thread can ask where its stack is.
#if defined(__GLIBC__)
#define DASHMAP_DETAIL_GLIBC 1
#else
#define DASHMAP_DETAIL_GLIBC 0
#endif

#if defined(__GNUC__) || defined(__clang__)
// There is one of it in a process, also where shared libraries hide their symbols: threads that
// meet at a map must agree on it.
#define DASHMAP_DETAIL_SHARED __attribute__((__visibility__("default")))
#define DASHMAP_DETAIL_NOINLINE __attribute__((__noinline__))
#define DASHMAP_DETAIL_COLD __attribute__((__noinline__, cold))
#if defined(__OPTIMIZE__)
#define DASHMAP_DETAIL_INLINE inline __attribute__((__always_inline__))
#define DASHMAP_DETAIL_LAMBDA_INLINE __attribute__((__always_inline__))
#else  // quicker to build, easier to step through
#define DASHMAP_DETAIL_INLINE inline
#define DASHMAP_DETAIL_LAMBDA_INLINE
#endif
#define DASHMAP_DETAIL_PREFETCH(address) __builtin_prefetch(address)
#else
#define DASHMAP_DETAIL_SHARED
#define DASHMAP_DETAIL_NOINLINE
#define DASHMAP_DETAIL_COLD
#define DASHMAP_DETAIL_INLINE inline
#define DASHMAP_DETAIL_LAMBDA_INLINE
#define DASHMAP_DETAIL_PREFETCH(address) static_cast<void>(address)
#endif

// The last parameter of a function that takes a guard or runs a closure, and what its body does
// with it first: in checked builds, remember the caller's line for the record that will be made.
#if DASHMAP_CHECKED
#define DASHMAP_DETAIL_CALLER_ONLY \
  [[maybe_unused]] const std::source_location& caller = std::source_location::current()
#define DASHMAP_DETAIL_CALLER , DASHMAP_DETAIL_CALLER_ONLY
#define DASHMAP_DETAIL_NOTE_CALLER() const ::dashmap::detail::NotedCaller noted_caller_(caller)
#else
#define DASHMAP_DETAIL_CALLER_ONLY
#define DASHMAP_DETAIL_CALLER
#define DASHMAP_DETAIL_NOTE_CALLER() static_cast<void>(0)
#endif

// Whether the C++ library is the GNU one, with the std::string of its present binary interface.
#if defined(__GLIBCXX__) && _GLIBCXX_USE_CXX11_ABI
#define DASHMAP_DETAIL_GNU_STRING 1
#else
#define DASHMAP_DETAIL_GNU_STRING 0
#endif

// Whether the compiler knows that a condition is false. Clang is not asked: it looks through the
// suspension of a coroutine, after which a thread goes on that it knows nothing of.
#if defined(__GNUC__) && !defined(__clang__)
#define DASHMAP_DETAIL_KNOWN_FALSE(condition) (__builtin_constant_p(condition) && !(condition))
#else
#define DASHMAP_DETAIL_KNOWN_FALSE(condition) false
#endif

// Stops the compiler only. Not an empty asm statement: that would keep local objects in memory.
#define DASHMAP_DETAIL_COMPILER_FENCE() std::atomic_signal_fence(std::memory_order_seq_cst)

// On functions whose plain loads race with a writer by design: an optimistic reader throws away
// what it read unless the group's version proves that no writer came between. The sanitizer
// cannot know that the value is not used, so these few functions are not instrumented; they stay
// out of line in its builds, since inlining would instrument them again.
#if DASHMAP_DETAIL_TSAN
#define DASHMAP_DETAIL_NO_TSAN __attribute__((no_sanitize("thread"), __noinline__))
#else
#define DASHMAP_DETAIL_NO_TSAN
#endif

#if defined(__clang__)
#define DASHMAP_DETAIL_LIFETIMEBOUND [[clang::lifetimebound]]
#else
#define DASHMAP_DETAIL_LIFETIMEBOUND
#endif

// Empty members share addresses; only the MSVC ABI needs another spelling.
#if defined(_MSC_VER)
#define DASHMAP_DETAIL_NO_UNIQUE_ADDRESS [[msvc::no_unique_address]]
#else
#define DASHMAP_DETAIL_NO_UNIQUE_ADDRESS [[no_unique_address]]
#endif

namespace dashmap::detail {

// Tells the processor that this thread polls.
inline void cpu_relax() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield" ::: "memory");
#else
  std::atomic_signal_fence(std::memory_order_seq_cst);
#endif
}

// For a store that follows a release store of the same thread to the same object, and synchronizes
// with whoever sees it instead. C++17 counted it to the release sequence, C++20 does not. It is a
// release store too where that costs nothing; AArch64 orders any store to an object after an
// earlier one (local write successor), and its release stores make later acquire loads wait.
#if defined(__aarch64__)
inline constexpr std::memory_order successor_store = std::memory_order_relaxed;
#else
inline constexpr std::memory_order successor_store = std::memory_order_release;
#endif

// Keeps the loads of an optimistic reader before its check of the version. The sanitizer rejects
// thread fences; its builds read through functions that it does not instrument, on processors
// (x86) that keep loads in order, where stopping the compiler is enough.
inline void load_load_fence() noexcept {
#if DASHMAP_DETAIL_TSAN
  DASHMAP_DETAIL_COMPILER_FENCE();
#else
  std::atomic_thread_fence(std::memory_order_acquire);
#endif
}

}  // namespace dashmap::detail
