// Hash functions good, bad and stateful.
#pragma once

#include "values.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <type_traits>

namespace dashmap_test {

/// Every key falls into the same group and has the same tag.
struct ConstantHash {
  template <class K>
  std::size_t operator()(const K&) const noexcept {
    return 42;
  }
};

/// Hash functions that need mixing: consecutive numbers differ in their low bits only.
using IdentityHash = std::hash<int>;

/// Says of itself that it needs no mixing.
struct AvalanchingHash {
  using is_avalanching = void;
  template <class K>
  std::uint64_t operator()(const K& key) const noexcept {
    std::uint64_t x = static_cast<std::uint64_t>(number(key)) + 0x9e3779b97f4a7c15U;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
  }
};

/// The first group takes all, with tags as different as they may be.
struct FirstGroupHash {
  using is_avalanching = void;
  template <class K>
  std::uint64_t operator()(const K& key) const noexcept {
    if constexpr (std::is_convertible_v<const K&, std::string_view>) {
      return std::hash<std::string_view>()(key) & 0xffff'ffff;
    } else {
      return AvalanchingHash()(key) & 0xffff'ffff;
    }
  }
};

/// Carries a seed: two hashers with different seeds give different hashes.
struct SeededHash {
  std::uint64_t seed = 7;
  template <class K>
  std::size_t operator()(const K& key) const noexcept {
    const std::uint64_t x = (static_cast<std::uint64_t>(number(key)) ^ seed) * 0x9e3779b97f4a7c15U;
    return static_cast<std::size_t>(x ^ (x >> 29));
  }
};

/// Cannot be made without an argument.
struct BoundHash {
  explicit BoundHash(std::uint64_t s) noexcept : seed(s) {}
  template <class K>
  std::size_t operator()(const K& key) const noexcept {
    return SeededHash{seed}(key);
  }
  std::uint64_t seed;
};

}  // namespace dashmap_test
