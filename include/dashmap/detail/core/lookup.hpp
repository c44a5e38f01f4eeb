// Role
//   Finds a key: for a reader without a lock, for a reader or a writer with its group's lock, in
//   one step from the optimistic search to the lock where nobody interferes.
//
// Invariants
//   1. What an optimistic search saw counts only if the group's word, read again after it, has the
//      same content (lock_word.hpp, 2); taking the lock from that word proves the same.
//   2. User code never runs on bytes that may be torn, but for the equality of plain keys.
//   3. The fast paths are inline and put together from values: no address of their locals reaches
//      an out-of-line function, so all stays in registers.
//   Models (test/model): 1 map.read, update, insert, remove, guards, growth.*.
//   Tests: 2 unit/corners_test.cpp.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   What is done with what was found (operations.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "dashmap/detail/core/acquire.hpp"
#include "dashmap/detail/sync/loan.hpp"

namespace dashmap::detail {

// How a look-up's key travels to out-of-line paths: by value where that keeps it in a register.
template <class Q>
using QueryArg = std::conditional_t<std::is_scalar_v<Q>, const Q, const Q&>;

template <class Types>
class Lookup : public Locker<Types> {
 public:
  using Base = Locker<Types>;
  using typename Base::Acquired;
  using typename Base::GroupType;
  using typename Base::Key;
  using typename Base::PlaceType;
  using typename Base::SlotType;
  using typename Base::TableType;
  using Value = typename Types::Value;
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

  // Locks the key's group and looks for the key; the section is empty when the request gave up.
  // All inline but the slow path, and put together from values: so it stays in registers.
  // Where the request always waits the section is never empty, and nobody need check; but with
  // `OnlyPresent` an absent key may be found so without a lock.
  template <bool Waits = true, bool OnlyPresent = false, class Q>
  DASHMAP_DETAIL_INLINE Found find_exclusive(std::uint64_t hash, const Q& key,
                                             const Request& request) {
    GroupType group{};
    PlaceType place{};
    BitMask lanes{0};
    bool taken = false;
    if (const QuickPin pin(this); pin) [[likely]] {
      group = newest_group(hash);
      if (is_free(group)) [[likely]] {
        bool wanted = true;
        if constexpr (Types::racy_keys) {
          place = find_in(group, hash, racy_matcher(hash, key));
          wanted = !OnlyPresent || static_cast<bool>(place);
        } else {
          lanes = lanes_in(group, hash);
          wanted = !OnlyPresent || lanes || word::has_overflow(group.seen);
        }
        if (!wanted && unchanged(group)) return Found(Section(), group, {});
        taken = wanted && lock_as_seen(group);
      }
    }
    if (!taken) [[unlikely]] {
      if constexpr (OnlyPresent) {
        if (this->table() == Base::empty_table()) {
          group.word = &Base::empty_table()->word_of(0);  // not given up
          return Found(Section(), group, {});
        }
      }
      SlowFound slow = find_exclusive_slow<Q>(hash, key, request);
      if (Waits && slow.group.word == nullptr) __builtin_unreachable();
      return Found(slow.section(this->sleepers()), slow.group, slow.place);
    }
    if (group.word == nullptr) __builtin_unreachable();
    Found found(Section(this->sleepers(), *group.word, word::locked_from(group.seen)), group,
                place);
    if constexpr (!Types::racy_keys) {
      found.place = find_among(group, lanes, hash, key);
    }
    return found;
  }

  template <class Q>
  DASHMAP_DETAIL_INLINE FoundShared find_shared(std::uint64_t hash, const Q& key,
                                                const Request& request) {
    FoundShared found;
    if (const QuickPin pin(this); pin) [[likely]] {
      if (find_shared_in(newest_group(hash), hash, key, found)) [[likely]]
        return found;
    }
    return find_shared_slow<Q>(hash, key, request);
  }

  // What take(const SlotType&), which copies, gives for the key's slot; nothing when it is absent.
  // Takes no lock but where a writer stays in the group, or a string cannot be told from the
  // query (racy_match.hpp).
  template <class Q, class Take>
  DASHMAP_DETAIL_INLINE auto read_racy(std::uint64_t hash, const Q& key, const Request& request,
                                       Take take) {
    using Result = std::optional<std::invoke_result_t<Take, const SlotType&>>;
    if constexpr (!Types::racy_keys) {
      if (!is_short(key)) return read_locked<Q>(hash, key, request, take);
    }
    // Made first: so nothing has to keep the hash, which the rare paths compute anew.
    const TagPattern tag = tag_pattern(hash);
    if (const QuickPin pin(this); pin) [[likely]] {
      const GroupType group = as_if_readable(newest_group(hash));
      const BitMask lanes = match(group.header().tags, tag);
      bool unsure = false;
      const auto matches = racy_matcher(hash, key, &unsure);
      if (const auto place = group.table->find_among(group.first, lanes, matches)) {
        const auto copy = take(*place->slot);
        if (unchanged(group)) [[likely]]
          return Result(copy);
      } else if (word::has_overflow(group.seen)) [[unlikely]] {
        if (const std::optional<Result> result =
                read_chain<Q>(*group.table, *group.word, group.seen, key, take, unsure)) {
          return *result;
        }
      } else if (!unsure && unchanged(group)) [[likely]] {
        return Result();
      }
    }
    return read_racy_slow<Q, Take>(key, request, take);
  }

