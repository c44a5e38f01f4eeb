// Role
//   The operations on one key: one body each, shared by all fronts.
//
// Invariants
//   1. Each operation takes effect while it holds its group exclusively, or at the last load of a
//      validated optimistic read, or while it holds the group shared: it is linearizable.
//   2. What can throw (hash, comparison, construction, allocation, closures) happens before the
//      first change, or on something that is not in the table yet.
//   3. Displaced values are destroyed after the lock is released: they are declared before it.
//   4. User code that runs under the lock is recorded (HoldMark, Handle), so it may call the map.
//   5. The vacant place of a new element is chosen after the last user code that ran under the lock.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   Guards and entries as types (guard.hpp, entry.hpp), whole-map operations (walk.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

#include "dashmap/detail/core/acquire.hpp"

namespace dashmap::detail {

// How a look-up's key travels to out-of-line paths: by value where that keeps it in a register.
template <class Q>
using QueryArg = std::conditional_t<std::is_scalar_v<Q>, const Q, const Q&>;

// A comparison for an optimistic reader: of a copy that may be torn, in which case the version tells.
// Holds a scalar query by value, so that nothing of the fast path needs an address.
template <class Equal, class Q>
struct RacyMatcher {
  DASHMAP_DETAIL_NO_UNIQUE_ADDRESS std::conditional_t<std::is_empty_v<Equal>, Equal, const Equal&>
      equal;
  QueryArg<Q> query;

  template <class SlotType>
  DASHMAP_DETAIL_INLINE bool operator()(const SlotType& slot) const {
    return static_cast<bool>(equal(racy_copy(slot.element().key), query));
  }
};

template <class Types>
class Operations : public Locker<Types> {
 public:
  using Base = Locker<Types>;
  using typename Base::Acquired;
  using typename Base::GroupType;
  using typename Base::Key;
  using typename Base::PlaceType;
  using typename Base::SlotType;
  using typename Base::TableType;
  using Value = typename Types::Value;
  using Prepared = typename Types::Prepared;
  using Displaced = typename Types::Displaced;
  using Base::Base;

  // A key's group locked exclusively, and the key's place in it, if any.
  struct Found {
    DASHMAP_DETAIL_INLINE Found(Section&& s, const GroupType& g, const PlaceType& p) noexcept
        : section(std::move(s)), group(g), place(p) {}
    // Spelled out, here and below, so that it is inlined in clean-up code too: a call there would
    // keep the whole object in memory.
    DASHMAP_DETAIL_INLINE Found(Found&& other) noexcept
        : section(std::move(other.section)), group(other.group), place(other.place) {}
    DASHMAP_DETAIL_INLINE ~Found() {}

    Section section;
    GroupType group;
    PlaceType place;
  };
  // An element locked shared; none, with a word, when the request gave up. Two registers.
  struct FoundShared {
    Word* word = nullptr;
    SlotType* slot = nullptr;

    explicit operator bool() const noexcept { return slot != nullptr; }
    bool locked_out() const noexcept { return slot == nullptr && word != nullptr; }
  };

  // The record of an operation's exclusive lock, while user code may run under it.
  class Mark {
   public:
    template <class Q>
    DASHMAP_DETAIL_INLINE Mark(const Operations& map, const Found& found, std::uint64_t hash,
                               const Q& key)
        : mark_(&found.section.word(), found.place.slot, HoldKind::exclusive_closure) {
      if (!found.place) map.note_vacant(mark_.hold(), hash, key);
    }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    DASHMAP_DETAIL_INLINE ~Mark() {}

