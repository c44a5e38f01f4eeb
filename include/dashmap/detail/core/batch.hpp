// Role
//   Operations on several keys in one call: an atomic step over some, and look-ups and insertions
//   that overlap their cache misses.
//
// Invariants
//   1. with_keys takes its groups in hash order, the one order of all that take several, and keeps
//      each until its function returned.
//   2. A batch is nothing but its single operations, with the memory they need fetched before: tags
//      and words two batches ahead, then the slots that look right, or are free where it inserts,
//      one batch ahead.
//   Models (test/model): 2 growth.batch.
//   Tests: 1 concurrent/transfer_test.cpp, unit/map_whole_test.cpp.
//
// Readers and writers
//   As in operations.hpp. Prefetching reads tags without a lock and uses them for nothing else.
//
// Not here
//   Whole-map operations (walk.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <ranges>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "dashmap/detail/core/walk.hpp"

namespace dashmap::detail {

// Calls f(key, value) with the parts of a pair-like element, as lvalues or rvalues as it is one.
inline constexpr auto split_pair = [](auto&& pair, auto&& f) -> decltype(auto) {
  using Pair = decltype(pair);
  if constexpr (requires { std::get<1>(std::forward<Pair>(pair)); }) {
    // Each forwards its own part. NOLINTNEXTLINE(bugprone-use-after-move)
    return f(std::get<0>(std::forward<Pair>(pair)), std::get<1>(std::forward<Pair>(pair)));
  } else {
    auto&& [key, value] = pair;
    return f(key, value);
  }
};

template <class Map, class Keys, class F>
decltype(auto) with_keys(Map& map, Keys&& keys, F&& f) {
  using Value = typename Map::Value;
  using Types = typename Map::Types;
  using Given = std::ranges::range_reference_t<Keys>;
  using Lookup = decltype(as_query<Types>(std::declval<Given>()));
  using Query = std::remove_cvref_t<Lookup>;
  struct Wanted {
    std::uint64_t hash;
    std::size_t index;
    const Query* key;
  };
  static constexpr Request request{Operation::with_keys};
  // Keys that are made on the fly are kept here; others are referred to.
  constexpr bool stable = std::is_lvalue_reference_v<Given> && std::is_lvalue_reference_v<Lookup> &&
                          std::ranges::forward_range<Keys>;
  struct Kept {  // so that it is no vector of bits
    Query key;
  };
  std::vector<Kept> kept;
  std::vector<Wanted> wanted;
  if constexpr (stable) {
    for (const Query& key : keys)
      wanted.push_back({map.hash_of(key), wanted.size(), std::addressof(key)});
  } else {
    for (auto&& key : keys) kept.push_back({as_query<Types>(std::forward<decltype(key)>(key))});
    for (const auto& [key] : kept)
      wanted.push_back({map.hash_of(key), wanted.size(), std::addressof(key)});
  }
  std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.index < b.index;
  });
  std::vector<Value*> values(wanted.size(), nullptr);
  // One lock for each group, one record for each key.
  std::vector<Section> sections;
  std::deque<HoldMark> marks;
  [[maybe_unused]] const Line line = take_noted_caller();
  sections.reserve(wanted.size());
  typename Map::GroupType group{};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    std::size_t same = i;
    while (same > 0 && wanted[same - 1].hash == wanted[i].hash) {
      --same;
      if (map.equal()(*wanted[same].key, *wanted[i].key)) break;
      if (same == 0 || wanted[same - 1].hash != wanted[i].hash) {
        same = i;
        break;
      }
    }
    if (same != i) {
      values[wanted[i].index] = values[wanted[same].index];
      continue;
    }
    typename Map::SlotType* slot = nullptr;
    HoldKind kind = HoldKind::keys;
    if (group.word != nullptr && wanted[i].hash <= group.last_hash()) {
      slot = map.find_held(*wanted[i].key).slot;
      kind = HoldKind::more_keys;
      map.template require<true>(group, slot, wanted[i].hash, *wanted[i].key, request);
    } else {
      auto found = map.find_exclusive(wanted[i].hash, *wanted[i].key, request);
      slot = found.place.slot;
      group = found.group;
      sections.push_back(std::move(found.section));
    }
    if (slot != nullptr) values[wanted[i].index] = std::addressof(slot->element().value);
    marks.emplace_back(group.word, slot, kind, request.operation);
    if constexpr (DASHMAP_CHECKED != 0) marks.back().hold().note(line);
    if (slot == nullptr) {
      marks.back().hold().note(map.vacant_key(wanted[i].hash, *wanted[i].key));
    }
  }
  return std::invoke(std::forward<F>(f), std::span<Value*>(values));
}

// So few that a core can wait for the lines of all of a batch at once.
inline constexpr std::size_t batch_size = 12;
inline constexpr std::size_t cached_bytes = std::size_t{1} << 20;

inline constexpr Request get_many_request{Operation::get_many};
inline constexpr Request insert_many_request{Operation::insert_many};

using Hashes = std::span<const std::uint64_t>;

