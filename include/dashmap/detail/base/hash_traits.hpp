// Role
//   Brings a key of each supported type down to one word: HashTraits<T> has
//     bits      how many low bits of the word are used, so that small members can share a word
//     mixed     whether the word is a finished hash; otherwise it is the value itself
//     nothrow   whether making it cannot throw
//     word()    the word
//
// Invariants
//   1. Equal keys have equal words.
//   2. Words of different keys of a type differ, except that finished hashes, and what `std::hash`
//      gives, collide by chance.
//   3. An unmixed word is zero above its `bits`.
//   Tests: 1, 2, 3 unit/hash_test.cpp.
//
// Readers and writers
//   Pure functions of the key.
//
// Not here
//   The arithmetic (hash_bytes.hpp), the public hasher (hash.hpp).
#pragma once

#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/base/hash_bytes.hpp"
#include "dashmap/detail/base/hash_seed.hpp"

namespace dashmap::detail {

/// Not hashable unless specialised below.
template <class T>
struct HashTraits {};

template <class T>
concept Hashable = requires { HashTraits<T>::bits; };

template <class T>
struct HashTraits<const T> : HashTraits<T> {};

template <Hashable T>
[[nodiscard]] constexpr std::uint64_t hash_value_of(const HashSeed& seed, const T& value) noexcept(
    HashTraits<T>::nothrow) {
  const std::uint64_t word = HashTraits<T>::word(seed, value);
  if constexpr (HashTraits<T>::mixed) {
    return word;
  } else {
    return hash_word(seed, word);
  }
}

template <unsigned Bits>
struct RawWord {
  static constexpr unsigned bits = Bits;
  static constexpr bool mixed = false;
  static constexpr bool nothrow = true;
};

template <bool Nothrow>
struct MixedWord {
  static constexpr unsigned bits = 64;
  static constexpr bool mixed = true;
  static constexpr bool nothrow = Nothrow;
};

template <class T>
inline constexpr unsigned bit_size = static_cast<unsigned>(sizeof(T) * 8);

/// An enumeration that says itself which of its values are equal: std::hash has to agree with it.
template <class T>
concept EnumWithEquality = std::is_enum_v<T> && requires(const T& a) { operator==(a, a); };

template <class T>
concept Integer =
    !is_int128<T> && (std::integral<T> || (std::is_enum_v<T> && !EnumWithEquality<T>));

template <Integer T>
struct HashTraits<T> : RawWord<bit_size<T>> {
  static constexpr std::uint64_t word(const HashSeed&, T value) noexcept {
    if constexpr (std::is_enum_v<T>) {
      using Underlying = std::underlying_type_t<T>;
      return HashTraits<Underlying>::word({}, static_cast<Underlying>(value));
    } else if constexpr (std::same_as<T, bool>) {
      return value ? 1 : 0;
    } else {
      return static_cast<std::make_unsigned_t<T>>(value);
    }
  }
};

template <class T>
  requires is_int128<T>
struct HashTraits<T> : MixedWord<true> {
  static constexpr std::uint64_t word(const HashSeed& seed, T value) noexcept {
    return hash_two_words(seed, static_cast<std::uint64_t>(value),
                          static_cast<std::uint64_t>(value >> 64), sizeof value);
  }
};

template <std::floating_point T>
  requires(sizeof(T) <= 8 && std::numeric_limits<T>::is_iec559)
struct HashTraits<T> : RawWord<bit_size<T>> {
  using Bits = std::conditional_t<sizeof(T) == 8, std::uint64_t,
                                  std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint16_t>>;

  static constexpr std::uint64_t word(const HashSeed&, T value) noexcept {
    const auto bits_of = std::bit_cast<Bits>(value);
    // Only the two zeros are equal with different bits.
    return static_cast<Bits>(bits_of << 1) == 0 ? 0 : bits_of;
  }
};

/// `long double` where it is wider than `double`: its padding must not count.
template <std::floating_point T>
  requires(sizeof(T) > 8)
struct HashTraits<T> : MixedWord<true> {
  // The 80-bit format of x87 keeps its value in the first ten bytes.
  static constexpr std::size_t size = std::numeric_limits<T>::digits == 64 ? 10 : sizeof(T);

