// Role
//   A place for an object that is made later, or not at all.
//
// Invariants
//   1. What was made ends with its place, in the order of the scopes: after the locks that were
//      declared later.
//   Tests: 1 unit/displaced_value_test.cpp.
//
// Readers and writers
//   None: each belongs to one call.
//
// Not here
//   What operations make in it (core/operations.hpp).
#pragma once

#include <memory>
#include <new>
#include <utility>

#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail {

// A T that is made once, if at all. A std::optional is cleared first, all of it, by GCC.
template <class T>
class Later {
 public:
  Later() noexcept {}
  Later(const Later&) = delete;
  Later& operator=(const Later&) = delete;
  // GCC does not always see that nothing was made where a closure threw.
  DASHMAP_DETAIL_NO_UNINITIALIZED_WARNINGS
  DASHMAP_DETAIL_INLINE ~Later() {
    if (made_) value_.~T();
  }
  DASHMAP_DETAIL_WARNINGS_AGAIN
  template <class... Args>
  DASHMAP_DETAIL_INLINE void emplace(Args&&... args) {
    ::new (static_cast<void*>(std::addressof(value_))) T(std::forward<Args>(args)...);
    made_ = true;
  }
  T* operator->() noexcept { return std::addressof(value_); }

 private:
  union {
    T value_;
  };
  bool made_ = false;
};

}  // namespace dashmap::detail
