// Role
//   Ranges of hashes locked together, as a whole map or a shard is, and what their holder does with
//   the elements inside.
//
// Invariants
//   1. A range lock takes its groups in hash order, the one order of all that take several. Its
//      record covers what it has so far.
//   2. The groups that it has cannot move: find_live() finds them again where they were locked.
//   3. Operations on many keys check for conflicting holds of their own thread (check_range) before
//      they lock or change anything.
//   Models (test/model): 1 deadlock.range.
//   Tests: 1, 3 unit/reentrancy_test.cpp; 2 unit/corners_test.cpp.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   Walks that hold one group at a time (walk.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "dashmap/detail/core/operations.hpp"

namespace dashmap::detail {

template <class Types>
class Ranges : public Operations<Types> {
 public:
  using Base = Operations<Types>;
  using Base::Base;
  using typename Base::Displaced;
  using typename Base::GroupType;
  using typename Base::Key;
  using typename Base::PlaceType;
  using typename Base::SlotType;
  using typename Base::TableType;
  using typename Base::Value;

  ~Ranges() {
    if constexpr (DASHMAP_CHECKED != 0) {
      DeadlockSearch::require_none([&](const HoldView& hold) {
        return hold.where == this || has_word(hold.where);
      });
    }
  }

  // The place within a group whose lock somebody holds.
  class GroupWalk {
   public:
    void start(const GroupType& group) noexcept {
      start(group, match_full(group.table->tags_of(group.index())));
    }
    // `lanes`: those that have an element.
    DASHMAP_DETAIL_INLINE void start(const GroupType& group, BitMask lanes) noexcept {
      lanes_ = lanes;
      tags_ = group.table->tags_of(group.index());
      slots_ = group.table->slots_of(group.index());
      node_ = group.table->chain_of(group.index());
      left_ = 0;
    }
    // Passes over what the own thread removed since the start.
    DASHMAP_DETAIL_INLINE PlaceType next() noexcept {
      for (;;) {
        if (const PlaceType place = next_lane()) return place;
        if (left_ != 0) {
          tags_ += group_width;
          slots_ += group_width;
          --left_;
        } else {
          if (node_ == nullptr) return {};
          tags_ = node_->tags();
          slots_ = node_->slot_array();
          left_ = (node_->width() - 1) / group_width;
          node_ = node_->next.load(std::memory_order_acquire);
        }
        lanes_ = match_full(tags_);
      }
    }
    // The same, but nothing at the end of the lanes, where an overflow node may follow.
    DASHMAP_DETAIL_INLINE PlaceType next_lane() noexcept {
      while (lanes_) {
        const std::size_t lane = lanes_.next();
        lanes_.clear_lowest();
        if (tags_[lane] != 0) [[likely]]
          return PlaceType::of(slots_ + lane, tags_ + lane);
      }
      return {};
    }

   private:
    BitMask lanes_{0};
    std::uint8_t* tags_ = nullptr;
    SlotType* slots_ = nullptr;
    OverflowNode<SlotType>* node_ = nullptr;  // the one after that
    std::size_t left_ = 0;                    // sixteens of lanes of the node in hand
  };

  // All groups of a range of hashes, locked together.
  template <bool Exclusive>
  class RangeLock {
   public:
    RangeLock(Ranges& map, std::uint64_t first, std::uint64_t last, HoldKind kind,
              Operation operation)
        : map_(&map), first_(first), last_(last) {
      map.template check_range<Exclusive>(first, last, operation);
      if (map.newest_groups() == 0) map.make_first_table();
      hold_ = Held::push(nullptr, nullptr, kind, operation);
      hold_->set_range(hash_end, 0);  // nothing yet
      hold_->set_locked(hash_end, 0);
      hold_->where.store(map_, std::memory_order_release);
      std::uint64_t at = first;
      std::uint64_t from = first;
      try {
        while (at <= last) {
          GroupType group{};
          if (!map.template take_free<Exclusive>(at, group)) {
            group = map.template acquire<Exclusive>(at, Request{operation})->group;
          }
          if (at == first) from = group.first_hash();
          at = group.last_hash() + 1;
          hold_->set_locked(from, at - 1);
          hold_->set_range(first, std::min(last, at - 1));
        }
      } catch (...) {
        release(at);
        throw;
      }
    }
    RangeLock(RangeLock&& other) noexcept
        : map_(std::exchange(other.map_, nullptr)),
          hold_(other.hold_),
          first_(other.first_),
          last_(other.last_) {}
    RangeLock& operator=(RangeLock&&) = delete;
    ~RangeLock() {
      if (map_ != nullptr) release(last_ + 1);
    }

    Ranges& map() const noexcept { return *map_; }
    std::uint64_t first() const noexcept { return first_; }
    std::uint64_t last() const noexcept { return last_; }

   private:
    void release(std::uint64_t end) noexcept {
      Held::pop(hold_);
      for (std::uint64_t at = first_; at < end;) {
        const GroupType group = map_->live_of(at);  // locked, so still the same
        at = group.last_hash() + 1;
        release_hold<Exclusive>(map_->sleepers(), *group.word);
      }
    }

    Ranges* map_;
    Hold* hold_ = nullptr;
    std::uint64_t first_;
    std::uint64_t last_;
  };

