// DashSet, the concurrent hash set: a DashMap without values.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

#include "dashmap/container.hpp"
#include "dashmap/detail/core/batch.hpp"
#include "dashmap/fwd.hpp"
#include "dashmap/hash.hpp"

namespace dashmap {

/// A hash set that any number of threads may use at once. All that is said of DashMap holds for it;
/// `*guard` and `*item` are the key.
template <class K, class Hash, class KeyEqual, class Allocator>
class DashSet
    : public detail::Container<DashSet<K, Hash, KeyEqual, Allocator>,
                               detail::MapTypes<K, detail::Unit, Hash, KeyEqual, Allocator>> {
 public:
  using Types = detail::MapTypes<K, detail::Unit, Hash, KeyEqual, Allocator>;
  using Base = detail::Container<DashSet, Types>;
  using Engine = typename Base::Engine;
  using value_type = K;

  using Base::Base;
  DashSet() = default;
  DashSet(DashSet&&) = default;
  DashSet(DashSet&& other, const Allocator& alloc) : Base(std::move(other), alloc) {}
  DashSet& operator=(DashSet&&) = default;
  /// A deep copy, see clone(). Move-only keys cannot be copied.
  DashSet(const DashSet& other)
    requires std::copy_constructible<K>
      : Base(other, std::allocator_traits<Allocator>::select_on_container_copy_construction(
                        other.get_allocator())) {}
  DashSet(const DashSet& other, const Allocator& alloc)
    requires std::copy_constructible<K>
      : Base(other, alloc) {}
  DashSet& operator=(const DashSet& other)
    requires std::copy_constructible<K>
  {
    this->assign(other);
    return *this;
  }
  /// With the elements of a range.
  template <std::input_iterator It, std::sentinel_for<It> End>
  DashSet(It first, End last, const Allocator& alloc = Allocator()) : Base(alloc) {
    extend(std::ranges::subrange(std::move(first), std::move(last)));
  }
  DashSet(std::initializer_list<K> elements, const Allocator& alloc = Allocator())
      : DashSet(elements.begin(), elements.end(), alloc) {}
  template <std::ranges::input_range Range>
    requires(!std::same_as<std::remove_cvref_t<Range>, DashSet>)
  explicit DashSet(Range&& range, const Allocator& alloc = Allocator()) : Base(alloc) {
    extend(std::forward<Range>(range));
  }

  /// Inserts the key; true when it was new. A key that is there stays as it is.
  /// \locks group exclusive
  template <detail::NewKey<Types> Q = K>
  bool insert(Q&& key) {
    return this->engine_.insert_or_assign(detail::as_query<Types>(std::forward<Q>(key)),
                                          detail::Unit{});
  }
  /// Removes the key; gives the stored one. \locks group exclusive
  template <detail::Query<Types> Q = K>
  std::optional<K> remove(const Q& key) {
    static constexpr detail::Request request{detail::Operation::remove};
    return this->engine_.template remove<K>(detail::as_query<Types>(key),
                                            typename Engine::Unconditional{}, take_key, request);
  }
  /// Removes the key if `p(const K&)`. \locks group exclusive
  template <detail::Query<Types> Q = K, std::predicate<const K&> P>
  std::optional<K> remove_if(const Q& key, P&& p) {
    static constexpr detail::Request request{detail::Operation::remove_if};
    return this->engine_.template remove<K>(
        detail::as_query<Types>(key),
        [&](const K& k, detail::Unit&) -> bool { return std::invoke(p, k); }, take_key, request);
  }
  /// Calls `f(const K&)` with the stored key; see DashMap::view.
  template <detail::Query<Types> Q = K, std::invocable<const K&> F>
  auto view(const Q& key, F&& f) const {
    return this->engine_.view(detail::as_query<Types>(key), [&](const K& k, const detail::Unit&) {
      return std::invoke(std::forward<F>(f), k);
    });
  }

  /// Inserts the elements of a range; gives the number of new ones. See DashMap::insert_many.
  template <std::ranges::input_range Range>
  std::size_t insert_many(Range&& range) {
    return detail::insert_many(
        this->engine_, std::forward<Range>(range), [](auto&& key, auto&& f) -> decltype(auto) {
          if constexpr (
              std::is_same_v<std::remove_cvref_t<decltype(key)>, RefMulti<K, detail::Unit>>) {
            return f(key.key(), detail::Unit{});
          } else {
            return f(std::forward<decltype(key)>(key), detail::Unit{});
          }
        });
  }
  std::size_t insert_many(std::initializer_list<K> keys) {
    return insert_many<std::initializer_list<K>&>(keys);
  }
  template <std::ranges::input_range Range>
  void extend(Range&& range) {
    insert_many(std::forward<Range>(range));
  }
  void extend(std::initializer_list<K> keys) { insert_many(keys); }

  /// Keeps the keys for which `p(const K&)` is true. \locks each group in turn, exclusive
  /// \throws DeadlockError, before anything changes, if this thread holds an element
  template <std::predicate<const K&> P>
  void retain(P&& p) {
    this->engine_.template check_range<true>(0, Engine::last_hash, detail::Operation::retain);
    this->engine_.retain(0, Engine::last_hash, on_key(p), detail::Operation::retain);
  }
  /// Removes the keys for which `p(const K&)` is true and gives them, in no order.
  template <std::predicate<const K&> P>
  std::vector<K> extract_if(P&& p) {
    return keys_of(this->engine_.extract(on_key(p), detail::Operation::extract_if));
  }
  /// Removes all keys and gives them, in no order. \locks each group in turn, exclusive
  std::vector<K> drain() { return keys_of(this->engine_.extract_all(detail::Operation::drain)); }
  /// A copy of all keys as they are at one point in time. \locks all groups shared
  std::vector<K> snapshot() const
    requires std::copy_constructible<K>
  {
    return keys_of(this->engine_.snapshot());
  }
  /// The whole set, locked for this thread. \locks all groups exclusive, while the view lives
  [[nodiscard]] RangeGuard<Engine, true> lock_all(DASHMAP_DETAIL_CALLER_ONLY) {
    DASHMAP_DETAIL_NOTE_CALLER();
    return {this->engine_, 0, Engine::last_hash, detail::HoldKind::map_lock,
            detail::Operation::lock_all};
  }

  /// Calls `f(const K&)` for each key, from as many threads as there are cores; see DashMap.
  template <std::invocable<const K&> F, class... Executor>
  void par_for_each(F&& f, Executor&&... executor) {
    const auto visit = [&f](const K& key) {
      std::invoke(f, key);
      return true;
    };
    this->par_keep(on_key(visit), detail::Operation::par_for_each,
                   std::forward<Executor>(executor)...);
  }
  /// As retain, from as many threads as there are cores; see DashMap.
  template <std::predicate<const K&> P, class... Executor>
  void par_retain(P&& p, Executor&&... executor) {
    this->par_keep(on_key(p), detail::Operation::par_retain, std::forward<Executor>(executor)...);
  }

  friend bool operator==(const DashSet& a, const DashSet& b) {
    if (a.len() != b.len()) return false;
    return a.engine().all_of(detail::Operation::iter,
                             [&b](const auto& element) { return b.contains(element.key); });
  }

 private:
  friend Base;

  template <class F>
  static auto on_key(F& f) {
    return [&f](const K& key, detail::Unit&) -> bool { return std::invoke(f, key); };
  }
  static std::vector<K> keys_of(std::vector<std::pair<K, detail::Unit>>&& pairs) {
    std::vector<K> keys;
    keys.reserve(pairs.size());
    for (auto& pair : pairs) keys.push_back(std::move(pair.first));
    return keys;
  }

  static constexpr auto take_key = [](auto& element, const auto& make) {
    make(detail::give(element.key));
  };
};

template <std::input_iterator It, std::sentinel_for<It> End>
DashSet(It, End) -> DashSet<std::iter_value_t<It>>;

}  // namespace dashmap
