// Role
//   The operations on one key: one body each, shared by all fronts.
//
// Invariants
//   1. Each operation takes effect while it holds its group exclusively, or at the last load of a
//      validated optimistic read, or while it holds the group shared: it is linearizable.
//   2. What can throw (hash, comparison, construction, allocation, closures) happens before the
//      first change, or on something that is not in the table yet.
//   3. Displaced values are destroyed after the lock is released: they are declared before it.
//   4. User code that runs under the lock is recorded (ClosureMark, Handle): it may call the map.
//   5. The vacant place of a new element is chosen after the last user code under the lock.
//   Models (test/model): 1 map.*.
//   Tests: 2 exception; 3 unit/displaced_value_test.cpp; 4 unit/reentrancy_test.cpp; 5
//   unit/corners_test.cpp.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   Guards and entries as types (guard.hpp, entry.hpp), whole-map operations (sweep.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "dashmap/detail/core/one_step.hpp"

namespace dashmap::detail {

template <class Types>
class Operations : public OneStep<Types> {
 public:
  using Base = OneStep<Types>;
  using Base::Base;
  using typename Base::Displaced;
  using typename Base::Due;
  using typename Base::Found;
  using typename Base::FoundShared;
  using typename Base::GroupType;
  using typename Base::Key;
  using typename Base::PlaceType;
  using typename Base::Prepared;
  using typename Base::SlotType;
  using typename Base::TableType;
  using typename Base::Value;

  // The record of an operation's exclusive lock, while user code may run under it.
  class Mark {
   public:
    template <class Q>
    DASHMAP_DETAIL_INLINE Mark(const Operations& map, const Found& found, std::uint64_t hash,
                               const Q& key, const Request& request)
        : mark_(&found.section.word(), found.place.slot, HoldKind::exclusive_closure,
                request.operation) {
      if (!found.place) mark_.note(map.vacant_key(hash, key));
    }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    DASHMAP_DETAIL_INLINE ~Mark() {}

   private:
    ClosureMark mark_;
  };
  struct NoMark {
    template <class... Any>
    DASHMAP_DETAIL_INLINE explicit NoMark(const Any&...) noexcept {}
  };

  template <class Q>
  DASHMAP_DETAIL_INLINE std::optional<Value> get_copy(const Q& key) {
    static constexpr Request request{Operation::get_copy, no_deadline, true, true};
    const std::uint64_t hash = this->hash_of(key);
    if constexpr (Types::template copies_racily<Q>) {
      return this->read_racy(hash, key, request,
                             [](const SlotType& slot) { return racy_copy(slot.element().value); });
    } else {
      constexpr bool user_code = !std::is_trivially_copyable_v<Value>;
      using MarkType = std::conditional_t<user_code, ClosureMark, NoMark>;
      for (;;) {
        const FoundShared found = this->find_shared(hash, key, request);
        if (!found) return std::nullopt;
        const SharedSection section(this->sleepers(), *found.word);
        const MarkType mark(found.word, found.slot, HoldKind::shared_closure, request.operation);
        const Value& value = found.slot->element().value;
        if (!Loan::is_needed(*found.word)) [[likely]]
          return std::optional<Value>(std::in_place, value);
        if (const Loan loan(*found.word, found.slot); loan) {
          return std::optional<Value>(std::in_place, value);
        }
      }
    }
  }

  template <class Q>
  DASHMAP_DETAIL_INLINE bool contains(const Q& key) {
    static constexpr Request request{Operation::contains, no_deadline, true, true};
    const std::uint64_t hash = this->hash_of(key);
    if constexpr (Types::template looks_racily<Q>) {
      return this->read_racy(hash, key, request, [](const SlotType&) { return Unit{}; })
          .has_value();
    } else {
      const FoundShared found = this->find_shared(hash, key, request);
      if (found) release_hold<false>(this->sleepers(), *found.word);
      return static_cast<bool>(found);
    }
  }

