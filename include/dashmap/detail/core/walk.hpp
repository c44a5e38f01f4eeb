// Role
//   Walks over ranges of hashes: one group at a time (cursors, retain and their like), or all groups
//   of a range locked together (shard guards, snapshot, lock_all).
//
// Invariants
//   1. A walk's position is a hash: what lies below was visited, what lies above was not. Tables
//      change size only between groups in hash order, so an element that is present throughout is
//      met exactly once. A group that began below the position (the table shrank) is filtered.
//   2. A cursor holds the group of its element and nothing else; none before the first and after
//      the last element, and it gives one up before it takes the next.
//   3. A range lock takes its groups in hash order, which is the one order of all that take several.
//      Its record covers what it has so far.
//   4. Operations on many keys check for conflicting holds of their own thread before they change
//      anything.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   Iterators as types (iterator.hpp), threads (parallel.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "dashmap/detail/core/operations.hpp"

namespace dashmap::detail {

template <bool Exclusive>
struct Tie;

// The lock side of an iterator's item. While the item lives where the iterator made it, it leans on
// the iterator's hold; once either goes its own way, it has one of its own.
template <bool Exclusive>
struct TiedItem {
  Handle<Exclusive> own;
  Tie<Exclusive>* tie = nullptr;

  explicit TiedItem(Tie<Exclusive>& to);
  TiedItem(TiedItem&& other);
  TiedItem& operator=(TiedItem&&) = delete;
  ~TiedItem();
};

template <bool Exclusive>
struct Tie {
  Handle<Exclusive> handle;
  TiedItem<Exclusive>* item = nullptr;

  Tie() noexcept = default;
  Tie(Tie&& other) noexcept
      : handle(std::move(other.handle)), item(std::exchange(other.item, nullptr)) {
    if (item != nullptr) item->tie = this;
  }
  Tie& operator=(Tie&&) = delete;
  ~Tie() {
    if (item != nullptr) {
      item->own = std::move(handle);
      item->tie = nullptr;
    }
  }
  // The item keeps what it has while the iterator goes on.
  void part() {
    if (item == nullptr) return;
    item->own = handle.again();
    std::exchange(item, nullptr)->tie = nullptr;
  }
};

template <bool Exclusive>
TiedItem<Exclusive>::TiedItem(Tie<Exclusive>& to) {
  if (to.item == nullptr) {
    tie = &to;
    to.item = this;
  } else {
    own = to.handle.again();
  }
}
template <bool Exclusive>
TiedItem<Exclusive>::TiedItem(TiedItem&& other) {
  if (other.tie != nullptr) other.tie->part();
  own = std::move(other.own);
}
template <bool Exclusive>
TiedItem<Exclusive>::~TiedItem() {
  if (tie != nullptr) tie->item = nullptr;
}

template <class Types>
class Walker : public Operations<Types> {
 public:
  using Base = Operations<Types>;
  using typename Base::Acquired;
  using typename Base::Displaced;
  using typename Base::GroupType;
  using typename Base::Key;
  using typename Base::PlaceType;
  using typename Base::SlotType;
  using typename Base::TableType;
  using typename Base::Value;
  using Base::Base;

  // The place within a group whose lock somebody holds.
  class GroupWalk {
   public:
    void start(const GroupType& group) noexcept {
      lanes_ = match_full(group.table->tags_of(group.index));
      tags_ = group.table->tags_of(group.index);
      slots_ = group.table->slots_of(group.index);
      node_ = group.table->overflow[group.index].load(std::memory_order_acquire);
    }
    PlaceType next() noexcept {
      for (;;) {
        while (lanes_) {
          const std::size_t lane = lanes_.next();
          lanes_.clear_lowest();
          // The own thread may have removed it since.
          if (tags_[lane] != 0) return {slots_ + lane, tags_ + lane};
        }
        if (node_ == nullptr) return {};
        tags_ = node_->tags;
        slots_ = node_->slots;
        lanes_ = match_full(tags_);
        node_ = node_->next.load(std::memory_order_acquire);
      }
    }

   private:
    BitMask lanes_{0};
    std::uint8_t* tags_ = nullptr;
    SlotType* slots_ = nullptr;
    OverflowNode<SlotType>* node_ = nullptr;
  };