   private:
    HoldMark mark_;
  };
  struct NoMark {
    template <class Q>
    NoMark(const Operations&, const Found&, std::uint64_t, const Q&) noexcept {}
  };
  // Locks the key's group and looks for the key; the section is empty when the request gave up.
  // All inline but the slow path, and put together from values: so it stays in registers.
  // Where the request always waits the section is never empty, and nobody need check; but with
  // `OnlyPresent` an absent key may be found so without a lock.
  template <bool Waits = true, bool OnlyPresent = false, class Q>
  DASHMAP_DETAIL_INLINE Found find_exclusive(std::uint64_t hash, const Q& key,
                                             const Request& request) {
    GroupType group{};
    PlaceType place{};
    bool taken = false;
    {
      const QueryArg<Q> query = key;
      const Pin pin(this);
      group = newest_group(hash);
      if (word::is_readable(group.seen) && word::is_quiet(group.seen)) [[likely]] {
        bool wanted = true;
        if constexpr (Types::racy_keys) {
          place = find_in(group, hash, racy_matcher(query));
          if constexpr (OnlyPresent) {
            if (!place && unchanged(group)) return Found(Section(), group, place);
            wanted = static_cast<bool>(place);
          }
        }
        word_t seen = group.seen;
        taken = wanted && group.word->compare_exchange_strong(
                              seen, word::locked_from(group.seen), std::memory_order_acquire,
                              std::memory_order_relaxed);
      }
    }
    if (!taken) [[unlikely]] {
      SlowFound slow = find_exclusive_slow<Q>(hash, key, request);
      if (Waits && slow.group.word == nullptr) __builtin_unreachable();
      return Found(slow.section(this->sleepers()), slow.group, slow.place);
    }
    if (group.word == nullptr) __builtin_unreachable();
    Found found(Section(this->sleepers(), *group.word, word::locked_from(group.seen)), group, place);
    if constexpr (!Types::racy_keys) {
      found.place = find_in(group, hash, this->matcher(hash, key));
    }
    return found;
  }

  template <class Q>
  DASHMAP_DETAIL_INLINE FoundShared find_shared(std::uint64_t hash, const Q& key,
                                                const Request& request) {
    {
      const QueryArg<Q> query = key;
      const Pin pin(this);
      const GroupType group = newest_group(hash);
      if (word::is_readable(group.seen)) [[likely]] {
        PlaceType place{};
        bool candidate = true;
        if constexpr (Types::racy_keys) {
          place = find_in(group, hash, racy_matcher(query));
          candidate = static_cast<bool>(place);
        } else {
          candidate = word::has_overflow(group.seen) ||
                      match(group.table->tags_of(group.index), tag_of(hash)).any();
        }
        if (!candidate) {
          if (unchanged(group)) [[likely]] return {};
        } else if (share(group)) [[likely]] {
          if constexpr (!Types::racy_keys) return look(group, hash, key);
          return {group.word, place.slot};
        }
      }
    }
    return find_shared_slow<Q>(hash, key, request);
  }

  // What take(const SlotType&), which copies, gives for the key's slot; nothing when it is absent.
  // Takes no lock but where a writer stays in the group (racy keys only).
  template <class Q, class Take>
  DASHMAP_DETAIL_INLINE auto read_racy(std::uint64_t hash, const Q& key, const Request& request,
                                       Take take) {
    using Result = std::optional<std::invoke_result_t<Take, const SlotType&>>;
    {
      const QueryArg<Q> query = key;
      const Pin pin(this);
      const GroupType group = newest_group(hash);
      if (word::is_readable(group.seen)) [[likely]] {
        if (const PlaceType place = find_in(group, hash, racy_matcher(query))) {
          const auto copy = take(*place.slot);
          if (unchanged(group)) [[likely]] return Result(copy);
        } else if (unchanged(group)) [[likely]] {
          return Result();
        }
      }
    }
    return read_racy_slow<Q, Take>(hash, key, request, take);
  }

  template <class Q>
  DASHMAP_DETAIL_INLINE std::optional<Value> get_copy(const Q& key) {
    static constexpr Request request{"get_copy", no_deadline, true, true};
    const std::uint64_t hash = this->hash_of(key);
    if constexpr (Types::racy_values) {
      return read_racy(hash, key, request,
                       [](const SlotType& slot) { return racy_copy(slot.element().value); });
    } else {
      std::optional<Value> result;
      if (const FoundShared found = find_shared(hash, key, request)) {
        const SharedHandle handle(this->sleepers(), found.word, found.slot,
                                  HoldKind::shared_closure);
        result.emplace(std::as_const(found.slot->element().value));
      }
      return result;
    }
  }

  template <class Q>
  DASHMAP_DETAIL_INLINE bool contains(const Q& key) {
    static constexpr Request request{"contains", no_deadline, true, true};
    const std::uint64_t hash = this->hash_of(key);
    if constexpr (Types::racy_keys) {
      return read_racy(hash, key, request, [](const SlotType&) { return Unit{}; }).has_value();
    } else {
      const FoundShared found = find_shared(hash, key, request);
      if (found) release_hold<false>(this->sleepers(), *found.word);
      return static_cast<bool>(found);
    }
  }

