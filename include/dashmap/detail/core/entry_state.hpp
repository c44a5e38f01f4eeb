// Role
//   What both kinds of entry are made of: the lock of a key's group, the key's place in it, and the
//   key that was asked for.
//
// Invariants
//   1. The key that was asked for is used up by the insertion that it serves, or given back.
//   2. What can throw happens before the first change; what is taken from a node is made in its
//      place as a result.
//   3. A change of the group's tags excludes others who hold guards in it, wherever those went.
//   Tests: 1 unit/map_entry_test.cpp; 2 exception/entry_test.cpp; 3
//   concurrent/moved_guards_test.cpp.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   Entries as users see them (entry.hpp).
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "dashmap/detail/core/operations.hpp"

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
  static constexpr bool moves_nothrow = std::is_nothrow_constructible_v<Q, Q&&> &&
                                        std::is_nothrow_move_constructible_v<std::optional<Key>>;

  template <class Arg>
  DASHMAP_DETAIL_INLINE EntryState(Map& map, std::uint64_t hash, typename Map::Found&& found,
                                   Arg&& query, Operation operation)
      : map_(&map),
        hash_(hash),
        group_(found.group),
        slot_(found.place.slot),
        tag_(found.place.tag),
        query_(std::forward<Arg>(query)),
        handle_(map.sleepers(), found.section.take(), slot_, HoldKind::entry, operation) {
    if (!found.place) note();
    handle_.set_moved_flag(false);
  }
  EntryState(EntryState&& other) noexcept(moves_nothrow)
      : EntryState(std::move(other), stays_here) {
    handle_.went_away();
  }
  // One kind of entry becomes another. The lock goes last: where a key cannot be moved `other` has
  // it still.
  EntryState(EntryState&& other, StaysHere) noexcept(moves_nothrow)
      : map_((other.handle_.take_over(), other.map_)),  // before its key moves
        hash_(other.hash_),
        group_(other.group_),
        slot_(other.slot_),
        tag_(other.tag_),
        query_(other.passed()),
        built_(give(other.built_)),
        spent_(other.spent_),
        handle_(std::move(other.handle_), stays_here) {
    if (handle_ && slot_ == nullptr) note();
  }
  EntryState& operator=(EntryState&&) = delete;
  // Takes back from `other`, which was made of this one, all that it has.
  void take_back(EntryState& other) {
    handle_.take(std::move(other.handle_));
    if (slot_ == nullptr) note();
    if constexpr (!std::is_reference_v<Q>) take_back(query_, other.query_);
    take_back(built_, other.built_);
  }
  DASHMAP_DETAIL_INLINE ~EntryState() {}  // spelled out, to be inlined

  // The stored key, or the one that was asked for.
  DASHMAP_DETAIL_INLINE const Key& key() const {
    handle_.use();
    if (slot_ != nullptr) return slot_->element().key;
    return supplied();
  }
  DASHMAP_DETAIL_INLINE Value& value() const noexcept {
    handle_.use();
    return slot_->element().value;
  }

  Key into_key() {
    check_unused();
    Key key = take_key();
    handle_.reset();
    return key;
  }

  DASHMAP_DETAIL_INLINE auto& element() const noexcept { return slot_->element(); }

  // Gives the lock to the guard of the element.
  DASHMAP_DETAIL_INLINE ExclusiveHandle into_guard() {
    check_unused();
    const bool moved = handle_.moved_flag();
    handle_.take_over();
    handle_.hold().set_kind(HoldKind::ref_mut);
    handle_.set_moved_flag(moved);
    return handle_.give();
  }

  // Makes the key, which is else made together with the element.
  void make_key() {
    if (built_) return;
    built_.emplace(make_with<Key>(map_->alloc(), passed()));
    handle_.hold().note(map_->vacant_key(hash_, *built_));
  }

  // Inserts make()'s value under the key. The entry must be vacant.
  template <class Make>
  void fill(Make&& make) {
    check_unused();
    Later<typename Map::Prepared> fresh;
    typename Map::Due due(*map_);
    const Alone alone(*this);
    with_supplied([&](auto&& key) {
      settle(map_->add(group_, fresh, hash_, std::forward<decltype(key)>(key),
                       std::forward<Make>(make), due));
    });
    spent_ = true;
    handle_.hold().set_slot(slot_);
  }

  // The same if the entry is vacant.
  template <class Make>
  DASHMAP_DETAIL_INLINE void fill_if(bool vacant, Make&& make) {
    const bool moved = handle_.moved_flag();
    if (vacant) {
      fill(std::forward<Make>(make));
      handle_.came_back(moved);
    }
    handle_.set_moved_flag(moved);
  }

  void set(Value value) {
    check_unused();
    typename Map::Displaced displaced;
    if constexpr (Map::SlotType::in_place) {
      handle_.use();
      slot_->replace_value(map_->alloc(), std::move(value), displaced);
    } else {
      const Alone alone(*this);
      slot_->replace_value(map_->alloc(), std::move(value), displaced);
    }
  }

  // In place nothing of an element throws when it is moved. What is taken from a node is made where
  // it is returned, before anything changes.
  Value replace(Value value)
    requires(Map::SlotType::in_place)
  {
    check_unused();
    typename Map::Displaced displaced;
    handle_.use();
    slot_->replace_value(map_->alloc(), std::move(value), displaced);
    return std::move(*displaced.value);
  }
  Value replace(Value value)
    requires(!Map::SlotType::in_place)
  {
    check_unused();
    typename Map::Displaced displaced;
    const Alone alone(*this);
    return slot_->exchange_value(map_->alloc(), std::move(value), displaced);
  }

  // Takes the element out and gives what take(element) makes of it, then releases the lock.
  template <class Take>
  auto extract(Take&& take) -> std::invoke_result_t<Take, typename Map::SlotType::ElementType&>
    requires(Map::SlotType::in_place)
  {
    check_unused();
    Later<typename Map::Doomed> doomed;
    {
      const Alone alone(*this);
      map_->evict({slot_, tag_}, doomed);
      map_->tidy(group_);
    }
    handle_.reset();
    return take(doomed->slot.element());
  }
  template <class Take>
  auto extract(Take&& take) -> std::invoke_result_t<Take, typename Map::SlotType::ElementType&>
    requires(!Map::SlotType::in_place)
  {
    check_unused();
    Later<typename Map::Doomed> doomed;
    std::optional<Alone> alone(std::in_place, *this);
    auto result = take(slot_->element());
    map_->evict({slot_, tag_}, doomed);
    map_->tidy(group_);
    alone.reset();
    handle_.reset();
    return result;
  }

  // Puts the supplied key and the value in the element's place; gives what was there.
  std::pair<Key, Value> replace_entry(Value value) {
    check_unused();
    // What is given before the supplied key is used up must be copied.
    constexpr bool copies = !part_moves_nothrow<Value> && std::is_copy_constructible_v<Value> &&
                            std::is_copy_constructible_v<Key>;
    Later<typename Map::Doomed> old;
    Later<typename Map::Prepared> fresh;
    std::optional<Alone> alone(std::in_place, *this);
    const auto make = [&]() -> Value { return std::move(value); };
    const auto build = [&] {
      const auto from = [&](auto&& key) {
        fresh.emplace(map_->alloc(), hash_, std::forward<decltype(key)>(key), make);
      };
      if (spent_) {
        from(take_key());
      } else {
        with_supplied(from);
      }
      spent_ = true;
    };
    if constexpr (!copies) build();
    std::pair<Key, Value> result = pair_of(slot_->element());
    if constexpr (copies) build();
    old.emplace(*slot_, map_->alloc());
    fresh->commit(*slot_);
    alone.reset();
    handle_.reset();
    return result;
  }

 private:
  // Where the entry was moved, the thread that it came from may have other guards in the group and
  // be at work there. Before slots or tags change, this thread takes the group once more, which it
  // gets when it is alone. May throw DeadlockError.
  class Alone {
   public:
    explicit Alone(const EntryState& entry) {
      if (!entry.handle_.moved()) return;
      entry.handle_.take_over();
      const auto acquired =
          entry.map_->template acquire<true>(entry.hash_, Request{Operation::entry});
      section_.emplace(entry.map_->sleepers(), *acquired->group.word, acquired->locked);
      mark_.emplace(acquired->group.word, nullptr, HoldKind::exclusive_closure, Operation::entry);
    }
    Alone(const Alone&) = delete;
    Alone& operator=(const Alone&) = delete;
    // GCC does not always see that nothing was made.
    DASHMAP_DETAIL_NO_UNINITIALIZED_WARNINGS
    ~Alone() {
      mark_.reset();
      section_.reset();
    }
    DASHMAP_DETAIL_WARNINGS_AGAIN

   private:
    std::optional<Section> section_;
    std::optional<ClosureMark> mark_;
  };

  // What was given away has its lock no more.
  DASHMAP_DETAIL_INLINE void check_unused() const {
    if (!handle_) [[unlikely]]
      throw_used_up();
  }
  [[noreturn]] DASHMAP_DETAIL_COLD static void throw_used_up() {
    throw std::logic_error("dashmap: the entry is used up");
  }

  void settle(const typename Map::PlaceType& place) noexcept {
    slot_ = place.slot;
    tag_ = place.tag;
  }

  // A vacant entry's key is compared with others through its record.
  DASHMAP_DETAIL_INLINE void note() noexcept {
    handle_.hold().note(map_->vacant_key(hash_, query_));
  }

  const Key& supplied() const {
    if constexpr (std::is_same_v<std::remove_cvref_t<Q>, Key>) {
      return query_;
    } else {
      if (!built_) built_.emplace(make_with<Key>(map_->alloc(), query_));
      return *built_;
    }
  }

  // Calls f with the key that was asked for, as it is kept, to be moved from where it may be.
  template <class F>
  void with_supplied(F&& f) {
    if (built_) {
      f(give(*built_));
    } else {
      f(passed());
    }
  }

  // Once the map has it a copy of it.
  Key take_key() {
    if (spent_) {
      if constexpr (std::is_copy_constructible_v<Key>) {
        return slot_->element().key;
      } else {
        throw std::logic_error("dashmap: the entry's key went into the map and cannot be copied");
      }
    }
    if (built_) return give(*built_);
    return make_with<Key>(map_->alloc(), passed());
  }

  // What was asked for, to be made something of.
  constexpr decltype(auto) passed() noexcept {
    if constexpr (std::is_reference_v<Q>) {
      return static_cast<Q&&>(query_);
    } else {
      return give(query_);
    }
  }

  // Of a part that was passed: where it was copied it is there.
  template <class T>
  static void take_back(T& mine, T& other) {
    if constexpr (part_moves_nothrow<T>) {
      refill(mine, std::move(other));
    } else if constexpr (!std::is_copy_constructible_v<T> && std::is_move_assignable_v<T>) {
      mine = std::move(other);
    }
  }

  Map* map_;
  std::uint64_t hash_;
  typename Map::GroupType group_;
  typename Map::SlotType* slot_;
  std::uint8_t* tag_;
  Q query_;
  mutable std::optional<Key> built_;
  bool spent_ = false;  // the query was used up
  ExclusiveHandle handle_;
};

}  // namespace dashmap::detail