  // Visits the elements of a range of hashes, a group's lock at a time.
  template <bool Exclusive>
  class Cursor {
   public:
    Cursor(Walker& map, std::uint64_t first, std::uint64_t last, const char* operation)
        : map_(&map), first_(first), last_(last), operation_(operation) {}
    Cursor(Cursor&& other) noexcept = default;
    Cursor(const Cursor& other)
      requires(!Exclusive)
        : map_(other.map_), first_(other.first_), last_(other.last_), done_(other.done_),
          filter_(other.filter_), own_(other.own_), from_(other.from_),
          operation_(other.operation_), walk_(other.walk_), place_(other.place_) {
      if (other.tie_.handle) tie_.handle = other.tie_.handle.again();
    }
    Cursor& operator=(Cursor&& other) noexcept {
      if (this != &other) {
        std::destroy_at(this);
        std::construct_at(this, std::move(other));
      }
      return *this;
    }
    ~Cursor() {
      if (!tie_.item) leave();
      destroy_grave();
    }

    // To the next element, whose group is then locked; false at the end, with nothing locked.
    bool advance() {
      tie_.part();
      for (;;) {
        if (tie_.handle) {
          while ((place_ = walk_.next())) {
            if (filter_ && !in_range(*place_.slot)) continue;
            if (own_) check(*place_.slot);
            tie_.handle.hold().slot.store(place_.slot, std::memory_order_relaxed);
            return true;
          }
          leave();
        }
        if (!enter()) return false;
      }
    }

    explicit operator bool() const noexcept { return static_cast<bool>(place_); }
    const PlaceType& place() const noexcept { return place_; }
    Tie<Exclusive>& tie() noexcept { return tie_; }

    // Removes the element in hand; it is destroyed once the group is released.
    void evict()
      requires Exclusive
    {
      if constexpr (SlotType::trivial_destruction) {
        set_tag(place_.tag, 0);
      } else {
        if (grave_.empty()) {
          std::size_t elements = 0;
          group_.table->for_each(group_.index, [&](const PlaceType&) { ++elements; });
          grave_.reserve(elements);  // never grows while filled: elements cannot be copied bytewise
        }
        set_tag(place_.tag, 0);
        grave_.emplace_back();
        place_.slot->relocate(grave_.back());
        place_.slot->destroy_moved();
      }
      map_->count_out();
    }

    // Keeps a displaced value until the group is released.
    Displaced& displace() { return displaced_.emplace_front(); }

    void leave() noexcept {
      place_ = {};
      tie_.handle.reset();
      destroy_grave();
    }

   private:
    void destroy_grave() noexcept {
      for (SlotType& slot : grave_) slot.destroy(map_->alloc());
      grave_.clear();
      displaced_.clear();
    }

    bool in_range(const SlotType& slot) const {
      const std::uint64_t hash = map_->hash_of_slot(slot);
      return hash >= from_ && hash <= last_;
    }

    void check(const SlotType& slot) {
      try {
        map_->template check_conflict<Exclusive>(Acquired{group_, 0, true}, &slot,
                                                 map_->hash_of_slot(slot), slot.element().key,
                                                 operation_);
      } catch (...) {
        leave();
        throw;
      }
    }

    // Locks the next group that has elements.
    bool enter() {
      if (done_ || !map_->skip_empty(first_, last_)) {
        done_ = true;
        return false;
      }
      const auto acquired = map_->template acquire<Exclusive>(first_, Request{operation_});
      if (!acquired) {
        done_ = true;
        return false;
      }
      group_ = acquired->group;
      own_ = acquired->own;
      from_ = first_;
      filter_ = group_.first_hash() < first_ || group_.last_hash() > last_;
      done_ = group_.last_hash() >= last_;
      first_ = group_.last_hash() + 1;
      // Until an element is in hand the record names something that no key is compared with.
      tie_.handle = Handle<Exclusive>(map_->sleepers(), group_.word, this,
                                      Exclusive ? HoldKind::ref_mut_multi : HoldKind::ref_multi);
      walk_.start(group_);
      return true;
    }