  template <class Q, class F>
  DASHMAP_DETAIL_INLINE auto view(const Q& key, F&& f) {
    static constexpr Request request{"view"};
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
      if (const auto copy = read_racy(hash, key, request, [](const SlotType& slot) {
            return racy_copy(slot.element());
          })) {
        run(copy->key, copy->value);
      }
    } else if (const FoundShared found = find_shared(hash, key, request)) {
      const SharedHandle handle(this->sleepers(), found.word, found.slot, HoldKind::shared_closure);
      run(found.slot->element().key, found.slot->element().value);
    }
    return result;
  }

  template <class Q>
  DASHMAP_DETAIL_INLINE std::optional<Value> insert(Q&& key, Value&& value) {
    static constexpr Request request{"insert"};
    const std::uint64_t hash = this->hash_of(key);
    Displaced displaced;
    store(hash, std::forward<Q>(key), std::move(value), displaced, request);
    return SlotType::take_value(displaced);
  }

  // True when the key was new.
  template <class Q>
  DASHMAP_DETAIL_INLINE bool insert_or_assign(Q&& key, Value&& value) {
    static constexpr Request request{"insert_or_assign"};
    const std::uint64_t hash = this->hash_of(key);
    Displaced displaced;
    return store(hash, std::forward<Q>(key), std::move(value), displaced, request);
  }

  // Removes the element if `condition(const Key&, Value&)`, and gives what `take(ElementType&)`
  // makes of it; nothing when there was none. Elements in place move without throwing, so they are
  // taken after the lock is released; a node is taken from before it leaves the map.
  template <class Q, class Condition, class Take>
  DASHMAP_DETAIL_INLINE auto remove(const Q& key, Condition&& condition, Take&& take,
                                    const Request& request) {
    using Result = std::invoke_result_t<Take, typename Types::ElementType&>;
    constexpr bool closure = !std::is_same_v<std::remove_cvref_t<Condition>, Always>;
    using MarkType = std::conditional_t<closure || !Types::trivial, Mark, NoMark>;
    const std::uint64_t hash = this->hash_of(key);
    std::optional<Result> result;
    std::optional<Doomed> doomed;
    {
      Found found = find_exclusive<true, true>(hash, key, request);
      if (!found.place) return result;
      const MarkType mark(*this, found, hash, key);
      auto& element = found.place.slot->element();
      if constexpr (closure) {
        if (!std::invoke(condition, std::as_const(element.key), element.value)) return result;
      }
      if constexpr (!SlotType::in_place) result.emplace(take(element));
      evict(found.place, doomed);
    }
    if constexpr (SlotType::in_place) result.emplace(take(doomed->slot.element()));
    return result;
  }
  struct Always {};

  // Replaces the value by what f(const Key&, Value) gives; false when the key is absent. The old
  // value is passed as a copy where f may throw and a copy can be had, else moved.
  template <class Q, class F>
  DASHMAP_DETAIL_INLINE bool alter(const Q& key, F&& f) {
    static constexpr Request request{"alter"};
    const std::uint64_t hash = this->hash_of(key);
    Displaced displaced;
    Found found = find_exclusive<true, true>(hash, key, request);
    if (!found.place) return false;
    const Mark mark(*this, found, hash, key);
    alter_slot(*found.place.slot, f, displaced);
    return true;
  }

  template <class F>
  void alter_slot(SlotType& slot, F& f, Displaced& displaced) {
    auto& element = slot.element();
    if constexpr (std::is_trivially_copyable_v<Value> && SlotType::in_place) {
      element.value = std::invoke(f, std::as_const(element.key), Value(element.value));
    } else {
      slot.replace_value(this->alloc(),
                         std::invoke(f, std::as_const(element.key), lend<F>(element.value)),
                         displaced);
    }
  }

  // f(std::optional<Value>&): what it leaves is stored, nothing erases.
  template <class Q, class F>
  auto compute(Q&& key, F&& f) -> std::invoke_result_t<F, std::optional<Value>&> {
    static constexpr Request request{"compute"};
    const std::uint64_t hash = this->hash_of(key);
    std::optional<Doomed> doomed;
    std::optional<Prepared> fresh;
    Displaced displaced;
    std::optional<Value> value;
    Due due(*this);
    Found found = find_exclusive(hash, key, request);
    const Mark mark(*this, found, hash, key);
    if (found.place) value.emplace(lend_to_closure<F>(found.place.slot->element().value));
    const auto commit = [&] {
      if (found.place && value) {
        found.place.slot->replace_value(this->alloc(), std::move(*value), displaced);
      } else if (found.place) {
        evict(found.place, doomed);
      } else if (value) {
        add(found.group, fresh, hash, std::forward<Q>(key),
            [&]() -> Value { return Value(std::move(*value)); }, due);
      }
    };
    using Result = std::invoke_result_t<F, std::optional<Value>&>;
    if constexpr (std::is_void_v<Result>) {
      std::invoke(std::forward<F>(f), value);
      commit();
    } else {
      Result result = std::invoke(std::forward<F>(f), value);
      commit();
      return result;
    }
  }

