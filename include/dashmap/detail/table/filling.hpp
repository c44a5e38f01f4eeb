// Role
//   Takes the elements of a unit into a new table's groups, one after the other, as they come, and
//   makes the chains that they need there.
//
// Invariants
//   1. Each element gets a place of its own, in the group of its hash: those of the group first,
//      then those of its chain, which was made long enough before an element goes there.
//   2. Nothing here throws.
//   3. Where memory for a chain ran out, no tag is left of what was taken.
//   Tests: 1, 3 unit/filling_test.cpp, unit/chain_test.cpp; 2 as element.hpp, 1.
//
// Readers and writers
//   Nobody else reaches the groups yet; where elements come from is locked.
//
// Not here
//   When, and from where to where (core/resize.hpp).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/table/table.hpp"

namespace dashmap::detail {

// For at most so many groups.
template <class SlotType, std::size_t Most>
class Filling {
  using TableType = Table<SlotType>;
  using PlaceType = Place<SlotType>;

 public:
  Filling(TableType& to, std::size_t first, std::size_t count) noexcept
      : to_(to), first_(first), count_(count) {}

  // How many groups the elements of one may go to for take_only.
  static constexpr std::size_t few = 8;

  // Takes all elements of a group; hash_of(slot) gives their hashes.
  template <class HashOf>
  void take(TableType& from, std::size_t group, const HashOf& hash_of) noexcept {
    from.for_each(group, [&](PlaceType place) { take(place, hash_of); });
  }

  // The same for the only group that anything comes from, and makes room for it. What lies in its
  // own slots has room in those of each group here, so where it goes is a matter of counting.
  // The next place of each group is a byte of one number, the distance of its tag from the first
  // group's, and addresses are in locals: the bytes that are written could be anything else that is
  // in memory. False where memory ran out: then the elements are where they were, and nodes that
  // were made before that are for the next try.
  template <class HashOf, class Alloc>
  bool take_only(TableType& from, std::size_t group, const HashOf& hash_of,
                 const Alloc& alloc) noexcept {
    if constexpr (!SlotType::relocated_stays) {
      if (!make_room(from, group, 1, hash_of, alloc)) return false;
    }
    const unsigned shift = to_.shift;
    const std::size_t first = first_;
    SlotType* const from_slots = from.slots_of(group);
    const std::uint8_t* const from_tags = from.tags_of(group);
    SlotType* const to_slots = to_.slots_of(first);
    // As bytes: they go on in the headers behind.
    auto* const to_tags = reinterpret_cast<std::uint8_t*>(&to_.header_of(first)) +
                          offsetof(typename TableType::GroupHeader, tags);
    constexpr std::size_t header_bytes = sizeof(typename TableType::GroupHeader);
    static_assert(group_width == 16 && header_bytes == 32 && few * header_bytes <= 0x100);
    std::uint64_t next = 0xe0c0'a080'6040'2000;
    // The bit at which the byte of a slot's new group begins.
    const auto bit_of = [&](const SlotType& slot) {
      return 8 * ((hash_of(slot) >> shift) - first);
    };
    const auto put = [&](SlotType& slot, std::uint8_t tag) {
      const std::uint64_t bit = bit_of(slot);
      const std::uint64_t place = next >> bit & 0xff;
      next += std::uint64_t{1} << bit;
      slot.relocate(to_slots[place - (header_bytes - group_width) * bit / 8]);
      set_tag(to_tags + place, tag);
    };
    for (BitMask full = match_full(from_tags); full; full.clear_lowest()) {
      const std::size_t lane = full.next();
      put(from_slots[lane], from_tags[lane]);
    }
    if (!is_chained(from, group)) [[likely]]
      return true;
    for (std::size_t i = 0; i < count_; ++i) {
      used_[i] = static_cast<std::uint32_t>(next >> 8 * i & 0xff) -
                 static_cast<std::uint32_t>(header_bytes * i);
    }
    if constexpr (SlotType::relocated_stays) {
      // Mostly the chain has room in the slots as well. If not, it is taken again, in the same
      // order, so to the same places.
      bool fits = true;
      from.for_each_chained(group, [&](PlaceType place) {
        const std::uint64_t bit = bit_of(*place.slot);
        if ((next >> bit & 0xff) == header_bytes * bit / 8 + group_width) {
          fits = false;
        } else {
          put(*place.slot, *place.tag);
        }
      });
      if (fits) [[likely]]
        return true;
      Counts need = used_;
      from.for_each_chained(group, [&](PlaceType place) { ++need[group_of(place, hash_of)]; });
      if (!add_nodes(need, alloc)) {
        for (std::size_t i = 0; i < count_; ++i)
          std::memset(to_.tags_of(first + i), 0, group_width);
        return false;
      }
    }
    from.for_each_chained(group, [&](PlaceType place) { take(place, hash_of); });
    return true;
  }

