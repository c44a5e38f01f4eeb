// The guards: objects that keep an element of a map locked while they live.
//
// A guard is a lock and two pointers. It is move-only, tests false when there was no such key, and
// may be moved to, and released by, another thread: it counts for the thread that used it last.
// While a thread holds guards it may do anything with other keys; what conflicts with its own
// guards throws DeadlockError at once.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/sync/lock_handle.hpp"
#include "dashmap/detail/table/element.hpp"

namespace dashmap::detail {

// What `*guard` gives: the value, or a set's key.
template <class K, class V>
using GuardTarget = std::conditional_t<std::is_same_v<V, Unit>, const K, V>;

// What is shown of an element's value: a set shows its key again.
template <class Element>
DASHMAP_DETAIL_INLINE decltype(auto) shown_value(Element& element) noexcept {
  if constexpr (std::is_same_v<std::remove_cv_t<decltype(element.value)>, Unit>) {
    return std::as_const(element.key);
  } else {
    return (element.value);
  }
}

// What all guards of one element have in common. `T` is the part of the value that `*guard` gives,
// const for shared guards.
template <class K, class T, bool Exclusive>
class GuardBase {
 public:
  using HandleType = Handle<Exclusive>;

  GuardBase() noexcept = default;
  DASHMAP_DETAIL_INLINE GuardBase(HandleType&& handle, const K& key, T& value) noexcept
      : handle_(std::move(handle), stays_here),
        key_(std::addressof(key)),
        value_(std::addressof(value)) {}
  // The guard of a whole element; null with an empty handle.
  template <class Element>
  DASHMAP_DETAIL_INLINE GuardBase(HandleType&& handle, Element* element) noexcept
      : handle_(std::move(handle), stays_here) {
    if (element == nullptr) {
      if (handle_) __builtin_unreachable();
      return;
    }
    key_ = std::addressof(element->key);
    value_ = std::addressof(shown_value(*element));
  }

  /// Whether there is an element: false after a look-up of an absent key and after a move.
  explicit operator bool() const noexcept {
    handle_.use();
    return static_cast<bool>(handle_);
  }

  /// The key. The guard must hold an element.
  const K& key() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*key_); }
  /// The value. The guard must hold an element.
  const T& value() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*value_); }
  const T& operator*() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(*value_); }
  const T* operator->() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return used(value_); }
  /// Both, as references that live no longer than the guard.
  std::pair<const K&, const T&> pair() const noexcept DASHMAP_DETAIL_LIFETIMEBOUND {
    return {used(*key_), *value_};
  }

 protected:
  // The guard of a part of the value: f gives a reference to it.
  template <template <class, class> class Mapped, class F>
  auto project(F&& f) {
    auto& part = std::invoke(std::forward<F>(f), used(*value_));
    handle_.take_over();
    return Mapped<K, Part<decltype(part)>>(std::move(handle_), *key_, part);
  }
  // The same where f gives a pointer; null leaves this guard as it is.
  template <template <class, class> class Mapped, class F>
  auto try_project(F&& f) {
    auto* part = std::invoke(std::forward<F>(f), used(*value_));
    std::optional<Mapped<K, Part<decltype(*part)>>> result;
    if (part == nullptr) return result;
    handle_.take_over();
    result.emplace(std::move(handle_), *key_, *part);
    return result;
  }

  // Guards are named by the type without the const that shared ones put before it.
  template <class Reference>
  using Part = std::conditional_t<Exclusive, std::remove_reference_t<Reference>,
                                  std::remove_cvref_t<Reference>>;

  // Passes on what the guard is about to show.
  template <class Shown>
  DASHMAP_DETAIL_INLINE Shown& used(Shown& shown) const noexcept {
    handle_.use();
    return shown;
  }

  HandleType handle_;
  const K* key_ = nullptr;
  T* value_ = nullptr;
};

// The mutable side of a guard.
template <class K, class T>
class MutableGuardBase : public GuardBase<K, T, true> {
  using Base = GuardBase<K, T, true>;

