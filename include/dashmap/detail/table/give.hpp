// Role
//   How the parts of an element are made, with the map's allocator if they take one, and how they
//   are given away: what is moved, what is copied, and in which order.
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

#include <concepts>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail {

template <class Alloc>
inline constexpr bool is_plain_alloc =
    std::is_same_v<Alloc, std::allocator<typename Alloc::value_type>>;

// What initialises a T: the cast by which make_with writes it would also turn one pointer into
// another.
template <class T, class Alloc, class... Args>
concept MadeWith = std::is_constructible_v<T, Args...> ||
                   (!is_plain_alloc<Alloc> &&
                    (std::is_constructible_v<T, std::allocator_arg_t, const Alloc&, Args...> ||
                     std::is_constructible_v<T, Args..., const Alloc&>));

// What calls give that initialises a T. A T itself is not moved, so it may be immovable.
template <class F, class T, class... Args>
concept Makes = std::invocable<F, Args...> &&
                (std::same_as<std::remove_cv_t<std::invoke_result_t<F, Args...>>, T> ||
                 std::is_constructible_v<T, std::invoke_result_t<F, Args...>>);

// insert moves the value; one that cannot be moved is made in its place, by try_emplace.
template <class V>
concept InsertableElseTryEmplace = std::move_constructible<V>;

// Builds a T, passing the allocator on to types that take one (pmr strings and their like).
template <class T, class Alloc, class... Args>
T make_with(const Alloc& alloc, Args&&... args) {
  static_assert(MadeWith<T, Alloc, Args...>, "no key, or value, can be made of what was given");
  if constexpr (is_plain_alloc<Alloc>) {
    return T(std::forward<Args>(args)...);
  } else {
    return std::make_obj_using_allocator<T>(alloc, std::forward<Args>(args)...);
  }
}

// Values that take the map's allocator are made with it before they are stored.
template <class V, class Alloc>
inline constexpr bool adapts_values = std::uses_allocator_v<V, Alloc> && !is_plain_alloc<Alloc>;
template <class First, class Second, class Alloc>
inline constexpr bool adapts_values<std::pair<First, Second>, Alloc> =
    adapts_values<First, Alloc> || adapts_values<Second, Alloc>;
template <class V, class Alloc>
DASHMAP_DETAIL_INLINE decltype(auto) adapted(const Alloc& alloc, V& value) {
  if constexpr (adapts_values<V, Alloc>) {
    return make_with<V>(alloc, std::move(value));
  } else {
    return std::move(value);
  }
}
template <class V, class Alloc, class Make>
DASHMAP_DETAIL_INLINE V made(const Alloc& alloc, Make&& make) {
  if constexpr (adapts_values<V, Alloc>) {
    return make_with<V>(alloc, std::invoke(std::forward<Make>(make)));
  } else {
    return std::invoke(std::forward<Make>(make));
  }
}

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

// A value lent to a closure that is called with `Args`, what it gives to be stored again: a copy,
// if there can be one, where something may throw before it is back.
template <class F, class... Args, class V>
V lend(V& value) {
  constexpr bool moves_back =
      std::is_nothrow_move_constructible_v<V> && std::is_nothrow_destructible_v<V>;
  if constexpr ((std::is_nothrow_invocable_v<F&, Args...> && moves_back) ||
                !std::is_copy_constructible_v<V>) {
    return std::move(value);
  } else {
    return value;
  }
}

}  // namespace dashmap::detail
