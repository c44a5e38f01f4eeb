// Shards: a fixed number of ranges of the hash space, for looking inside a map and for locking a
// part of it; and the view of a whole map that is locked. Shard i has the keys whose hash has
// prefix i. Shards are a view: the map's locks are far finer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>

#include "dashmap/detail/core/walk.hpp"
#include "dashmap/guard.hpp"
#include "dashmap/iterator.hpp"

namespace dashmap {

/// An element that is reached without a lock of its own: in a locked range, or in a read-only view.
template <class K, class V>
class ElementRef {
 public:
  ElementRef(const K& key, V& value) noexcept
      : key_(std::addressof(key)), value_(std::addressof(value)) {}
  const K& key() const noexcept { return *key_; }
  const V& value() const noexcept { return *value_; }
  V& value_mut() const noexcept { return *value_; }
  V& operator*() const noexcept { return *value_; }
  V* operator->() const noexcept { return value_; }
  std::pair<const K&, V&> pair() const noexcept { return {*key_, *value_}; }
  /// A copy of the element, for containers of pairs, whose keys may be const.
  template <class Key>
    requires detail::CopiedAs<K, std::remove_const_t<V>, Key>
  operator std::pair<Key, std::remove_const_t<V>>() const {
    return {*key_, *value_};
  }

  template <std::size_t I>
  decltype(auto) get() const noexcept {
    if constexpr (I == 0) {
      return static_cast<const K&>(*key_);
    } else {
      return static_cast<V&>(*value_);
    }
  }

 private:
  const K* key_;
  V* value_;
};

}  // namespace dashmap

template <class K, class V>
struct std::tuple_size<dashmap::ElementRef<K, V>> : std::integral_constant<std::size_t, 2> {};
template <class K, class V>
struct std::tuple_element<0, dashmap::ElementRef<K, V>> {
  using type = const K&;
};
template <class K, class V>
struct std::tuple_element<1, dashmap::ElementRef<K, V>> {
  using type = V&;
};

namespace dashmap::detail {

// The elements of a range of hashes that nobody else changes.
template <class Map, bool Mutable>
class HeldRange {
 public:
  using Key = typename Map::Key;
  using Plain = GuardTarget<Key, typename Map::Value>;
  using Shown = std::conditional_t<Mutable, Plain, const Plain>;

  class iterator {
   public:
    using value_type = ElementRef<Key, Shown>;
    using reference = value_type;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using pointer = void;

    iterator() noexcept = default;
    iterator(Map& map, std::uint64_t first, std::uint64_t last)
        : walk_(std::in_place, map, first, last) {
      ++*this;
    }
    reference operator*() const noexcept {
      auto& element = slot_->element();
      if constexpr (std::is_same_v<typename Map::Value, Unit>) {
        return {element.key, element.key};
      } else {
        return {element.key, element.value};
      }
    }
    Arrow<value_type> operator->() const noexcept { return {**this}; }
    iterator& operator++() {
      slot_ = walk_->next().slot;
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.slot_ == b.slot_;
    }

   private:
    std::optional<typename Map::HeldWalk> walk_;
    typename Map::SlotType* slot_ = nullptr;
  };

  HeldRange(Map& map, std::uint64_t first, std::uint64_t last) noexcept
      : map_(&map), first_(first), last_(last) {}
  iterator begin() const { return iterator(*map_, first_, last_); }
  iterator end() const noexcept { return {}; }

 private:
  Map* map_;
  std::uint64_t first_;
  std::uint64_t last_;
};

// Their keys, or their values.
template <class Elements, bool Keys>
class HeldParts {
 public:
  class iterator : public Elements::iterator {
   public:
    using Base = typename Elements::iterator;
    using Item = typename Base::value_type;
    using reference = std::tuple_element_t<Keys ? 0 : 1, Item>;
    using value_type = std::remove_cvref_t<reference>;
    using pointer = std::remove_reference_t<reference>*;