// Fetches what look-ups of the hashes will read, or insertions write as well, unless a core's cache
// has room for all of it: of those that come later their groups, of the next ones, whose groups are
// there by now, their slots, and of those whose turn it is what their keys refer to.
template <bool Inserts, class Map>
void prefetch(Map& map, Hashes later, Hashes next, Hashes now) {
  using Slot = typename Map::SlotType;
  if (later.empty() && next.empty() && (now.empty() || !has_characters<Slot>)) return;
  const Pin pin(&map);
  const auto* table = map.table();
  if (table->bytes <= cached_bytes) return;
  for (const std::uint64_t hash : later) {
    const std::size_t group = table->index_of(hash);
    DASHMAP_DETAIL_PREFETCH(&table->header_of(group));
  }
  // The slot that has the key, most likely, or that it will get.
  const auto slot_of = [table](std::uint64_t hash) -> const Slot* {
    const std::size_t group = table->index_of(hash);
    BitMask lanes = match(table->tags_of(group), tag_pattern(hash));
    if (Inserts && !lanes) lanes = match_empty(table->tags_of(group));
    return lanes ? table->slots_of(group) + lanes.next() : nullptr;
  };
  for (const std::uint64_t hash : next) {
    const Slot* const slot = slot_of(hash);
    if (slot == nullptr) continue;
    DASHMAP_DETAIL_PREFETCH(slot);
    if constexpr (std::bit_floor(sizeof(Slot)) != sizeof(Slot)) {
      // As bytes: the last one may lie in another line.
      DASHMAP_DETAIL_PREFETCH(reinterpret_cast<const char*>(slot + 1) - 1);
    }
  }
  if constexpr (has_characters<Slot>) {
    for (const std::uint64_t hash : now) {
      if (const Slot* const slot = slot_of(hash)) prefetch_characters(*slot);
    }
  }
}

// Elements that stay where they are, and are what they are before the ones in front of them were
// dealt with: not those of a view that filters them, perhaps by what the map has, or that makes
// each in the same place.
template <class Range>
inline constexpr bool can_be_batched =
    std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>> &&
    std::ranges::forward_range<Range> &&
    (std::ranges::contiguous_range<Range> || !std::ranges::view<std::remove_cvref_t<Range>>);
template <class Base, std::size_t N>
inline constexpr bool can_be_batched<std::ranges::elements_view<Base, N>> = can_be_batched<Base>;

// A range that owns its elements, as what is constant with it, and is given away: they may be moved
// from.
template <class Range>
inline constexpr bool gives_its_elements = [] {
  if constexpr (std::is_lvalue_reference_v<Range> || std::ranges::view<Range> ||
                !std::ranges::range<const Range>) {
    return false;
  } else {
    return !std::is_same_v<std::ranges::range_reference_t<const Range>,
                           std::ranges::range_reference_t<Range>>;
  }
}();

// Calls one(element, hash) for the elements of a range in order, batches of them prefetched. Each
// is looked at once. What a hash function or an iterator throws comes after what was in front of
// it.
template <bool Inserts, class Map, class Range, class HashOf, class One>
void in_batches(Map& map, Range&& range, HashOf&& hash_of, One&& one) {
  if constexpr (can_be_batched<Range>) {
    struct Batch {
      std::array<std::uint64_t, batch_size> hash;
      std::array<std::add_pointer_t<std::ranges::range_reference_t<Range>>, batch_size> element;
      std::size_t size = 0;

      Hashes hashes() const noexcept { return {hash.data(), size}; }
    };
    std::array<Batch, 3> batches;
    auto [now, next, later] = std::tuple(&batches[0], &batches[1], &batches[2]);
    auto it = std::ranges::begin(range);
    const auto last = std::ranges::end(range);
    std::exception_ptr error;
    const auto fill = [&](Batch& batch) {
      batch.size = 0;
      if (error) return;
      try {
        for (; batch.size < batch_size && it != last; ++it) {
          batch.element[batch.size] = std::addressof(*it);
          batch.hash[batch.size] = hash_of(*batch.element[batch.size]);
          ++batch.size;
        }
      } catch (...) {
        error = std::current_exception();
      }
    };
    for (;;) {
      fill(*later);
      prefetch<Inserts>(map, later->hashes(), next->hashes(), now->hashes());
      for (std::size_t i = 0; i < now->size; ++i) {
        if constexpr (gives_its_elements<Range>) {
          one(std::move(*now->element[i]), now->hash[i]);
        } else {
          one(*now->element[i], now->hash[i]);
        }
      }
      now = std::exchange(next, std::exchange(later, now));
      if (now->size == 0 && next->size == 0) break;
    }
    if (error) std::rethrow_exception(error);
  } else {
    for (auto&& element : range) one(std::forward<decltype(element)>(element), hash_of(element));
  }
}

