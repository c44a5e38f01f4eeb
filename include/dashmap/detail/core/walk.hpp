// Role
//   Walks over ranges of hashes, one group at a time: cursors, retain and their like.
//
// Invariants
//   1. A walk's position is a hash: what lies below was visited, what lies above was not. Tables
//      change size only between groups in hash order, so an element that is present throughout is
//      met exactly once. A group that began below the position (the table shrank) is filtered.
//   2. A cursor holds the group of its element and nothing else; none before the first and after
//      the last element, and it gives one up before it takes the next. An iterator's cursor (Visit)
//      holds it only until its item is gone, and takes it again for the next one; its group cannot
//      move meanwhile (sync/visitors.hpp).
//   3. Operations on many keys check for conflicting holds of their own thread before they change
//      anything.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   Groups locked together (range.hpp), iterators as types (iterator.hpp), threads (parallel.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <functional>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "dashmap/detail/core/range.hpp"
#include "dashmap/detail/sync/tied.hpp"

namespace dashmap::detail {

template <class Types>
class Walker : public Ranges<Types> {
 public:
  using Base = Ranges<Types>;
  using Base::Base;
  using typename Base::Acquired;
  using typename Base::Displaced;
  using typename Base::GroupType;
  using typename Base::Key;
  using typename Base::PlaceType;
  using typename Base::SlotType;
  using typename Base::TableType;
  using typename Base::Value;

  template <bool Exclusive>
  class Visit;

  // Visits the elements of a range of hashes, a group's lock at a time.
  template <bool Exclusive>
  class Cursor {
   public:
    Cursor(Walker& map, std::uint64_t first, std::uint64_t last, Operation operation)
        : map_(&map), first_(first), last_(last), operation_(operation) {}
    Cursor(Cursor&& other) noexcept = default;
    Cursor(const Cursor& other)
      requires(!Exclusive)
        : map_(other.map_),
          first_(other.first_),
          last_(other.last_),
          done_(other.done_),
          filter_(other.filter_),
          own_(other.own_),
          from_(other.from_),
          operation_(other.operation_),
          group_(other.group_),
          walk_(other.walk_),
          place_(other.place_) {
      if (other.tie_.handle) tie_.handle.take(other.tie_.handle.again());
    }
    Cursor& operator=(const Cursor& other)
      requires(!Exclusive)
    {
      return *this = Cursor(other);
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
    DASHMAP_DETAIL_INLINE bool advance() {
      for (;;) {
        if (advance_in_group()) return true;
        if (!enter()) return false;
      }
    }
    // To the next element of the group in hand; false at its end, with nothing locked.
    DASHMAP_DETAIL_INLINE bool advance_in_group() {
      if (!tie_.handle) return false;
      while ((place_ = walk_.next())) {
        if (filter_ && !in_range(*place_.slot)) continue;
        if (own_ || nested_since()) check(*place_.slot, [&] { leave(); });
        tie_.handle.hold().set_slot(place_.slot);
        return true;
      }
      leave();
      return false;
    }

    explicit operator bool() const noexcept { return static_cast<bool>(place_); }
    const PlaceType& place() const noexcept { return place_; }
    Tie<Exclusive>& tie() noexcept { return tie_; }

    // Removes the element in hand; it is destroyed once the group is released.
    void evict()
      requires Exclusive
    {
      prepare_evict();
      set_tag(place_.tag, 0);
      if constexpr (!SlotType::trivial_destruction) {
        grave_.front().emplace_back();
        place_.slot->relocate(grave_.front().back());
        place_.slot->destroy_moved();
      }
      map_->count_out();
    }
    // All of evict() that may throw. A chunk never grows: elements cannot be copied bytewise.
    void prepare_evict() {
      if constexpr (!SlotType::trivial_destruction) {
        if (grave_.empty() || grave_.front().size() == grave_.front().capacity()) {
          grave_.emplace_front().reserve(group_width);
        }
      }
    }

    // Keeps a displaced value until the group is released.
    Displaced& displace() { return displaced_.emplace_front(); }

    void leave() noexcept {
      place_ = {};
      tie_.handle.reset();
      destroy_grave();
    }

   private:
    friend class Visit<Exclusive>;

    void destroy_grave() noexcept {
      for (auto& chunk : grave_) {
        for (SlotType& slot : chunk) slot.destroy(map_->alloc());
        chunk.clear();
      }
      displaced_.clear();
    }

    // Whether this thread took guards of the group since it was entered.
    bool nested_since() const noexcept {
      const word_t now = group_.word->load(std::memory_order_relaxed);
      if constexpr (Exclusive) {
        return word::readers(now) != 0 || (now & word::depth_mask) != word::depth_one;
      } else {
        return word::is_locked(now);
      }
    }

    bool in_range(const SlotType& slot) const {
      const std::uint64_t hash = map_->hash_of_slot(slot);
      return hash >= from_ && hash <= last_;
    }

    // Throws DeadlockError, after undo(), if this thread has the element already.
    template <class Undo>
    void check(const SlotType& slot, Undo undo) {
      try {
        map_->template require<Exclusive>(group_, &slot, map_->hash_of_slot(slot),
                                          slot.element().key, Request{operation_});
      } catch (...) {
        undo();
        throw;
      }
    }

    // Locks the next group that has elements.
    bool enter() {
      if (done_ || !map_->skip_empty(first_, last_)) {
        done_ = true;
        return false;
      }
      // A group that is free has no exclusive hold, and for an exclusive one no other: none of this
      // thread's is in the way.
      own_ = false;
      group_ = map_->template grab<Exclusive>(first_);
      if (group_.word == nullptr) {
        const auto acquired = map_->template acquire<Exclusive>(first_, Request{operation_});
        if (!acquired) {
          done_ = true;
          return false;
        }
        group_ = acquired->group;
        own_ = acquired->own;
      }
      from_ = first_;
      filter_ = group_.first_hash() < first_ || group_.last_hash() > last_;
      done_ = group_.last_hash() >= last_;
      first_ = group_.last_hash() + 1;
      keep();
      walk_.start(group_);
      return true;
    }

    // Records the hold on the group. Until an element is in hand the record names something that no
    // key is compared with.
    void keep() {
      tie_.handle.take(Handle<Exclusive>(map_->sleepers(), group_.word, this,
                                         Exclusive ? HoldKind::ref_mut_multi : HoldKind::ref_multi,
                                         operation_));
    }

    Walker* map_;
    std::uint64_t first_;  // the position
    std::uint64_t last_;
    bool done_ = false;
    bool filter_ = false;
    bool own_ = false;
    std::uint64_t from_ = 0;
    Operation operation_;
    GroupType group_{};
    typename Base::GroupWalk walk_;
    PlaceType place_{};
    Tie<Exclusive> tie_;
    std::forward_list<std::vector<SlotType>> grave_;
    std::forward_list<Displaced> displaced_;
  };