    iterator() noexcept = default;
    explicit iterator(Base&& at) : Base(std::move(at)) {}
    reference operator*() const noexcept { return Base::operator*().template get<Keys ? 0 : 1>(); }
    pointer operator->() const noexcept { return std::addressof(**this); }
    iterator& operator++() {
      Base::operator++();
      return *this;
    }
    iterator operator++(int) {
      iterator before = *this;
      ++*this;
      return before;
    }
  };

  explicit HeldParts(const Elements& elements) noexcept : elements_(elements) {}
  iterator begin() const { return iterator(elements_.begin()); }
  iterator end() const noexcept { return {}; }

 private:
  Elements elements_;
};

// The elements of a locked range, with the lock.
template <class Guard, bool Mutable>
class LockedRange {
 public:
  explicit LockedRange(Guard&& guard) noexcept : guard_(std::move(guard)) {}
  LockedRange(LockedRange&&) noexcept = default;
  LockedRange& operator=(LockedRange&& other) noexcept {
    if (this != &other) {
      std::destroy_at(this);
      std::construct_at(this, std::move(other));
    }
    return *this;
  }
  ~LockedRange() = default;
  auto begin() const { return elements().begin(); }
  auto end() const { return elements().end(); }

 private:
  auto elements() const {
    if constexpr (Mutable) {
      return guard_.iter_mut();
    } else {
      return guard_.iter();
    }
  }
  mutable Guard guard_;
};

}  // namespace dashmap::detail

namespace dashmap {

/// A locked range of a map: of a shard, or all of it. The thread that holds one reaches the
/// elements through it; its other operations on keys of the range throw DeadlockError where they
/// conflict.
/// \locks the range's groups, shared or exclusive, while it lives
template <class Map, bool Exclusive>
class RangeGuard {
 public:
  using Key = typename Map::Key;
  using Value = typename Map::Value;
  using Types = typename Map::Types;

  RangeGuard(Map& map, std::uint64_t first, std::uint64_t last, detail::HoldKind kind,
             detail::Operation operation)
      : lock_(map, first, last, kind, operation) {}

  /// The number of elements of the range. \complexity linear in the range's groups
  std::size_t len() const {
    typename Map::HeldWalk walk(map(), lock_.first(), lock_.last());
    std::size_t n = 0;
    while (walk.next()) ++n;
    return n;
  }
  std::size_t size() const { return len(); }
  bool is_empty() const {
    return !typename Map::HeldWalk(map(), lock_.first(), lock_.last()).next();
  }
  bool empty() const { return is_empty(); }

  /// The elements, as a range. That of a temporary guard keeps the lock.
  auto iter() const& { return elements<false>(); }
  auto iter() && { return detail::LockedRange<RangeGuard, false>(std::move(*this)); }
  auto iter_mut() &
    requires Exclusive
  {
    return elements<true>();
  }
  auto iter_mut() &&
    requires Exclusive
  {
    return detail::LockedRange<RangeGuard, true>(std::move(*this));
  }
  auto begin() const { return iter().begin(); }
  auto end() const { return iter().end(); }

  /// The value of a key of the range; null when it is absent.
  /// \throws std::out_of_range, here and below, if the key belongs to another shard
  template <detail::Query<Types> Q = Key>
  auto get(const Q& key) const DASHMAP_DETAIL_LIFETIMEBOUND
  -> std::conditional_t<Exclusive, Value*, const Value*> {
    const auto place = map().find_held(checked(key));
    return place ? std::addressof(place.slot->element().value) : nullptr;
  }
  template <detail::Query<Types> Q = Key>
  bool contains(const Q& key) const {
    return static_cast<bool>(map().find_held(checked(key)));
  }

  /// Inserts or replaces; gives the value before.
  template <detail::NewKey<Types> Q = Key>
  std::optional<Value> insert(Q&& key, Value value)
    requires(Exclusive && detail::InsertableElseTryEmplace<Value>)
  {
    return map().insert_held(checked(std::forward<Q>(key)), std::move(value));
  }
  /// Removes; gives the element.
  template <detail::Query<Types> Q = Key>
  std::optional<std::pair<Key, Value>> remove(const Q& key)
    requires Exclusive
  {
    return map().remove_held(checked(key));
  }

 private:
  Map& map() const noexcept { return static_cast<Map&>(lock_.map()); }

