// Role
//   The room of a map as its user asks for it: more, in steps that a growth could take, or no more
//   than it needs.
//
// Invariants
//   1. A reservation that finds no memory for its largest table has changed nothing: that one is
//      made first.
//   Tests: 1 unit/map_allocator_test.cpp.
//
// Readers and writers
//   As in resize.hpp.
//
// Not here
//   How elements move, and what insertions do by themselves (resize.hpp).
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <stdexcept>

#include "dashmap/detail/core/resize.hpp"

namespace dashmap::detail {

template <class Types>
class Sizer : public Resizer<Types> {
 public:
  using Base = Resizer<Types>;
  using Base::Base;
  using typename Base::TableType;

  // More have no room in any address space. 2^56 groups at most: groups_for must not overflow.
  static constexpr std::uint64_t most_elements =
      std::min<std::uint64_t>(std::uint64_t{1} << 59, std::numeric_limits<std::ptrdiff_t>::max() /
                                                          sizeof(typename Types::ElementType));

  // Room for n elements in all, without growing on the way. Throws std::length_error, or what the
  // allocator throws.
  void reserve_total(std::uint64_t n) {
    if (n > most_elements) throw std::length_error("dashmap: capacity too large");
    const std::uint64_t groups = groups_for(n);
    Spare last{*this};
    for (;;) {
      const std::uint64_t now = this->newest_groups();
      if (now >= groups) return;
      if (now == 0) {
        this->make_first_table(groups);
        continue;
      }
      if (last.table == nullptr) last.table = TableType::create(groups, this->alloc());
      resize(now, std::min(groups, now << Base::max_ratio_bits), &last);
      this->settle();
    }
  }
  // As reserve_total, but leaves the moving to the insertions that come, so it is one step of a
  // growth. A hint: nothing happens where another one is under way, or there is no memory.
  void expect_total(std::uint64_t n) noexcept {
    try {
      const std::uint64_t now = this->newest_groups();
      const std::uint64_t groups = std::min(groups_for(n), now << Base::max_ratio_bits);
      if (groups <= now || !this->resize_lock_.try_lock()) return;
      const std::lock_guard lock(this->resize_lock_, std::adopt_lock);
      this->resize_locked(now, groups);
    } catch (...) {  // no memory
    }
  }

  // Takes a map to the smallest table for its elements, while others go on; units in use stay
  // behind and follow with later writes.
  void shrink() {
    for (;;) {
      this->settle();
      std::uint64_t now;
      {
        const Pin pin(this);
        const TableType* table = this->table();
        if (Base::is_empty_table(table)) return;
        now = table->groups;
        if (table->previous.load(std::memory_order_acquire) != nullptr) return;  // held up
      }
      const std::uint64_t groups = groups_for(this->size());
      if (groups >= now) return;
      resize(now, std::max(groups, now >> Base::max_ratio_bits));
    }
  }

 private:
  using typename Base::Spare;

  // To so many groups, unless the newest table has not `expected` any more.
  void resize(std::uint64_t expected, std::uint64_t groups, Spare* spare = nullptr) {
    const std::lock_guard lock(this->resize_lock_);
    this->resize_locked(expected, groups, spare);
  }
};

}  // namespace dashmap::detail
