// Role
//   Where the seeds of hashers come from: the process's entropy or the environment variable
//   DASHMAP_SEED, and a counter.
//
// Invariants
//   1. The environment and the system are asked once a process, when the first seed is taken.
//   2. No two of a process's first 2^32 hashers have the same seed by construction.
//   3. With DASHMAP_SEED set, the n-th hasher of the process has the same seed in each run.
//   4. The second half of a seed is odd.
//   Tests: 1, 3, 4 unit/hash_seed_test.cpp; 2 unit/hash_test.cpp.
//
// Readers and writers
//   Any thread may take a seed at any time. The environment must not be changed meanwhile.
//
// Not here
//   How a seed changes a hash (hash_bytes.hpp).
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <random>

#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail {

/// The secret of one hasher. Whoever does not know it cannot tell which keys collide.
struct HashSeed {
  std::uint64_t first;
  std::uint64_t second;  // odd, so that multiplying by it loses no bit

  friend constexpr bool operator==(const HashSeed&, const HashSeed&) = default;
};

/// The finalizer of SplitMix64: a bijection that scatters consecutive numbers.
/// \source Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014
[[nodiscard]] constexpr std::uint64_t scatter(std::uint64_t number) noexcept {
  number = (number ^ (number >> 30)) * 0xbf58'476d'1ce4'e5b9U;
  number = (number ^ (number >> 27)) * 0x94d0'49bb'1331'11ebU;
  return number ^ (number >> 31);
}

[[nodiscard]] constexpr HashSeed seed_from(std::uint64_t number) noexcept {
  return {scatter(number + 0x9e37'79b9'7f4a'7c15U), scatter(number ^ 0xd1b5'4a32'd192'ed03U) | 1U};
}

/// The seed of the instance made after `instance` others, under the process's `base`.
[[nodiscard]] constexpr HashSeed seed_of_instance(std::uint64_t base,
                                                  std::uint64_t instance) noexcept {
  return seed_from(base + instance * 0x9e37'79b9'7f4a'7c15U);
}

/// The number that DASHMAP_SEED names: an integer (decimal, 0x… or 0…), or, so that no setting is
/// ignored silently, a number made from any other text.
[[nodiscard]] inline std::uint64_t base_from_text(const char* text) noexcept {
  char* end = nullptr;
  const unsigned long long number = std::strtoull(text, &end, 0);
  if (end != text && *end == '\0') {
    return number;
  }
  std::uint64_t mixed = 0;
  for (; *text != '\0'; ++text) {
    mixed = scatter(mixed + static_cast<unsigned char>(*text) + 1U);
  }
  return mixed;
}

/// A number that cannot be guessed, or where the system has none to give, one that differs from
/// run to run.
[[nodiscard]] inline std::uint64_t base_from_entropy() noexcept {
  try {
    std::random_device device;
    const std::uint64_t high = device();
    return (high << 32) ^ device();
  } catch (...) {
    static const char place = 0;
    const auto time = std::chrono::steady_clock::now().time_since_epoch().count();
    return scatter(static_cast<std::uint64_t>(time)) ^ reinterpret_cast<std::uintptr_t>(&place);
  }
}

/// Asks the environment and the system once a process.
[[nodiscard]] DASHMAP_DETAIL_SHARED inline std::uint64_t process_base() noexcept {
  static const std::uint64_t base = [] {
    const char* const text = std::getenv("DASHMAP_SEED");
    return text != nullptr && *text != '\0' ? base_from_text(text) : base_from_entropy();
  }();
  return base;
}

/// A seed of its own for each hasher: two maps with the same seed have the same order, and filling
/// one from the other in that order would crowd a few groups.
[[nodiscard]] DASHMAP_DETAIL_SHARED inline HashSeed next_seed() noexcept {
  static std::atomic<std::size_t> instances{0};
  // Relaxed: the number orders nothing, it only has to be another one each time.
  return seed_of_instance(process_base(), instances.fetch_add(1, std::memory_order_relaxed));
}

}  // namespace dashmap::detail
