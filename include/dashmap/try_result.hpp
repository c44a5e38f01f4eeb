#pragma once

#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "dashmap/detail/base/config.hpp"

namespace dashmap {

namespace detail {

[[noreturn]] DASHMAP_DETAIL_COLD inline void throw_not_present(bool locked) {
  throw std::logic_error(locked ? "dashmap::TryResult::unwrap: the entry is locked"
                                : "dashmap::TryResult::unwrap: the key is absent");
}

}  // namespace detail

/// The answer of an operation that does not wait: a guard, or the reason why there is none.
///
/// `R` is the guard. Its lock is held until the result, or the guard moved out of it, is destroyed.
///
/// \code
/// if (auto result = map.try_get("apple"); result.is_locked()) {
///   // somebody writes there; try again later
/// } else if (result) {
///   auto guard = std::move(result).unwrap();
/// }
/// \endcode
template <class R>
class [[nodiscard]] TryResult {
  static_assert(std::is_nothrow_move_constructible_v<R>);

 public:
  /// The key is there, and `guard` holds it.
  static TryResult present(R guard) noexcept { return TryResult(std::move(guard)); }

  /// The key is not in the map.
  static TryResult absent() noexcept { return TryResult(false); }

  /// The lock that the key needs is taken; whether the key is there is not known.
  static TryResult locked() noexcept { return TryResult(true); }

  TryResult(TryResult&& other) noexcept : guard_(other.try_unwrap()), locked_(other.locked_) {}

  /// Releases the guard held so far.
  TryResult& operator=(TryResult&& other) noexcept {
    if (this != &other) {
      guard_.reset();
      locked_ = other.locked_;
      if (other.is_present()) {
        guard_.emplace(*other.try_unwrap());
      }
    }
    return *this;
  }

  ~TryResult() = default;

  [[nodiscard]] bool is_present() const noexcept { return guard_.has_value(); }
  [[nodiscard]] bool is_absent() const noexcept { return !is_present() && !locked_; }
  [[nodiscard]] bool is_locked() const noexcept { return locked_; }

  /// Whether there is a guard.
  [[nodiscard]] explicit operator bool() const noexcept { return is_present(); }

  /// Moves the guard out, which leaves this result absent.
  /// \throws std::logic_error when the result is absent or locked.
  [[nodiscard]] R unwrap() & {
    if (!is_present()) {
      detail::throw_not_present(locked_);
    }
    return *try_unwrap();
  }

  /// \copydoc unwrap
  [[nodiscard]] R unwrap() && { return unwrap(); }

  /// Moves the guard out, which leaves this result absent; nothing when it is absent or locked.
  [[nodiscard]] std::optional<R> try_unwrap() noexcept {
    return std::exchange(guard_, std::nullopt);
  }

 private:
  explicit TryResult(R&& guard) noexcept : guard_(std::move(guard)) {}
  explicit TryResult(bool locked) noexcept : locked_(locked) {}

  std::optional<R> guard_;
  bool locked_ = false;  // never with a guard
};

}  // namespace dashmap
