// Iterators and their items. An item keeps its element's group locked while it lives; the iterator
// itself does from `begin()` or `++it` until the first item of `*it` is gone. After that nothing is
// locked until the next `++it`. An element that is present throughout is met exactly once, however
// the map grows or shrinks meanwhile; others may or may not be met.
#pragma once

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "dashmap/detail/core/walk.hpp"
#include "dashmap/guard.hpp"

namespace dashmap::detail {

// Whether an item becomes a pair of a `Key`, which is a K or a const K, and a V.
template <class K, class V, class Key>
concept CopiedAs = std::same_as<std::remove_const_t<Key>, K> && !std::is_same_v<V, Unit> &&
                   std::is_copy_constructible_v<K> && std::is_copy_constructible_v<V>;

// What `->` of an iterator gives whose items are values: one that lives to the end of the
// expression.
template <class Item>
struct Arrow {
  Item item;
  Item* operator->() noexcept { return std::addressof(item); }
};

}  // namespace dashmap::detail

namespace dashmap {

/// An element in an iterator's hand. Binds as `auto [key, value]`.
/// \locks group shared, while it lives
template <class K, class V>
class RefMulti : private detail::TiedItem<false> {
 public:
  using Target = const detail::GuardTarget<K, V>;

  RefMulti(detail::Tie<false>& holder, const K& key, Target& value)
      : TiedItem(holder), key_(std::addressof(key)), value_(std::addressof(value)) {}

  const K& key() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*key_); }
  Target& value() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*value_); }
  Target& operator*() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*value_); }
  Target* operator->() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(value_); }
  std::pair<const K&, Target&> pair() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND {
    return {used(*key_), *value_};
  }
  /// A copy of the element, for containers of pairs, whose keys may be const.
  template <class Key>
    requires detail::CopiedAs<K, V, Key>
  operator std::pair<Key, V>() const {
    return {used(*key_), *value_};
  }
  /// A set's item stands for its key; for a copy, if there can be one, since
  /// `for (const K& key : set)` drops the item.
  operator K() const
    requires(std::is_same_v<V, detail::Unit> && std::is_copy_constructible_v<K>)
  {
    return used(*key_);
  }
  operator const K&() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND
    requires(std::is_same_v<V, detail::Unit> && !std::is_copy_constructible_v<K>)
  {
    return used(*key_);
  }

  template <std::size_t I>
  decltype(auto) get() const noexcept {
    if constexpr (I == 0) {
      return static_cast<const K&>(used(*key_));
    } else {
      return static_cast<Target&>(used(*value_));
    }
  }

 private:
  const K* key_;
  Target* value_;
};

/// An element in a mutable iterator's hand. Binds as `auto [key, value]`, the value to be changed.
/// \locks group exclusive, while it lives
template <class K, class V>
class RefMutMulti : private detail::TiedItem<true> {
 public:
  RefMutMulti(detail::Tie<true>& holder, const K& key, V& value)
      : TiedItem(holder), key_(std::addressof(key)), value_(std::addressof(value)) {}

  const K& key() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*key_); }
  const V& value() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*value_); }
  V& value_mut() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*value_); }
  const V& operator*() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*value_); }
  V& operator*() noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*value_); }
  const V* operator->() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(value_); }
  V* operator->() noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(value_); }
  std::pair<const K&, const V&> pair() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND {
    return {used(*key_), *value_};
  }
  std::pair<const K&, V&> pair_mut() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND {
    return {used(*key_), *value_};
  }
  /// As that of a RefMulti.
  template <class Key>
    requires detail::CopiedAs<K, V, Key>
  operator std::pair<Key, V>() const {
    return {used(*key_), *value_};
  }

  template <std::size_t I>
  decltype(auto) get() const noexcept {
    if constexpr (I == 0) {
      return static_cast<const K&>(used(*key_));
    } else {
      return static_cast<V&>(used(*value_));
    }
  }

 private:
  const K* key_;
  V* value_;
};

}  // namespace dashmap

namespace dashmap::detail {

template <class Map, bool Exclusive>
using IteratorItem =
    std::conditional_t<Exclusive, RefMutMulti<typename Map::Key, typename Map::Value>,
                       RefMulti<typename Map::Key, typename Map::Value>>;

// An input iterator; `*it` is an item by value. When it is gone, the element may be looked at again
// unless it was removed meanwhile, which is a std::out_of_range. Iterators of shared items may be
// copied. Default-constructed: the end.
template <class Map, bool Exclusive>
class MapIterator {
 public:
  using value_type = IteratorItem<Map, Exclusive>;
  using reference = value_type;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;
  using pointer = void;