  template <class Q, class F>
  DASHMAP_DETAIL_INLINE auto view(const Q& key, F&& f) {
    static constexpr Request request{Operation::view};
    return view_hashed(this->hash_of(key), key, std::forward<F>(f), request);
  }
  // An optional of what f gives; a bool, whether it ran, where that is nothing.
  template <class Q, class F>
  DASHMAP_DETAIL_INLINE auto view_hashed(std::uint64_t hash, const Q& key, F&& f,
                                         const Request& request) {
    using R = std::invoke_result_t<F, const Key&, const Value&>;
    ViewResult<R> result{};
    const auto run = [&](const Key& k, const Value& v) {
      if constexpr (std::is_void_v<R>) {
        std::invoke(std::forward<F>(f), k, v);
        result = true;
      } else {
        result.emplace(std::invoke(std::forward<F>(f), k, v));
      }
    };
    if constexpr (Types::racy_views) {
      if (const auto copy = this->read_racy(hash, key, request, [](const SlotType& slot) {
            return racy_copy(slot.element());
          })) {
        run(copy->key, copy->value);
      }
    } else if (const FoundShared found = this->find_shared(hash, key, request)) {
      const SharedSection section(this->sleepers(), *found.word);
      const ClosureMark mark(found.word, found.slot, HoldKind::shared_closure, request.operation);
      run(found.slot->element().key, found.slot->element().value);
    }
    return result;
  }

  template <class Q>
  DASHMAP_DETAIL_INLINE std::optional<Value> insert(Q&& key, Value&& value)
    requires(SlotType::in_place)
  {
    static constexpr Request request{Operation::insert};
    const std::uint64_t hash = this->hash_of(key);
    Displaced displaced;
    store(hash, std::forward<Q>(key), std::move(value), displaced, request);
    return std::move(displaced.value);
  }
  // A value that may throw when moved is made where it is returned: nothing moves after the change.
  template <class Q>
  std::optional<Value> insert(Q&& key, Value&& value)
    requires(!SlotType::in_place)
  {
    static constexpr Request request{Operation::insert};
    std::optional<Value> result;
    const std::uint64_t hash = this->hash_of(key);
    Displaced displaced;
    displaced.value = &result;
    store(hash, std::forward<Q>(key), std::move(value), displaced, request);
    return result;
  }

  // True when the key was new.
  template <class Q>
  DASHMAP_DETAIL_INLINE bool insert_or_assign(Q&& key, Value&& value) {
    static constexpr Request request{Operation::insert_or_assign};
    const std::uint64_t hash = this->hash_of(key);
    Displaced displaced;
    return store(hash, std::forward<Q>(key), std::move(value), displaced, request);
  }

  // Removes the element if `condition(const Key&, Value&)`, and gives what `take(ElementType&,
  // make)` makes by make(parts...); nothing when there was none. An element in place moves without
  // throwing: it is taken after the lock is released, unless that runs no user code; one in a node
  // is taken before it leaves the map.
  template <class Result, class Q, class Condition, class Take>
  DASHMAP_DETAIL_INLINE std::optional<Result> remove(const Q& key, Condition&& condition,
                                                     Take&& take, const Request& request) {
    constexpr bool closure = !std::is_same_v<std::remove_cvref_t<Condition>, Unconditional>;
    constexpr bool taken_first = Types::trivial || !SlotType::in_place;
    using MarkType = std::conditional_t<closure || !Types::trivial, Mark, NoMark>;
    const std::uint64_t hash = this->hash_of(key);
    std::optional<Result> result;
    Later<Doomed> doomed;
    {
      Found found = this->template find_exclusive<true, true>(hash, key, request);
      if (!found.place) return result;
      const MarkType mark(*this, found, hash, key, request);
      auto& element = found.place.slot->element();
      if constexpr (closure) {
        if (!std::invoke(condition, std::as_const(element.key), element.value)) return result;
      }
      if constexpr (taken_first) take(element, into(result));
      if constexpr (Types::trivial) {
        discard(found.place);
      } else {
        evict(found.place, doomed);
      }
      this->tidy(found.group);
    }
    if constexpr (!taken_first) take(doomed->slot.element(), into(result));
    return result;
  }
  struct Unconditional {};