    Walker* map_;
    std::uint64_t first_;  // the position
    std::uint64_t last_;
    bool done_ = false;
    bool filter_ = false;
    bool own_ = false;
    std::uint64_t from_ = 0;
    const char* operation_;
    GroupType group_{};
    GroupWalk walk_;
    PlaceType place_{};
    Tie<Exclusive> tie_;
    std::vector<SlotType> grave_;
    std::forward_list<Displaced> displaced_;
  };

  // All groups of a range of hashes, locked together.
  template <bool Exclusive>
  class RangeLock {
   public:
    RangeLock(Walker& map, std::uint64_t first, std::uint64_t last, HoldKind kind,
              const char* operation)
        : map_(&map), first_(first), last_(last) {
      map.template check_range<Exclusive>(first, last, operation);
      if (Base::is_empty_table(map.table())) map.make_first_table();
      hold_ = Held::push(nullptr, nullptr, kind);
      hold_->first.store(hash_end, std::memory_order_relaxed);  // nothing yet
      hold_->last.store(0, std::memory_order_relaxed);
      hold_->where.store(map_, std::memory_order_release);
      std::uint64_t at = first;
      try {
        while (at <= last) {
          const auto acquired = map.template acquire<Exclusive>(at, Request{operation});
          at = acquired->group.last_hash() + 1;
          hold_->last.store(std::min(last, at - 1), std::memory_order_relaxed);
          hold_->first.store(first, std::memory_order_relaxed);
        }
      } catch (...) {
        release(at);
        throw;
      }
    }
    RangeLock(RangeLock&& other) noexcept
        : map_(std::exchange(other.map_, nullptr)), hold_(other.hold_), first_(other.first_),
          last_(other.last_) {}
    RangeLock& operator=(RangeLock&&) = delete;
    ~RangeLock() {
      if (map_ != nullptr) release(last_ + 1);
    }

    Walker& map() const noexcept { return *map_; }
    std::uint64_t first() const noexcept { return first_; }
    std::uint64_t last() const noexcept { return last_; }

   private:
    void release(std::uint64_t end) noexcept {
      Held::pop(hold_);
      for (std::uint64_t at = first_; at < end;) {
        Word* word = nullptr;
        {
          const Pin pin(map_);
          const GroupType group = map_->find_live(at);  // locked, so still the same
          word = group.word;
          at = group.last_hash() + 1;
        }
        release_hold<Exclusive>(map_->sleepers(), *word);
      }
    }

    Walker* map_;
    Hold* hold_ = nullptr;
    std::uint64_t first_;
    std::uint64_t last_;
  };

  // Visits the elements of a range that the caller has locked, or that nobody changes.
  class HeldWalk {
   public:
    HeldWalk(Walker& map, std::uint64_t first, std::uint64_t last)
        : map_(&map), at_(first), first_(first), last_(last) {}

    PlaceType next() {
      for (;;) {
        while (const PlaceType place = walk_.next()) {
          if (!filter_) return place;
          const std::uint64_t hash = map_->hash_of_slot(*place.slot);
          if (hash >= first_ && hash <= last_) return place;
        }
        if (at_ > last_ || Base::is_empty_table(map_->table())) return {};
        const Pin pin(map_);
        const GroupType group = map_->find_live(at_);
        filter_ = group.first_hash() < first_ || group.last_hash() > last_;
        at_ = group.last_hash() + 1;
        walk_.start(group);
      }
    }

   private:
    Walker* map_;
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
  void check_range(std::uint64_t first, std::uint64_t last, const char* operation) {
    Held::for_each([&](const Hold& hold) {
      if (!Exclusive && !hold.exclusive()) return;
      const void* where = hold.where.load(std::memory_order_relaxed);
      if (where == this) {
        if (hold.first.load(std::memory_order_relaxed) <= last &&
            first <= hold.last.load(std::memory_order_relaxed)) {
          throw_self_deadlock(operation, hold);
        }
      } else if (has_word(where)) {
        const auto* slot = static_cast<const SlotType*>(hold.slot.load(std::memory_order_relaxed));
        const std::uint64_t hash = slot != nullptr ? this->hash_of_slot(*slot)
                                                   : hold.first.load(std::memory_order_relaxed);
        if (first <= hash && hash <= last) throw_self_deadlock(operation, hold);
      }
    });
  }

