// Role
//   Compares the 16 tags of a group with NEON.
//
// Invariants
//   1. A lane is reported exactly when its byte equals the tag.
//   2. NEON has no byte mask extraction: a narrowing shift leaves four bits a lane. The four bits
//      of a lane are all set or all clear, and lane i is bits 4i … 4i + 3.
//   3. `tags` is aligned to 16 bytes; the target is little-endian.
//   Tests: 1, 2, 3 unit/simd_test.cpp, where ./dev matrix runs it.
//
// Readers and writers
//   The tags may be written meanwhile. A reader without the group's lock must validate the group's
//   version before it trusts a mask, and discards the mask otherwise.
//
// Not here
//   Which implementation is used (group.hpp), what a tag means (detail/table).
#pragma once

#include <arm_neon.h>

#include <bit>
#include <cstdint>

#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail::simd_neon {

/// The lanes of a group for which a comparison held; four bits stand for a lane.
class BitMask {
 public:
  constexpr explicit BitMask(std::uint64_t nibbles) noexcept : nibbles_(nibbles) {}

  [[nodiscard]] constexpr bool any() const noexcept { return nibbles_ != 0; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return any(); }

  /// The index of the lowest set lane; there must be one.
  [[nodiscard]] constexpr unsigned next() const noexcept {
    return static_cast<unsigned>(std::countr_zero(nibbles_)) / 4;
  }

  // Clears with a shift rather than keep one bit a lane: most masks are never cleared, and then
  // the narrowing shift alone makes them.
  constexpr void clear_lowest() noexcept {
    nibbles_ &= ~(std::uint64_t{0xf} << std::countr_zero(nibbles_));
  }

  [[nodiscard]] constexpr unsigned count() const noexcept {
    return static_cast<unsigned>(std::popcount(nibbles_)) / 4;
  }

 private:
  std::uint64_t nibbles_;
};

// Hidden from ThreadSanitizer: the load races with writers by design; readers validate the
// group's version afterwards and discard what they loaded when it changed. A plain dereference
// (the vector type may alias anything), because vld1q_u8 is a function of its own that the
// attribute would not cover.
DASHMAP_DETAIL_NO_TSAN inline uint8x16_t load(const std::uint8_t* tags) noexcept {
  return *reinterpret_cast<const uint8x16_t*>(tags);
}

[[nodiscard]] inline std::uint64_t nibbles_of(uint8x16_t lanes) noexcept {
  const uint8x8_t narrow = vshrn_n_u16(vreinterpretq_u16_u8(lanes), 4);
  return vget_lane_u64(vreinterpret_u64_u8(narrow), 0);
}

/// A tag in all lanes.
using TagPattern = uint8x16_t;

/// The low byte of `hash`, or 1 where that is 0: a hash's tag is never empty.
[[nodiscard]] inline TagPattern tag_pattern(std::uint64_t hash) noexcept {
  const auto low = static_cast<std::uint8_t>(hash);
  return vdupq_n_u8(low == 0 ? std::uint8_t{1} : low);
}

/// The lanes that hold the tag.
[[nodiscard]] inline BitMask match(const std::uint8_t* tags, TagPattern pattern) noexcept {
  return BitMask(nibbles_of(vceqq_u8(load(tags), pattern)));
}

/// The lanes that hold 0, the mark of an empty slot.
[[nodiscard]] inline BitMask match_empty(const std::uint8_t* tags) noexcept {
  return BitMask(nibbles_of(vceqq_u8(load(tags), vdupq_n_u8(0))));
}

/// The lanes that hold anything but 0.
[[nodiscard]] inline BitMask match_full(const std::uint8_t* tags) noexcept {
  const uint8x16_t lanes = load(tags);
  return BitMask(nibbles_of(vtstq_u8(lanes, lanes)));
}

}  // namespace dashmap::detail::simd_neon
