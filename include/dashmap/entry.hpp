// Entries: a key's place in the map, occupied or vacant, locked until it is used or dropped.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "dashmap/detail/core/operations.hpp"
#include "dashmap/guard.hpp"

namespace dashmap::detail {

// How an entry keeps the key that it was asked for: small things and temporaries by value, others
// by reference, so that a key is built only when it is inserted.
template <class Q>
using StoredQuery =
    std::conditional_t<std::is_scalar_v<std::remove_cvref_t<Q>> || std::is_rvalue_reference_v<Q&&>,
                       std::remove_cvref_t<Q>, const std::remove_reference_t<Q>&>;

// The lock and the place of an entry, and the operations that both kinds share.
template <class Map, class Q>
class EntryState {
 public:
  using Key = typename Map::Key;
  using Value = typename Map::Value;
  using RefMutType = RefMut<Key, Value>;

  template <class Arg>
  EntryState(Map& map, std::uint64_t hash, typename Map::Found&& found, Arg&& query)
      : map_(&map),
        hash_(hash),
        group_(found.group),
        slot_(found.place.slot),
        tag_(found.place.tag),
        handle_(map.sleepers(), found.section.take(), slot_, HoldKind::entry),
        query_(std::forward<Arg>(query)) {
    note();
  }
  EntryState(EntryState&& other) noexcept(std::is_nothrow_move_constructible_v<Key>)
      : map_(other.map_),
        hash_(other.hash_),
        group_(other.group_),
        slot_(other.slot_),
        tag_(other.tag_),
        handle_(std::move(other.handle_)),
        query_(std::forward<Q>(other.query_)),
        built_(std::move(other.built_)),
        spent_(other.spent_) {
    note();
  }
  EntryState& operator=(EntryState&&) = delete;

  // The stored key, or the one that was asked for.
  const Key& key() const {
    if (slot_ != nullptr) return slot_->element().key;
    return supplied();
  }
  Value& value() const noexcept { return slot_->element().value; }

  Key into_key() {
    handle_.reset();
    return take_key();
  }

  RefMutType into_ref() {
    handle_.hold().kind.store(HoldKind::ref_mut, std::memory_order_relaxed);
    auto& element = slot_->element();
    return RefMutType(std::move(handle_), element.key, element.value);
  }

  // Inserts make()'s value under the key. The entry must be vacant.
  template <class Make>
  void fill(Make&& make) {
    std::optional<typename Map::Prepared> fresh;
    typename Map::Due due(*map_);
    if (built_) {
      settle(map_->add(group_, fresh, hash_, std::move(*built_), std::forward<Make>(make), due));
    } else {
      settle(map_->add(group_, fresh, hash_, std::forward<Q>(query_), std::forward<Make>(make),
                       due));
    }
    spent_ = true;
    handle_.hold().slot.store(slot_, std::memory_order_relaxed);
  }

  Value replace(Value value) {
    typename Map::Displaced displaced;
    if constexpr (Map::SlotType::in_place) {
      slot_->replace_value(map_->alloc(), std::move(value), displaced);
      return *Map::SlotType::take_value(displaced);
    } else {
      // Made where it is returned, before anything changes.
      Value old(give<Key, Value>(slot_->element().value));
      slot_->replace_value(map_->alloc(), std::move(value), displaced);
      return old;
    }
  }

  // Takes the element out and gives what take(element) makes of it, then releases the lock.
  template <class Take>
  auto extract(Take&& take) {
    using Result = std::invoke_result_t<Take, typename Map::SlotType::ElementType&>;
    std::optional<Result> result;
    std::optional<typename Map::Doomed> doomed;
    if constexpr (!Map::SlotType::in_place) result.emplace(take(slot_->element()));
    map_->evict({slot_, tag_}, doomed);
    handle_.reset();
    if constexpr (Map::SlotType::in_place) result.emplace(take(doomed->slot.element()));
    return std::move(*result);
  }

