// The types of keys and values that maps are measured with, and what is made of a number in each.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>

#include "random.hpp"

namespace bench {

enum class KeyKind { number, text };
enum class ValueKind { word, record };

struct Shape {
  KeyKind key = KeyKind::number;
  ValueKind value = ValueKind::word;
};

/// 100 bytes without padding.
struct Record {
  std::array<std::uint32_t, 25> words{};
};

[[nodiscard]] inline u64 number_of(u64 value) noexcept { return value; }
[[nodiscard]] inline u64 number_of(const Record& record) noexcept {
  return u64{record.words[1]} << 32 | record.words[0];
}

template <class V>
[[nodiscard]] V value_of(u64 number) noexcept {
  if constexpr (std::same_as<V, Record>) {
    Record record;
    record.words[0] = static_cast<std::uint32_t>(number);
    record.words[1] = static_cast<std::uint32_t>(number >> 32);
    return record;
  } else {
    return number;
  }
}

/// Adds 1 to a value. A type of its own, so that an adapter can do it in the map's own way.
struct Increment {
  void operator()(u64& value) const noexcept { ++value; }
  void operator()(Record& record) const noexcept {
    record = value_of<Record>(number_of(record) + 1);
  }
};

/// 24 characters, so that each has its own memory.
[[nodiscard]] std::string text_key(u64 number);

template <class K>
[[nodiscard]] K key_of(u64 number) {
  if constexpr (std::same_as<K, std::string>) {
    return text_key(number);
  } else {
    return number;
  }
}

/// Takes a value, all of it, as if it were used.
inline void use(u64 value) { asm volatile("" : : "r"(value)); }
inline void use(const Record& value) { asm volatile("" : : "m"(value)); }

}  // namespace bench
