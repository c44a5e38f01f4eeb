// Role
//   The types of a map and what follows from them, and what keys are looked up by: what a look-up
//   takes, and what of that becomes a key first.
//
// Invariants
//   1. What is hashed is what is compared: nothing converts by itself for one of the two only.
//   Tests: 1 unit/map_heterogeneous_test.cpp.
//
// Readers and writers
//   None: types, and functions of their arguments.
//
// Not here
//   How hashes are computed (state.hpp) and keys compared (acquire.hpp).
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/table/racy_match.hpp"
#include "dashmap/detail/table/table.hpp"

namespace dashmap::detail {

// The types of a map, and what follows from them.
template <class K, class V, class Hash, class KeyEqual, class Allocator>
struct MapTypes {
  using Key = K;
  using Value = V;
  using Hasher = Hash;
  using Equal = KeyEqual;
  using Alloc = Allocator;

  // Recomputing is no more than a few instructions and cannot throw.
  static constexpr bool cheap_hash =
      std::is_scalar_v<K> && std::is_nothrow_invocable_v<const Hash&, const K&>;
  using SlotType = Slot<K, V, !cheap_hash>;
  using ElementType = typename SlotType::ElementType;
  using TableType = Table<SlotType>;
  using PlaceType = Place<SlotType>;
  using Prepared = typename SlotType::template Prepared<Alloc>;
  using Displaced = typename SlotType::template Displaced<Alloc>;
  static constexpr bool racy_keys = SlotType::racy_keys && is_plain_data<KeyEqual>::value;
  // Whether a Q is looked up without a lock, if the key that is found can be compared so.
  template <class Q>
  static constexpr bool looks_racily =
      racy_keys || (SlotType::in_place && compares_short_strings<K, KeyEqual, Q>);
  template <class Q>
  static constexpr bool copies_racily = looks_racily<Q> && std::is_trivially_copyable_v<V>;
  // What is read may run on a copy of the value: nothing that it refers to could be freed
  // meanwhile.
  template <class Q>
  static constexpr bool shows_copies = copies_racily<Q> && is_plain_data<V>::value;
  static constexpr bool racy_views = racy_keys && shows_copies<K>;
  // Building, moving or destroying an element may run user code.
  static constexpr bool trivial = SlotType::trivial;
  // Nor does looking for one, nor copying it: nothing can fail once its group is locked.
  static constexpr bool plain = trivial && racy_keys && !adapts_values<K, Alloc> &&
                                !adapts_values<V, Alloc> && std::is_copy_constructible_v<K> &&
                                std::is_copy_constructible_v<V>;
};

template <class Hash, class Key>
concept GivesInteger = requires(const Hash& hasher, const Key& key) {
  { hasher(key) } -> std::convertible_to<std::uint64_t>;
  requires !std::is_floating_point_v<std::remove_cvref_t<decltype(hasher(key))>>;
};

template <class Hash>
concept TransparentHash = requires { typename Hash::is_transparent; };

// The hash and the comparison take it beside a key.
template <class Q, class Types>
concept TakenAsItIs =
    requires(const typename Types::Hasher& hasher, const typename Types::Equal& equal,
             const typename Types::Key& key, const Q& query) {
      { hasher(query) } -> std::convertible_to<std::uint64_t>;
      { equal(key, query) } -> std::convertible_to<bool>;
    };

// A key is made of it before anything is asked: of a number, so that map<long>.get(5) hashes a
// long, and of what converts to a key where the hash is not transparent. Such a hash would convert
// it by itself, and the comparison not: what is hashed as 0.1f would be compared as 0.1.
template <class Q, class Types, class Key = typename Types::Key>
inline constexpr bool becomes_key =
    !std::is_same_v<Q, Key> && !std::is_base_of_v<Key, Q> &&
    ((std::is_arithmetic_v<Q> && std::is_arithmetic_v<Key>) ||
     (std::is_convertible_v<const Q&, Key> &&
      !(TransparentHash<typename Types::Hasher> && TakenAsItIs<Q, Types>)));

// What a look-up takes.
template <class Q, class Types>
concept Query = TakenAsItIs<Q, Types> || becomes_key<std::remove_cvref_t<Q>, Types>;

// What an insertion takes as its key: looked up as it is, and made a key of where it is new.
template <class Q, class Types>
concept NewKey = Query<Q, Types> && (becomes_key<std::remove_cvref_t<Q>, Types> ||
                                     MadeWith<typename Types::Key, typename Types::Alloc, Q>);

template <class Key, class Q>
DASHMAP_DETAIL_INLINE Key as_key(Q&& query) {
  if constexpr (std::is_arithmetic_v<Key>) {
    return static_cast<Key>(query);
  } else {
    return std::forward<Q>(query);  // by itself: no explicit conversion
  }
}

// What it is looked up by.
template <class Types, class Q>
DASHMAP_DETAIL_INLINE decltype(auto) as_query(Q&& query) {
  using Key = typename Types::Key;
  if constexpr (becomes_key<std::remove_cvref_t<Q>, Types>) {
    return as_key<Key>(std::forward<Q>(query));
  } else {
    return std::forward<Q>(query);
  }
}

}  // namespace dashmap::detail