  // Adds the overflow nodes that the elements of so many groups will need. False where memory ran
  // out; the nodes that were made before are for the next try.
  template <class HashOf, class Alloc>
  bool make_room(TableType& from, std::size_t group, std::size_t count, const HashOf& hash_of,
                 const Alloc& alloc) noexcept {
    if (count == 1 && !is_chained(from, group)) return true;  // one group fits into one
    Counts need{};
    for (std::size_t i = 0; i < count; ++i) {
      from.for_each(group + i, [&](PlaceType place) { ++need[group_of(place, hash_of)]; });
    }
    return add_nodes(need, alloc);
  }

  // Whether the n-th of the groups has elements in its chain.
  bool overflows(std::size_t n) const noexcept { return used_[n] > group_width; }

 private:
  using Counts = std::array<std::uint32_t, Most>;  // not wider: clearing it is part of each move

  template <class Alloc>
  bool add_nodes(const Counts& need, const Alloc& alloc) noexcept {
    try {
      for (std::size_t i = 0; i < count_; ++i) {
        if (need[i] <= group_width) [[likely]]
          continue;
        std::size_t room = group_width + to_.chain_width(first_ + i);
        while (room < need[i]) room += to_.add_overflow(first_ + i, alloc).width();
      }
    } catch (...) {
      return false;
    }
    return true;
  }

  static bool is_chained(const TableType& from, std::size_t group) noexcept {
    return from.chain_of(group) != nullptr;
  }
  template <class HashOf>
  std::size_t group_of(PlaceType place, const HashOf& hash_of) const noexcept {
    return to_.index_of(hash_of(*place.slot)) - first_;
  }
  PlaceType slot_place(std::size_t group, std::size_t lane) const noexcept {
    return {to_.slots_of(first_ + group) + lane, to_.tags_of(first_ + group) + lane};
  }

  template <class HashOf>
  void take(PlaceType place, const HashOf& hash_of) noexcept {
    const PlaceType free = next(group_of(place, hash_of));
    place.slot->relocate(*free.slot);
    set_tag(free.tag, *place.tag);
  }

  PlaceType next(std::size_t group) noexcept {
    const std::uint32_t n = used_[group]++;
    if (n < group_width) [[likely]]
      return slot_place(group, n);
    return next_in_chain(group, n);
  }

  DASHMAP_DETAIL_COLD PlaceType next_in_chain(std::size_t group, std::uint32_t n) noexcept {
    if (n == group_width) {
      node_[group] = to_.chain_of(first_ + group);
      begin_[group] = n;
    } else if (n - begin_[group] == node_[group]->width()) {
      // Relaxed: nobody else reaches the chain yet. What an earlier try made of it came with the
      // source's lock.
      node_[group] = node_[group]->next.load(std::memory_order_relaxed);
      begin_[group] = n;
    }
    return node_[group]->place(n - begin_[group]);
  }

  TableType& to_;
  const std::size_t first_;
  const std::size_t count_;
  Counts used_{};
  // The node in hand, and how many places come before it.
  std::array<typename TableType::Node*, Most> node_;
  Counts begin_;
};

}  // namespace dashmap::detail