 public:
  using Base::Base;
  using Base::operator*;
  using Base::operator->;

  T& operator*() noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return this->used(*this->value_); }
  T* operator->() noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return this->used(this->value_); }
  /// The value, to be changed.
  T& value_mut() noexcept DASHMAP_DETAIL_LIFETIMEBOUND { return this->used(*this->value_); }
  /// Both, the value to be changed.
  std::pair<const K&, T&> pair_mut() noexcept DASHMAP_DETAIL_LIFETIMEBOUND {
    return {this->used(*this->key_), *this->value_};
  }
};

}  // namespace dashmap::detail

namespace dashmap {

/// Shared access to a part of a value, made by Ref::map.
/// \locks group shared, while it lives
template <class K, class T>
class MappedRef : public detail::GuardBase<K, const T, false> {
 public:
  using detail::GuardBase<K, const T, false>::GuardBase;

  /// Projects further: `f(const T&)` gives a reference to a part. The lock goes along.
  template <class F>
  auto map(F&& f) && {
    return this->template project<MappedRef>(std::forward<F>(f));
  }
  /// As map, for an `f` that gives a pointer; when that is null, nothing is returned and the guard
  /// keeps its element.
  template <class F>
  auto try_map(F&& f) && {
    return this->template try_project<MappedRef>(std::forward<F>(f));
  }
};

/// Exclusive access to a part of a value, made by RefMut::map.
/// \locks group exclusive, while it lives
template <class K, class T>
class MappedRefMut : public detail::MutableGuardBase<K, T> {
 public:
  using detail::MutableGuardBase<K, T>::MutableGuardBase;

  /// Projects further: `f(T&)` gives a reference to a part. The lock goes along.
  template <class F>
  auto map(F&& f) && {
    return this->template project<MappedRefMut>(std::forward<F>(f));
  }
  /// As map, for an `f` that gives a pointer, null meaning that there is no such part.
  template <class F>
  auto try_map(F&& f) && {
    return this->template try_project<MappedRefMut>(std::forward<F>(f));
  }
};

/// Shared access to one element. Other readers of the key go on, writers of it wait.
/// `*map.get(key)` within one expression is fine: the temporary guard lives to its end.
/// \locks group shared, while it lives
template <class K, class V>
class Ref : public detail::GuardBase<K, const detail::GuardTarget<K, V>, false> {
 public:
  using detail::GuardBase<K, const detail::GuardTarget<K, V>, false>::GuardBase;

  /// Projects to a part of the value and keeps the lock: `f(const V&)` gives a reference.
  template <class F>
  auto map(F&& f) && {
    return this->template project<MappedRef>(std::forward<F>(f));
  }
  /// As map, for an `f` that gives a pointer, null meaning that there is no such part: then nothing
  /// is returned and this guard keeps its element.
  template <class F>
  auto try_map(F&& f) && {
    return this->template try_project<MappedRef>(std::forward<F>(f));
  }
};

/// Exclusive access to one element.
/// \locks group exclusive, while it lives
template <class K, class V>
class RefMut : public detail::MutableGuardBase<K, V> {
 public:
  using detail::MutableGuardBase<K, V>::MutableGuardBase;

  /// Makes it a shared guard without a moment in which a writer could get in.
  Ref<K, V> downgrade() && {
    return Ref<K, V>(std::move(this->handle_).downgrade(), *this->key_, *this->value_);
  }
  /// Projects to a part of the value and keeps the lock: `f(V&)` gives a reference.
  template <class F>
  auto map(F&& f) && {
    return this->template project<MappedRefMut>(std::forward<F>(f));
  }
  /// As map, for an `f` that gives a pointer, null meaning that there is no such part: then nothing
  /// is returned and this guard keeps its element.
  template <class F>
  auto try_map(F&& f) && {
    return this->template try_project<MappedRefMut>(std::forward<F>(f));
  }
};

}  // namespace dashmap
