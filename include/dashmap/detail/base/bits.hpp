// Role
//   The arithmetic that all hashing rests on: the folded 64 × 64 → 128 bit multiplication, and the
//   post-mixer for weak hash functions with the trait that tells which ones those are. And the
//   lowest set bit of a lane mask.
//
// Invariants
//   1. Each function gives the same result on each target, whatever its word size.
//   2. `mul_fold(a, b)` is the exclusive or of the two halves of the full product.
//   Tests: 1, 2 unit/hash_test.cpp.
//
// Readers and writers
//   Pure functions of values; nothing here touches memory.
//
// Not here
//   Seeds (hash_seed.hpp), the hashing of bytes (hash_bytes.hpp) and of types (hash_traits.hpp).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail {

// A cast between types of numbers that are one on some platforms, where compilers find it useless.
template <class To, class From>
DASHMAP_DETAIL_INLINE constexpr To number_as(From number) noexcept {
  return static_cast<To>(number);
}

// The index of the lowest set bit; there must be one. GCC extends the sign of its builtin's result
// and clears the target first: two instructions that each look-up would pay.
[[nodiscard]] constexpr std::size_t lowest_bit(std::uint32_t bits) noexcept {
#if DASHMAP_DETAIL_GCC_ASM
  if (!std::is_constant_evaluated()) {
    std::uint64_t index;
    __asm__("rep bsf %1, %k0" : "=r"(index) : "r"(bits) : "cc");
    return index;
  }
#endif
  return static_cast<std::size_t>(std::countr_zero(bits));
}

/// Whether the object has the value, by one instruction, which compilers do not make of a load and
/// a comparison. Relaxed: callers order it, by a fence before it or because the value is their own.
template <class T>
[[nodiscard]] DASHMAP_DETAIL_INLINE bool is_now(const std::atomic<T>& object, T value) noexcept {
#if DASHMAP_DETAIL_GCC_ASM
  // Not for stand-ins of std::atomic, as models have them.
  if constexpr (sizeof(T) == 8 && std::is_same_v<std::atomic<T>, ::std::atomic<T>>) {
    bool equal;
    __asm__ volatile("cmp{q %2, %1| %1, %2}" : "=@cce"(equal) : "m"(object), "re"(value));
    return equal;
  }
#endif
  return object.load(std::memory_order_relaxed) == value;
}

/// The compiler forgets what it knows of the value: it is kept in one form, the one at hand.
template <class T>
DASHMAP_DETAIL_INLINE void settle_value([[maybe_unused]] T& value) noexcept {
#if DASHMAP_DETAIL_GCC_ASM
  __asm__("" : "+r"(value));
#endif
}

// Exchanges two values that no other thread uses.
template <class T>
void exchange_unshared(std::atomic<T>& a, std::atomic<T>& b) noexcept {
  // Relaxed, all three: there is nobody to order them for.
  const T before = a.load(std::memory_order_relaxed);
  a.store(b.exchange(before, std::memory_order_relaxed), std::memory_order_relaxed);
}

/// A full 128-bit product.
struct Product128 {
  std::uint64_t low;
  std::uint64_t high;
};

/// The product from four 32-bit multiplications, for targets without a 128-bit integer.
[[nodiscard]] constexpr Product128 mul128_by_parts(std::uint64_t a, std::uint64_t b) noexcept {
  const std::uint64_t a_low = a & 0xffff'ffffU;
  const std::uint64_t a_high = a >> 32;
  const std::uint64_t b_low = b & 0xffff'ffffU;
  const std::uint64_t b_high = b >> 32;
  const std::uint64_t low_low = a_low * b_low;
  const std::uint64_t high_low = a_high * b_low;
  const std::uint64_t low_high = a_low * b_high;
  // No sum overflows: (2^32 - 1)^2 + 2 (2^32 - 1) = 2^64 - 1.
  const std::uint64_t middle = low_high + (low_low >> 32) + (high_low & 0xffff'ffffU);
  return {(middle << 32) | (low_low & 0xffff'ffffU),
          a_high * b_high + (high_low >> 32) + (middle >> 32)};
}

#if DASHMAP_DETAIL_INT128

__extension__ using Int128 = __int128;
__extension__ using Uint128 = unsigned __int128;

template <class T>
inline constexpr bool is_int128 = std::is_same_v<T, Int128> || std::is_same_v<T, Uint128>;

[[nodiscard]] constexpr Product128 mul128(std::uint64_t a, std::uint64_t b) noexcept {
  const Uint128 product = static_cast<Uint128>(a) * b;
  return {static_cast<std::uint64_t>(product), static_cast<std::uint64_t>(product >> 64)};
}

#else

template <class T>
inline constexpr bool is_int128 = false;

[[nodiscard]] constexpr Product128 mul128(std::uint64_t a, std::uint64_t b) noexcept {
  return mul128_by_parts(a, b);
}

#endif

/// The 128-bit product of `a` and `b`, its halves folded together by exclusive or.
[[nodiscard]] constexpr std::uint64_t mul_fold(std::uint64_t a, std::uint64_t b) noexcept {
  const Product128 product = mul128(a, b);
  return product.low ^ product.high;
}

/// Spreads a hash that does not declare itself avalanching (`std::hash` of an integer is most
/// often the integer) over all 64 bits. Without a seed: it repairs weak hashes, it does not keep
/// an attacker out. The second factor is not optional: top bits that went through one
/// multiplication only are linear in the key, and then pointers 72 bytes apart fill half the
/// groups.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t hash) noexcept {
  constexpr std::uint64_t factor = 0x9e37'79b9'7f4a'7c15U;  // 2^64 / golden ratio
  return mul_fold(hash, factor) * factor;
}

template <class Hash>
[[nodiscard]] consteval bool declares_avalanching() noexcept {
  if constexpr (requires { typename Hash::is_avalanching; }) {
    using Declared = typename Hash::is_avalanching;
    if constexpr (requires { Declared::value; }) {
      return static_cast<bool>(Declared::value);
    } else {
      return true;
    }
  } else {
    return false;
  }
}

/// Whether `Hash` promises that all its bits are good: it has a member type `is_avalanching` that
/// is not false. Others go through `mix64`.
template <class Hash>
inline constexpr bool hash_is_avalanching = declares_avalanching<Hash>();

}  // namespace dashmap::detail
