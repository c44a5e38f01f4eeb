// DashMap, the concurrent hash map.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <optional>
#include <ranges>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "dashmap/fwd.hpp"
#include "dashmap/hash.hpp"
#include "dashmap/map_base.hpp"

namespace dashmap {

/// A hash map that any number of threads may use at once, without a lock of their own.
///
/// Each operation on one key is atomic. Guards (Ref, RefMut, Entry, iterators' items) keep their
/// element locked while they live; closures run under the lock of their element. What a thread does
/// with other keys meanwhile always works; what could never end throws DeadlockError.
/// Each operation that waits throws it for what this thread holds in its way, or where threads wait
/// in a circle; those that change the whole map throw it for the former before anything changes.
///
/// Keys are unique. `Hash` gives an integer; unless it has a member `is_avalanching` its results
/// are mixed. Look-ups take any type that `Hash` and `KeyEqual` take, without making a key of it if
/// `Hash` is transparent or it does not convert to a key by itself.
/// Hash, comparison, allocator, the elements' move constructors and the destructors of what was
/// moved from must not call the map.
///
/// \complexity of operations on one key: constant on average; no operation's pause depends on the
/// size of the map. A group in which a guard, an item or an entry lives, or an iterator stands, is
/// not split: operations on its keys look through all that came to it meanwhile, 16 at a time
template <class K, class V, class Hash, class KeyEqual, class Allocator>
class DashMap : public detail::MapBase<DashMap<K, V, Hash, KeyEqual, Allocator>,
                                       detail::MapTypes<K, V, Hash, KeyEqual, Allocator>> {
 public:
  using Types = detail::MapTypes<K, V, Hash, KeyEqual, Allocator>;
  using Base = detail::MapBase<DashMap, Types>;
  using Engine = typename Base::Engine;
  using mapped_type = V;
  using value_type = std::pair<const K, V>;

  static_assert(std::is_same_v<V, std::remove_cvref_t<V>>,
                "the value type must not be const or a reference");

  using Base::Base;
  DashMap() = default;
  DashMap(DashMap&&) = default;
  DashMap(DashMap&& other, const Allocator& alloc) : Base(std::move(other), alloc) {}
  DashMap& operator=(DashMap&&) = default;
  /// A deep copy, see clone(). Move-only values cannot be copied.
  DashMap(const DashMap& other)
    requires std::copy_constructible<K> && std::copy_constructible<V>
      : Base(other, std::allocator_traits<Allocator>::select_on_container_copy_construction(
                        other.get_allocator())) {}
  DashMap(const DashMap& other, const Allocator& alloc)
    requires std::copy_constructible<K> && std::copy_constructible<V>
      : Base(other, alloc) {}
  DashMap& operator=(const DashMap& other)
    requires std::copy_constructible<K> && std::copy_constructible<V>
  {
    this->assign(other);
    return *this;
  }
  /// With the elements of a range of pairs; of equal keys the last wins.
  template <std::input_iterator It, std::sentinel_for<It> End>
  DashMap(It first, End last, const Allocator& alloc = Allocator()) : Base(alloc) {
    extend(std::ranges::subrange(std::move(first), std::move(last)));
  }
  DashMap(std::initializer_list<std::pair<K, V>> elements, const Allocator& alloc = Allocator())
      : DashMap(elements.begin(), elements.end(), alloc) {}
  template <std::ranges::input_range Range>
    requires(!std::same_as<std::remove_cvref_t<Range>, DashMap>)
  explicit DashMap(Range&& range, const Allocator& alloc = Allocator()) : Base(alloc) {
    extend(std::forward<Range>(range));
  }

  // --- one key -----------------------------------------------------------------------------------

  /// Sets the key's value. Gives the value that it replaced; the stored key object stays. The value
  /// is made before the key, which must not refer to what it is moved from.
  /// \locks group exclusive
  template <detail::NewKey<Types> Q = K>
    requires detail::InsertableElseTryEmplace<V>
  std::optional<V> insert(Q&& key, V value) {
    return this->engine_.insert(detail::as_query<Types>(std::forward<Q>(key)), std::move(value));
  }
  /// As insert; true when the key was new.
  template <detail::NewKey<Types> Q = K>
    requires detail::InsertableElseTryEmplace<V>
  bool insert_or_assign(Q&& key, V value) {
    return this->engine_.insert_or_assign(detail::as_query<Types>(std::forward<Q>(key)),
                                          std::move(value));
  }

  /// Exclusive access to the key's element; tests false when it is absent.
  /// \locks group exclusive, while the guard lives
  /// \throws DeadlockError if this thread has the element already
  template <detail::Query<Types> Q = K>
  [[nodiscard]] DASHMAP_DETAIL_INLINE RefMut<K, V> get_mut(const Q& key DASHMAP_DETAIL_CALLER) {
    DASHMAP_DETAIL_NOTE_CALLER();
    static constexpr detail::Request request{detail::Operation::get_mut};
    auto&& query = detail::as_query<Types>(key);
    auto& engine = this->engine_;
    auto found = engine.template find_exclusive<true, true>(engine.hash_of(query), query, request);
    return this->guard_of(found, request);
  }
  /// As get_mut, but never waits: is_locked() when somebody is there, this thread included.
  template <detail::Query<Types> Q = K>
  [[nodiscard]] TryResult<RefMut<K, V>> try_get_mut(const Q& key DASHMAP_DETAIL_CALLER) {
    DASHMAP_DETAIL_NOTE_CALLER();
    static constexpr detail::Request request{detail::Operation::try_get_mut, detail::no_deadline,
                                             false};
    return this->try_ref_mut(key, request);
  }
  /// As get_mut; gives up when it has waited so long.
  template <detail::Query<Types> Q = K, class Rep, class Period>
  [[nodiscard]] TryResult<RefMut<K, V>> try_get_mut_for(
      const Q& key, std::chrono::duration<Rep, Period> patience DASHMAP_DETAIL_CALLER) {
    DASHMAP_DETAIL_NOTE_CALLER();
    return this->try_ref_mut(key, {detail::Operation::try_get_mut_for,
                                   detail::deadline_after(patience)});
  }

  /// Calls `f(const K&, const V&)` and gives its result as `std::optional` (`bool`: whether it ran,
  /// where f gives nothing); nothing when the key is absent. Where K and V are plain data, f sees a
  /// copy and no lock is taken.
  /// \locks group shared, or none
  template <detail::Query<Types> Q = K, std::invocable<const K&, const V&> F>
  auto view(const Q& key, F&& f DASHMAP_DETAIL_CALLER) const {
    DASHMAP_DETAIL_NOTE_CALLER();
    return this->engine_.view(detail::as_query<Types>(key), std::forward<F>(f));
  }
  /// A copy of the value; nothing when the key is absent. A plain question: answered whatever this
  /// thread holds. Never blocks a writer where K is plain data, or the key a short string, and V
  /// trivially copyable.
  /// \locks none, or group shared
  template <detail::Query<Types> Q = K>
  std::optional<V> get_copy(const Q& key) const
    requires std::copy_constructible<V>
  {
    return this->engine_.get_copy(detail::as_query<Types>(key));
  }

  /// Removes the key; gives the stored key and value. \locks group exclusive
  template <detail::Query<Types> Q = K>
  std::optional<std::pair<K, V>> remove(const Q& key) {
    static constexpr detail::Request request{detail::Operation::remove};
    return this->engine_.template remove<typename Base::Pair>(
        detail::as_query<Types>(key), typename Engine::Unconditional{}, Base::take_pair, request);
  }
  /// Removes the key if `p(const K&, const V&)`. \locks group exclusive
  template <detail::Query<Types> Q = K, std::predicate<const K&, const V&> P>
  std::optional<std::pair<K, V>> remove_if(const Q& key, P&& p) {
    static constexpr detail::Request request{detail::Operation::remove_if};
    return this->engine_.template remove<typename Base::Pair>(
        detail::as_query<Types>(key),
        [&](const K& k, V& v) -> bool { return std::invoke(p, k, std::as_const(v)); },
        Base::take_pair, request);
  }
  /// Removes the key if `p(const K&, V&)`, which may change the value. \locks group exclusive
  template <detail::Query<Types> Q = K, std::predicate<const K&, V&> P>
  std::optional<std::pair<K, V>> remove_if_mut(const Q& key, P&& p) {
    static constexpr detail::Request request{detail::Operation::remove_if_mut};
    return this->engine_.template remove<typename Base::Pair>(
        detail::as_query<Types>(key),
        [&](const K& k, V& v) -> bool { return std::invoke(p, k, v); }, Base::take_pair, request);
  }

  /// Replaces the value by `f(const K&, V)`; false when the key is absent. Where f may throw it
  /// gets a copy of a copyable value, so that the map stays as it was.
  /// \locks group exclusive
  template <detail::Query<Types> Q = K, detail::Makes<V, const K&, V> F>
  bool alter(const Q& key, F&& f DASHMAP_DETAIL_CALLER) {
    DASHMAP_DETAIL_NOTE_CALLER();
    return this->engine_.alter(detail::as_query<Types>(key), std::forward<F>(f));
  }

  /// The key's place, occupied or vacant. A temporary key goes into the entry; others are referred
  /// to, and must live as long and stay as they are. \locks group exclusive, while the entry lives
  template <detail::Query<Types> Q = K>
  [[nodiscard]] DASHMAP_DETAIL_INLINE auto entry(Q&& key DASHMAP_DETAIL_CALLER) {
    DASHMAP_DETAIL_NOTE_CALLER();
    static constexpr detail::Request request{detail::Operation::entry};
    auto&& query = detail::as_query<Types>(std::forward<Q>(key));
    return this->locked_entry(this->engine_.hash_of(query), std::forward<decltype(query)>(query),
                              request);
  }
  /// As entry, but never waits: nothing, and the key not moved from, when somebody is there (what
  /// is no key is converted first).
  template <detail::Query<Types> Q = K>
  [[nodiscard]] auto try_entry(Q&& key DASHMAP_DETAIL_CALLER) {
    DASHMAP_DETAIL_NOTE_CALLER();
    static constexpr detail::Request request{detail::Operation::try_entry, detail::no_deadline,
                                             false};
    auto&& query = detail::as_query<Types>(std::forward<Q>(key));
    auto& engine = this->engine_;
    const std::uint64_t hash = engine.hash_of(query);
    std::optional<typename Base::template EntryFor<decltype(query)>> result;
    auto found = engine.template find_exclusive<false>(hash, query, request);
    if (found.section) {
      result.emplace(engine, hash, std::move(found), std::forward<decltype(query)>(query),
                     request.operation);
    }
    return result;
  }

  /// Inserts a value made of the arguments unless the key is there. The guard, and whether it was
  /// inserted. Neither key nor value is made when it is there.
  /// \locks group exclusive, while the guard lives
  template <detail::NewKey<Types> Q = K, class... Args>
    requires detail::MadeWith<V, Allocator, Args...>
  std::pair<RefMut<K, V>, bool> try_emplace(Q&& key, Args&&... args) {
    static constexpr detail::Request request{detail::Operation::try_emplace};
    auto&& query = detail::as_query<Types>(std::forward<Q>(key));
    // By reference: it is moved from only where it is inserted.
    auto place = this->template locked_entry_as<decltype(query)>(
        this->engine_.hash_of(query), std::forward<decltype(query)>(query), request);
    const bool vacant = !place.is_occupied();
    if (vacant) Base::make_key(place);  // the arguments may be what the key is a part of
    return {place.or_insert_with([&]() -> V {
              return detail::make_with<V>(this->engine_.alloc(), std::forward<Args>(args)...);
            }),
            vacant};
  }

  /// The value there is, or what `f()` gives; of all racing threads at most one runs f.
  /// \locks group shared when the key is there, else exclusive; shared while the guard lives
  template <detail::NewKey<Types> Q = K, detail::Makes<V> F>
  Ref<K, V> get_or_insert_with(Q&& key, F&& f DASHMAP_DETAIL_CALLER) {
    DASHMAP_DETAIL_NOTE_CALLER();
    static constexpr detail::Request request{detail::Operation::get_or_insert_with};
    auto&& query = detail::as_query<Types>(std::forward<Q>(key));
    const std::uint64_t hash = this->engine_.hash_of(query);
    if (auto found = this->ref(hash, query, request)) return found;
    return this->locked_entry(hash, std::forward<decltype(query)>(query), request)
        .or_insert_with(std::forward<F>(f))
        .downgrade();
  }

  /// Calls `f(std::optional<V>&)` with the value, if any; a value that it leaves is stored, none
  /// erases the key. Gives what f gives. Copies and throws are as in alter.
  /// \locks group exclusive
  template <detail::NewKey<Types> Q = K, std::invocable<std::optional<V>&> F>
  decltype(auto) compute(Q&& key, F&& f DASHMAP_DETAIL_CALLER) {
    DASHMAP_DETAIL_NOTE_CALLER();
    return this->engine_.compute(detail::as_query<Types>(std::forward<Q>(key)), std::forward<F>(f));
  }

  // --- many keys ---------------------------------------------------------------------------------

  /// Calls `f(std::span<V*>)` with the values of the keys, all locked together: one atomic step for
  /// every observer that locks them too. Null where a key is absent, the same pointer for a key
  /// that is named twice. Gives what f gives. KeyEqual also compares the keys asked for, two by
  /// two.
  /// \locks the keys' groups exclusive, in hash order
  template <std::ranges::input_range Keys, std::invocable<std::span<V*>> F>
  decltype(auto) with_keys(Keys&& keys, F&& f DASHMAP_DETAIL_CALLER) {
    DASHMAP_DETAIL_NOTE_CALLER();
    return detail::with_keys(this->engine_, std::forward<Keys>(keys), std::forward<F>(f));
  }
  template <std::invocable<std::span<V*>> F>
  decltype(auto) with_keys(std::initializer_list<K> keys, F&& f DASHMAP_DETAIL_CALLER) {
    DASHMAP_DETAIL_NOTE_CALLER();
    return detail::with_keys(this->engine_, keys, std::forward<F>(f));
  }

  /// Calls `f(const Query&, const V*)` for each key in order, null when it is absent. Faster than
  /// one look-up after the other where the map is larger than the cache. Where V is plain data and
  /// the key is, or is a short string, f sees a copy and no lock is held.
  /// \locks as view, one key at a time
  template <std::ranges::input_range Keys, class F>
  void get_many(Keys&& keys, F&& f) const {
    detail::get_many(this->engine_, std::forward<Keys>(keys), f);
  }
  template <class F>
  void get_many(std::initializer_list<K> keys, F&& f) const {
    detail::get_many(this->engine_, keys, f);
  }
  /// Inserts the pairs of a range in order; gives the number of new keys. Those of a container that
  /// is given away (`std::move(pairs)`, `other.drain()`) are moved. If the range knows its
  /// size, room is made ahead, for up to four times what came, as far as its keys are new.
  /// \locks as insert, one key at a time
  template <std::ranges::input_range Range>
  std::size_t insert_many(Range&& range) {
    return detail::insert_many(this->engine_, std::forward<Range>(range), detail::split_pair);
  }
  std::size_t insert_many(std::initializer_list<std::pair<K, V>> elements) {
    return detail::insert_many(this->engine_, elements, detail::split_pair);
  }
  /// As insert_many, for who needs no number.
  template <std::ranges::input_range Range>
  void extend(Range&& range) {
    insert_many(std::forward<Range>(range));
  }
  void extend(std::initializer_list<std::pair<K, V>> elements) { insert_many(elements); }

  // --- the whole map -----------------------------------------------------------------------------

  /// All elements, to be changed. \locks each group in turn, exclusive
  auto iter_mut() {
    return detail::MapRange<Engine, true>(this->engine_, detail::Operation::iter_mut);
  }
  /// Copies of the values. An iterator whose ++ throws is at the end, and holds no lock.
  /// \locks each group in turn, shared
  auto values() const
    requires std::copy_constructible<V>
  {
    return detail::PartRange<Engine, false>(this->engine_);
  }

  /// Keeps the elements for which `f(const K&, V&)` is true. If f throws, the elements that it has
  /// not seen are kept. \locks each group in turn, exclusive
  /// \throws DeadlockError, before anything changes, if this thread holds an element
  template <std::predicate<const K&, V&> F>
  void retain(F&& f) {
    this->engine_.template check_range<true>(0, Engine::last_hash, detail::Operation::retain);
    this->engine_.retain(0, Engine::last_hash, std::ref(f), detail::Operation::retain);
  }
  /// Replaces each value by `f(const K&, V)`, as alter does. \locks each group in turn, exclusive
  template <detail::Makes<V, const K&, V> F>
  void alter_all(F&& f) {
    this->engine_.alter_all(f);
  }
  /// Removes the elements for which `p(const K&, V&)` is true and gives them, in no order.
  /// \locks each group in turn, exclusive
  template <std::predicate<const K&, V&> P>
  std::vector<std::pair<K, V>> extract_if(P&& p) {
    return this->engine_.extract(p, detail::Operation::extract_if);
  }
  /// Removes all elements and gives them, in no order. \locks each group in turn, exclusive
  std::vector<std::pair<K, V>> drain() {
    return this->engine_.extract_all(detail::Operation::drain);
  }
  /// A copy of all elements as they are at one point in time. \locks all groups shared
  std::vector<std::pair<K, V>> snapshot() const
    requires std::copy_constructible<K> && std::copy_constructible<V>
  {
    return this->engine_.snapshot();
  }
  /// The whole map, locked for this thread. \locks all groups exclusive, while the view lives
  /// \throws DeadlockError if this thread holds an element
  [[nodiscard]] RangeGuard<Engine, true> lock_all(DASHMAP_DETAIL_CALLER_ONLY) {
    DASHMAP_DETAIL_NOTE_CALLER();
    return {this->engine_, 0, Engine::last_hash, detail::HoldKind::map_lock,
            detail::Operation::lock_all};
  }

  /// Calls `f(const K&, V&)` for each element, from as many threads as there are cores; see
  /// par_retain for `executor`.
  /// \locks each group in turn, exclusive
  template <std::invocable<const K&, V&> F, class... Executor>
  void par_for_each(F&& f, Executor&&... executor) {
    this->par_keep(
        [&f](const K& key, V& value) {
          std::invoke(f, key, value);
          return true;
        },
        detail::Operation::par_for_each, std::forward<Executor>(executor)...);
  }
  /// As retain, from as many threads as there are cores; or from the calling thread and those of
  /// `executor(task)`, which runs nullary tasks some time.
  template <std::predicate<const K&, V&> F, class... Executor>
  void par_retain(F&& f, Executor&&... executor) {
    this->par_keep(std::ref(f), detail::Operation::par_retain, std::forward<Executor>(executor)...);
  }

  /// The map as a view without locks. No other thread may use the map, no guard may live. Needs
  /// `dashmap/read_only_view.hpp`.
  ReadOnlyView<K, V, Hash, KeyEqual, Allocator> into_read_only() &&;

  /// Equal sizes, and for each element of one an equal element in the other.
  /// \locks each group in turn, shared, in both maps
  friend bool operator==(const DashMap& a, const DashMap& b)
    requires std::equality_comparable<V>
  {
    if (a.len() != b.len()) return false;
    return a.engine().all_of(detail::Operation::iter, [&b](const auto& element) {
      const auto equal = [&](const K&, const V& value) { return value == element.value; };
      return b.view(element.key, equal) == true;
    });
  }
};

// Deduced from iterators, as those of the C++ containers are.
template <std::input_iterator It, std::sentinel_for<It> End>
DashMap(It, End) -> DashMap<std::remove_cvref_t<std::tuple_element_t<0, std::iter_value_t<It>>>,
                            std::remove_cvref_t<std::tuple_element_t<1, std::iter_value_t<It>>>>;

}  // namespace dashmap
