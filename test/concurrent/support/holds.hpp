// Ways to hold a key's lock and ways to want it, and maps whose keys are known to share a lock or
// not to: what the tests of circles and of lock patterns are made of.
#pragma once

#include <dashmap/dashmap.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "stress.hpp"
#include "values.hpp"

namespace stress {

/// Keys 2n and 2n + 1 have one hash, and so share a group and its lock whatever the table's size.
struct PairHash {
  template <class Key>
  std::size_t operator()(const Key& key) const noexcept {
    return static_cast<std::size_t>(mix(number(key) / 2));
  }
};

using PairedNumbers = Subject<u64, u64, PairHash>;
using PairedTexts = Subject<std::string, std::string, PairHash>;

inline constexpr u64 prefill = 4000;
inline constexpr std::size_t shard_amount = 64;

/// A map of the keys below `prefill`, with `shard_amount` shards.
template <class S>
typename S::Map prefilled_map() {
  auto map = S::Map::with_shard_amount(shard_amount);
  for (u64 n = 0; n < prefill; ++n) map.insert(S::key(n), S::value(n));
  return map;
}

/// `count` even numbers whose keys are in as many shards, so that no two share a lock.
template <class S>
std::vector<u64> numbers_apart(const typename S::Map& map, std::size_t count, Rng& rng) {
  std::vector<u64> numbers;
  std::vector<bool> used(shard_amount);
  while (numbers.size() < count) {
    const u64 candidate = rng.below(prefill / 2) * 2;
    const std::size_t shard = map.determine_map(S::key(candidate));
    if (used.at(shard)) continue;
    used[shard] = true;
    numbers.push_back(candidate);
  }
  return numbers;
}

/// The keys of `numbers_apart`.
template <class S>
std::vector<typename S::Key> keys_apart(const typename S::Map& map, std::size_t count, Rng& rng) {
  std::vector<typename S::Key> keys;
  for (const u64 n : numbers_apart<S>(map, count, rng)) keys.push_back(S::key(n));
  return keys;
}

/// A way in which a thread holds a key: runs a continuation with the key locked.
template <class S>
struct Hold {
  using Then = std::function<void()>;

  const char* name;
  bool exclusive;
  std::function<void(typename S::Map&, const typename S::Key&, const Then&)> run;
  bool begins_exclusive = exclusive;  ///< asks for the key alone, whatever it has in the end
};

/// How a thread wants the next key, in a way that conflicts with every Hold.
template <class S>
using Want = std::function<void(typename S::Map&, const typename S::Key&)>;

/// All ways to hold a key. `patience`: how long one that waits for a time waits; it gives up, and
/// does not run the continuation, when it got no lock by then.
template <class S>
std::vector<Hold<S>> all_holds(milliseconds patience) {
  using Map = typename S::Map;
  using Key = typename S::Key;
  using Value = typename S::Value;
  using Then = typename Hold<S>::Then;
  std::vector<Hold<S>> holds{
      {"get_mut", true,
       [](Map& map, const Key& key, const Then& then) {
         const auto guard = map.get_mut(key);
         then();
       }},
      {"get", false,
       [](Map& map, const Key& key, const Then& then) {
         const auto guard = map.get(key);
         then();
       }},
      {"entry", true,
       [](Map& map, const Key& key, const Then& then) {
         const auto entry = map.entry(key);
         then();
       }},
      {"downgraded", false,
       [](Map& map, const Key& key, const Then& then) {
         const auto guard = map.get_mut(key).downgrade();
         then();
       },
       true},
      {"mapped", false,
       [](Map& map, const Key& key, const Then& then) {
         const auto part = map.get(key).map([](const Value& v) -> const Value& { return v; });
         then();
       }},
      {"try_get_mut_for", true,
       [patience](Map& map, const Key& key, const Then& then) {
         const auto result = map.try_get_mut_for(key, patience);
         if (result.is_present()) then();
       }},
      {"alter", true,
       [](Map& map, const Key& key, const Then& then) {
         map.alter(key, [&](const Key&, Value value) {
           then();
           return value;
         });
       }},
      {"compute", true,
       [](Map& map, const Key& key, const Then& then) {
         map.compute(key, [&](std::optional<Value>&) { then(); });
       }},
      {"and_modify", true,
       [](Map& map, const Key& key, const Then& then) {
         map.entry(key).and_modify([&](Value&) { then(); });
       }},
      {"remove_if", true,
       [](Map& map, const Key& key, const Then& then) {
         map.remove_if(key, [&](const Key&, const Value&) {
           then();
           return false;
         });
       }},
      {"with_keys", true,
       [](Map& map, const Key& key, const Then& then) {
         map.with_keys(std::array<Key, 1>{key}, [&](std::span<Value*>) { then(); });
       }},
  };
  // A view of plain data is of a copy and locks nothing.
  if constexpr (!std::is_trivially_copyable_v<Value>) {
    holds.push_back({"view", false, [](Map& map, const Key& key, const Then& then) {
                       map.view(key, [&](const Key&, const Value&) { then(); });
                     }});
  }
  return holds;
}

template <class S>
std::vector<std::pair<const char*, Want<S>>> all_wants() {
  using Map = typename S::Map;
  using Key = typename S::Key;
  using Value = typename S::Value;
  return {
      {"get_mut", [](Map& map, const Key& key) { static_cast<void>(map.get_mut(key)); }},
      {"insert", [](Map& map, const Key& key) { map.insert(key, S::value(7)); }},
      {"insert_or_assign",
       [](Map& map, const Key& key) { map.insert_or_assign(key, S::value(7)); }},
      {"entry", [](Map& map, const Key& key) { static_cast<void>(map.entry(key)); }},
      {"try_emplace",
       [](Map& map, const Key& key) { static_cast<void>(map.try_emplace(key, S::value(7))); }},
      {"alter",
       [](Map& map, const Key& key) { map.alter(key, [](const Key&, Value v) { return v; }); }},
      {"compute", [](Map& map, const Key& key) { map.compute(key, [](std::optional<Value>&) {}); }},
      {"remove_if",
       [](Map& map, const Key& key) {
         map.remove_if(key, [](const Key&, const Value&) { return false; });
       }},
      {"with_keys",
       [](Map& map, const Key& key) {
         map.with_keys(std::array<Key, 1>{key}, [](std::span<Value*>) {});
       }},
  };
}

}  // namespace stress
