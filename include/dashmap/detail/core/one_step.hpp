// Role
//   Removing and storing plain elements, which run no user code when they are looked for, copied or
//   destroyed: in one step, where nobody interferes.
//
// Invariants
//   1. A step does all of its operation, or nothing, and says so.
//   2. The usual case calls nothing: what is rare ends the call out of line. So nothing need be
//      kept meanwhile in registers that a function has to save for its caller.
//   Models (test/model): 1 map.insert, remove.
//   Tests: 1 unit/chain_test.cpp, unit/one_step_test.cpp; 2 counted, bench/budgets.txt.
//
// Readers and writers
//   As in acquire.hpp.
//
// Not here
//   What follows where one step is not enough (operations.hpp).
#pragma once

#include <cstdint>
#include <optional>

#include "dashmap/detail/core/room.hpp"

namespace dashmap::detail {

// What a step did: nothing, or all there was to do for a key that was absent, or present.
enum class Step : std::uint8_t { none, absent, present };

template <class Types>
class OneStep : public Room<Types> {
 public:
  using Base = Room<Types>;
  using Base::Base;
  using typename Base::Due;
  using typename Base::GroupType;
  using typename Base::PlaceType;
  using typename Base::TableType;
  using Displaced = typename Types::Displaced;
  using Prepared = typename Types::Prepared;
  using Value = typename Types::Value;

  template <class Q>
  DASHMAP_DETAIL_INLINE Step erase_in_one_step(std::uint64_t hash, const Q& key) {
    const Locked found = lock_with<true>(hash, key);
    if (found.step != Step::present) return found.step;
    const word_t locked = word::locked_from(found.group.seen);
    set_tag(found.place.tag, 0);
    Counter::Number* const number = this->own_count();
    if (number == nullptr || word::has_overflow(locked)) [[unlikely]]
      return end_erase(*found.group.table, *found.group.word, locked);
    Counter::add_own(*number, -1);
    const Section section(this->sleepers(), *found.group.word, locked);  // its end
    return Step::present;
  }

  // What it displaces goes to `displaced`.
  template <class Q>
  DASHMAP_DETAIL_INLINE Step store_in_one_step(std::uint64_t hash, const Q& key, const Value& value,
                                               Displaced& displaced) {
    const Locked found = lock_with<false>(hash, key);
    if (found.step == Step::none) return Step::none;
    TableType& table = *found.group.table;
    Word& word = *found.group.word;
    const word_t locked = word::locked_from(found.group.seen);
    if (found.step == Step::present) {
      found.place.slot->replace_value(this->alloc(), Value(value), displaced);
      const Section section(this->sleepers(), word, locked);  // its end
      return Step::present;
    }
    const PlaceType place = table.vacancy(found.group.first);
    if (!place) [[unlikely]]
      return add_to_chain<Q>(table, word, locked, hash, key, value);
    fill(place, hash, key, value);
    Counter::Number* const number = this->own_count();
    if (number == nullptr) [[unlikely]]
      return end_store(table, word, locked, 0);
    if (const std::int64_t due = this->due_at(table, Counter::add_own(*number, 1))) [[unlikely]]
      return end_store(table, word, locked, due);
    const Section section(this->sleepers(), word, locked);  // its end
    return Step::absent;
  }

 private:
  struct Locked {
    GroupType group;  // locked from what was seen of it, unless the key is absent and not wanted
    PlaceType place;
    Step step;
  };

  // Locks a key's group exclusively, with `OnlyPresent` only where the key is there. None: somebody
  // interferes, or the group has a chain and not the key.
  template <bool OnlyPresent, class Q>
  DASHMAP_DETAIL_INLINE Locked lock_with(std::uint64_t hash, const Q& key) {
    GroupType group{};
    PlaceType place{};
    Step step = Step::none;
    if (const QuickPin pin(this); pin) [[likely]] {
      group = this->newest_group(hash);
      if (is_free(group)) [[likely]] {
        const BitMask lanes = match(group.header().tags, tag_pattern(hash));
        if (const auto found =
                group.table->find_among(group.first, lanes, this->racy_matcher(hash, key))) {
          place = *found;
          if (lock_as_seen(group)) step = Step::present;
        } else if (!word::has_overflow(group.seen) &&
                   (OnlyPresent ? this->unchanged(group) : lock_as_seen(group))) {
          step = Step::absent;
        }
      }
    }
    return {group, place, step};
  }

  template <class Q>
  DASHMAP_DETAIL_INLINE void fill(const PlaceType& place, std::uint64_t hash, const Q& key,
                                  const Value& value) noexcept {
    Prepared(this->alloc(), hash, key, [&] { return value; }).commit(*place.slot);
    set_tag(place.tag, tag_of(hash));
  }

  // The group is full.
  template <class Q>
  DASHMAP_DETAIL_COLD Step add_to_chain(TableType& table, Word& word, word_t locked,
                                        std::uint64_t hash, QueryArg<Q> key, Value value) {
    Due due(*this);
    const Section section(this->sleepers(), word, locked);
    fill(this->room(group_of(table, word, locked)), hash, key, value);
    due.counter = this->count_in(table);
    return Step::absent;
  }
  // The table wants maintenance at that number; 0: nothing was counted yet, as the thread has no
  // counter of its own.
  DASHMAP_DETAIL_NOINLINE Step end_store(const TableType& table, Word& word, word_t locked,
                                         std::int64_t counter) noexcept {
    Due due(*this);
    const Section section(this->sleepers(), word, locked);
    due.counter = counter != 0 ? counter : this->count_in_shared(table);
    return Step::absent;
  }
  // The group has a chain, or the thread no counter of its own.
  DASHMAP_DETAIL_NOINLINE Step end_erase(TableType& table, Word& word, word_t locked) noexcept {
    const Section section(this->sleepers(), word, locked);
    this->count_out();
    this->tidy(group_of(table, word, locked));
    return Step::present;
  }
  static GroupType group_of(TableType& table, Word& word, word_t seen) noexcept {
    return {&table, TableType::FirstSlot::of(table.index_of(word)), &word, seen};
  }
};

}  // namespace dashmap::detail