  // True when the key was there.
  template <class Q>
  DASHMAP_DETAIL_INLINE bool erase(const Q& key) {
    if constexpr (Types::plain) {
      const Step step = this->erase_in_one_step(this->hash_of(key), key);
      if (step != Step::none) [[likely]]
        return step == Step::present;
    }
    return erase_somehow<Q>(key);
  }

  // Replaces the value by what f(const Key&, Value) gives; false when the key is absent. The old
  // value is passed as a copy where f may throw and a copy can be had, else moved.
  template <class Q, class F>
  DASHMAP_DETAIL_INLINE bool alter(const Q& key, F&& f) {
    static constexpr Request request{Operation::alter};
    const std::uint64_t hash = this->hash_of(key);
    Displaced displaced;
    Found found = this->template find_exclusive<true, true>(hash, key, request);
    if (!found.place) return false;
    const Mark mark(*this, found, hash, key, request);
    alter_slot(*found.place.slot, f, displaced);
    return true;
  }

  template <class F>
  void alter_slot(SlotType& slot, F& f, Displaced& displaced) {
    auto& element = slot.element();
    if constexpr (std::is_trivially_copyable_v<Value> && std::is_copy_constructible_v<Value> &&
                  SlotType::in_place) {
      // Made apart: what the closure gives may throw when it is converted.
      const Value next(std::invoke(f, std::as_const(element.key), Value(element.value)));
      std::construct_at(std::addressof(element.value), next);
    } else {
      slot.replace_value(this->alloc(),
                         std::invoke(f, std::as_const(element.key),
                                     lend<F, const Key&, Value>(element.value)),
                         displaced);
    }
  }

  // f(std::optional<Value>&): what it leaves is stored, nothing erases.
  template <class Q, class F>
  auto compute(Q&& key, F&& f) -> std::invoke_result_t<F, std::optional<Value>&> {
    static constexpr Request request{Operation::compute};
    const std::uint64_t hash = this->hash_of(key);
    Later<Doomed> doomed;
    Later<Prepared> fresh;
    Displaced displaced;
    std::optional<Value> value;
    Due due(*this);
    Found found = this->find_exclusive(hash, key, request);
    const auto call = [&]() -> decltype(auto) { return std::invoke(std::forward<F>(f), value); };
    // Apart, so that each has its own mark: GCC leaves one out where nothing is called under it.
    if (found.place) {
      SlotType& slot = *found.place.slot;
      const Mark mark(*this, found, hash, key, request);
      value.emplace(lend<F, std::optional<Value>&>(slot.element().value));
      return run_then(call, [&] {
        if (!value) {
          evict(found.place, doomed);
          return this->tidy(found.group);
        }
        slot.replace_value(this->alloc(), std::move(*value), displaced);
      });
    }
    const Mark mark(*this, found, hash, key, request);
    return run_then(call, [&] {
      const auto make = [&]() -> Value { return Value(std::move(*value)); };
      if (value) add(found.group, fresh, hash, std::forward<Q>(key), make, due);
    });
  }
  // What f() gives, after then(). Made where it is returned: a move could throw, after then().
  template <class F, class Then>
  DASHMAP_DETAIL_INLINE static std::invoke_result_t<F> run_then(F f, Then then) {
    std::invoke_result_t<F> result = f();
    then();
    return result;
  }
  template <class F, class Then>
    requires std::is_void_v<std::invoke_result_t<F>>
  DASHMAP_DETAIL_INLINE static void run_then(F f, Then then) {
    f();
    then();
  }

  // Builds an element of the key and make()'s value and puts it into the locked group.
  template <class Q, class Make>
  DASHMAP_DETAIL_INLINE PlaceType add(const GroupType& group, Later<Prepared>& fresh,
                                      std::uint64_t hash, Q&& key, Make&& make, Due& due) {
    // The key is moved from only when nothing can fail any more (unless the closures of making key
    // and value themselves fill the place).
    if constexpr (!Types::trivial) this->room(group);
    fresh.emplace(this->alloc(), hash, std::forward<Q>(key), std::forward<Make>(make));
    const PlaceType place = this->room(group);
    fresh->commit(*place.slot);
    set_tag(place.tag, tag_of(hash));
    due.counter = this->count_in(*group.table);
    return place;
  }