  // Visits the elements of a range that the caller has locked, or that nobody changes.
  class HeldWalk {
   public:
    HeldWalk(Ranges& map, std::uint64_t first, std::uint64_t last)
        : map_(&map), at_(first), first_(first), last_(last) {}

    PlaceType next() {
      for (;;) {
        while (const PlaceType place = walk_.next()) {
          if (!filter_) return place;
          const std::uint64_t hash = map_->hash_of_slot(*place.slot);
          if (hash >= first_ && hash <= last_) return place;
        }
        if (at_ > last_ || Base::is_empty_table(map_->table())) return {};
        const GroupType group = map_->live_of(at_);
        filter_ = group.first_hash() < first_ || group.last_hash() > last_;
        at_ = group.last_hash() + 1;
        walk_.start(group);
      }
    }

   private:
    Ranges* map_;
    std::uint64_t at_;
    std::uint64_t first_;
    std::uint64_t last_;
    bool filter_ = false;
    GroupWalk walk_;
  };

  static constexpr std::uint64_t last_hash = hash_end - 1;

  std::uint64_t first_of_shard(std::size_t shard) const noexcept {
    return std::uint64_t{shard} << (63 - this->shard_bits());
  }
  std::uint64_t last_of_shard(std::size_t shard) const noexcept {
    return first_of_shard(shard) + ((std::uint64_t{1} << (63 - this->shard_bits())) - 1);
  }

  // Throws DeadlockError if this thread holds an element of the range in a conflicting way.
  template <bool Exclusive>
  void check_range(std::uint64_t first, std::uint64_t last, Operation operation) {
    Base::none_in_the_way(Request{operation}, [&](const HoldView& hold) {
      if (!Exclusive && !hold.exclusive()) return false;
      if (hold.where == this) return hold.first <= last && first <= hold.last;
      if (!has_word(hold.where)) return false;
      const Borrowed stays(hold);
      if (!stays) return false;
      const auto* slot = static_cast<const SlotType*>(hold.slot);
      const std::uint64_t hash = slot != nullptr ? this->hash_of_slot(*slot) : hold.vacant.hash;
      return first <= hash && hash <= last;
    });
  }

  std::vector<std::pair<Key, Value>> snapshot() {
    std::vector<std::pair<Key, Value>> out;
    if (this->newest_groups() == 0) return out;
    out.reserve(this->size());
    const RangeLock<false> lock(*this, 0, last_hash, HoldKind::shared_map_lock,
                                Operation::snapshot);
    HeldWalk walk(*this, 0, last_hash);
    while (const PlaceType place = walk.next()) {
      out.emplace_back(std::as_const(place.slot->element().key),
                       std::as_const(place.slot->element().value));
    }
    return out;
  }

  // The place of a key whose group the caller has locked, or in a map that nobody changes.
  template <class Q>
  PlaceType find_held(const Q& key) {
    if (Base::is_empty_table(this->table())) return {};
    const std::uint64_t hash = this->hash_of(key);
    const GroupType group = live_of(hash);
    return group.table->find(group.first, hash, word::has_overflow(group.seen),
                             this->matcher(hash, key));
  }
  template <class Q>
  std::optional<Value> insert_held(Q&& key, Value&& value) {
    const std::uint64_t hash = this->hash_of(key);
    if (Base::is_empty_table(this->table())) this->make_first_table();
    std::optional<Value> result;
    Displaced displaced;
    if constexpr (!SlotType::in_place) displaced.value = &result;
    if (const PlaceType place = find_held(key)) {
      place.slot->replace_value(this->alloc(), std::move(value), displaced);
    } else {
      typename Base::Due due(*this);
      Later<typename Base::Prepared> fresh;
      const auto made = [&]() -> Value { return Value(std::move(value)); };
      this->add(live_of(hash), fresh, hash, std::forward<Q>(key), made, due);
    }
    if constexpr (SlotType::in_place) {
      if (displaced.value) result.emplace(std::move(*displaced.value));
    }
    return result;
  }
  template <class Q>
  std::optional<std::pair<Key, Value>> remove_held(const Q& key) {
    std::optional<std::pair<Key, Value>> result;
    if (const PlaceType place = find_held(key)) {
      give_both(place.slot->element(), into(result));
      Later<typename Base::Doomed> doomed;
      this->evict(place, doomed);
    }
    return result;
  }

 protected:
  // The group of a hash that the caller has locked, or in a map that nobody changes.
  GroupType live_of(std::uint64_t hash) {
    if (const QuickPin pin(this); pin) {
      const GroupType group = this->newest_group(hash);
      if (!word::is_virgin(group.seen) && !word::is_moved(group.seen)) return group;
    }
    const Pin pin(this);
    return this->find_live(hash);
  }

 private:
  bool has_word(const void* where) {
    const Pin pin(this);
    const auto at = reinterpret_cast<std::uintptr_t>(where);
    for (const TableType* table = this->table(); table != nullptr;
         table = table->previous.load(std::memory_order_acquire)) {
      // As numbers, here and above: it may point into none of the tables.
      const auto begin = reinterpret_cast<std::uintptr_t>(&table->header_of(0));
      if (begin <= at && at < begin + table->groups * sizeof(typename TableType::GroupHeader))
        return true;
    }
    return false;
  }
};

}  // namespace dashmap::detail