  MapIterator() noexcept = default;
  MapIterator(Map& map, Operation operation) : cursor_(std::in_place, map, operation) {}

  reference operator*() const {
    cursor_->hold();
    auto& element = cursor_->place().slot->element();
    return reference(cursor_->tie(), element.key, shown_value(element));
  }
  // For `it->key()`.
  Arrow<value_type> operator->() const { return {**this}; }
  MapIterator& operator++() {
    cursor_->advance();
    return *this;
  }
  void operator++(int) { ++*this; }

  friend bool operator==(const MapIterator& a, const MapIterator& b) noexcept {
    return a.slot() == b.slot();
  }
  friend bool operator==(const MapIterator& a, std::default_sentinel_t) noexcept {
    return a.slot() == nullptr;
  }

 private:
  const void* slot() const noexcept {
    return cursor_ && *cursor_ ? cursor_->place().slot : nullptr;
  }
  mutable std::optional<typename Map::template Visit<Exclusive>> cursor_;
};

// A range over a whole map.
template <class Map, bool Exclusive>
class MapRange {
 public:
  MapRange(Map& map, Operation operation) noexcept : map_(&map), operation_(operation) {}
  MapIterator<Map, Exclusive> begin() const {
    return MapIterator<Map, Exclusive>(*map_, operation_);
  }
  // An iterator that cannot be copied is no sentinel.
  auto end() const noexcept {
    if constexpr (Exclusive) {
      return std::default_sentinel;
    } else {
      return MapIterator<Map, false>();
    }
  }

 private:
  Map* map_;
  Operation operation_;
};

// A range of copies of keys, or of values. A group's are copied together under its lock, so that
// nothing is locked while one is in hand. Where that fails the iterator is at the end.
template <class Map, bool Keys>
class PartRange {
 public:
  using Part = std::conditional_t<Keys, typename Map::Key, typename Map::Value>;
  class iterator {
   public:
    using value_type = Part;
    using reference = Part;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = void;

    iterator() noexcept = default;
    explicit iterator(Map& map)
        : cursor_(std::in_place, map, 0, Map::last_hash,
                  Keys ? Operation::keys : Operation::values) {
      fill();
    }
    Part operator*() const { return parts_[at_]; }
    iterator& operator++() {
      if (++at_ == parts_.size()) fill();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.at_ == b.at_ && a.parts_.size() == b.parts_.size();
    }

   private:
    void fill() {
      parts_.clear();
      at_ = 0;
      try {
        for (bool more = cursor_->advance(); more; more = cursor_->advance_in_group()) {
          const auto& element = cursor_->place().slot->element();
          if constexpr (Keys) {
            parts_.push_back(element.key);
          } else {
            parts_.push_back(element.value);
          }
        }
      } catch (...) {
        parts_.clear();
        cursor_.reset();
        throw;
      }
    }

    std::optional<typename Map::template Cursor<false>> cursor_;
    std::vector<Part> parts_;
    std::size_t at_ = 0;
  };

  explicit PartRange(Map& map) noexcept : map_(&map) {}
  iterator begin() const { return iterator(*map_); }
  iterator end() const noexcept { return {}; }

 private:
  Map* map_;
};

}  // namespace dashmap::detail

// Their iterators need the map alone.
template <class Map, bool Exclusive>
inline constexpr bool
    std::ranges::enable_borrowed_range<dashmap::detail::MapRange<Map, Exclusive>> = true;
template <class Map, bool Keys>
inline constexpr bool std::ranges::enable_borrowed_range<dashmap::detail::PartRange<Map, Keys>> =
    true;

template <class K, class V>
struct std::tuple_size<dashmap::RefMulti<K, V>> : std::integral_constant<std::size_t, 2> {};
template <class K, class V>
struct std::tuple_element<0, dashmap::RefMulti<K, V>> {
  using type = const K&;
};
template <class K, class V>
struct std::tuple_element<1, dashmap::RefMulti<K, V>> {
  using type = typename dashmap::RefMulti<K, V>::Target&;
};
template <class K, class V>
struct std::tuple_size<dashmap::RefMutMulti<K, V>> : std::integral_constant<std::size_t, 2> {};
template <class K, class V>
struct std::tuple_element<0, dashmap::RefMutMulti<K, V>> {
  using type = const K&;
};
template <class K, class V>
struct std::tuple_element<1, dashmap::RefMutMulti<K, V>> {
  using type = V&;
};