  // An element on its way out: taken from the table under the lock, destroyed after it. In place,
  // the shell is destroyed before the slot can be used again; what it held was moved here.
  struct Doomed {
    Doomed(SlotType& from, const typename Types::Alloc& allocator) noexcept : alloc(allocator) {
      from.relocate(slot);
      from.destroy_moved();
    }
    Doomed(const Doomed&) = delete;
    Doomed& operator=(const Doomed&) = delete;
    ~Doomed() { slot.destroy(alloc); }

    SlotType slot;
    const typename Types::Alloc& alloc;
  };

  DASHMAP_DETAIL_INLINE void evict(const PlaceType& place, Later<Doomed>& doomed) noexcept {
    discard(place);
    doomed.emplace(*place.slot, this->alloc());
  }
  // The same for an element that has no destructor, or is destroyed by the caller.
  DASHMAP_DETAIL_INLINE void discard(const PlaceType& place) noexcept {
    set_tag(place.tag, 0);
    this->count_out();
  }

  // Stores the value; what it displaces goes to `displaced`. True when the key was new.
  template <class Q>
  DASHMAP_DETAIL_INLINE bool store(std::uint64_t hash, Q&& key, Value&& value, Displaced& displaced,
                                   const Request& request) {
    using Given = std::remove_cvref_t<Q>;
    if constexpr (Types::plain && plain_key<Given>) {
      const Step step = this->store_in_one_step(hash, key, value, displaced);
      if (step != Step::none) [[likely]]
        return step == Step::absent;
      const std::optional<Value> old = store_somehow<Given>(hash, key, value, request);
      if (old) displaced.value.emplace(*old);
      return !old;
    } else {
      return store_under_lock(hash, std::forward<Q>(key), std::move(value), displaced, request);
    }
  }

 private:
  template <class Q>
  static constexpr bool plain_key =
      std::is_same_v<Q, Key> || (std::is_scalar_v<Key> && std::is_scalar_v<Q>);

  // Out of line, here and below, and by value: see one_step.hpp.
  template <class Q>
  DASHMAP_DETAIL_NOINLINE bool erase_somehow(QueryArg<Q> key) {
    static constexpr Request request{Operation::erase};
    const auto take = [](auto&, const auto& make) { make(true); };
    return remove<bool>(key, Unconditional(), take, request).has_value();
  }
  template <class Q>
  DASHMAP_DETAIL_NOINLINE std::optional<Value> store_somehow(std::uint64_t hash, QueryArg<Q> key,
                                                             Value value, const Request& request) {
    Displaced displaced;
    store_under_lock(hash, key, std::move(value), displaced, request);
    return displaced.value;
  }

  template <class Q>
  DASHMAP_DETAIL_INLINE bool store_under_lock(std::uint64_t hash, Q&& key, Value&& value,
                                              Displaced& displaced, const Request& request) {
    Due due(*this);
    Later<Prepared> fresh;
    constexpr bool unmarked = Types::trivial && plain_key<std::remove_cvref_t<Q>>;
    using MarkType = std::conditional_t<unmarked, NoMark, Mark>;
    Found found = this->find_exclusive(hash, key, request);
    const MarkType mark(*this, found, hash, key, request);
    if (found.place) {
      found.place.slot->replace_value(this->alloc(), std::move(value), displaced);
      return false;
    }
    add(
        found.group, fresh, hash, std::forward<Q>(key),
        [&]() -> Value { return Value(std::move(value)); }, due);
    return true;
  }

  template <class R>
  using ViewResult =
      std::conditional_t<std::is_void_v<R>, bool, std::optional<std::remove_cvref_t<R>>>;
};

}  // namespace dashmap::detail