  static std::uint64_t word(const HashSeed& seed, const T& value) noexcept {
    constexpr T zero = 0;
    const bool nonzero = value < 0 || value > 0;  // NaN, which equals nothing, may pass for zero
    return hash_bytes(seed, nonzero ? &value : &zero, size);
  }
};

template <class T>
struct HashTraits<T*> : RawWord<bit_size<T*>> {
  static std::uint64_t word(const HashSeed&, T* pointer) noexcept {
    return reinterpret_cast<std::uintptr_t>(pointer);
  }
};

template <>
struct HashTraits<std::nullptr_t> : RawWord<1> {
  static constexpr std::uint64_t word(const HashSeed&, std::nullptr_t) noexcept { return 0; }
};

/// Owning pointers are equal when their addresses are.
template <class Smart>
struct SmartPointerTraits : HashTraits<decltype(std::declval<const Smart&>().get())> {
  using Base = HashTraits<decltype(std::declval<const Smart&>().get())>;

  static std::uint64_t word(const HashSeed& seed, const Smart& pointer) noexcept(Base::nothrow) {
    return Base::word(seed, pointer.get());
  }
};

template <class T, class Deleter>
struct HashTraits<std::unique_ptr<T, Deleter>> : SmartPointerTraits<std::unique_ptr<T, Deleter>> {};

template <class T>
struct HashTraits<std::shared_ptr<T>> : SmartPointerTraits<std::shared_ptr<T>> {};

template <class Rep, class Period>
struct HashTraits<std::chrono::duration<Rep, Period>> : HashTraits<Rep> {
  static constexpr std::uint64_t word(
      const HashSeed& seed,
      const std::chrono::duration<Rep, Period>& value) noexcept(HashTraits<Rep>::nothrow) {
    return HashTraits<Rep>::word(seed, value.count());
  }
};

template <class Clock, class Duration>
struct HashTraits<std::chrono::time_point<Clock, Duration>> : HashTraits<Duration> {
  static constexpr std::uint64_t word(const HashSeed& seed,
                                      const std::chrono::time_point<Clock, Duration>&
                                          value) noexcept(HashTraits<Duration>::nothrow) {
    return HashTraits<Duration>::word(seed, value.time_since_epoch());
  }
};

/// A string is its bytes, whoever holds them. Other character traits may define another equality.
template <class Char>
struct StringTraits : MixedWord<true> {
  static std::uint64_t word(const HashSeed& seed, std::basic_string_view<Char> text) noexcept {
    return hash_bytes(seed, text.data(), text.size() * sizeof(Char));
  }
};

template <class T>
inline constexpr bool is_text = false;
template <class Allocator>
inline constexpr bool is_text<std::basic_string<char, std::char_traits<char>, Allocator>> = true;
template <>
inline constexpr bool is_text<std::string_view> = true;

template <class Char, class Allocator>
struct HashTraits<std::basic_string<Char, std::char_traits<Char>, Allocator>> : StringTraits<Char> {
};

template <class Char>
struct HashTraits<std::basic_string_view<Char>> : StringTraits<Char> {};

template <class Equal, class K>
inline constexpr bool is_standard_equal =
    std::is_same_v<Equal, std::equal_to<>> || std::is_same_v<Equal, std::equal_to<K>>;

/// The comparison of a key with what is asked for. Text under the standard's equality is compared
/// as its bytes.
template <class Equal, class K, class Q>
[[nodiscard]] DASHMAP_DETAIL_INLINE bool same_key(const Equal& equal, const K& key,
                                                  const Q& query) {
  if constexpr (is_standard_equal<Equal, K> && is_text<K> && is_text<Q>) {
    return key.size() == query.size() && same_bytes(key.data(), query.data(), key.size());
  } else {
    return static_cast<bool>(equal(key, query));
  }
}

/// Members that fit one word together are packed into it, others are hashed as a run of words.
template <class Tuple, class... Members>
struct TupleTraits {
  static constexpr unsigned total_bits = (0U + ... + HashTraits<Members>::bits);
  static constexpr bool packed = total_bits <= 64;
  static constexpr unsigned bits = packed ? total_bits : 64;
  static constexpr bool mixed = !packed;
  static constexpr bool nothrow = (true && ... && HashTraits<Members>::nothrow);

  static constexpr std::uint64_t word(const HashSeed& seed, const Tuple& tuple) noexcept(nothrow) {
    return std::apply([&seed](const Members&... members) { return join(seed, members...); }, tuple);
  }

 private:
  static constexpr std::uint64_t join(const HashSeed& seed,
                                      const Members&... members) noexcept(nothrow) {
    if constexpr (packed) {
      std::uint64_t word = 0;
      ((word = shifted(word, HashTraits<Members>::bits) | HashTraits<Members>::word(seed, members)),
       ...);
      return word;
    } else {
      const std::array<std::uint64_t, sizeof...(Members)> words{
          HashTraits<Members>::word(seed, members)...};
      if constexpr (words.size() == 2) {
        return hash_two_words(seed, words[0], words[1], sizeof words);
      } else {
        return hash_bytes(seed, words.data(), sizeof words);
      }
    }
  }

