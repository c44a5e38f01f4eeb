// Role
//   Takes the elements of a unit into a new table's groups, one after the other, as they come.
//
// Invariants
//   1. Each element gets a place of its own, in the group of its hash: those of the group first,
//      then those of its chain, which was made long enough before.
//   2. Nothing here throws.
//   Tests: 1 unit/chain_test.cpp; 2 as element.hpp, 1.
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
  Filling(TableType& to, std::size_t first) noexcept : to_(to), first_(first) {}

  // How many groups the elements of one may go to for take_only.
  static constexpr std::size_t few = 8;

  // Takes all elements of a group; hash_of(slot) gives their hashes.
  template <class HashOf>
  void take(const TableType& from, std::size_t group, const HashOf& hash_of) noexcept {
    from.for_each(group, [&](PlaceType place) { take(place, hash_of); });
  }

  // The same for the only group that anything comes from: what lies in its own slots has room in
  // those of each group here, so where it goes is a matter of counting. Places are kept in one
  // number, a byte for each group, and addresses in locals: the bytes that are written could be
  // anything else that is in memory.
  template <class HashOf>
  void take_only(const TableType& from, std::size_t group, const HashOf& hash_of) noexcept {
    const unsigned shift = to_.shift;
    const std::size_t first = first_;
    SlotType* const from_slots = from.slots_of(group);
    const std::uint8_t* const from_tags = from.tags_of(group);
    SlotType* const to_slots = to_.slots_of(first);
    std::uint8_t* const to_tags = to_.tags_of(first);
    static_assert(group_width == 16 && few * group_width <= 0x80);
    std::uint64_t next = 0x7060'5040'3020'1000;
    for (BitMask full = match_full(from_tags); full; full.clear_lowest()) {
      const std::size_t lane = full.next();
      const std::uint64_t byte = 8 * ((hash_of(from_slots[lane]) >> shift) - first);
      const std::uint64_t place = next >> byte & 0xff;
      next += std::uint64_t{1} << byte;
      from_slots[lane].relocate(to_slots[place]);
      set_tag(to_tags + place, from_tags[lane]);
    }
    if (from.overflow[group].load(std::memory_order_acquire) == nullptr) [[likely]]
      return;
    for (std::size_t i = 0; i < few; ++i) {
      used_[i] = static_cast<std::uint32_t>(next >> 8 * i & 0xff) -
                 static_cast<std::uint32_t>(group_width * i);
    }
    from.for_each_chained(group, [&](PlaceType place) { take(place, hash_of); });
  }

 private:
  template <class HashOf>
  void take(PlaceType place, const HashOf& hash_of) noexcept {
    const PlaceType free = next(to_.index_of(hash_of(*place.slot)) - first_);
    place.slot->relocate(*free.slot);
    set_tag(free.tag, *place.tag);
  }

  PlaceType next(std::size_t group) noexcept {
    const std::uint32_t n = used_[group]++;
    if (n < group_width) [[likely]]
      return {to_.slots_of(first_ + group) + n, to_.tags_of(first_ + group) + n};
    return next_in_chain(group, n);
  }

  DASHMAP_DETAIL_COLD PlaceType next_in_chain(std::size_t group, std::uint32_t n) noexcept {
    if (n == group_width) {
      // Relaxed, here and below: this thread made the chain, and nobody else reaches it yet.
      node_[group] = to_.overflow[first_ + group].load(std::memory_order_relaxed);
      begin_[group] = n;
    } else if (n - begin_[group] == node_[group]->width()) {
      node_[group] = node_[group]->next.load(std::memory_order_relaxed);
      begin_[group] = n;
    }
    return node_[group]->place(n - begin_[group]);
  }

  TableType& to_;
  const std::size_t first_;
  std::array<std::uint32_t, Most> used_{};  // not wider: clearing it is part of each move
  // The node in hand, and how many places come before it.
  std::array<typename TableType::Node*, Most> node_;
  std::array<std::uint32_t, Most> begin_;
};

}  // namespace dashmap::detail
