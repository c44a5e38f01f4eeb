// Role
//   Compares the 16 tags of a group in plain C++: two 64-bit words, eight lanes each.
//
// Invariants
//   1. A lane is reported exactly when its byte equals the tag. The well known
//      (x - 0x01…01) & ~x & 0x80…80 is not exact: its borrow reports a lane holding 0x01 above a
//      zero lane. Here no carry crosses a lane.
//   2. Lane i of a mask is byte i in memory, on either byte order.
//   3. `tags` is aligned to 16 bytes.
//   Tests: 1, 2 unit/simd_test.cpp; 3 those of sse2.hpp.
//
// Readers and writers
//   The tags may be written meanwhile. A reader without the group's lock must validate the group's
//   version before it trusts a mask, and discards the mask otherwise.
//
// Not here
//   Which implementation is used (group.hpp), what a tag means (detail/table).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail::simd_portable {

/// The lanes of a group for which a comparison held; bit i stands for lane i.
class BitMask {
 public:
  constexpr explicit BitMask(std::uint32_t bits) noexcept : bits_(bits) {}

  [[nodiscard]] constexpr bool any() const noexcept { return bits_ != 0; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return any(); }

  /// The index of the lowest set lane; there must be one.
  [[nodiscard]] constexpr unsigned next() const noexcept {
    return static_cast<unsigned>(std::countr_zero(bits_));
  }

  constexpr void clear_lowest() noexcept { bits_ &= bits_ - 1; }

  [[nodiscard]] constexpr unsigned count() const noexcept {
    return static_cast<unsigned>(std::popcount(bits_));
  }

 private:
  std::uint32_t bits_;
};

struct Words {
  std::uint64_t first;
  std::uint64_t second;
};

// Hidden from ThreadSanitizer: the load races with writers by design; readers validate the
// group's version afterwards and discard what they loaded when it changed.
DASHMAP_DETAIL_NO_TSAN inline Words load(const std::uint8_t* tags) noexcept {
  Words words;
  std::memcpy(&words, tags, sizeof words);
  return words;
}

[[nodiscard]] constexpr std::uint64_t repeat(std::uint8_t byte) noexcept {
  return byte * std::uint64_t{0x0101'0101'0101'0101};
}

/// 0x80 in each byte of `word` that is zero, 0 in each other.
[[nodiscard]] constexpr std::uint64_t zero_bytes(std::uint64_t word) noexcept {
  constexpr std::uint64_t low_bits = repeat(0x7f);
  return ~(((word & low_bits) + low_bits) | word | low_bits);
}

/// Gathers the top bit of each byte into eight bits, in memory order. The factor brings the bit of
/// byte i to 56 + i; no two of its partial products meet there, so nothing is carried.
[[nodiscard]] constexpr std::uint32_t gather(std::uint64_t top_bits) noexcept {
  constexpr std::uint64_t factor =
      std::endian::native == std::endian::big ? 0x8040'2010'0804'0201U : 0x0102'0408'1020'4080U;
  return static_cast<std::uint32_t>(((top_bits >> 7) * factor) >> 56);
}

[[nodiscard]] constexpr std::uint32_t zero_lanes(Words words) noexcept {
  return gather(zero_bytes(words.first)) | (gather(zero_bytes(words.second)) << 8);
}

/// A tag in all lanes of a half.
using TagPattern = std::uint64_t;

/// The low byte of `hash`, or 1 where that is 0: a hash's tag is never empty.
[[nodiscard]] constexpr TagPattern tag_pattern(std::uint64_t hash) noexcept {
  const auto low = static_cast<std::uint8_t>(hash);
  return repeat(low == 0 ? std::uint8_t{1} : low);
}

/// The lanes that hold the tag.
[[nodiscard]] inline BitMask match(const std::uint8_t* tags, TagPattern pattern) noexcept {
  const Words words = load(tags);
  return BitMask(zero_lanes({words.first ^ pattern, words.second ^ pattern}));
}

/// The lanes that hold 0, the mark of an empty slot.
[[nodiscard]] inline BitMask match_empty(const std::uint8_t* tags) noexcept {
  return BitMask(zero_lanes(load(tags)));
}

/// The lanes that hold anything but 0.
[[nodiscard]] inline BitMask match_full(const std::uint8_t* tags) noexcept {
  return BitMask(zero_lanes(load(tags)) ^ 0xffffU);
}

}  // namespace dashmap::detail::simd_portable
