// Role
//   Memory of large tables, which the system gives and takes back: whole, from the end, or, once a
//   part of an array is of no further use, in between.
//
// Invariants
//   1. Memory from the system is zero until it is written to, and again once it was discarded.
//   2. An array's bytes are counted out once each, after their last use under a lock. Who counts
//      the last of a huge page's out discards them, before it counts its own unit as done
//      (core/resize.hpp, 7): so the memory is still the table's.
//   3. Discarding may fail, or leave what is less than a page of the system: nobody relies on it.
//   Tests: 2 concurrent/growth_test.cpp; 3 concurrent/reclamation_test.cpp.
//
// Readers and writers
//   sync(system.vacate): each count is acq_rel, so all uses of a huge page come before it goes.
//   Optimistic readers may read what was discarded; they find zeros, and then the word changed.
//
// Not here
//   What is counted out and when (table.hpp, core/resize.hpp).
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "dashmap/detail/base/config.hpp"

#if DASHMAP_DETAIL_MMAP
#include <sys/mman.h>
#endif

namespace dashmap::detail {

// Tables from this size on come from the system where that is allowed. Smaller ones are quickly
// cleared, and an allocator has memory for them that was used before.
inline constexpr std::size_t system_bytes = std::size_t{4} << 20;
// From this size on a table that is filled by and by gets its pages at once, and a large one so
// much at a time. For smaller ones an allocator has pages at hand.
inline constexpr std::size_t populated_bytes = std::size_t{128} << 10;
inline constexpr std::size_t chunked_bytes = std::size_t{1} << 20;
inline constexpr std::size_t chunk_bytes = std::size_t{64} << 10;
// How much further a table has pages for its headers than for its slots, in groups.
inline constexpr std::size_t headers_ahead = 16;
inline constexpr std::size_t smallest_page = 4096;
inline constexpr std::uintptr_t huge_page = std::uintptr_t{2} << 20;

constexpr std::uintptr_t huge_page_of(std::uintptr_t address) noexcept {
  return address & ~(huge_page - 1);
}

#if DASHMAP_DETAIL_MMAP

inline constexpr bool has_system_memory = true;

inline void* map_memory(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}
// From now on in huge pages, if the system can: what is touched first, in one long step; what was
// touched before, some time in the background. A hint: it may do nothing.
inline void prefer_huge_pages(void* memory, std::size_t bytes) noexcept {
  ::madvise(memory, bytes, MADV_HUGEPAGE);
}
// Addresses are numbers here, as they are rounded and counted; the system takes pointers.
inline void unmap_memory(std::uintptr_t begin, std::uintptr_t end) noexcept {
  ::munmap(reinterpret_cast<void*>(begin), end - begin);
}
// The system takes the whole of the page that `end` is in: the table's last, or none.
inline void discard_memory(std::uintptr_t begin, std::uintptr_t end) noexcept {
  begin = (begin + smallest_page - 1) & ~(smallest_page - 1);
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}
// Gets the pages of memory that will soon be written to all over, which takes half of the time of
// getting them one by one. A hint, too.
inline void populate_memory([[maybe_unused]] std::uintptr_t begin,
                            [[maybe_unused]] std::uintptr_t end) noexcept {
#if defined(MADV_POPULATE_WRITE)
  begin &= ~(smallest_page - 1);  // with what the page has of the part before
  end &= ~(smallest_page - 1);
  // Cast as above: the system takes a pointer.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_POPULATE_WRITE);
#endif
}

#else

inline constexpr bool has_system_memory = false;

inline void* map_memory(std::size_t /*bytes*/) { throw std::bad_alloc(); }
inline void unmap_memory(std::uintptr_t /*begin*/, std::uintptr_t /*end*/) noexcept {}
inline void discard_memory(std::uintptr_t /*begin*/, std::uintptr_t /*end*/) noexcept {}
inline void prefer_huge_pages(void* /*memory*/, std::size_t /*bytes*/) noexcept {}
inline void populate_memory(std::uintptr_t /*begin*/, std::uintptr_t /*end*/) noexcept {}

#endif

struct Extent {
  std::uintptr_t begin;
  std::uintptr_t end;
};

// How many bytes of a huge page were counted out, for each that an array has a share of.
using VacatedCount = std::atomic<std::uint32_t>;
constexpr std::size_t vacated_counts(std::size_t bytes) noexcept { return bytes / huge_page + 2; }

// Counts out what the first and the last huge page have beyond the array. Relaxed: nobody else
// counts before the table is published.
inline void begin_vacating(VacatedCount* counts, const Extent& array) noexcept {
  const std::uintptr_t last = huge_page_of(array.end - 1);
  const auto add = [&](std::uintptr_t page, std::uintptr_t bytes) {
    counts[page / huge_page - array.begin / huge_page].fetch_add(static_cast<std::uint32_t>(bytes),
                                                                 std::memory_order_relaxed);
  };
  add(array.begin, array.begin % huge_page);
  add(last, last + huge_page - array.end);
}

// Gives the array's share of a huge page back. Not beyond its end but for padding of its table.
DASHMAP_DETAIL_COLD inline void discard_share(const Extent& array, std::uintptr_t page) noexcept {
  discard_memory(std::max(page, array.begin), std::min(page + huge_page, array.end));
}

// Counts a part of the array out, and discards what is complete.
DASHMAP_DETAIL_INLINE void vacate(VacatedCount* counts, const Extent& array, Extent part) noexcept {
  for (;;) {
    const std::uintptr_t page = huge_page_of(part.begin);
    const std::uintptr_t end = std::min(part.end, page + huge_page);
    const auto bytes = static_cast<std::uint32_t>(end - part.begin);
    VacatedCount& count = counts[page / huge_page - array.begin / huge_page];
    if (count.fetch_add(bytes, std::memory_order_acq_rel) + bytes == huge_page) [[unlikely]]
      discard_share(array, page);  // sync(system.vacate)
    if (end == part.end) [[likely]]
      return;
    part.begin = end;
  }
}

}  // namespace dashmap::detail