  // Keeps the elements for which f(const Key&, Value&) is true.
  template <class F>
  void retain(std::uint64_t first, std::uint64_t last, F&& f, const char* operation) {
    Cursor<true> cursor(*this, first, last, operation);
    while (cursor.advance()) {
      auto& element = cursor.place().slot->element();
      if (!std::invoke(f, std::as_const(element.key), element.value)) cursor.evict();
    }
  }

  template <class F>
  void alter_all(F&& f) {
    check_range<true>(0, last_hash, "alter_all");
    Cursor<true> cursor(*this, 0, last_hash, "alter_all");
    while (cursor.advance()) this->alter_slot(*cursor.place().slot, f, cursor.displace());
  }

  // Takes out the elements for which f(const Key&, Value&) is true.
  template <class F>
  std::vector<std::pair<Key, Value>> extract(F&& f, const char* operation) {
    check_range<true>(0, last_hash, operation);
    std::vector<std::pair<Key, Value>> out;
    Cursor<true> cursor(*this, 0, last_hash, operation);
    while (cursor.advance()) {
      auto& element = cursor.place().slot->element();
      if (!std::invoke(f, std::as_const(element.key), element.value)) continue;
      out.emplace_back(std::move_if_noexcept(element.key), std::move_if_noexcept(element.value));
      cursor.evict();
    }
    return out;
  }

  // For a map that nobody else uses any more: all elements to the newest table.
  void finish() {
    check_range<true>(0, last_hash, "into_read_only");
    this->settle();
  }

  std::vector<std::pair<Key, Value>> snapshot() {
    std::vector<std::pair<Key, Value>> out;
    if (Base::is_empty_table(this->table())) return out;
    out.reserve(this->size());
    const RangeLock<false> lock(*this, 0, last_hash, HoldKind::shared_map_lock, "snapshot");
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
    return group.table->find(group.index, tag_of(hash), word::has_overflow(group.seen),
                             this->matcher(hash, key));
  }
  template <class Q>
  std::optional<Value> insert_held(Q&& key, Value&& value) {
    const std::uint64_t hash = this->hash_of(key);
    Displaced displaced;
    if (const PlaceType place = find_held(key)) {
      place.slot->replace_value(this->alloc(), std::move(value), displaced);
    } else {
      typename Base::Due due(*this);
      std::optional<typename Base::Prepared> fresh;
      this->add(live_of(hash), fresh, hash, std::forward<Q>(key),
                [&]() -> Value { return std::move(value); }, due);
    }
    return SlotType::take_value(displaced);
  }
  template <class Q>
  std::optional<std::pair<Key, Value>> remove_held(const Q& key) {
    std::optional<std::pair<Key, Value>> result;
    if (const PlaceType place = find_held(key)) {
      auto& element = place.slot->element();
      result.emplace(std::move_if_noexcept(element.key), std::move_if_noexcept(element.value));
      std::optional<typename Base::Doomed> doomed;
      this->evict(place, doomed);
    }
    return result;
  }

 private:
  GroupType live_of(std::uint64_t hash) {
    const Pin pin(this);
    return this->find_live(hash);
  }

  // Takes `first` past groups that are empty now; false when there is nothing up to `last`.
  bool skip_empty(std::uint64_t& first, std::uint64_t last) {
    const Pin pin(this);
    if (Base::is_empty_table(this->table())) return false;
    for (;;) {
      const GroupType group = this->find_live(first);
      if (!word::is_readable(group.seen) || word::has_overflow(group.seen) ||
          match_full(group.table->tags_of(group.index)).any()) {
        return true;
      }
      load_load_fence();
      if (!word::same_content(group.seen, group.word->load(std::memory_order_relaxed))) continue;
      if (group.last_hash() >= last) return false;
      first = group.last_hash() + 1;
    }
  }

  bool has_word(const void* where) {
    const Pin pin(this);
    const auto at = reinterpret_cast<std::uintptr_t>(where);
    for (const TableType* table = this->table(); table != nullptr;
         table = table->previous.load(std::memory_order_acquire)) {
      const auto begin = reinterpret_cast<std::uintptr_t>(&table->word_of(0));
      if (begin <= at && at < begin + table->groups * sizeof(Word)) return true;
    }
    return false;
  }
};

}  // namespace dashmap::detail
