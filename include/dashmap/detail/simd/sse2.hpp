// Role
//   Compares the 16 tags of a group with SSE2, which each x86-64 processor has.
//
// Invariants
//   1. A lane is reported exactly when its byte equals the tag.
//   2. Bit i of a mask stands for lane i, byte i in memory.
//   3. `tags` is aligned to 16 bytes.
//   Tests: 1, 2 unit/simd_test.cpp; 3 all.
//
// Readers and writers
//   The tags may be written meanwhile. A reader without the group's lock must validate the group's
//   version before it trusts a mask, and discards the mask otherwise.
//
// Not here
//   Which implementation is used (group.hpp), what a tag means (detail/table).
#pragma once

#include <emmintrin.h>

#include <bit>
#include <cstddef>
#include <cstdint>

#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/base/config.hpp"

#if DASHMAP_DETAIL_SSSE3
#include <tmmintrin.h>
#endif

namespace dashmap::detail::simd_sse2 {

/// The lanes of a group for which a comparison held; bit i stands for lane i.
class BitMask {
 public:
  constexpr explicit BitMask(std::uint32_t bits) noexcept : bits_(bits) {}

  [[nodiscard]] constexpr bool any() const noexcept { return bits_ != 0; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return any(); }

  /// The index of the lowest set lane; there must be one.
  [[nodiscard]] constexpr std::size_t next() const noexcept { return lowest_bit(bits_); }

  constexpr void clear_lowest() noexcept { bits_ &= bits_ - 1; }

  [[nodiscard]] constexpr unsigned count() const noexcept {
    return static_cast<unsigned>(std::popcount(bits_));
  }

 private:
  std::uint32_t bits_;
};

// Hidden from ThreadSanitizer: the load races with writers by design; readers validate the
// group's version afterwards and discard what they loaded when it changed. A plain dereference
// (__m128i may alias anything), because _mm_load_si128 is a function of its own that the
// attribute would not cover.
DASHMAP_DETAIL_NO_TSAN inline __m128i load(const std::uint8_t* tags) noexcept {
  return *reinterpret_cast<const __m128i*>(tags);
}

[[nodiscard]] inline std::uint32_t equal_lanes(__m128i left, __m128i right) noexcept {
  return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(left, right)));
}

/// A tag in all lanes.
using TagPattern = __m128i;

/// The low byte of `hash`, or 1 where that is 0: a hash's tag is never empty. Filling the lanes
/// first and raising zeros after takes two instructions less than the other way.
[[nodiscard]] inline TagPattern tag_pattern(std::uint64_t hash) noexcept {
  __m128i lanes = _mm_cvtsi32_si128(static_cast<int>(static_cast<std::uint32_t>(hash)));
#if DASHMAP_DETAIL_SSSE3
  lanes = _mm_shuffle_epi8(lanes, _mm_setzero_si128());
#else
  lanes = _mm_unpacklo_epi8(lanes, lanes);
  lanes = _mm_shuffle_epi32(_mm_shufflelo_epi16(lanes, 0), 0);
#endif
  return _mm_max_epu8(lanes, _mm_set1_epi8(1));
}

/// The lanes that hold the tag.
[[nodiscard]] inline BitMask match(const std::uint8_t* tags, TagPattern pattern) noexcept {
  return BitMask(equal_lanes(load(tags), pattern));
}

/// The lanes that hold 0, the mark of an empty slot.
[[nodiscard]] inline BitMask match_empty(const std::uint8_t* tags) noexcept {
  return BitMask(equal_lanes(load(tags), _mm_setzero_si128()));
}

/// The lanes that hold anything but 0.
[[nodiscard]] inline BitMask match_full(const std::uint8_t* tags) noexcept {
  return BitMask(equal_lanes(load(tags), _mm_setzero_si128()) ^ 0xffffU);
}

}  // namespace dashmap::detail::simd_sse2