  // Runs maintenance, if an insertion asked for it, after the locks declared later are released.
  class Due {
   public:
    explicit Due(Operations& map) noexcept : map_(map) {}
    Due(const Due&) = delete;
    Due& operator=(const Due&) = delete;
    DASHMAP_DETAIL_INLINE ~Due() {
      if (counter != 0) [[unlikely]] map_.maintain(counter);
    }
    std::int64_t counter = 0;

   private:
    Operations& map_;
  };

  // Builds an element of the key and make()'s value and puts it into the locked group.
  template <class Q, class Make>
  DASHMAP_DETAIL_INLINE SlotType* add(const GroupType& group, std::optional<Prepared>& fresh,
                                      std::uint64_t hash, Q&& key, Make&& make, Due& due) {
    fresh.emplace(this->alloc(), hash, std::forward<Q>(key), std::forward<Make>(make));
    PlaceType place = group.table->vacancy(group.index);
    if (!place) [[unlikely]] {
      place = group.table->add_overflow(group.index, this->alloc());
      group.word->fetch_or(word::overflow, std::memory_order_relaxed);
    }
    fresh->commit(*place.slot);
    set_tag(place.tag, tag_of(hash));
    due.counter = this->count_in(*group.table);
    return place.slot;
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

  DASHMAP_DETAIL_INLINE void evict(const PlaceType& place, std::optional<Doomed>& doomed) noexcept {
    set_tag(place.tag, 0);
    doomed.emplace(*place.slot, this->alloc());
    this->count_out();
  }

  // Stores the value; what it displaces goes to `displaced`. True when the key was new.
  template <class Q>
  DASHMAP_DETAIL_INLINE bool store(std::uint64_t hash, Q&& key, Value&& value,
                                   Displaced& displaced, const Request& request) {
    Due due(*this);
    std::optional<Prepared> fresh;
    using MarkType = std::conditional_t<Types::trivial, NoMark, Mark>;
    Found found = find_exclusive(hash, key, request);
    const MarkType mark(*this, found, hash, key);
    if (found.place) {
      found.place.slot->replace_value(this->alloc(), std::move(value), displaced);
      return false;
    }
    add(found.group, fresh, hash, std::forward<Q>(key),
        [&]() -> Value { return Value(std::move(value)); }, due);
    return true;
  }

  // A value lent to a closure that may throw: a copy where there can be one.
  template <class F>
  static Value lend(Value& value) {
    if constexpr (std::is_nothrow_invocable_v<F&, const Key&, Value> ||
                  !std::is_copy_constructible_v<Value>) {
      return std::move(value);
    } else {
      return value;
    }
  }

 private:
  template <class F>
  static Value lend_to_closure(Value& value) {
    if constexpr (std::is_nothrow_invocable_v<F&, std::optional<Value>&> ||
                  !std::is_copy_constructible_v<Value>) {
      return std::move(value);
    } else {
      return value;
    }
  }

  DASHMAP_DETAIL_INLINE GroupType newest_group(std::uint64_t hash) const noexcept {
    TableType* table = this->table();
    const std::size_t index = table->index_of(hash);
    Word* word = &table->word_of(index);
    return {table, index, word, word->load(std::memory_order_acquire)};  // sync(group.validate)
  }

  template <class Matches>
  DASHMAP_DETAIL_INLINE static PlaceType find_in(const GroupType& group, std::uint64_t hash,
                                                 Matches matches) {
    return group.table->find(group.index, tag_of(hash), word::has_overflow(group.seen), matches);
  }

  DASHMAP_DETAIL_INLINE static bool unchanged(const GroupType& group) noexcept {
    load_load_fence();
    const word_t now = group.word->load(std::memory_order_relaxed);
    return now == group.seen || word::same_content(group.seen, now);
  }

  // Joins the readers if nothing of the group changed since it was looked at.
  DASHMAP_DETAIL_INLINE static bool share(const GroupType& group) noexcept {
    word_t now = group.seen;
    while (word::same_content(now, group.seen) && (now & word::pending) == 0 &&
           word::readers(now) != word::reader_mask) {
      if (group.word->compare_exchange_weak(now, now + word::reader_one,
                                            std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  // Finds the key in a group that the caller has shared; gives the hold up if it is absent.
  template <class Q>
  FoundShared look(const GroupType& group, std::uint64_t hash, const Q& key) {
    PlaceType place{};
    try {
      place = find_in(group, hash, this->matcher(hash, key));
    } catch (...) {
      release_hold<false>(this->sleepers(), *group.word);
      throw;
    }
    if (place) return {group.word, place.slot};
    release_hold<false>(this->sleepers(), *group.word);
    return {};
  }

  // What the slow path found, as plain values. The group is locked; no word: it gave up.
  struct SlowFound {
    GroupType group{};
    PlaceType place{};
    word_t locked = 0;

    DASHMAP_DETAIL_INLINE Section section(Sleepers& sleepers) const noexcept {
      return group.word == nullptr ? Section() : Section(sleepers, *group.word, locked);
    }
  };

  template <class Q>
  DASHMAP_DETAIL_COLD SlowFound find_exclusive_slow(std::uint64_t hash, QueryArg<Q> key,
                                                    const Request& request) {
    const std::optional<Acquired> acquired = this->template acquire<true>(hash, request);
    if (!acquired) return {};
    SlowFound found{acquired->group, {}, acquired->locked};
    Section section = found.section(this->sleepers());
    found.group.seen = found.group.word->load(std::memory_order_relaxed);
    found.place = find_in(found.group, hash, this->matcher(hash, key));
    if (acquired->own) {
      this->template check_conflict<true>(*acquired, found.place.slot, hash, key,
                                          request.operation);
    }
    section.take();
    return found;
  }

  template <class Q>
  DASHMAP_DETAIL_COLD FoundShared find_shared_slow(std::uint64_t hash, QueryArg<Q> key,
                                                   const Request& request) {
    const std::optional<Acquired> acquired = this->template acquire<false>(hash, request);
    if (!acquired) {
      const Pin pin(this);
      TableType* table = this->table();
      return {Base::is_empty_table(table) ? nullptr : &table->word_of(0), nullptr};
    }
    GroupType group = acquired->group;
    group.seen = group.word->load(std::memory_order_relaxed);
    const FoundShared found = look(group, hash, key);
    if (found && acquired->own && !request.question) {
      try {
        this->template check_conflict<false>(*acquired, found.slot, hash, key, request.operation);
      } catch (...) {
        release_hold<false>(this->sleepers(), *found.word);
        throw;
      }
    }
    return found;
  }

  // While a table fills, or a writer is in the group: a few more looks, then under a lock.
  template <class Q, class Take>
  DASHMAP_DETAIL_COLD auto read_racy_slow(std::uint64_t hash, QueryArg<Q> key,
                                          const Request& request, Take take)
      -> std::optional<std::invoke_result_t<Take, const SlotType&>> {
    for (unsigned round = 0; round < 6; ++round) {
      {
        const Pin pin(this);
        if (Base::is_empty_table(this->table())) return std::nullopt;
        const GroupType group = this->find_live(hash);
        if (word::is_readable(group.seen)) {
          if (const PlaceType place = find_in(group, hash, racy_matcher(key))) {
            const auto copy = take(*place.slot);
            if (unchanged(group)) return copy;
          } else if (unchanged(group)) {
            return std::nullopt;
          }
        }
      }
      backoff(round);
    }
    const FoundShared found = find_shared(hash, key, request);
    if (!found) return std::nullopt;
    const auto copy = take(*found.slot);
    release_hold<false>(this->sleepers(), *found.word);
    return copy;
  }

  template <class Q>
  DASHMAP_DETAIL_INLINE RacyMatcher<typename Types::Equal, Q> racy_matcher(
      const Q& query) const noexcept {
    return {this->equal(), query};
  }

  template <class R>
  struct ViewResultOf {
    using type = std::optional<std::remove_cvref_t<R>>;
  };
  template <class R>
    requires std::is_void_v<R>
  struct ViewResultOf<R> {
    using type = bool;
  };
  template <class R>
  using ViewResult = typename ViewResultOf<R>::type;
};

}  // namespace dashmap::detail
