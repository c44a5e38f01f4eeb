// Role
//   Where the memory of tables comes from and goes to: an allocator, or the system.
//
// Invariants
//   1. A table lies on a line of its own, whatever address an allocator gave, and goes back there.
//   Tests: 1 unit/map_allocator_test.cpp.
//
// Readers and writers
//   None: a table is made before it is published, and freed when nobody looks at it any more.
//
// Not here
//   What is in it (table.hpp), when it is freed (core/state.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/table/table.hpp"

namespace dashmap::detail {

// The unit of allocation through an allocator. Its alignment is one that any has: where the GNU C
// library before 2.38 was asked for more it did not use again what it had got back.
template <class SlotType>
inline constexpr std::size_t block_bytes =
    std::max({std::size_t{__STDCPP_DEFAULT_NEW_ALIGNMENT__}, alignof(SlotType),
              alignof(OverflowNode<SlotType>)});
template <class SlotType>
struct alignas(block_bytes<SlotType>) TableBlock {
  unsigned char bytes[block_bytes<SlotType>];
};

template <class SlotType>
constexpr std::size_t Table<SlotType>::blocks_of(std::size_t bytes) noexcept {
  return (bytes + sizeof(TableBlock<SlotType>) - 1) / sizeof(TableBlock<SlotType>);
}
template <class SlotType>
constexpr std::size_t Table<SlotType>::aligned_blocks_of(std::size_t bytes) noexcept {
  return blocks_of(bytes + alignment - sizeof(TableBlock<SlotType>));
}

template <class SlotType>
template <class Alloc>
unsigned char* Table<SlotType>::allocate_blocks(std::size_t count, const Alloc& alloc) {
  using Block = TableBlock<SlotType>;
  using BlockAlloc = typename std::allocator_traits<Alloc>::template rebind_alloc<Block>;
  BlockAlloc block_alloc(alloc);
  // Cast to bytes: the arrays in it have places of their own.
  return reinterpret_cast<unsigned char*>(
      std::to_address(std::allocator_traits<BlockAlloc>::allocate(block_alloc, count)));
}
template <class SlotType>
template <class Alloc>
void Table<SlotType>::free_blocks(unsigned char* memory, std::size_t count,
                                  const Alloc& alloc) noexcept {
  using Block = TableBlock<SlotType>;
  using BlockAlloc = typename std::allocator_traits<Alloc>::template rebind_alloc<Block>;
  using BlockTraits = std::allocator_traits<BlockAlloc>;
  BlockAlloc block_alloc(alloc);
  auto* block = reinterpret_cast<Block*>(memory);  // cast: as the allocator gave it
  BlockTraits::deallocate(
      block_alloc, std::pointer_traits<typename BlockTraits::pointer>::pointer_to(*block), count);
}

template <class SlotType>
auto Table<SlotType>::layout_for(std::uint64_t groups) -> Layout {
  constexpr std::uint64_t per_group = sizeof(GroupHeader) + group_width * sizeof(SlotType);
  constexpr std::uint64_t room = std::numeric_limits<std::size_t>::max() / 2 - sizeof(Table) - 4096;
  if (groups > room / per_group) throw std::length_error("dashmap: capacity too large");
  const auto align = [](std::size_t n) { return (n + alignment - 1) / alignment * alignment; };
  const auto n = number_as<std::size_t>(groups);
  Layout layout{};
  layout.vacated = sizeof(Table) + n * sizeof(GroupHeader);
  layout.large = n * per_group >= system_bytes;
  const std::size_t slot_bytes = n * group_width * sizeof(SlotType);
  const std::size_t counts = layout.large ? vacated_counts(slot_bytes) : 0;
  layout.slot_array = align(layout.vacated + counts * sizeof(VacatedCount));
  layout.bytes = align(layout.slot_array + slot_bytes);
  return layout;
}

template <class SlotType>
template <class Alloc>
bool Table<SlotType>::comes_from_system(const Layout& layout) noexcept {
  return has_system_memory && layout.large && alignof(SlotType) <= smallest_page &&
         std::is_same_v<Alloc, std::allocator<typename Alloc::value_type>>;
}

template <class SlotType>
template <class Alloc>
void Table<SlotType>::prepare(std::uint64_t groups) {
  if (!comes_from_system<Alloc>(layout_for(groups))) return;
  std::allocator<std::max_align_t> pieces;
  constexpr std::size_t count = 4096 / sizeof(std::max_align_t);
  auto* piece = pieces.allocate(count);
  settle_value(piece);  // else the compiler leaves both out
  pieces.deallocate(piece, count);
}

template <class SlotType>
template <class Alloc>
Table<SlotType>* Table<SlotType>::create(std::uint64_t groups, const Alloc& alloc) {
  const Layout layout = layout_for(groups);
  const bool from_system = comes_from_system<Alloc>(layout);
  unsigned char* base = nullptr;
  unsigned char offset = 0;
  if (from_system) {
    base = static_cast<unsigned char*>(map_memory(layout.bytes));
  } else {
    base = allocate_blocks(aligned_blocks_of(layout.bytes), alloc);
    // As a number: what is asked is how far it is from the next multiple.
    const auto address = reinterpret_cast<std::uintptr_t>(base);
    offset = static_cast<unsigned char>(-address % alignment);
    base += offset;
    std::memset(base + sizeof(Table), 0, layout.slot_array - sizeof(Table));
  }
  // Places of arrays in it, which begin to live as zeros, or when they are written.
  auto* const slot_array = reinterpret_cast<SlotType*>(base + layout.slot_array);
  Table* const table = ::new (base) Table(slot_array, groups);
  table->bytes = layout.bytes;
  table->from_system = from_system;
  table->offset = offset;
  if (from_system) {
    // A place as above: the system's zeros are counters of 0.
    table->vacated = reinterpret_cast<VacatedCount*>(base + layout.vacated);
    begin_vacating(table->vacated, table->slots_in(0, groups));
  }
  return table;
}

template <class SlotType>
template <class Alloc>
auto Table<SlotType>::add_overflow(std::size_t group, const Alloc& alloc) -> Node& {
  // Relaxed: who adds nodes has the group to itself, and what others added came with its lock.
  Node* const head = header_of(group).chain.load(std::memory_order_relaxed);
  const std::size_t chained = chain_width(group);
  const std::size_t width = chained < group_width
                                ? overflow_width
                                : std::min(std::bit_floor(chained), max_overflow_width);
  unsigned char* memory = allocate_blocks(blocks_of(Node::bytes_for(width)), alloc);
  Node* const node = ::new (static_cast<void*>(memory)) Node(width);
  node->next.store(head, std::memory_order_relaxed);     // relaxed: the last store publishes it
  Node* newest = nodes.load(std::memory_order_relaxed);  // relaxed: only its address is used
  do {
    node->set_next_of_table(newest);
  } while (!nodes.compare_exchange_weak(newest, node, std::memory_order_release,
                                        std::memory_order_relaxed));  // relaxed: as its load
  header_of(group).chain.store(node, std::memory_order_release);  // sync(table.overflow)
  return *node;
}

template <class SlotType>
template <class Alloc>
bool Table<SlotType>::free_nodes(std::size_t count, const Alloc& alloc) noexcept {
  Node* node = nodes.load(std::memory_order_acquire);
  for (; node != nullptr && count != 0; --count) {
    Node* const freed = std::exchange(node, node->next_of_table());
    const std::size_t blocks = blocks_of(Node::bytes_for(freed->width()));
    // Cast to bytes: as it was allocated.
    free_blocks(reinterpret_cast<unsigned char*>(freed), blocks, alloc);
  }
  nodes.store(node, std::memory_order_relaxed);  // relaxed: one thread frees, nobody else looks
  return node == nullptr;
}

template <class SlotType>
template <class Alloc>
bool Table<SlotType>::destroy_slice(Table* table, const Alloc& alloc) noexcept {
  constexpr std::size_t nodes_a_slice = 1024;
  if (!table->free_nodes(nodes_a_slice, alloc)) return false;
  // From the end, where a huge page begins: the header goes last. As a number, to be rounded.
  const auto base = reinterpret_cast<std::uintptr_t>(table);
  const std::uintptr_t cut = huge_page_of(base + table->bytes - 1);
  if (table->from_system && cut > base) {
    unmap_memory(cut, base + table->bytes);
    table->bytes = cut - base;
    return false;
  }
  destroy(table, alloc);
  return true;
}

template <class SlotType>
template <class Alloc>
void Table<SlotType>::destroy(Table* table, const Alloc& alloc) noexcept {
  table->free_nodes(std::numeric_limits<std::size_t>::max(), alloc);
  const std::size_t bytes = table->bytes;
  if (table->from_system) {
    const auto base = reinterpret_cast<std::uintptr_t>(table);  // a number, as unmap_memory takes
    unmap_memory(base, base + bytes);
    return;
  }
  // Cast to bytes: it began so many of them before the table.
  free_blocks(reinterpret_cast<unsigned char*>(table) - table->offset, aligned_blocks_of(bytes),
              alloc);
}

}  // namespace dashmap::detail