template <class Map, class Keys, class F>
void get_many(Map& map, Keys&& keys, F& f) {
  using Value = typename Map::Value;
  using Types = typename Map::Types;
  using Given = std::remove_cvref_t<std::ranges::range_reference_t<Keys>>;
  static_assert(std::invocable<F&, const Given&, const Value*>,
                "get_many calls f(key, value), with a pointer to the value");
  in_batches<false>(
      map, std::forward<Keys>(keys),
      [&](const auto& key) { return map.hash_of(as_query<Types>(key)); },
      [&](const auto& key, std::uint64_t hash) {
        decltype(auto) query = as_query<Types>(key);
        using Query = std::remove_cvref_t<decltype(query)>;
        const auto answer = [&](const Value* value) { std::invoke(f, key, value); };
        if constexpr (!Types::racy_keys && Types::template shows_copies<Query>) {
          if (is_short(query)) {
            using Slot = typename Map::SlotType;
            // More than fits into two registers: g++ stores what comes back in them one by one, and
            // then copies it by one load across both, which waits.
            struct Copy {
              Value value;
              const Slot* from;
            };
            const auto take = [](const Slot& slot) {
              return Copy{racy_copy(slot.element().value), std::addressof(slot)};
            };
            const auto copy = map.read_racy(hash, query, get_many_request, take);
            return answer(copy ? std::addressof(copy->value) : nullptr);
          }
        }
        const auto show = [&](const auto&, const Value& value) { answer(std::addressof(value)); };
        if (!map.view_hashed(hash, query, show, get_many_request)) answer(nullptr);
      });
}

// Makes room for what is to come of many insertions, in two steps of a growth: when a sixteenth of
// them was made, for up to four times as many, and again when a quarter was. How much, the second
// half of what was made tells: most words of a text come soon.
template <class Map>
class RoomAhead {
 public:
  RoomAhead(Map& map, std::size_t total) noexcept : map_(map), total_(total) {}

  // After so many elements of the total, of which so many were new.
  DASHMAP_DETAIL_INLINE void look(std::size_t done, std::size_t fresh) noexcept {
    if (done >= next_) [[unlikely]]
      expect(done, fresh);
  }

 private:
  // At 1, 2, 4 and 8 of 32 parts; at each second of them it is known what came since the last.
  DASHMAP_DETAIL_COLD void expect(std::size_t done, std::size_t fresh) noexcept {
    if (halfway_) {
      const double share =
          static_cast<double>(fresh - fresh_before_) / static_cast<double>(done - done_before_);
      const auto ahead = static_cast<double>(std::min(3 * done, total_ - done));
      map_.expect_total(map_.size() + static_cast<std::uint64_t>(share * ahead));
    }
    halfway_ = !halfway_;
    done_before_ = done;
    fresh_before_ = fresh;
    next_ = done < total_ / 4 ? 2 * done : never;
  }

  static constexpr std::size_t never = std::numeric_limits<std::size_t>::max();

  Map& map_;
  std::size_t total_;                                       // 0 where it is not known
  std::size_t next_ = total_ < 1024 ? never : total_ / 32;  // of fewer there is no need
  bool halfway_ = false;
  std::size_t done_before_ = 0;
  std::size_t fresh_before_ = 0;
};

// What the parts of a range's elements must be.
template <class Types, class Key, class Value>
constexpr void check_parts() noexcept {
  static_assert(NewKey<Key, Types>, "no key can be made of the first part of the range's elements");
  static_assert(std::is_constructible_v<typename Types::Value, Value>,
                "no value can be made of the second part of the range's elements");
}

// How a value is passed on. What is no key yet may refer to the value, which then stays.
template <class Key, class From, class Value>
using PassedValue = std::conditional_t<std::is_same_v<std::remove_cvref_t<From>, Key> ||
                                           std::is_arithmetic_v<std::remove_cvref_t<From>>,
                                       Value, std::add_lvalue_reference_t<Value>>;

// Inserts the elements of a range in order; split(element, f) calls f(key, value) with its parts.
// Gives the number of new ones.
template <class Map, class Range, class Split>
std::size_t insert_many(Map& map, Range&& range, Split split) {
  using Value = typename Map::Value;
  using Types = typename Map::Types;
  std::size_t done = 0;
  std::size_t fresh = 0;
  std::size_t total = 0;
  if constexpr (std::ranges::sized_range<Range>) {
    total = static_cast<std::size_t>(std::ranges::size(range));
  }
  RoomAhead<Map> room(map, total);
  in_batches<true>(
      map, std::forward<Range>(range),
      [&](const auto& element) {
        return split(element, [&](const auto& key, const auto&) {
          return map.hash_of(as_query<Types>(key));
        });
      },
      [&](auto&& element, std::uint64_t hash) {
        split(std::forward<decltype(element)>(element), [&](auto&& key, auto&& value) {
          check_parts<Types, decltype(key), decltype(value)>();
          typename Map::Displaced displaced;
          if (map.store(
                  hash, as_query<Types>(std::forward<decltype(key)>(key)),
                  Value(static_cast<PassedValue<typename Map::Key, decltype(key), decltype(value)>>(
                      value)),
                  displaced, insert_many_request)) {
            ++fresh;
          }
        });
        room.look(++done, fresh);
      });
  return fresh;
}

}  // namespace dashmap::detail
