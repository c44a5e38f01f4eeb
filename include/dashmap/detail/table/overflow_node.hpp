// Role
//   A node of the chain in which a full group keeps more elements, and how a place for one is named
//   wherever it is.
//
// Invariants
//   1. A node's width never changes; behind it are as many tags, 16 at least, and slots. Tags that
//      have no slot stay 0.
//   2. A chain begins with its newest node, which is as wide as any.
//   Tests: 1, 2 unit/chain_test.cpp.
//
// Readers and writers
//   As for the group: table.hpp. `next` is stored before the node is published.
//
// Not here
//   When a chain gets another node (table.hpp), the memory for it (table_memory.hpp).
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/simd/group.hpp"

namespace dashmap::detail {

// Slots of an overflow node: few, until a chain is long because its group was in use for long. Then
// as many as the chain has, so that it is searched 16 tags at a time.
inline constexpr std::size_t overflow_width = 4;
inline constexpr std::size_t max_overflow_width = 1024;

// Where an element is, or may be put.
template <class SlotType>
struct Place {
  SlotType* slot = nullptr;
  std::uint8_t* tag = nullptr;

  explicit operator bool() const noexcept { return slot != nullptr; }

  // Lets the compiler know that there is one.
  DASHMAP_DETAIL_INLINE static Place of(SlotType* slot, std::uint8_t* tag) noexcept {
    if (slot == nullptr) __builtin_unreachable();
    return {slot, tag};
  }
};

// Followed by its tags, of which there are 16 at least, and its slots.
template <class SlotType>
class alignas(16) OverflowNode {
 public:
  explicit OverflowNode(std::size_t width) noexcept
      : link_(static_cast<std::uintptr_t>(std::countr_zero(width / overflow_width))) {
    std::memset(tags(), 0, tag_bytes(width));
  }

  std::atomic<OverflowNode*> next{nullptr};

  std::size_t width() const noexcept { return overflow_width << (link_ & width_bits); }
  bool is_wide() const noexcept { return (link_ & width_bits) != 0; }
  std::uint8_t* tags() noexcept {
    return reinterpret_cast<std::uint8_t*>(this + 1);  // cast: they follow the node
  }
  Place<SlotType> place(std::size_t lane) noexcept {
    return {slots_for(width()) + lane, tags() + lane};
  }
  // In a node that is not wide.
  Place<SlotType> narrow_place(std::size_t lane) noexcept {
    return {slots_for(overflow_width) + lane, tags() + lane};
  }
  SlotType* slot_array() noexcept { return slots_for(width()); }
  // The table's list of all nodes.
  OverflowNode* next_of_table() const noexcept {
    return reinterpret_cast<OverflowNode*>(link_ & ~width_bits);  // cast: link_ is a number
  }
  void set_next_of_table(const OverflowNode* node) noexcept {
    // As a number: an address is a multiple of 16, so the width has the bits below.
    link_ = reinterpret_cast<std::uintptr_t>(node) | (link_ & width_bits);
  }

  // How much memory a node of so many slots takes.
  static constexpr std::size_t bytes_for(std::size_t width) noexcept {
    return slots_at(width) + width * sizeof(SlotType);
  }

 private:
  static constexpr std::uintptr_t width_bits = 15;
  static constexpr std::size_t tag_bytes(std::size_t width) noexcept {
    return std::max(width, group_width);
  }
  static constexpr std::size_t slots_at(std::size_t width) noexcept {
    const std::size_t end = sizeof(OverflowNode) + tag_bytes(width);
    return (end + alignof(SlotType) - 1) / alignof(SlotType) * alignof(SlotType);
  }
  SlotType* slots_for(std::size_t width) noexcept {
    auto* bytes = reinterpret_cast<unsigned char*>(this);         // cast: a distance in bytes
    return reinterpret_cast<SlotType*>(bytes + slots_at(width));  // cast: they follow the tags
  }

  std::uintptr_t link_;  // the table's next node, and the logarithm of the width in the low bits
};

inline void set_tag(std::uint8_t* tag, std::uint8_t value) noexcept {
  __atomic_store_n(tag, value, __ATOMIC_RELAXED);
}

}  // namespace dashmap::detail
