// Role
//   One table: a power of two of groups in hash order. What a group has but its slots is together
//   in a header of half a cache line; a group that is full chains small overflow nodes, so an
//   insertion never waits for growth. Knows where things are; does not lock.
//
//     one allocation:  [ header of the table | header of each group, 32 B: lock word, chain, tags |
//                        counts of slots vacated, if large | slots 16/group ]
//
// Invariants
//   1. Group of a hash: its top bits. Hashes here have 63 bits (`hash >> shift` must be defined for
//      one group), the tag is made of the low 8. So hash order is table order at every size.
//   2. Tag 0 means empty. A slot holds an element exactly when its tag is not 0.
//   3. All words start as 0 (virgin): the elements are still in `previous`; in a table that never
//      had one there are none. Memory from the system is zero already and is not cleared.
//      Groups' headers stay as long as the table; slots may be zeros again once vacated.
//   4. Overflow nodes are only added, and freed with the table: an optimistic reader may follow a
//      chain at any time.
//   5. `previous` goes from a table to null once, when every group has been filled.
//   Models (test/model): 1, 3, 5 growth.*; 4 map.chain.
//   Tests: 2 unit/map_lookup_test.cpp.
//
// Readers and writers
//   Tags and slots: written under the group's exclusive lock; read under any lock, or racing, by
//   functions marked DASHMAP_DETAIL_NO_TSAN. sync(table.overflow): release store of a new node,
//   pairs with the acquire load in OverflowNode walks.
//
// Not here
//   When a table is made, filled and freed (core/resize.hpp), its memory (table_memory.hpp).
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/simd/group.hpp"
#include "dashmap/detail/table/overflow_node.hpp"
#include "dashmap/detail/table/system_memory.hpp"

namespace dashmap::detail {

using word_t = std::uint64_t;

inline constexpr std::uint64_t hash_end = std::uint64_t{1} << 63;  // one past the largest hash
// Elements for which a table of so many groups is used before it grows. A single group may fill up;
// more groups share a mean of 15 of 16, where 7.4 % of the elements are in overflow nodes.
inline constexpr std::uint64_t mean_capacity = 15;
constexpr std::uint64_t capacity_of(std::uint64_t groups) noexcept {
  return groups == 1 ? group_width : groups * mean_capacity;
}
constexpr std::uint64_t groups_for(std::uint64_t elements) noexcept {
  if (elements <= group_width) return 1;
  return std::bit_ceil((elements - 1) / mean_capacity + 1);
}

// The tag of a hash: its low byte, but never 0.
constexpr std::uint8_t tag_of(std::uint64_t hash) noexcept {
  const std::uint32_t low = static_cast<std::uint32_t>(hash) & 0xff;
  return static_cast<std::uint8_t>(low + (low == 0 ? 1U : 0U));
}

template <class SlotType>
struct alignas(64) Table {
  using Node = OverflowNode<SlotType>;
  using PlaceType = Place<SlotType>;

  // Names a group by the number of its first slot. Where header and slots come of the same number
  // it takes one shift of the hash.
  struct FirstSlot {
    std::size_t number;

    static FirstSlot of(std::size_t group) noexcept { return {group * group_width}; }
    std::size_t group() const noexcept { return number / group_width; }
  };

  // All that an operation asks of a group before it looks at slots. The word does not lie within
  // the bytes that a vector load of the tags reads: each write to it would stall the next such
  // load.
  struct alignas(32) GroupHeader {
    std::atomic<word_t> word{0};
    std::atomic<Node*> chain{nullptr};
    alignas(16) std::uint8_t tags[group_width] = {};
  };

  SlotType* slot_array;
  unsigned shift;
  std::atomic<Table*> previous{nullptr};  // the table whose elements are moving here
  std::uint64_t groups;
  std::uint64_t capacity;
  // How often an insertion helps, or looks at the exact count: now, and once the table is filled.
  std::atomic<std::uint64_t> check_mask{0};
  std::uint64_t filled_check_mask = 0;

  // Filling from `previous`: units still to do, and the next one to try.
  std::atomic<std::uint64_t> units_left{0};
  std::atomic<std::uint64_t> next_unit{0};
  std::atomic<Node*> nodes{nullptr};  // all overflow nodes, to be freed without a search
  Table* next_retired = nullptr;
  std::size_t bytes = 0;
  bool from_system = false;
  unsigned char offset = 0;         // from where an allocator's memory begins
  VacatedCount* vacated = nullptr;  // where the table is from the system

