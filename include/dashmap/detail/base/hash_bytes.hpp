// Role
//   Hashes one word, two words, or any number of bytes under a seed, and compares bytes.
//
// Invariants
//   1. For keys of each pattern the top bits of the hash (the group) and the low eight (the tag)
//      are spread like random numbers, under all but a negligible part of the seeds.
//   2. Without the seed nobody can name two inputs that collide with more than chance.
//   3. The hash of bytes depends on the bytes and their number alone, not on where they lie.
//   4. Bytes are the same only if each one is.
//   Tests: 1, 2, 3 unit/hash_test.cpp; 4 unit/map_lookup_test.cpp.
//
// Readers and writers
//   Pure functions; the bytes must not change meanwhile, or the hash is worthless.
//
// Not here
//   Seeds (hash_seed.hpp), and how a type comes down to words or bytes (hash_traits.hpp).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/base/hash_seed.hpp"

namespace dashmap::detail {

// The top bits of a hash choose the group and the low eight bits are the tag, so both ends must be
// good under each seed. One multiplication is not: its top bits are linear in the key, and one seed
// in a hundred sends most of an arithmetic progression to a few groups. Hence each hash ends with a
// second multiplication, of the two halves that the first one gave.
//
// \source The folded multiplication of secret-masked words is that of wyhash (Wang Yi,
// github.com/wangyi-fudan/wyhash) and rapidhash (Nicolas De Carli, github.com/Nicoshev/rapidhash).
// Unlike there all masks are secret and differ from lane to lane, because a public difference
// between two lanes lets anyone exchange their input without changing the hash; and a product that
// comes to zero passes its factors on rather than swallow them.

/// The hash of a key that fits one word.
[[nodiscard]] constexpr std::uint64_t hash_word(const HashSeed& seed, std::uint64_t word) noexcept {
  const Product128 product = mul128(word ^ seed.first, seed.second);
  return mul_fold(product.high, product.low);
}

/// The hash of a key of two words and a length; the length must change the hash even when the words
/// are the same, as those of "aaaaaaaaa" and "aaaaaaaaaa" are.
[[nodiscard]] constexpr std::uint64_t hash_two_words(const HashSeed& seed, std::uint64_t a,
                                                     std::uint64_t b, std::size_t length) noexcept {
  const Product128 product = mul128(a ^ seed.first, b ^ seed.second);
  const std::uint64_t length_mask = std::rotl(seed.second, static_cast<int>(length & 63U));
  return mul_fold(product.low ^ a ^ length_mask, product.high ^ b ^ seed.first);
}

/// Takes two masked words into one. A zero factor leaves the other intact.
[[nodiscard]] constexpr std::uint64_t absorb(std::uint64_t x, std::uint64_t y) noexcept {
  return mul_fold(x, y) ^ x ^ y;
}

template <class Unsigned>
[[nodiscard]] inline std::uint64_t load_word(const unsigned char* bytes) noexcept {
  Unsigned value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// What the last one to 48 bytes make of a hash of more than 16 that has got to `state`.
[[nodiscard]] inline std::uint64_t hash_rest(const HashSeed& seed, std::uint64_t state,
                                             const unsigned char* bytes, std::size_t left,
                                             std::size_t size) noexcept {
  const auto word = [](const unsigned char* at) { return load_word<std::uint64_t>(at); };
  // The last 16 bytes, which may overlap what was taken before.
  const unsigned char* const last = bytes + left - 16;
  if (left > 16) {
    state = absorb(word(bytes) ^ seed.second, word(bytes + 8) ^ state);
    if (left > 32) {
      state = absorb(word(bytes + 16) ^ seed.second, word(bytes + 24) ^ state);
    }
  }
  return hash_two_words(seed, word(last), word(last + 8) ^ state, size);
}
[[nodiscard]] inline std::uint64_t hash_start(const HashSeed& seed) noexcept {
  return std::rotl(seed.first, 29);
}

/// The hash of more than 48 bytes. Three independent lanes keep the multiplier busy.
[[nodiscard]] DASHMAP_DETAIL_NOINLINE inline std::uint64_t hash_very_long(
    const HashSeed& seed, const unsigned char* bytes, std::size_t size) noexcept {
  const auto word = [](const unsigned char* at) { return load_word<std::uint64_t>(at); };
  std::uint64_t state = hash_start(seed);
  std::uint64_t lane_1 = std::rotl(seed.second, 11);
  std::uint64_t lane_2 = seed.first ^ std::rotl(seed.second, 47);
  const std::uint64_t mask_1 = std::rotl(seed.first, 41) ^ seed.second;
  const std::uint64_t mask_2 = std::rotl(seed.second, 23);
  std::size_t left = size;
  do {
    state = absorb(word(bytes) ^ seed.first, word(bytes + 8) ^ state);
    lane_1 = absorb(word(bytes + 16) ^ mask_1, word(bytes + 24) ^ lane_1);
    lane_2 = absorb(word(bytes + 32) ^ mask_2, word(bytes + 40) ^ lane_2);
    bytes += 48;
    left -= 48;
  } while (left > 48);
  state ^= std::rotl(lane_1, 21) ^ std::rotl(lane_2, 42);
  return hash_rest(seed, state, bytes, left, size);
}

/// The hash of more than 16 bytes.
[[nodiscard]] DASHMAP_DETAIL_NOINLINE inline std::uint64_t hash_long(
    const HashSeed& seed, const unsigned char* bytes, std::size_t size) noexcept {
  if (size > 48) return hash_very_long(seed, bytes, size);
  return hash_rest(seed, hash_start(seed), bytes, size, size);
}

/// The hash of `size` bytes.
[[nodiscard]] DASHMAP_DETAIL_INLINE_64 std::uint64_t hash_bytes(
    const HashSeed& seed, const void* data, std::size_t size) noexcept {
  const auto* const bytes = static_cast<const unsigned char*>(data);
  if (size > 16) {
    return hash_long(seed, bytes, size);
  }
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (size >= 8) {  // two reads that overlap, and together see each byte
    a = load_word<std::uint64_t>(bytes);
    b = load_word<std::uint64_t>(bytes + size - 8);
  } else if (size >= 4) {
    a = load_word<std::uint32_t>(bytes);
    b = load_word<std::uint32_t>(bytes + size - 4);
  } else if (size != 0) {
    a = (std::uint64_t{bytes[0]} << 8) | bytes[size / 2];
    b = bytes[size - 1];
  }
  return hash_two_words(seed, a, b, size);
}

/// The bits in which the words at a place differ.
template <class Unsigned>
[[nodiscard]] inline std::uint64_t difference(const unsigned char* a, const unsigned char* b,
                                              std::size_t at) noexcept {
  return load_word<Unsigned>(a + at) ^ load_word<Unsigned>(b + at);
}

/// Whether `size` bytes, 16 at most, are the same in both places.
[[nodiscard]] DASHMAP_DETAIL_INLINE bool same_few_bytes(const void* a, const void* b,
                                                        std::size_t size) noexcept {
  const auto* const x = static_cast<const unsigned char*>(a);
  const auto* const y = static_cast<const unsigned char*>(b);
  // Reads that overlap, and together see each byte.
  if (size >= 8) {
    return (difference<std::uint64_t>(x, y, 0) | difference<std::uint64_t>(x, y, size - 8)) == 0;
  }
  if (size >= 4) {
    return (difference<std::uint32_t>(x, y, 0) | difference<std::uint32_t>(x, y, size - 4)) == 0;
  }
  return size == 0 || (x[0] == y[0] && x[size / 2] == y[size / 2] && x[size - 1] == y[size - 1]);
}

/// Whether `size` bytes are the same in both places. Short ones without a call: what a look-up
/// compares is nearly always equal.
[[nodiscard]] inline bool same_bytes(const void* a, const void* b, std::size_t size) noexcept {
  if (size > 32) return std::memcmp(a, b, size) == 0;
  if (size <= 16) return same_few_bytes(a, b, size);
  const auto* const x = static_cast<const unsigned char*>(a);
  const auto* const y = static_cast<const unsigned char*>(b);
  return same_few_bytes(x, y, 16) && same_few_bytes(x + size - 16, y + size - 16, 16);
}

}  // namespace dashmap::detail