  static constexpr std::uint64_t shifted(std::uint64_t word, unsigned by) noexcept {
    return by == 64 ? 0 : word << by;
  }
};

template <Hashable First, Hashable Second>
struct HashTraits<std::pair<First, Second>> : TupleTraits<std::pair<First, Second>, First, Second> {
};

template <Hashable... Members>
struct HashTraits<std::tuple<Members...>> : TupleTraits<std::tuple<Members...>, Members...> {};

template <Hashable T>
struct HashTraits<std::optional<T>> : MixedWord<HashTraits<T>::nothrow> {
  static constexpr std::uint64_t word(const HashSeed& seed, const std::optional<T>& value) noexcept(
      HashTraits<T>::nothrow) {
    return hash_two_words(seed, value ? HashTraits<T>::word(seed, *value) : 0, value ? 1 : 0, 0);
  }
};

template <Hashable... Alternatives>
struct HashTraits<std::variant<Alternatives...>>
    : MixedWord<(true && ... && HashTraits<Alternatives>::nothrow)> {
  static constexpr std::uint64_t word(const HashSeed& seed,
                                      const std::variant<Alternatives...>& value) {
    std::uint64_t alternative = 0;
    if (!value.valueless_by_exception()) {
      alternative =
          std::visit([&seed]<class T>(const T& held) { return HashTraits<T>::word(seed, held); },
                     value);
    }
    return hash_two_words(seed, alternative, value.index(), 0);
  }
};

template <>
struct HashTraits<std::monostate> : RawWord<1> {
  static constexpr std::uint64_t word(const HashSeed&, std::monostate) noexcept { return 0; }
};

/// Elements whose bytes are their value, so that a whole array of them can be hashed as bytes.
template <class T>
concept HashedAsBytes =
    std::has_unique_object_representations_v<T> && (Integer<T> || std::is_pointer_v<T>);

template <class Range>
using RangeElement = std::remove_cvref_t<decltype(*std::begin(std::declval<const Range&>()))>;

/// Sequences with elementwise equality.
template <class Range, class Element>
struct RangeTraits : MixedWord<HashTraits<Element>::nothrow> {
  static std::uint64_t word(const HashSeed& seed,
                            const Range& range) noexcept(HashTraits<Element>::nothrow) {
    if constexpr (HashedAsBytes<Element> && requires { std::data(range); }) {
      return hash_bytes(seed, std::data(range), std::size(range) * sizeof(Element));
    } else {
      std::uint64_t state = std::rotl(seed.first, 29);
      std::size_t count = 0;
      for (const Element& element : range) {
        state = absorb(HashTraits<Element>::word(seed, element) ^ seed.first, state);
        ++count;
      }
      return hash_two_words(seed, count, state, 0);
    }
  }
};

template <Hashable T, std::size_t Size>
struct HashTraits<std::array<T, Size>> : RangeTraits<std::array<T, Size>, T> {};

template <class T>
concept StdHashable = requires(const T& value) {
  { std::hash<T>{}(value) } -> std::convertible_to<std::size_t>;
};

/// What `std::hash` knows. Keys that collide there collide under each seed.
template <class T>
  requires((std::is_class_v<T> || std::is_union_v<T> || EnumWithEquality<T>) && StdHashable<T>)
struct HashTraits<T> : RawWord<bit_size<std::size_t>> {
  static constexpr bool nothrow = noexcept(std::hash<T>{}(std::declval<const T&>()));

  static std::uint64_t word(const HashSeed&, const T& value) noexcept(nothrow) {
    return std::hash<T>{}(value);
  }
};

/// Containers that compare element by element: not the unordered ones, whose order is not part of
/// their value, and not strings with a notion of equality of their own.
template <class T>
concept SequenceKey = std::is_class_v<T> && !StdHashable<T> && std::equality_comparable<T> &&
                      !requires { typename T::hasher; } && !requires { typename T::traits_type; } &&
                      requires(const T& range) {
                        typename T::value_type;
                        { std::begin(range) != std::end(range) } -> std::convertible_to<bool>;
                      } && std::same_as<RangeElement<T>, typename T::value_type> &&
                      !std::same_as<RangeElement<T>, T> && Hashable<RangeElement<T>>;

template <SequenceKey T>
struct HashTraits<T> : RangeTraits<T, RangeElement<T>> {};

}  // namespace dashmap::detail