  constexpr Table(SlotType* s, std::uint64_t n) noexcept
      : slot_array(s),
        shift(63U - static_cast<unsigned>(std::countr_zero(n))),
        groups(n),
        capacity(capacity_of(n)) {}

  // Groups' headers follow the table's own, so that reaching one takes no load: casts to what lies
  // there in the same allocation.
  GroupHeader& header_of(std::size_t group) noexcept {
    return reinterpret_cast<GroupHeader*>(this + 1)[group];
  }
  const GroupHeader& header_of(std::size_t group) const noexcept {
    return reinterpret_cast<const GroupHeader*>(this + 1)[group];
  }
  // As bytes: its distance is twice the number of the first slot.
  GroupHeader& header_of(FirstSlot first) noexcept {
    static_assert(sizeof(GroupHeader) == 2 * group_width);
    auto* const headers = reinterpret_cast<unsigned char*>(this + 1);
    return reinterpret_cast<GroupHeader&>(headers[2 * first.number]);
  }
  std::atomic<word_t>& word_of(std::size_t group) noexcept { return header_of(group).word; }
  const std::atomic<word_t>& word_of(std::size_t group) const noexcept {
    return header_of(group).word;
  }
  std::size_t index_of(std::uint64_t hash) const noexcept {
    return number_as<std::size_t>(hash >> shift);
  }
  // Of the group that the word belongs to. As numbers: words are not in one array.
  std::size_t index_of(const std::atomic<word_t>& word) const noexcept {
    const auto distance =
        reinterpret_cast<std::uintptr_t>(&word) - reinterpret_cast<std::uintptr_t>(&word_of(0));
    return distance / sizeof(GroupHeader);
  }
  std::uint64_t first_hash(std::size_t group) const noexcept {
    return std::uint64_t{group} << shift;
  }
  std::uint64_t last_hash(std::size_t group) const noexcept {
    return first_hash(group) + ((std::uint64_t{1} << shift) - 1);
  }
  std::uint8_t* tags_of(std::size_t group) noexcept { return header_of(group).tags; }
  const std::uint8_t* tags_of(std::size_t group) const noexcept { return header_of(group).tags; }
  Node* chain_of(std::size_t group) const noexcept {
    return header_of(group).chain.load(std::memory_order_acquire);
  }
  SlotType* slots_of(std::size_t group) const noexcept { return slot_array + group * group_width; }

  // The element with the hash's tag for which `matches(slot)` is true, in the group whose slots
  // begin at `first`; `overflown`: the group has a chain.
  template <class Matches>
  DASHMAP_DETAIL_INLINE PlaceType find(FirstSlot first, std::uint64_t hash, bool overflown,
                                       Matches matches) {
    return find(first, match(header_of(first).tags, tag_pattern(hash)), hash, overflown, matches);
  }
  // As above, for known lanes with the tag.
  template <class Matches>
  DASHMAP_DETAIL_INLINE PlaceType find(FirstSlot first, BitMask lanes, std::uint64_t hash,
                                       bool overflown, Matches matches) {
    if (const auto place = find_among(first, lanes, matches)) [[likely]]
      return PlaceType::of(place->slot, place->tag);
    return overflown ? find_overflow(first, hash, matches) : PlaceType{};
  }
  // As find, without the chain. An optional: then the compiler keeps the paths of what is found and
  // of what is not apart, where it would ask again for a null pointer.
  template <class Matches>
  DASHMAP_DETAIL_INLINE std::optional<PlaceType> find_among(FirstSlot first, BitMask lanes,
                                                            Matches matches) {
    for (; lanes; lanes.clear_lowest()) {
      const std::size_t lane = lanes.next();
      SlotType* slot = slot_array + (first.number + lane);
      if (matches(*slot)) [[likely]]
        return PlaceType{slot, header_of(first).tags + lane};
    }
    return {};
  }
  // The same in a group's chain. Its newest node, the first, is the widest.
  template <class Matches>
  PlaceType find_chained(std::size_t group, std::uint64_t hash, Matches matches) const {
    Node* node = chain_of(group);
    if (node == nullptr) return {};
    if (node->is_wide()) [[unlikely]]
      return find_in_long(*node, hash, matches);
    const TagPattern tag = tag_pattern(hash);
    do {
      for (BitMask mask = match(node->tags(), tag); mask; mask.clear_lowest()) {
        const PlaceType place = node->narrow_place(mask.next());
        if (matches(*place.slot)) return place;
      }
      node = node->next.load(std::memory_order_acquire);
    } while (node != nullptr);
    return {};
  }

