// Keys and values of unusual size, alignment and make, and one way to build and read all of them.
#pragma once

#include "tracked.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>

namespace dashmap_test {

/// Alignment beyond that of operator new; counts a misuse when it is constructed elsewhere.
struct alignas(64) OverAligned {
  OverAligned() noexcept : OverAligned(0) {}
  explicit OverAligned(int n) noexcept : number(n) { check(); }
  OverAligned(const OverAligned& other) noexcept : number(other.number) { check(); }
  OverAligned& operator=(const OverAligned&) noexcept = default;
  ~OverAligned() = default;

  void check() const noexcept {
    if (reinterpret_cast<std::uintptr_t>(this) % 64 != 0) Alive::misuses.fetch_add(1);
  }
  friend bool operator==(const OverAligned&, const OverAligned&) = default;

  int number;
};

/// One KiB, trivially copyable, every word the same: a torn copy shows.
struct BigTrivial {
  std::array<std::int32_t, 256> words{};

  BigTrivial() = default;
  explicit BigTrivial(int n) noexcept { words.fill(n); }

  /// The number, or -2 when the words disagree.
  [[nodiscard]] int number() const noexcept {
    for (const std::int32_t word : words) {
      if (word != words.front()) return -2;
    }
    return words.front();
  }
  void set(int n) noexcept { words.fill(n); }
  friend bool operator==(const BigTrivial&, const BigTrivial&) = default;
};
static_assert(std::is_trivially_copyable_v<BigTrivial> && sizeof(BigTrivial) == 1024);

/// About one KiB, not trivially copyable, tracked.
struct BigTracked : Tracked {
  BigTracked() noexcept = default;
  explicit BigTracked(int n) noexcept : Tracked(n) { filler.fill(static_cast<char>(n)); }

  std::array<char, 1000> filler{};
};

/// A user's struct as key, with a hash and an equality of the user's own.
struct UserId {
  std::uint64_t id = 0;
  std::string region;
};
struct UserIdHash {
  std::size_t operator()(const UserId& user) const noexcept {
    return std::hash<std::uint64_t>()(user.id) ^ (std::hash<std::string>()(user.region) << 1);
  }
};
struct UserIdEqual {
  bool operator()(const UserId& a, const UserId& b) const noexcept {
    return a.id == b.id && a.region == b.region;
  }
};

/// Equal by id, distinguishable by tag: shows which of two equal key objects a map keeps.
struct TaggedKey {
  int id = 0;
  int tag = 0;
  friend bool operator==(const TaggedKey& a, const TaggedKey& b) noexcept { return a.id == b.id; }
};

/// Builds a `T` that `number()` reads back.
template <class T>
[[nodiscard]] T make(int n) {
  if constexpr (std::is_arithmetic_v<T>) {
    return static_cast<T>(n);
  } else if constexpr (std::same_as<T, std::string>) {
    // Odd ones are longer than any small-string buffer, some of the short ones have memory of their
    // own all the same.
    std::string text = (n % 2 == 0 ? "#" : "a string that lives on the heap #") + std::to_string(n);
    if (n % 4 == 2) text.reserve(50);
    return text;
  } else if constexpr (std::same_as<T, UserId>) {
    return UserId{static_cast<std::uint64_t>(n), n % 2 == 0 ? "eu" : "a region with a long name"};
  } else {
    return T(n);
  }
}

template <class T>
  requires std::is_arithmetic_v<T>
[[nodiscard]] int number(const T& value) noexcept {
  return static_cast<int>(value);
}
[[nodiscard]] inline int number(const std::string& text) {
  const std::size_t sign = text.rfind('#');
  return sign == std::string::npos ? moved_from : std::atoi(text.c_str() + sign + 1);
}
[[nodiscard]] inline int number(const UserId& user) noexcept { return static_cast<int>(user.id); }
[[nodiscard]] inline int number(const OverAligned& value) noexcept {
  value.check();
  return value.number;
}
template <class T>
  requires requires(const T& value) {
    { value.number() } -> std::same_as<int>;
  }
[[nodiscard]] int number(const T& value) noexcept {
  return value.number();
}

}  // namespace dashmap_test

template <>
struct std::hash<dashmap_test::TaggedKey> {
  std::size_t operator()(const dashmap_test::TaggedKey& key) const noexcept {
    return std::hash<int>()(key.id);
  }
};