 protected:
  DASHMAP_DETAIL_INLINE GroupType newest_group(std::uint64_t hash) const noexcept {
    TableType* table = this->table();
    auto first = TableType::FirstSlot::of(table->index_of(hash));
    settle_value(first.number);  // else GCC shifts the hash twice
    Word* word = &table->header_of(first).word;
    return {table, first, word, word->load(std::memory_order_acquire)};  // sync(group.validate)
  }

  // Locks a group if nothing is in the way: so no hold of this thread can be. Without room for a
  // reader acquire waits, or throws.
  template <bool Exclusive>
  DASHMAP_DETAIL_INLINE static bool take_free(Word& word, word_t seen) {
    return Exclusive ? try_lock_exclusive(word, seen, 0, false)
                     : word::has_room(seen) && try_lock_shared(word, seen, false);
  }
  // Locks a hash's group where that takes one step.
  template <bool Exclusive>
  DASHMAP_DETAIL_INLINE bool take_free(std::uint64_t hash, GroupType& group) {
    const QuickPin pin(this);
    if (!pin) return false;
    group = newest_group(hash);
    return take_free<Exclusive>(*group.word, group.seen);
  }

  DASHMAP_DETAIL_INLINE static bool unchanged(const Word& word, word_t seen) noexcept {
    // Relaxed, both loads: the fence keeps them behind the reads that they validate.
    load_load_fence();
    return is_now(word, seen) || word::same_content(seen, word.load(std::memory_order_relaxed));
  }
  DASHMAP_DETAIL_INLINE static bool unchanged(const GroupType& group) noexcept {
    return unchanged(*group.word, group.seen);
  }

  // `unsure` is for keys that are no plain data: of such a one it cannot be told.
  template <class Q>
  DASHMAP_DETAIL_INLINE RacyMatcher<Types::racy_keys, typename Types::Equal, Q> racy_matcher(
      std::uint64_t hash, const Q& query, bool* unsure = nullptr) const noexcept {
    return {this->equal(), hash, query, unsure};
  }

 private:
  template <class Matches>
  DASHMAP_DETAIL_INLINE static PlaceType find_in(const GroupType& group, std::uint64_t hash,
                                                 Matches matches) {
    return group.table->find(group.first, hash, word::has_overflow(group.seen), matches);
  }

  // Looks for the key in a group that was found live, and locks it shared where the key is; false
  // when that takes more than one step.
  template <class Q>
  DASHMAP_DETAIL_INLINE bool find_shared_in(const GroupType& live, std::uint64_t hash, const Q& key,
                                            FoundShared& found) {
    const GroupType group = as_if_readable(live);
    if constexpr (Types::racy_keys) {
      if (const PlaceType place = find_in(group, hash, racy_matcher(hash, key))) {
        found = {group.word, place.slot};
        return Base::share(group);
      }
    } else {
      const BitMask lanes = lanes_in(group, hash);
      if (lanes || word::has_overflow(group.seen)) {
        if (!Base::share(group)) [[unlikely]]
          return false;
        found = look(group, lanes, hash, key);
        return true;
      }
    }
    return unchanged(group);
  }

  // Under the group's lock, where the lanes with the key's tag are known.
  template <class Q>
  DASHMAP_DETAIL_INLINE PlaceType find_among(const GroupType& group, BitMask lanes,
                                             std::uint64_t hash, const Q& key) const {
    return group.table->find(group.first, lanes, hash, word::has_overflow(group.seen),
                             this->matcher(hash, key));
  }

  // The lanes with the hash's tag; the slot of the first is fetched while the lock is taken.
  DASHMAP_DETAIL_INLINE static BitMask lanes_in(const GroupType& group, std::uint64_t hash) {
    const BitMask lanes = match(group.header().tags, tag_pattern(hash));
    if (lanes)
      DASHMAP_DETAIL_PREFETCH(group.table->slot_array + (group.first.number + lanes.next()));
    return lanes;
  }

  // Finds the key in a group that the caller has shared, in the lanes with its tag or in the chain;
  // gives the hold up if it is absent.
  template <class Q>
  DASHMAP_DETAIL_INLINE FoundShared look(const GroupType& group, BitMask lanes, std::uint64_t hash,
                                         const Q& key) {
    PlaceType place{};
    try {
      place = find_among(group, lanes, hash, key);
    } catch (...) {
      release_hold<false>(this->sleepers(), *group.word);
      throw;
    }
    if (place) return {group.word, place.slot};
    release_hold<false>(this->sleepers(), *group.word);
    return {};
  }