  // An empty place, or none: among the slots that begin at `first`, in a group's chain.
  DASHMAP_DETAIL_INLINE PlaceType vacancy(FirstSlot first) noexcept {
    std::uint8_t* const tags = header_of(first).tags;
    const BitMask empty = match_empty(tags);
    if (!empty) return {};
    const std::size_t lane = empty.next();
    return PlaceType::of(slot_array + (first.number + lane), tags + lane);
  }
  PlaceType vacancy_in_chain(std::size_t group) const noexcept {
    return first_in_chain(group, match_empty);
  }
  // An element of the group's chain, or none.
  PlaceType any_in_chain(std::size_t group) const noexcept {
    return first_in_chain(group, match_full);
  }
  // Of a group that nobody else has any part of: elements of its chain take its free slots. Whether
  // the chain has more.
  bool close_gaps(std::size_t group) noexcept {
    for (;;) {
      const PlaceType from = any_in_chain(group);
      if (!from) return false;
      const PlaceType gap = vacancy(FirstSlot::of(group));
      if (!gap) return true;
      from.slot->relocate(*gap.slot);
      from.slot->destroy_moved();
      set_tag(gap.tag, *from.tag);
      set_tag(from.tag, 0);
    }
  }

  // Counts groups out that have moved, with nothing left in their slots.
  DASHMAP_DETAIL_INLINE void vacate_groups(std::size_t first, std::size_t count) noexcept {
    if (from_system) vacate(vacated, slots_in(0, groups), slots_in(first, first + count));
  }

  // The table is being filled, and comes to these groups: the chunks of slots that begin among them
  // get their pages, and much sooner the headers. Look-ups read those everywhere: what is read
  // first gets a page of zeros, and another one when it is written, which interrupts other threads.
  void expect(std::size_t first, std::size_t last) const noexcept {
    constexpr std::size_t group_bytes = group_width * std::bit_ceil(sizeof(SlotType));
    constexpr std::size_t a_chunk = std::max<std::size_t>(8, chunk_bytes / group_bytes);
    if (bytes < populated_bytes) return;
    const auto all = static_cast<std::size_t>(groups);
    if (from_system) {
      const auto header = [&](std::size_t group) {
        // Cast to a number: it is rounded to a page, which a pointer cannot be.
        return reinterpret_cast<std::uintptr_t>(&header_of(std::min(headers_ahead * group, all)));
      };
      populate_memory(header(first), header(last));
    }
    const std::size_t count = bytes < chunked_bytes ? all : a_chunk;
    const auto up = [&](std::size_t group) { return (group + count - 1) / count * count; };
    const Extent chunks = slots_in(up(first), std::min(up(last), all));
    if (chunks.begin < chunks.end) populate_memory(chunks.begin, chunks.end);
  }
  // It is not filled in short steps any more.
  void use_huge_pages() noexcept {
    if (from_system) prefer_huge_pages(this, bytes);
  }

  // How many slots the group's chain has.
  std::size_t chain_width(std::size_t group) const noexcept {
    std::size_t width = 0;
    for (const Node* node = chain_of(group); node != nullptr;
         node = node->next.load(std::memory_order_acquire)) {
      width += node->width();
    }
    return width;
  }
  // Adds an empty overflow node to the group's chain. Throws what the allocator throws.
  template <class Alloc>
  Node& add_overflow(std::size_t group, const Alloc& alloc);

  // Calls f(place) for each element of the group, which the caller has locked.
  template <class F>
  void for_each(std::size_t group, F&& f) {
    std::uint8_t* group_tags = tags_of(group);
    for (BitMask full = match_full(group_tags); full; full.clear_lowest()) {
      f(PlaceType{slots_of(group) + full.next(), group_tags + full.next()});
    }
    for_each_chained(group, f);
  }
  // The same for those in its chain.
  template <class F>
  void for_each_chained(std::size_t group, F&& f) const {
    for (Node* node = chain_of(group); node != nullptr;
         node = node->next.load(std::memory_order_acquire)) {
      for (std::size_t first_lane = 0; first_lane < node->width(); first_lane += group_width) {
        for (BitMask full = match_full(node->tags() + first_lane); full; full.clear_lowest()) {
          f(node->place(first_lane + full.next()));
        }
      }
    }
  }

