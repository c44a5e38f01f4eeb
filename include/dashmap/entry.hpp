// Entries: a key's place in the map, occupied or vacant, locked until it is used or dropped.
#pragma once

#include <concepts>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "dashmap/detail/core/entry_state.hpp"
#include "dashmap/guard.hpp"

namespace dashmap::detail {

template <class Map, class Q>
DASHMAP_DETAIL_INLINE auto into_ref(EntryState<Map, Q>& state) {
  auto* const element = &state.element();
  return RefMut<typename Map::Key, typename Map::Value>(state.into_guard(), element);
}

}  // namespace dashmap::detail

namespace dashmap::detail {
template <class Self, class Types>
class MapBase;
}  // namespace dashmap::detail

namespace dashmap {

template <class Map, class Q>
class VacantEntry;
template <class Map, class Q>
class Entry;

/// The place of a key that is in the map. Used up (see Entry) by into_ref, into_key, remove,
/// remove_entry, replace_entry and moving from it.
/// \locks group exclusive, while it lives and has not given its element away
template <class Map, class Q>
class OccupiedEntry {
 public:
  using Key = typename Map::Key;
  using Value = typename Map::Value;

  template <class... Args>
  DASHMAP_DETAIL_INLINE explicit OccupiedEntry(std::in_place_t, Args&&... args)
      : state_(std::forward<Args>(args)...) {}

  /// The stored key.
  const Key& key() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return state_.key(); }
  const Value& get() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return state_.value(); }
  Value& get_mut() noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return state_.value(); }
  /// Replaces the value; gives the one before. The lock stays.
  Value insert(Value value) { return state_.replace(std::move(value)); }
  /// The entry as a guard; the entry is used up.
  DASHMAP_DETAIL_INLINE RefMut<Key, Value> into_ref() { return detail::into_ref(state_); }
  /// The key that was asked for (not the stored one); releases the lock. Where it went into the map
  /// by insert_entry, a copy of it, or std::logic_error if it cannot be copied; so in
  /// replace_entry.
  Key into_key() { return state_.into_key(); }
  /// Removes the element and gives its value; releases the lock.
  Value remove() {
    return state_.extract([](auto& element) -> Value { return detail::give(element.value); });
  }
  /// Removes the element and gives it; releases the lock.
  std::pair<Key, Value> remove_entry() {
    return state_.extract([](auto& element) { return detail::pair_of(element); });
  }
  /// Stores the key that was asked for and the value; gives the stored ones before; releases the
  /// lock.
  std::pair<Key, Value> replace_entry(Value value) {
    return state_.replace_entry(std::move(value));
  }

 private:
  friend class VacantEntry<Map, Q>;
  friend class Entry<Map, Q>;

  using State = detail::EntryState<Map, Q>;

  // This entry, moved, with change(state) made. Where either fails it is here, as it was.
  template <class Change>
  OccupiedEntry with(Change change)
    requires State::moves_nothrow
  {
    change(state_);
    return OccupiedEntry(std::in_place, std::move(state_), detail::stays_here);
  }
  template <class Change>
  OccupiedEntry with(Change change) {
    OccupiedEntry result(std::in_place, std::move(state_), detail::stays_here);
    try {
      change(result.state_);
    } catch (...) {
      state_.take_back(result.state_);
      throw;
    }
    return result;
  }

  State state_;
};

/// The place where a key that is not in the map would be. Used up (see Entry) by each call but key,
/// and by moving from it.
/// \locks group exclusive, while it lives and was not used
template <class Map, class Q>
class VacantEntry {
 public:
  using Key = typename Map::Key;
  using Value = typename Map::Value;

  template <class... Args>
  DASHMAP_DETAIL_INLINE explicit VacantEntry(std::in_place_t, Args&&... args)
      : place_(std::in_place, std::forward<Args>(args)...) {}

  /// The key that was asked for.
  const Key& key() const DASHMAP_DETAIL_LIFETIMEBOUND { return place_.state_.key(); }
  /// Gives the key back; releases the lock.
  Key into_key() { return place_.state_.into_key(); }
  /// Inserts the value; the entry is used up.
  RefMut<Key, Value> insert(Value value) {
    return insert_with([&]() -> Value { return std::move(value); });
  }
  /// Inserts the value; the entry is used up.
  OccupiedEntry<Map, Q> insert_entry(Value value) {
    return place_.with([&](auto& state) {
      state.fill([&]() -> Value { return std::move(value); });
    });
  }
  /// Inserts what `make()` gives, built in place.
  template <detail::Makes<Value> Make>
  RefMut<Key, Value> insert_with(Make&& make) {
    place_.state_.fill(std::forward<Make>(make));
    return place_.into_ref();
  }

 private:
  friend class Entry<Map, Q>;

  OccupiedEntry<Map, Q> place_;  // what it becomes when it is filled
};

