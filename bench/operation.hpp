// Single operations, each measured in a loop of its own.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "sequence.hpp"
#include "shape.hpp"

namespace bench {

enum class Operation {
  insert,           // a new key, into a map that grows
  insert_reserved,  // into one with room for all
  insert_many,      // in batches, into a map that grows
  insert_all,       // in one call, into an empty map
  hit,
  miss,
  update,  // of a value in place
  upsert,  // of a key that is there
  guard,   // a value looked at where it is
  find_many,
  erase,
  nothing,  // the loop alone; only counted
};

inline constexpr std::size_t operation_count = static_cast<std::size_t>(Operation::nothing) + 1;
inline constexpr std::array<std::string_view, operation_count> operation_names{
    "insert", "insert_reserved", "insert_many", "insert_all", "hit",   "miss",
    "update", "upsert",          "guard",       "find_many",  "erase", "nothing"};

inline constexpr std::size_t batch_size = 256;

enum class Ability { own, one_by_one, none };

template <class K>
struct OperationKeys {
  Sequence<K> first;    // half of the keys, in the order in which they are inserted
  Sequence<K> second;   // the other half
  Sequence<K> visited;  // keys of both, each once, in another order
  Sequence<K> absent;
};

struct OperationPlan {
  std::size_t entries = 0;
  std::size_t fills = 1;   // maps that are filled and emptied, one after the other
  std::size_t passes = 1;  // over the visited keys
  OperationKeys<u64> numbers;
  OperationKeys<std::string> texts;  // one of both is used

  template <class K>
  [[nodiscard]] const OperationKeys<K>& keys() const noexcept {
    if constexpr (std::same_as<K, std::string>) {
      return texts;
    } else {
      return numbers;
    }
  }
};

/// Keys for maps of so many entries; enough fills and passes for `least` operations of each kind.
OperationPlan operation_plan(KeyKind kind, std::size_t entries, std::size_t least);

/// Nanoseconds for each.
struct OperationTime {
  double wall = 0;
  double processor = 0;
};

using OperationTimes = std::array<std::optional<OperationTime>, operation_count>;

}  // namespace bench
