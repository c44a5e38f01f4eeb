// Role
//   How the parts of an element are given away: what is moved, what is copied, and in which order.
//
// Invariants
//   1. Where giving fails the element is as it was: a part that may throw is moved only where it
//      cannot be copied, and nothing that was moved before it is lost. Two things are left to the
//      types: what a move that throws leaves of its own object, and a key that can only be moved,
//      and not without throwing, where the value behind it may throw too.
//   Tests: 1 exception/move_only_test.cpp.
//
// Readers and writers
//   Under the exclusive lock of the element's group, or on what is out of the table.
//
// Not here
//   Elements and slots (element.hpp).
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail {

template <class T>
inline constexpr bool part_moves_nothrow =
    std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T>;
template <class K, class V>
inline constexpr bool element_moves_nothrow = part_moves_nothrow<K> && part_moves_nothrow<V>;

// A part that is given away: moved, unless that may fail half way and a copy can be had.
template <class Part>
constexpr decltype(auto) give(Part& part) noexcept {
  if constexpr (part_moves_nothrow<Part> || !std::is_copy_constructible_v<Part>) {
    return std::move(part);
  } else {
    return std::as_const(part);
  }
}

template <class T>
void refill(T& place, std::type_identity_t<T>&& from) noexcept {
  std::destroy_at(std::addressof(place));
  std::construct_at(std::addressof(place), std::move(from));
}

// Makes an optional's value, or a vector's next one, in its place.
template <class Out>
DASHMAP_DETAIL_INLINE auto into(Out& out) noexcept {
  return [&out](auto&&... parts) -> auto& {
    if constexpr (requires { out.capacity(); }) {
      return out.emplace_back(std::forward<decltype(parts)>(parts)...);
    } else {
      return out.emplace(std::forward<decltype(parts)>(parts)...);
    }
  };
}

// As give_both, for a key that can only be moved, and does that without throwing. What is left of
// it stands in for it until the value is made. A pair that is returned is made in its place, as its
// type is written out: Clang would move one whose type it has to deduce, and the value may throw.
template <class Element, class Make>
auto give_key_last(Element& element, const Make& make)
    -> decltype(make(std::move(element.key), give(element.value))) {
  using Key = decltype(element.key);
  struct Keeper {
    Key key;
    Key* place;
    ~Keeper() {
      if (place != nullptr) refill(*place, std::move(key));
    }
  } keeper{std::move(element.key), std::addressof(element.key)};
  // It stands in. NOLINTNEXTLINE(bugprone-use-after-move)
  decltype(make(std::move(element.key), give(element.value))) pair =
      make(std::move(element.key), give(element.value));
  refill(pair.first, std::move(keeper.key));
  keeper.place = nullptr;
  return pair;
}

// Gives both parts of an element to make(key, value), which makes a pair of them, the key first.
template <class Element, class Make>
DASHMAP_DETAIL_INLINE decltype(auto) give_both(Element& element, const Make& make) {
  using Key = decltype(element.key);
  constexpr bool value_may_fail = !part_moves_nothrow<decltype(element.value)>;
  if constexpr (value_may_fail && std::is_copy_constructible_v<Key>) {
    return make(std::as_const(element.key), give(element.value));
  } else if constexpr (value_may_fail && part_moves_nothrow<Key>) {
    return give_key_last(element, make);
  } else {
    return make(give(element.key), give(element.value));
  }
}
template <class Element>
auto pair_of(Element& element) {
  using Pair = std::pair<decltype(element.key), decltype(element.value)>;
  return give_both(element, [](auto&& key, auto&& value) {
    return Pair(std::forward<decltype(key)>(key), std::forward<decltype(value)>(value));
  });
}

}  // namespace dashmap::detail