  template <bool Mutable>
  auto elements() const {
    return detail::HeldRange<Map, Mutable>(map(), lock_.first(), lock_.last());
  }

  // What the key is looked up by.
  template <class Q>
  decltype(auto) checked(Q&& key) const {
    auto&& query = detail::as_query<Types>(std::forward<Q>(key));
    const std::uint64_t hash = map().hash_of(query);
    if (hash < lock_.first() || hash > lock_.last()) {
      throw std::out_of_range("dashmap: the key belongs to another shard");
    }
    return static_cast<decltype(detail::as_query<Types>(std::forward<Q>(key)))>(
        std::forward<decltype(query)>(query));
  }

  typename Map::template RangeLock<Exclusive> lock_;
};

/// One shard of a map; `Writable` unless the map is const.
template <class Map, bool Writable>
class Shard {
 public:
  Shard(Map& map, std::size_t index) noexcept : map_(&map), index_(index) {}

  /// Locks the shard for reading. \locks the shard's groups shared, while the guard lives
  RangeGuard<Map, false> read(DASHMAP_DETAIL_CALLER_ONLY) const {
    DASHMAP_DETAIL_NOTE_CALLER();
    return {*map_, map_->first_of_shard(index_), map_->last_of_shard(index_),
            detail::HoldKind::shard_read, detail::Operation::shard_read};
  }
  /// Locks the shard for writing. \locks the shard's groups exclusive, while the guard lives
  RangeGuard<Map, true> write(DASHMAP_DETAIL_CALLER_ONLY) const
    requires Writable
  {
    DASHMAP_DETAIL_NOTE_CALLER();
    return {*map_, map_->first_of_shard(index_), map_->last_of_shard(index_),
            detail::HoldKind::shard_write, detail::Operation::shard_write};
  }
  std::size_t index() const noexcept { return index_; }

 private:
  Map* map_;
  std::size_t index_;
};

/// The shards of a map, in hash order. Their number is fixed for the map's life.
template <class Map, bool Writable>
class Shards {
 public:
  class iterator {
   public:
    using value_type = Shard<Map, Writable>;
    using reference = value_type;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::random_access_iterator_tag;
    using pointer = void;

    iterator() noexcept = default;
    iterator(Map& map, std::size_t index) noexcept : map_(&map), index_(index) {}
    reference operator*() const noexcept { return {*map_, index_}; }
    reference operator[](difference_type n) const noexcept { return *(*this + n); }
    iterator& operator++() noexcept { return *this += 1; }
    iterator& operator--() noexcept { return *this += -1; }
    iterator operator++(int) noexcept { return std::exchange(*this, *this + 1); }
    iterator operator--(int) noexcept { return std::exchange(*this, *this + -1); }
    iterator& operator+=(difference_type n) noexcept {
      index_ += static_cast<std::size_t>(n);
      return *this;
    }
    iterator& operator-=(difference_type n) noexcept { return *this += -n; }
    friend iterator operator+(iterator it, difference_type n) noexcept { return it += n; }
    friend iterator operator+(difference_type n, iterator it) noexcept { return it += n; }
    friend iterator operator-(iterator it, difference_type n) noexcept { return it -= n; }
    friend difference_type operator-(const iterator& a, const iterator& b) noexcept {
      return static_cast<difference_type>(a.index_) - static_cast<difference_type>(b.index_);
    }
    friend bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.index_ == b.index_;
    }
    friend auto operator<=>(const iterator& a, const iterator& b) noexcept {
      return a.index_ <=> b.index_;
    }

   private:
    Map* map_ = nullptr;
    std::size_t index_ = 0;
  };

  explicit Shards(Map& map) noexcept : map_(&map) {}
  std::size_t size() const noexcept { return std::size_t{1} << map_->shard_bits(); }
  std::size_t len() const noexcept { return size(); }
  Shard<Map, Writable> operator[](std::size_t index) const noexcept { return {*map_, index}; }
  iterator begin() const noexcept { return {*map_, 0}; }
  iterator end() const noexcept { return {*map_, size()}; }
  Shards iter() const noexcept { return *this; }

 private:
  Map* map_;
};

}  // namespace dashmap