  // The cursor of an iterator.
  template <bool Exclusive>
  class Visit : public Cursor<Exclusive> {
   public:
    Visit(Walker& map, Operation operation)
        : Cursor<Exclusive>(map, 0, Base::last_hash, operation), visitor_(map.visitors()) {
      step();
    }
    Visit(Visit&&) noexcept = default;
    Visit(const Visit&)
      requires(!Exclusive)
    = default;
    Visit& operator=(Visit other) noexcept {
      if (this != &other) {
        std::destroy_at(this);
        std::construct_at(this, std::move(other));
      }
      return *this;
    }
    ~Visit() = default;

    // To the next element, whose group is locked until its item is gone.
    void advance() {
      this->tie_.part();
      if (!this->place_) return;
      resume();
      step();
    }

    // Locks the element in hand, if an item of it was there before and is gone.
    void hold() {
      const auto& place = this->place_;
      if (!resume()) {
        hash_ = this->map_->hash_of_slot(*place.slot);
        return;
      }
      if (*place.tag == 0 || this->map_->hash_of_slot(*place.slot) != hash_) {
        this->tie_.handle.reset();
        throw std::out_of_range(
            "dashmap: the iterator's element was removed since it was looked at");
      }
      if (this->own_) this->check(*place.slot, [&] { this->tie_.handle.reset(); });
      this->tie_.handle.hold().set_slot(place.slot);
    }

   private:
    void step() { visitor_.stand_at(Cursor<Exclusive>::advance() ? this->group_.word : nullptr); }

    // Takes the group again; false when it is still held.
    bool resume() {
      if (this->tie_.handle) {
        this->tie_.handle.use();
        return false;
      }
      // The visitor keeps the group, hence the table, where it is.
      Word& word = *this->group_.word;
      word_t seen = word.load(std::memory_order_acquire);
      this->own_ = false;
      if (!(Exclusive ? try_lock_exclusive(word, seen, 0, false)
                      : try_lock_shared(word, seen, false))) {
        this->own_ =
            this->map_->template acquire<Exclusive>(this->from_, Request{this->operation_})->own;
      }
      this->keep();
      return true;
    }

    std::uint64_t hash_ = 0;  // of the element in hand
    Visitor visitor_;
  };

  // Keeps the elements for which f(const Key&, Value&) is true.
  template <class F>
  void retain(std::uint64_t first, std::uint64_t last, F&& f, Operation operation) {
    Cursor<true> cursor(*this, first, last, operation);
    while (cursor.advance()) {
      auto& element = cursor.place().slot->element();
      if (!std::invoke(f, std::as_const(element.key), element.value)) cursor.evict();
    }
  }

  template <class F>
  void alter_all(F&& f) {
    this->template check_range<true>(0, Base::last_hash, Operation::alter_all);
    Cursor<true> cursor(*this, 0, Base::last_hash, Operation::alter_all);
    while (cursor.advance()) {
      if constexpr (std::is_trivially_copyable_v<Value>) {
        Displaced displaced;
        this->alter_slot(*cursor.place().slot, f, displaced);
      } else {
        this->alter_slot(*cursor.place().slot, f, cursor.displace());
      }
    }
  }

  // Takes out the elements for which f(const Key&, Value&) is true.
  template <class F>
  std::vector<std::pair<Key, Value>> extract(F&& f, Operation operation) {
    this->template check_range<true>(0, Base::last_hash, operation);
    std::vector<std::pair<Key, Value>> out;
    Cursor<true> cursor(*this, 0, Base::last_hash, operation);
    while (cursor.advance()) {
      auto& element = cursor.place().slot->element();
      if (!std::invoke(f, std::as_const(element.key), element.value)) continue;
      cursor.prepare_evict();
      // Room first: growing after the element was moved out could lose it.
      if (out.size() == out.capacity()) out.reserve(std::max<std::size_t>(8, 2 * out.size()));
      out.emplace_back(give<Key, Value>(element.key), give<Key, Value>(element.value));
      cursor.evict();
    }
    return out;
  }

  // For a map that nobody else uses any more: all elements to the newest table.
  void finish() {
    this->template check_range<true>(0, Base::last_hash, Operation::into_read_only);
    this->settle();
  }

 private:
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
};

}  // namespace dashmap::detail