  static bool gives_up(const Request& request) {
    return !request.waits || (request.deadline != no_deadline && Clock::now() >= request.deadline);
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
    for (;;) {
      const std::optional<Acquired> acquired = this->template acquire<true>(hash, request);
      if (!acquired) return {};
      SlowFound found{acquired->group, {}, acquired->locked};
      Section section = found.section(this->sleepers());
      // Relaxed: the lock is had, and only the overflow bit counts.
      found.group.seen = found.group.word->load(std::memory_order_relaxed);
      found.place = find_in(found.group, hash, this->matcher(hash, key));
      if (!acquired->own ||
          this->template admits<true>(*acquired, found.place.slot, hash, key, request)) {
        section.take();
        return found;
      }
      if (gives_up(request)) return {};
    }
  }

  template <class Q>
  DASHMAP_DETAIL_COLD FoundShared find_shared_slow(std::uint64_t hash, QueryArg<Q> key,
                                                   const Request& request) {
    FoundShared in_one_step;  // in an older table, while one fills
    if (const Pin pin(this); !Base::is_empty_table(this->table()) &&
                             find_shared_in(this->find_live(hash), hash, key, in_one_step))
      return in_one_step;
    for (;;) {
      const std::optional<Acquired> acquired = this->template acquire<false>(hash, request);
      if (!acquired) {
        const Pin pin(this);
        return {&this->table()->word_of(0), nullptr};
      }
      if (acquired->group.word == nullptr) return {};
      GroupType group = acquired->group;
      group.seen = group.word->load(std::memory_order_relaxed);  // as above
      const FoundShared found = look(group, lanes_in(group, hash), hash, key);
      // What is absent may be the key of a vacant entry of this thread.
      if (!acquired->own || (!found && request.question)) return found;
      try {
        if (this->template admits<false>(*acquired, found.slot, hash, key, request)) return found;
      } catch (...) {
        if (found) release_hold<false>(this->sleepers(), *found.word);
        throw;
      }
      if (found) release_hold<false>(this->sleepers(), *found.word);
      if (gives_up(request)) return {group.word, nullptr};
    }
  }

  // The rest of read_racy, in a group's chain, where the group's slots may have left it `unsure`;
  // nothing when it still is, or when the group changed meanwhile.
  template <class Q, class Take>
  DASHMAP_DETAIL_NOINLINE auto read_chain(const TableType& table, const Word& word, word_t seen,
                                          QueryArg<Q> key, Take take, bool unsure) const
      -> std::optional<std::optional<std::invoke_result_t<Take, const SlotType&>>> {
    using Result = std::optional<std::invoke_result_t<Take, const SlotType&>>;
    const std::uint64_t hash = this->hash_of(key);
    const std::size_t group = table.index_of(word);
    Result result;
    if (const auto place = table.find_chained(group, hash, racy_matcher<Q>(hash, key, &unsure))) {
      result.emplace(take(*place.slot));
    }
    if ((result || !unsure) && unchanged(word, seen)) return result;
    return {};
  }

  // While a table fills, or a writer is in the group: a few more looks, then under a lock.
  template <class Q, class Take>
  DASHMAP_DETAIL_COLD auto read_racy_slow(QueryArg<Q> key, const Request& request, Take take)
      -> std::optional<std::invoke_result_t<Take, const SlotType&>> {
    const std::uint64_t hash = this->hash_of(key);
    bool unsure = false;
    for (unsigned round = 0; round < 6 && !unsure; ++round) {
      {
        const Pin pin(this);
        if (Base::is_empty_table(this->table())) return std::nullopt;
        const GroupType group = this->find_live(hash);
        if (word::is_readable(group.seen)) {
          if (const auto place = find_in(group, hash, racy_matcher<Q>(hash, key, &unsure))) {
            const auto copy = take(*place.slot);
            if (unchanged(group)) return copy;
          } else if (!unsure && unchanged(group)) {
            return std::nullopt;
          }
        }
      }
      backoff(round);
    }
    return read_locked<Q>(hash, key, request, take);
  }

  // As read_racy, with the lock.
  template <class Q, class Take>
  DASHMAP_DETAIL_INLINE auto read_locked(std::uint64_t hash, QueryArg<Q> key,
                                         const Request& request, Take take)
      -> std::optional<std::invoke_result_t<Take, const SlotType&>> {
    for (;;) {
      const FoundShared found = find_shared<Q>(hash, key, request);
      if (!found) return std::nullopt;
      const SharedSection section(this->sleepers(), *found.word);
      // A question that reads nothing disturbs no guard.
      constexpr bool reads = !std::is_same_v<std::invoke_result_t<Take, const SlotType&>, Unit>;
      if (!reads || !Loan::is_needed(*found.word)) [[likely]]
        return take(*found.slot);
      if (const Loan loan(*found.word, found.slot); loan) return take(*found.slot);
    }
  }
};

}  // namespace dashmap::detail