  // Puts the supplied key and the value in the element's place; gives what was there.
  std::pair<Key, Value> replace_entry(Value value) {
    std::optional<typename Map::Prepared> fresh;
    fresh.emplace(map_->alloc(), hash_, take_key(), [&]() -> Value { return std::move(value); });
    std::optional<std::pair<Key, Value>> result;
    const auto take = [&](auto& element) {
      result.emplace(detail::give<Key, Value>(element.key),
                     detail::give<Key, Value>(element.value));
    };
    std::optional<typename Map::Doomed> old;
    if constexpr (!Map::SlotType::in_place) take(slot_->element());
    old.emplace(*slot_, map_->alloc());
    fresh->commit(*slot_);
    handle_.reset();
    if constexpr (Map::SlotType::in_place) take(old->slot.element());
    return std::move(*result);
  }

 private:
  void settle(const typename Map::PlaceType& place) noexcept {
    slot_ = place.slot;
    tag_ = place.tag;
  }

  // A vacant entry's key is compared with others through its record.
  void note() noexcept {
    if (handle_ && slot_ == nullptr) map_->note_vacant(handle_.hold(), hash_, query_);
  }

  const Key& supplied() const {
    if constexpr (std::is_same_v<std::remove_cvref_t<Q>, Key>) {
      return query_;
    } else {
      if (!built_) built_.emplace(make_with<Key>(map_->alloc(), query_));
      return *built_;
    }
  }

  Key take_key() {
    if (spent_) {
      if constexpr (std::is_copy_constructible_v<Key>) return slot_->element().key;
    }
    spent_ = true;
    if (built_) return std::move(*built_);
    return make_with<Key>(map_->alloc(), std::forward<Q>(query_));
  }

  Map* map_;
  std::uint64_t hash_;
  typename Map::GroupType group_;
  typename Map::SlotType* slot_;
  std::uint8_t* tag_;
  ExclusiveHandle handle_;
  Q query_;
  mutable std::optional<Key> built_;
  bool spent_ = false;  // the query was used up
};

}  // namespace dashmap::detail

namespace dashmap {

/// The place of a key that is in the map.
/// \locks group exclusive, while it lives and has not given its element away
template <class Map, class Q>
class OccupiedEntry {
 public:
  using Key = typename Map::Key;
  using Value = typename Map::Value;

  explicit OccupiedEntry(detail::EntryState<Map, Q>&& state) : state_(std::move(state)) {}

  /// The stored key.
  const Key& key() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return state_.key(); }
  const Value& get() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return state_.value(); }
  Value& get_mut() noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return state_.value(); }
  /// Replaces the value; gives the one before. The lock stays.
  Value insert(Value value) { return state_.replace(std::move(value)); }
  /// The entry as a guard; the entry is used up.
  RefMut<Key, Value> into_ref() { return state_.into_ref(); }
  /// The key that was asked for (not the stored one); releases the lock.
  Key into_key() { return state_.into_key(); }
  /// Removes the element and gives its value; releases the lock.
  Value remove() {
    return state_.extract([](auto& element) -> Value {
      return detail::give<Key, Value>(element.value);
    });
  }
  /// Removes the element and gives it; releases the lock.
  std::pair<Key, Value> remove_entry() {
    return state_.extract([](auto& element) -> std::pair<Key, Value> {
      return {detail::give<Key, Value>(element.key), detail::give<Key, Value>(element.value)};
    });
  }
  /// Stores the key that was asked for and the value; gives the stored ones before; releases the
  /// lock.
  std::pair<Key, Value> replace_entry(Value value) {
    return state_.replace_entry(std::move(value));
  }

 private:
  detail::EntryState<Map, Q> state_;
};

/// The place where a key that is not in the map would be.
/// \locks group exclusive, while it lives and was not used
template <class Map, class Q>
class VacantEntry {
 public:
  using Key = typename Map::Key;
  using Value = typename Map::Value;

  explicit VacantEntry(detail::EntryState<Map, Q>&& state) : state_(std::move(state)) {}

