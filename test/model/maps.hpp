// Maps for models: keys and values whose words the checker watches, and a hash that says in which
// group a key lies.
#pragma once

#include <dashmap/dashmap.hpp>
#include <memory>
#include <optional>

#include "checker/runtime.hpp"
#include "checker/seam.hpp"

template <>
struct dashmap::is_plain_data<model::Cell> : std::true_type {};

namespace model {

// The top bits of a key are those of its hash.
struct TopBits {
  using is_avalanching = void;
  std::uint64_t operator()(const Cell& key) const noexcept { return (*this)(key.get()); }
  std::uint64_t operator()(Value key) const noexcept { return (key << 62) | ((key + 1) << 1); }
};
using Map = dashmap::DashMap<Cell, Pair, TopBits, std::equal_to<>>;

// Its threads have used a map before: they take the fast paths, which leave a thread's first
// operation to others.
struct MapRun : Run {
  void prepare(unsigned) override { const dashmap::detail::Pin first(this); }
};

// Keys in the first and in the second half of a table.
inline constexpr Value low = 4;
inline constexpr Value low_2 = 8;
inline constexpr Value high = 2;
inline constexpr Value high_2 = 6;

inline Value get(const Map& map, Value key) {
  const std::optional<Pair> value = map.get_copy(key);
  MODEL_CHECK(value.has_value());
  return value->get();
}
inline void add(Map& map, Value key, Value more) {
  auto ref = map.get_mut(key);
  MODEL_CHECK(static_cast<bool>(ref));
  ref->set(ref->get() + more);
}

}  // namespace model