/// A key's place in the map, occupied or vacant: look first, then decide, as one atomic step.
///
/// A call that gives a guard uses the entry up; so do insert_entry, into_key and moving from it.
/// After that it may only be destroyed: these calls, and insert, throw std::logic_error.
///
/// \locks group exclusive, while it lives and was not used
template <class Map, class Q>
class Entry {
 public:
  using Key = typename Map::Key;
  using Value = typename Map::Value;
  using Occupied = OccupiedEntry<Map, Q>;
  using Vacant = VacantEntry<Map, Q>;
  using RefMutType = RefMut<Key, Value>;

  template <class Arg>
  DASHMAP_DETAIL_INLINE Entry(Map& map, std::uint64_t hash, typename Map::Found&& found,
                              Arg&& query, detail::Operation operation)
      : Entry(static_cast<bool>(found.place), map, hash, std::move(found), std::forward<Arg>(query),
              operation) {}

  DASHMAP_DETAIL_INLINE bool is_occupied() const noexcept { return is_occupied_; }
  /// The entry as what it is; null when it is the other.
  DASHMAP_DETAIL_INLINE Occupied* occupied() noexcept DASHMAP_DETAIL_LIFETIMEBOUND {
    return is_occupied_ ? &vacant_.place_ : nullptr;
  }
  DASHMAP_DETAIL_INLINE Vacant* vacant() noexcept DASHMAP_DETAIL_LIFETIMEBOUND {
    return is_occupied_ ? nullptr : &vacant_;
  }

  /// The stored key if occupied, else the one that was asked for.
  const Key& key() const DASHMAP_DETAIL_LIFETIMEBOUND { return vacant_.key(); }
  /// The key that was asked for; releases the lock.
  Key into_key() { return vacant_.into_key(); }

  /// The value there is, or this one.
  DASHMAP_DETAIL_INLINE RefMutType or_insert(Value value) {
    return or_insert_with([&]() -> Value { return std::move(value); });
  }
  /// The value there is, or what `make()` gives. It runs under the lock, once, if at all.
  template <detail::Makes<Value> Make>
  DASHMAP_DETAIL_INLINE RefMutType or_insert_with(Make&& make) {
    Occupied& place = vacant_.place_;
    place.state_.fill_if(!is_occupied_,
                         [&]() -> Value { return Value(std::invoke(std::forward<Make>(make))); });
    return place.into_ref();
  }
  /// As or_insert_with, for `make(const Key&)`.
  template <detail::Makes<Value, const Key&> Make>
  RefMutType or_insert_with_key(Make&& make) {
    if (Occupied* entry = occupied()) return entry->into_ref();
    Value value(std::invoke(std::forward<Make>(make), vacant()->key()));
    return vacant()->insert(std::move(value));
  }
  /// The value there is, or a value-initialised one.
  DASHMAP_DETAIL_INLINE RefMutType or_default() {
    return or_insert_with([]() -> Value { return Value(); });
  }
  /// As or_insert_with, for a `make()` that gives `std::optional<Value>`: when it gives none,
  /// nothing is inserted and the guard tests false.
  template <detail::Makes<std::optional<Value>> Make>
  RefMutType or_try_insert_with(Make&& make) {
    if (Occupied* entry = occupied()) return entry->into_ref();
    std::optional<Value> value(std::invoke(std::forward<Make>(make)));
    if (value) return vacant()->insert(std::move(*value));
    {
      const Entry dropped(std::move(*this));
    }
    return RefMutType();
  }

  /// Calls `f(Value&)` if the key is there.
  template <std::invocable<Value&> F>
  DASHMAP_DETAIL_INLINE Entry& and_modify(F&& f) & {
    if (Occupied* entry = occupied()) std::invoke(std::forward<F>(f), entry->get_mut());
    return *this;
  }
  template <std::invocable<Value&> F>
  DASHMAP_DETAIL_INLINE Entry&& and_modify(F&& f) && {
    return std::move(this->and_modify(std::forward<F>(f)));
  }

  /// Sets the value, whatever there was.
  RefMutType insert(Value value) {
    if (Occupied* entry = occupied()) {
      entry->state_.set(std::move(value));
      return entry->into_ref();
    }
    return vacant()->insert(std::move(value));
  }
  /// Sets the value and stays an entry.
  Occupied insert_entry(Value value) {
    if (Occupied* entry = occupied()) {
      return entry->with([&](auto& state) { state.set(std::move(value)); });
    }
    return vacant()->insert_entry(std::move(value));
  }

 private:
  template <class Self, class Types>
  friend class detail::MapBase;

  // Of a vacant entry, before a value is made that may take what the key was asked for by.
  void make_key() { vacant_.place_.state_.make_key(); }

  template <class... Args>
  DASHMAP_DETAIL_INLINE explicit Entry(bool is_occupied, Args&&... args)
      : vacant_(std::in_place, std::forward<Args>(args)...), is_occupied_(is_occupied) {}

  // Made as one thing, not as one of two: what the compiler knows of its lock it then knows at each
  // use (docs/dead_ends.md).
  Vacant vacant_;
  bool is_occupied_;
};

}  // namespace dashmap
