// Role
//   A reference to something that can be called, for functions that are compiled once whoever calls
//   them: those off the fast paths.
//
// Invariants
//   1. It lives no longer than what it refers to: it is a parameter, never kept.
//
// Readers and writers
//   None: each belongs to one call.
//
// Not here
//   Callables that are kept (std::function).
#pragma once

#include <memory>
#include <type_traits>

#include "dashmap/detail/base/config.hpp"

namespace dashmap::detail {

template <class... Args>
class FunctionRef {
 public:
  template <class F>
    requires(!std::is_same_v<F, FunctionRef>)
  FunctionRef(const F& f) noexcept  // implicit: it is a parameter
      : function_(std::addressof(f)), call_([](const void* function, Args... args) {
          (*static_cast<const F*>(function))(args...);
        }) {}

  void operator()(Args... args) const { call_(function_, args...); }

 private:
  const void* function_;
  void (*call_)(const void*, Args...);
};

}  // namespace dashmap::detail