  // Before a first table of so many groups is made: has the allocator put together what it got back
  // in small pieces. The GNU C library does so when it is asked for a large one, and else gives
  // small ones out in the order in which it got them back, all over its memory.
  template <class Alloc>
  DASHMAP_DETAIL_COLD static void prepare(std::uint64_t groups);
  // A table of virgin groups. Throws what the allocator throws, std::length_error when it could
  // not be addressed. Large tables of std::allocator come from the system, zeroed on first touch.
  template <class Alloc>
  static Table* create(std::uint64_t groups, const Alloc& alloc);

  // Frees the table and its overflow nodes; elements are gone already.
  template <class Alloc>
  static void destroy(Table* table, const Alloc& alloc) noexcept;
  // Frees a part of them, so much as takes well below a millisecond; true when it was the last.
  template <class Alloc>
  static bool destroy_slice(Table* table, const Alloc& alloc) noexcept;

 private:
  // The first place of the chain among the lanes of 16 tags; lanes without a slot are passed over.
  template <class Lanes>
  DASHMAP_DETAIL_NOINLINE PlaceType first_in_chain(std::size_t group,
                                                   Lanes lanes_of) const noexcept {
    for (Node* node = chain_of(group); node != nullptr;
         node = node->next.load(std::memory_order_acquire)) {
      for (std::size_t first = 0; first < node->width(); first += group_width) {
        const BitMask lanes = lanes_of(node->tags() + first);
        if (lanes && first + lanes.next() < node->width()) return node->place(first + lanes.next());
      }
    }
    return {};
  }

  Extent slots_in(std::uint64_t first, std::uint64_t last) const noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(slot_array);  // only numbers round to pages
    constexpr std::uintptr_t group_bytes = group_width * sizeof(SlotType);
    return {at + number_as<std::uintptr_t>(first) * group_bytes,
            at + number_as<std::uintptr_t>(last) * group_bytes};
  }

  template <class Matches>
  DASHMAP_DETAIL_COLD static PlaceType find_in_long(Node& chain, std::uint64_t hash,
                                                    Matches matches) {
    const TagPattern tag = tag_pattern(hash);
    for (Node* node = &chain; node != nullptr; node = node->next.load(std::memory_order_acquire)) {
      for (std::size_t first_lane = 0; first_lane < node->width(); first_lane += group_width) {
        for (BitMask mask = match(node->tags() + first_lane, tag); mask; mask.clear_lowest()) {
          const PlaceType place = node->place(first_lane + mask.next());
          if (matches(*place.slot)) return place;
        }
      }
    }
    return {};
  }

  template <class Matches>
  DASHMAP_DETAIL_NOINLINE PlaceType find_overflow(FirstSlot first, std::uint64_t hash,
                                                  Matches matches) const {
    return find_chained(first.group(), hash, matches);
  }

  // Frees up to so many nodes; true when none is left.
  template <class Alloc>
  bool free_nodes(std::size_t count, const Alloc& alloc) noexcept;

  static constexpr std::size_t alignment = std::max<std::size_t>(64, alignof(SlotType));

  struct Layout {
    std::size_t vacated, slot_array, bytes;
    bool large;
  };
  static Layout layout_for(std::uint64_t groups);
  template <class Alloc>
  static bool comes_from_system(const Layout& layout) noexcept;
  // Blocks of an allocator in which so many bytes have room; behind an aligned address, for a
  // table.
  static constexpr std::size_t blocks_of(std::size_t bytes) noexcept;
  static constexpr std::size_t aligned_blocks_of(std::size_t bytes) noexcept;
  template <class Alloc>
  static unsigned char* allocate_blocks(std::size_t count, const Alloc& alloc);
  template <class Alloc>
  static void free_blocks(unsigned char* memory, std::size_t count, const Alloc& alloc) noexcept;
};

}  // namespace dashmap::detail
