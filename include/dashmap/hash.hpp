#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "dashmap/detail/base/hash_seed.hpp"
#include "dashmap/detail/base/hash_traits.hpp"

namespace dashmap {

namespace detail {

/// Hashers of strings also take all that converts to the view of the key type.
template <class T>
struct Transparency {};

template <class Char>
struct TransparentString {
  using View = std::basic_string_view<Char>;
  using is_transparent = void;
};

template <class Char, class Allocator>
struct Transparency<std::basic_string<Char, std::char_traits<Char>, Allocator>>
    : TransparentString<Char> {};

template <class Char>
struct Transparency<std::basic_string_view<Char>> : TransparentString<Char> {};

template <class Text, class T>
concept TextFor = requires {
  typename Transparency<T>::View;
  requires std::is_convertible_v<const Text&, typename Transparency<T>::View>;
};

}  // namespace detail

/// The hash function of a map that names none: fast, and seeded differently in each map, so that
/// nobody can prepare keys that collide.
///
/// Takes integers, `bool`, enumerations, floating point numbers, raw and smart pointers, strings,
/// durations and time points, pairs, tuples, arrays, optionals, variants, containers of these that
/// compare element by element, and each type with a `std::hash`.
///
/// The seed comes from the system's entropy, read once a process. For a reproduction, set the
/// environment variable DASHMAP_SEED to an integer before the program starts, or use `with_seed`.
/// A copy has the seed of its original.
///
/// The hasher of a string type is transparent: it takes literals, views and strings with other
/// allocators too, and equal text has equal hashes.
///
/// \code
/// const auto hash = dashmap::DefaultHash<std::string>::with_seed(1);
/// assert(hash("seven") == hash(std::string("seven")));
/// \endcode
template <class T>
struct DefaultHash : detail::Transparency<T> {
  static_assert(detail::Hashable<T>,
                "dashmap::DefaultHash cannot hash this key type: specialise std::hash for it, or "
                "name a hash function as the map's Hash argument");

  /// All 64 bits of a hash are good, so a map need not mix them again.
  using is_avalanching = std::true_type;

  /// Takes the next seed of the process.
  DefaultHash() noexcept : seed_(detail::next_seed()) {}

  /// The hasher with the seed that `number` stands for. With DASHMAP_SEED set to the same number,
  /// the first hasher of the process has this seed too.
  [[nodiscard]] static constexpr DefaultHash with_seed(std::uint64_t number) noexcept {
    return DefaultHash(detail::seed_of_instance(number, 0));
  }

  /// The hash of `key`, 64 bits on each target.
  [[nodiscard]] constexpr std::uint64_t operator()(const T& key) const
      noexcept(detail::HashTraits<T>::nothrow) {
    return detail::hash_value_of(seed_, key);
  }

  /// The hash of the string that `text` converts to.
  template <class Text>
    requires detail::TextFor<Text, T>
  [[nodiscard]] constexpr std::uint64_t operator()(const Text& text) const
      noexcept(std::is_nothrow_convertible_v<const Text&, typename DefaultHash::View> ||
               std::is_pointer_v<std::decay_t<Text>>) {
    return detail::HashTraits<T>::word(seed_, text);
  }

  /// Whether both have the same seed.
  friend constexpr bool operator==(const DefaultHash& left, const DefaultHash& right) noexcept {
    return left.seed_ == right.seed_;
  }

 private:
  explicit constexpr DefaultHash(detail::HashSeed seed) noexcept : seed_(seed) {}

  detail::HashSeed seed_;
};

}  // namespace dashmap
