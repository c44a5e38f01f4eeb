// What an adapter is: one small struct for each map.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string>
#include <utility>

#include "shape.hpp"

namespace bench {

class Op;
enum class Operation;

inline std::string dotted(int major, int minor, int patch) {
  return std::to_string(major) + '.' + std::to_string(minor) + '.' + std::to_string(patch);
}

/// What most maps are like. An adapter adds `name` and `template <class K, class V> Map`.
struct AdapterDefaults {
  static constexpr bool iterates_while_written = true;  // for_each may run meanwhile
  static constexpr bool concurrent = true;              // else it is measured with one thread
  static constexpr bool locks_elements = true;          // update keeps others out while it runs
  template <class K, class V>
  static constexpr bool supports = true;
  static std::string version() { return ""; }  // where its headers tell it
  static void attach_thread() {}               // called once by each thread that uses a map
};

/// The map's own fastest way to do each thing to one key.
template <class Map, class K, class V>
concept DoesOneByOne =
    requires(Map map, const Map& constant, const K& key, V& value, const V& given) {
      { constant.find(key, value) } -> std::same_as<bool>;
      { map.assign(key, given) } -> std::same_as<void>;
      { map.remove(key) } -> std::same_as<bool>;
      { map.upsert(key, given, Increment{}) } -> std::same_as<void>;
    };

/// Whole loops in place of those of operations_of.hpp and peer_of.hpp, which do the same: for a map
/// of another language, into which nothing is inlined. `texts` are the keys of the operations where
/// keys are texts; a visit of all tells how many there are.
template <class Map, class K, class V>
concept LoopsItself =
    requires(Map map, const Map& constant, Operation operation, std::span<const K> keys,
             std::span<const std::pair<K, V>> pairs, std::span<const Op> ops, const K* texts) {
      { map.each(operation, keys) } -> std::same_as<std::size_t>;
      { map.insert_pairs(pairs) } -> std::same_as<std::size_t>;
      { map.replay(ops, texts) } -> std::same_as<u64>;
      { constant.visit_all() } -> std::same_as<std::size_t>;
    };

/// What its Map gives.
template <class Map, class K, class V>
concept AdaptedMap = std::default_initializable<Map> &&
                     requires(Map map, const Map& constant, const K& key, const V& given,
                              void (*visit)(const K&, const V&)) {
                       { map.insert(key, given) } -> std::same_as<bool>;  // the key is absent
                       { map.update(key, Increment{}) } -> std::same_as<bool>;
                       { constant.for_each(visit) } -> std::same_as<void>;
                       { constant.size() } -> std::convertible_to<std::size_t>;
                     } &&
                     (DoesOneByOne<Map, K, V> || LoopsItself<Map, K, V>);

// What only some have.

/// Room for so many elements, made beforehand.
template <class Map>
concept Reserves = requires(Map map) { map.reserve(std::size_t{}); };

/// `get` keeps the element as it is, or alive, while `visit` runs; the map's way to look at a value
/// without a copy.
template <class Map, class K, class V>
concept Guards = requires(const Map& map, const K& key, void (*visit)(const V&)) {
  { map.get(key, visit) } -> std::same_as<bool>;
};

/// Visits all by an iterator, which keeps the element in hand as it is, and no other.
template <class Map, class K, class V>
concept Walks = requires(const Map& map, void (*visit)(const K&, const V&)) {
  { map.walk(visit) } -> std::same_as<void>;
};

/// Looks for several keys in one call; gives how many are there.
template <class Map, class K, class V>
concept FindsMany = requires(const Map& map, std::span<const K> keys, void (*visit)(const V&)) {
  { map.find_many(keys, visit) } -> std::same_as<std::size_t>;
};

template <class Map, class K, class V>
concept InsertsMany = requires(Map map, std::span<const std::pair<K, V>> elements) {
  { map.insert_many(elements) } -> std::same_as<std::size_t>;
};

}  // namespace bench
