// A map that nobody changes any more, read without any lock.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "dashmap/map.hpp"

namespace dashmap {

/// A map frozen by DashMap::into_read_only: look-ups give plain pointers that live as long as the
/// view. Any number of threads may read it.
/// \locks none, anywhere
template <class K, class V, class Hash, class KeyEqual, class Allocator>
class ReadOnlyView {
 public:
  using Map = DashMap<K, V, Hash, KeyEqual, Allocator>;
  using Types = typename Map::Types;

  /// \throws DeadlockError if this thread holds an element
  explicit ReadOnlyView(Map&& map) : map_((map.engine().finish(), std::move(map))) {}

  /// The value; null when the key is absent.
  template <detail::Query<Types> Q = K>
  const V* get(const Q& key) const DASHMAP_DETAIL_LIFETIMEBOUND {
    const auto place = map_.engine().find_held(detail::as_query<Types>(key));
    return place ? std::addressof(place.slot->element().value) : nullptr;
  }
  /// The stored key and the value, as references that live as long as the view; nothing when the
  /// key is absent.
  template <detail::Query<Types> Q = K>
  std::optional<std::pair<const K&, const V&>> get_key_value(const Q& key) const
      DASHMAP_DETAIL_LIFETIMEBOUND {
    const auto place = map_.engine().find_held(detail::as_query<Types>(key));
    if (!place) return std::nullopt;
    const auto& element = place.slot->element();
    return std::pair<const K&, const V&>(element.key, element.value);
  }
  template <detail::Query<Types> Q = K>
  bool contains_key(const Q& key) const {
    return get(key) != nullptr;
  }
  template <detail::Query<Types> Q = K>
  bool contains(const Q& key) const {
    return get(key) != nullptr;
  }

  auto iter() const { return Elements(map_.engine(), 0, Map::Engine::last_hash); }
  auto begin() const { return iter().begin(); }
  auto end() const { return iter().end(); }
  /// The keys, by reference.
  auto keys() const { return detail::HeldParts<Elements, true>(iter()); }
  /// The values, by reference.
  auto values() const { return detail::HeldParts<Elements, false>(iter()); }

  std::size_t len() const noexcept { return map_.len(); }
  std::size_t size() const noexcept { return len(); }
  bool is_empty() const noexcept { return len() == 0; }
  [[nodiscard]] bool empty() const noexcept { return is_empty(); }
  std::size_t capacity() const { return map_.capacity(); }
  const Hash& hasher() const noexcept { return map_.hasher(); }

  /// The map again.
  Map into_inner() && { return std::move(map_); }

 private:
  using Elements = detail::HeldRange<typename Map::Engine, false>;

  Map map_;
};

template <class K, class V, class Hash, class KeyEqual, class Allocator>
ReadOnlyView<K, V, Hash, KeyEqual, Allocator>
DashMap<K, V, Hash, KeyEqual, Allocator>::into_read_only() && {
  return ReadOnlyView<K, V, Hash, KeyEqual, Allocator>(std::move(*this));
}

}  // namespace dashmap
