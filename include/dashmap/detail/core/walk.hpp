// Role
//   Cursors: walks over ranges of hashes that stop at each element, and the iterators' among them.
//
// Invariants
//   1. A cursor holds the group of its element and nothing else; none before the first and after
//      the last element, and it gives one up before it takes the next. An iterator's cursor (Visit)
//      holds it only until its item is gone, and takes it again for the next one; its group cannot
//      move meanwhile (sync/visitors.hpp).
//   Tests: 1 unit/map_iterate_test.cpp.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   Which group comes next, and walks that run to their end (sweep.hpp), iterators as types
//   (iterator.hpp).
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "dashmap/detail/core/sweep.hpp"
#include "dashmap/detail/sync/tied.hpp"

namespace dashmap::detail {

template <class Types>
class Walker : public Sweeper<Types> {
 public:
  using Base = Sweeper<Types>;
  using Base::Base;
  using typename Base::GroupType;
  using typename Base::PlaceType;

  template <bool Exclusive>
  class Visit;

  // Visits the elements of a range of hashes, a group's lock at a time.
  template <bool Exclusive>
  class Cursor : public Base::template Groups<Exclusive> {
   public:
    using Groups = typename Base::template Groups<Exclusive>;

    Cursor(Walker& map, std::uint64_t first, std::uint64_t last, Operation operation)
        : Groups(map, first, last, operation) {}
    Cursor(Cursor&& other) noexcept = default;
    Cursor(const Cursor& other)
      requires(!Exclusive)
        : Groups(other), group_(other.group_), walk_(other.walk_), place_(other.place_) {
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
    }

    // To the next element, whose group is then locked; false at the end, with nothing locked.
    DASHMAP_DETAIL_INLINE bool advance() {
      for (;;) {
        if (advance_in_group()) return true;
        typename Groups::Hand hand;
        if (!this->enter(hand)) return false;
        group_ = hand.group;
        keep();
        walk_.start(group_);  // with a new look: a shared hold may have come in after a change
      }
    }
    // To the element in the next lane of the group in hand, if there is one.
    DASHMAP_DETAIL_INLINE bool advance_in_lanes() {
      const PlaceType place = walk_.next_lane();
      if (!place) return false;
      place_ = place;
      tie_.handle.hold().set_slot(place.slot);
      return true;
    }
    // To the next element of the group in hand; false at its end, with nothing locked.
    DASHMAP_DETAIL_INLINE bool advance_in_group() {
      if (!tie_.handle) return false;
      try {
        while ((place_ = walk_.next())) {
          if (!this->admits(group_, *place_.slot)) continue;
          tie_.handle.hold().set_slot(place_.slot);
          return true;
        }
      } catch (...) {
        leave();
        throw;
      }
      leave();
      return false;
    }

    explicit operator bool() const noexcept { return static_cast<bool>(place_); }
    const PlaceType& place() const noexcept { return place_; }
    Word* word() const noexcept { return group_.word; }
    Tie<Exclusive>& tie() noexcept { return tie_; }

   private:
    friend class Visit<Exclusive>;

    void leave() noexcept {
      place_ = {};
      tie_.handle.reset();
    }

    // Records the hold on the group. Until an element is in hand the record names something that no
    // key is compared with.
    DASHMAP_DETAIL_INLINE void keep() {
      tie_.handle.begin(this->map().sleepers(), *group_.word, this,
                        Exclusive ? HoldKind::ref_mut_multi : HoldKind::ref_multi,
                        this->operation());
    }

    GroupType group_{};
    typename Base::GroupWalk walk_;
    PlaceType place_{};
    Tie<Exclusive> tie_;
  };

  // Whether p(element) is true for each, its group locked and recorded meanwhile.
  template <class P>
  bool all_of(Operation operation, P p) {
    Cursor<false> cursor(*this, 0, Base::last_hash, operation);
    while (cursor.advance()) {
      if (!p(cursor.place().slot->element())) return false;
    }
    return true;
  }

  // The cursor of an iterator.
  template <bool Exclusive>
  class Visit : public Cursor<Exclusive> {
   public:
    Visit(Walker& map, Operation operation)
        : Cursor<Exclusive>(map, 0, Base::last_hash, operation), visitor_(map.visitors()) {
      step_on();
    }
    Visit(Visit&& other) noexcept
        : Cursor<Exclusive>(std::move(other)),
          mark_(other.mark_),
          visitor_(std::move(other.visitor_)) {
      other.place_ = {};  // it is at the end
    }
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
    DASHMAP_DETAIL_INLINE void advance() {
      this->tie_.part();
      if (!this->place_) return;
      if (!resume() || !this->advance_in_lanes()) [[unlikely]]
        step_on();
    }

    // Locks the element in hand, if an item of it was there before and is gone.
    DASHMAP_DETAIL_INLINE void hold() {
      if (this->tie_.handle) [[likely]] {
        this->tie_.handle.use();
        mark_ = mark_of(*this->place_.slot);
      } else {
        hold_again();
      }
    }

   private:
    // What an element is known again by: its hash, or what that is quickly computed of.
    static constexpr bool by_key = Types::cheap_hash && Types::SlotType::in_place;
    using Mark = std::conditional_t<by_key, typename Types::Key, std::uint64_t>;
    static Mark mark_of(const typename Types::SlotType& slot) noexcept {
      if constexpr (by_key) {
        return slot.element().key;
      } else {
        return slot.element().hash.value;
      }
    }

    DASHMAP_DETAIL_COLD void hold_again() {
      const auto& place = this->place_;
      resume();
      auto& handle = this->tie_.handle;
      if (*place.tag == 0 || !is_marked(*place.slot)) {
        handle.reset();
        throw std::out_of_range(
            "dashmap: the iterator's element was removed since it was looked at");
      }
      if (this->own()) {
        try {
          this->check_admitted(this->group_, *place.slot);
        } catch (...) {
          handle.reset();
          throw;
        }
      }
      handle.hold().set_slot(place.slot);
    }

    // Asks neither the map's hash nor its comparison: what a removed key refers to may be gone.
    bool is_marked(const typename Types::SlotType& slot) const noexcept {
      if constexpr (std::is_floating_point_v<Mark>) {
        if (std::isnan(mark_)) return std::isnan(mark_of(slot));
      }
      return mark_ == mark_of(slot);
    }

    DASHMAP_DETAIL_NOINLINE void step_on() {
      visitor_.stand_at(nullptr);  // what is left is locked still; and if this throws it ends here
      visitor_.stand_at(Cursor<Exclusive>::advance() ? this->group_.word : nullptr);
    }

    // Takes the group again unless it is still held. True where all of its elements are admitted.
    DASHMAP_DETAIL_INLINE bool resume() {
      if (this->tie_.handle) {
        this->tie_.handle.use();
        return this->admits_all(this->group_);
      }
      // The visitor keeps the group, hence the table, where it is.
      const bool all = this->reenter(this->group_);
      this->keep();
      return all;
    }

    Mark mark_{};  // of the element in hand
    Visitor visitor_;
  };
};

}  // namespace dashmap::detail
