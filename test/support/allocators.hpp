// An allocator with state: it counts, checks what comes back, and fails on command.
#pragma once

#include "throwing.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <limits>
#include <map>
#include <memory>
#include <memory_resource>
#include <mutex>
#include <new>
#include <type_traits>

namespace dashmap_test {

/// What allocators that share this ledger handed out.
class Ledger {
 public:
  Ledger() = default;
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
  ~Ledger() {
    EXPECT_EQ(blocks(), 0U) << "memory not given back";
    EXPECT_EQ(mistakes(), 0U) << "memory given back wrongly";
  }

  [[nodiscard]] std::size_t blocks() const {
    const std::lock_guard lock(mutex_);
    return open_.size();
  }
  [[nodiscard]] std::size_t bytes() const {
    const std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [place, size] : open_) sum += size;
    return sum;
  }
  [[nodiscard]] std::size_t allocations() const {
    const std::lock_guard lock(mutex_);
    return allocations_;
  }
  [[nodiscard]] std::size_t strictest_alignment() const {
    const std::lock_guard lock(mutex_);
    return strictest_alignment_;
  }
  [[nodiscard]] std::size_t mistakes() const {
    const std::lock_guard lock(mutex_);
    return mistakes_;
  }

  /// No block may be larger.
  void set_largest(std::size_t bytes) { largest_ = bytes; }

  void* allocate(std::size_t bytes, std::size_t alignment) {
    if (throwing::due() || bytes > largest_) throw InjectedBadAlloc();
    void* const place = ::operator new(bytes, std::align_val_t(alignment));
    const std::lock_guard lock(mutex_);
    open_.emplace(place, bytes);
    ++allocations_;
    strictest_alignment_ = std::max(strictest_alignment_, alignment);
    return place;
  }
  void deallocate(void* place, std::size_t bytes, std::size_t alignment) noexcept {
    {
      const std::lock_guard lock(mutex_);
      const auto found = open_.find(place);
      if (found == open_.end() || found->second != bytes) {
        ++mistakes_;
        return;
      }
      open_.erase(found);
    }
    ::operator delete(place, std::align_val_t(alignment));
  }

 private:
  mutable std::mutex mutex_;
  std::map<void*, std::size_t> open_;
  std::size_t allocations_ = 0;
  std::size_t mistakes_ = 0;
  std::size_t strictest_alignment_ = 0;
  std::size_t largest_ = std::numeric_limits<std::size_t>::max();
};

/// Not default-constructible; unequal when the ledgers differ. `Propagate` answers all three
/// propagate_on_container_* questions, but for moves where `OnMove` does.
template <class T, bool Propagate = false, bool OnMove = Propagate>
class LedgerAllocator {
 public:
  using value_type = T;
  using propagate_on_container_copy_assignment = std::bool_constant<Propagate>;
  using propagate_on_container_move_assignment = std::bool_constant<OnMove>;
  using propagate_on_container_swap = std::bool_constant<Propagate>;
  using is_always_equal = std::false_type;
  template <class U>
  struct rebind {
    using other = LedgerAllocator<U, Propagate, OnMove>;
  };

  explicit LedgerAllocator(Ledger& ledger) noexcept : ledger_(&ledger) {}
  template <class U>
  LedgerAllocator(
      const LedgerAllocator<U, Propagate, OnMove>& other) noexcept  // NOLINT: converting
      : ledger_(other.ledger()) {}

  [[nodiscard]] T* allocate(std::size_t n) {
    return static_cast<T*>(ledger_->allocate(n * sizeof(T), alignof(T)));
  }
  void deallocate(T* place, std::size_t n) noexcept {
    ledger_->deallocate(place, n * sizeof(T), alignof(T));
  }
  [[nodiscard]] Ledger* ledger() const noexcept { return ledger_; }

  template <class U>
  friend bool operator==(const LedgerAllocator& a,
                         const LedgerAllocator<U, Propagate, OnMove>& b) noexcept {
    return a.ledger() == b.ledger();
  }

 private:
  Ledger* ledger_;
};

/// The same ledger as a polymorphic memory resource.
class LedgerResource : public std::pmr::memory_resource {
 public:
  explicit LedgerResource(Ledger& ledger) noexcept : ledger_(&ledger) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override {
    return ledger_->allocate(bytes, alignment);
  }
  void do_deallocate(void* place, std::size_t bytes, std::size_t alignment) override {
    ledger_->deallocate(place, bytes, alignment);
  }
  [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
    return this == &other;
  }

  Ledger* ledger_;
};

}  // namespace dashmap_test