  /// The key that was asked for.
  const Key& key() const DASHMAP_DETAIL_LIFETIMEBOUND { return state_.key(); }
  /// Gives the key back; releases the lock.
  Key into_key() { return state_.into_key(); }
  /// Inserts the value; the entry is used up.
  RefMut<Key, Value> insert(Value value) {
    return insert_with([&]() -> Value { return std::move(value); });
  }
  /// Inserts the value; the entry is used up.
  OccupiedEntry<Map, Q> insert_entry(Value value) {
    state_.fill([&]() -> Value { return std::move(value); });
    return OccupiedEntry<Map, Q>(std::move(state_));
  }
  /// Inserts what `make()` gives, built in place.
  template <class Make>
  RefMut<Key, Value> insert_with(Make&& make) {
    state_.fill(std::forward<Make>(make));
    return state_.into_ref();
  }

 private:
  detail::EntryState<Map, Q> state_;
};

/// A key's place in the map, occupied or vacant: look first, then decide, as one atomic step.
/// \locks group exclusive, while it lives and was not used
template <class Map, class Q>
class Entry {
 public:
  using Key = typename Map::Key;
  using Value = typename Map::Value;
  using Occupied = OccupiedEntry<Map, Q>;
  using Vacant = VacantEntry<Map, Q>;
  using RefMutType = RefMut<Key, Value>;

  Entry(bool occupied, detail::EntryState<Map, Q>&& state)
      : kind_(occupied ? Kind(std::in_place_type<Occupied>, std::move(state))
                       : Kind(std::in_place_type<Vacant>, std::move(state))) {}

  bool is_occupied() const noexcept { return kind_.index() == 0; }
  /// The entry as what it is; null when it is the other.
  Occupied* occupied() noexcept DASHMAP_DETAIL_LIFETIMEBOUND {
    return std::get_if<Occupied>(&kind_);
  }
  Vacant* vacant() noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return std::get_if<Vacant>(&kind_); }

  /// The stored key if occupied, else the one that was asked for.
  const Key& key() const DASHMAP_DETAIL_LIFETIMEBOUND {
    return std::visit([](const auto& entry) -> const Key& { return entry.key(); }, kind_);
  }
  /// The key that was asked for; releases the lock.
  Key into_key() {
    return std::visit([](auto& entry) { return entry.into_key(); }, kind_);
  }

  /// The value there is, or this one.
  RefMutType or_insert(Value value) {
    return or_insert_with([&]() -> Value { return std::move(value); });
  }
  /// The value there is, or what `make()` gives. It runs under the lock, once, if at all.
  template <class Make>
  RefMutType or_insert_with(Make&& make) {
    if (Occupied* entry = occupied()) return entry->into_ref();
    return vacant()->insert_with([&]() -> Value {
      return Value(std::invoke(std::forward<Make>(make)));
    });
  }
  /// As or_insert_with, for `make(const Key&)`.
  template <class Make>
  RefMutType or_insert_with_key(Make&& make) {
    if (Occupied* entry = occupied()) return entry->into_ref();
    Value value(std::invoke(std::forward<Make>(make), vacant()->key()));
    return vacant()->insert(std::move(value));
  }
  /// The value there is, or a value-initialised one.
  RefMutType or_default() {
    return or_insert_with([]() -> Value { return Value(); });
  }
  /// As or_insert_with, for a `make()` that gives `std::optional<Value>`: when it gives none,
  /// nothing is inserted and the guard tests false.
  template <class Make>
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
  template <class F>
  Entry& and_modify(F&& f) & {
    if (Occupied* entry = occupied()) std::invoke(std::forward<F>(f), entry->get_mut());
    return *this;
  }
  template <class F>
  Entry&& and_modify(F&& f) && {
    return std::move(this->and_modify(std::forward<F>(f)));
  }

  /// Sets the value, whatever there was.
  RefMutType insert(Value value) {
    if (Occupied* entry = occupied()) {
      entry->insert(std::move(value));
      return entry->into_ref();
    }
    return vacant()->insert(std::move(value));
  }
  /// Sets the value and stays an entry.
  Occupied insert_entry(Value value) {
    if (Occupied* entry = occupied()) {
      entry->insert(std::move(value));
      return std::move(*entry);
    }
    return vacant()->insert_entry(std::move(value));
  }

 private:
  using Kind = std::variant<Occupied, Vacant>;
  Kind kind_;
};

}  // namespace dashmap
