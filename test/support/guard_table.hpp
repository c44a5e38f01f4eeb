// What the table of guards is made of: the ways to hold a part of a map, the operations, and the
// rule that says what an operation meets. The rule follows from the promises in docs/guards.md; it
// asks no map.
#pragma once

#include <dashmap/dashmap.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace dashmap_test::guard_table {

// ---- The map --------------------------------------------------------------------------------

using Key = std::uint64_t;

/// A key is its own hash, so that the tests choose where it lies.
struct PlacedHash {
  using is_avalanching = void;
  std::uint64_t operator()(Key key) const noexcept { return key; }
};

/// Strings, since a view of plain data runs on a copy and holds nothing.
using Map = dashmap::DashMap<Key, std::string, PlacedHash>;
using Contents = std::map<Key, std::string>;

/// The key that the holder has: in the first of eight groups, in the first of two shards.
inline constexpr Key held_key = 0x2;
/// Differs only in bits that choose neither group nor tag.
inline constexpr Key neighbour_key = 0x202;
/// In the second shard.
inline constexpr Key distant_key = held_key | Key{1} << 63;

inline std::string old_value(Key key) { return "old " + std::to_string(key); }
inline std::string new_value(Key key) { return "new " + std::to_string(key); }

/// The keys above and one more in each of eight groups: few enough for one group.
inline Contents initial_contents() {
  Contents contents;
  for (const Key key : {held_key, neighbour_key, distant_key}) contents[key] = old_value(key);
  for (Key group = 0; group < 8; ++group) contents[group << 61] = old_value(group << 61);
  return contents;
}

/// How the key of the operation lies to the key that is held.
enum class Relation { same, neighbour, other_shard, elsewhere };
inline constexpr std::array relations{Relation::same, Relation::neighbour, Relation::other_shard,
                                      Relation::elsewhere};

inline const char* name_of(Relation relation) {
  switch (relation) {
    case Relation::same: return "the same key";
    case Relation::neighbour: return "another key of the group and shard";
    case Relation::other_shard: return "a key of the other shard in the same group";
    case Relation::elsewhere: return "a key of another group";
  }
  return "";
}

inline Key key_of(Relation relation) {
  switch (relation) {
    case Relation::same: return held_key;
    case Relation::neighbour: return neighbour_key;
    default: return distant_key;
  }
}

/// A map of eight groups; of one, where both shards are to share it.
inline Map make_map(Relation relation, const Contents& contents) {
  const std::size_t capacity = relation == Relation::other_shard ? 0 : 8 * 13;
  Map map = Map::with_capacity_and_hasher_and_shard_amount(capacity, PlacedHash(), 2);
  for (const auto& [key, value] : contents) map.insert(key, value);
  return map;
}

// ---- The rule -------------------------------------------------------------------------------

/// What a holder holds.
enum class Hold {
  nothing,
  shared_key,
  exclusive_key,
  vacant_key,  // exclusively, the place of a key that is not there
  shared_range,
  exclusive_range,
  whole_map,  // exclusively
};

/// The classes of operations: the columns of the table.
enum class Mode {
  ask,        // a plain question about a key
  count,      // a plain question about the map
  read,       // one key
  write,      // one key
  try_read,   // one key, without waiting
  try_write,  // one key, without waiting
  walk,       // reads element by element
  walk_mut,   // gives out element by element, to be changed
  all_read,   // takes a range as it is at one point in time
  all_write,  // claims all elements of a range before it begins
  resize,     // passes over what is in use
};
inline constexpr std::array modes{Mode::ask,      Mode::count,     Mode::read,  Mode::write,
                                  Mode::try_read, Mode::try_write, Mode::walk,  Mode::walk_mut,
                                  Mode::all_read, Mode::all_write, Mode::resize};

inline const char* name_of(Mode mode) {
  switch (mode) {
    case Mode::ask: return "ask";
    case Mode::count: return "count";
    case Mode::read: return "read";
    case Mode::write: return "write";
    case Mode::try_read: return "try to read";
    case Mode::try_write: return "try to write";
    case Mode::walk: return "walk";
    case Mode::walk_mut: return "walk to change";
    case Mode::all_read: return "all to read";
    case Mode::all_write: return "all to write";
    case Mode::resize: return "resize";
  }
  return "";
}

/// What an operation is about.
enum class Scope { key, shard, map };

/// Whether an operation is about something that is held, something beside it in the same group, or
/// neither.
enum class Reach { held, beside, apart };

inline Reach reach_of(Hold hold, Scope scope, Relation relation) {
  const bool holds_range = hold == Hold::shared_range || hold == Hold::exclusive_range;
  if (scope == Scope::map || hold == Hold::whole_map || relation == Relation::same) {
    return Reach::held;
  }
  if (relation == Relation::elsewhere) return Reach::apart;
  // A neighbour is in the same shard.
  const bool by_shard = scope == Scope::shard || holds_range;
  return relation == Relation::neighbour && by_shard ? Reach::held : Reach::beside;
}

/// What comes of an operation: the words in the cells.
enum class Word { works, throws, locked, waits };

inline const char* name_of(Word word) {
  switch (word) {
    case Word::works: return "works";
    case Word::throws: return "throws";
    case Word::locked: return "locked";
    case Word::waits: return "waits";
  }
  return "";
}

inline bool is_shared(Hold hold) { return hold == Hold::shared_key || hold == Hold::shared_range; }
inline bool is_try(Mode mode) { return mode == Mode::try_read || mode == Mode::try_write; }
inline bool writes(Mode mode) {
  return mode == Mode::write || mode == Mode::try_write || mode == Mode::walk_mut ||
         mode == Mode::all_write;
}

/// What an operation of the holder's own thread meets. Only what the thread holds is in its way.
inline Word on_own_thread(Hold hold, Mode mode, Reach reach) {
  const bool question = mode == Mode::ask || mode == Mode::count;
  if (hold == Hold::nothing || reach != Reach::held || question || mode == Mode::resize) {
    return Word::works;
  }
  if (is_shared(hold) && !writes(mode)) return Word::works;
  // Where no key is, a walk meets none.
  const bool meets = mode != Mode::walk && mode != Mode::walk_mut;
  if (hold == Hold::vacant_key && !meets) return Word::works;
  return is_try(mode) ? Word::locked : Word::throws;
}

/// What an operation of another thread meets. Whoever holds a key holds its group, and what may be
/// half written cannot be looked at.
inline Word on_another_thread(Hold hold, Mode mode, Reach reach) {
  if (hold == Hold::nothing || reach == Reach::apart) return Word::works;
  if (mode == Mode::count || mode == Mode::resize) return Word::works;
  if (is_shared(hold) && !writes(mode)) return Word::works;
  return is_try(mode) ? Word::locked : Word::waits;
}

// ---- The holders ----------------------------------------------------------------------------

/// What a call does to the map.
enum class Effect { none, set, add, alter, erase, set_all, clear };

inline void apply(Effect effect, Contents& contents, Key key) {
  switch (effect) {
    case Effect::none: break;
    case Effect::set: contents[key] = new_value(key); break;
    case Effect::add: contents.try_emplace(key, new_value(key)); break;
    case Effect::alter:
      if (contents.contains(key)) contents[key] = new_value(key);
      break;
    case Effect::erase: contents.erase(key); break;
    case Effect::set_all:
      for (auto& [k, value] : contents) value = new_value(k);
      break;
    case Effect::clear: contents.clear(); break;
  }
}

/// par_for_each and par_retain with this use the calling thread alone: threads of their own would
/// take groups for moments that no test foresees, and their waits are not shown.
inline constexpr auto alone = [](auto&&) {};

struct Holder {
  const char* id;    // for the name of the test
  const char* name;  // for the table
  Hold hold;
  /// Takes hold of `held_key`, or of what it lies in, and calls `then()` meanwhile.
  std::function<void(Map& map, const std::function<void()>& then)> run;
  Effect effect = Effect::none;
};

inline std::vector<Holder> holders() {
  using Then = std::function<void()>;
  const auto value = [](auto& text) -> auto& { return text; };
  return {
      {"IteratorBetweenItems", "an iterator between two items", Hold::nothing,
       [](Map& map, const Then& then) {
         auto it = map.iter().begin();
         while ((*it).key() != held_key) ++it;
         then();
         while (it != map.end()) ++it;
       }},
      {"Ref", "`Ref`", Hold::shared_key,
       [](Map& map, const Then& then) {
         const auto guard = map.get(held_key);
         then();
       }},
      {"MappedRef", "`MappedRef`", Hold::shared_key,
       [value](Map& map, const Then& then) {
         const auto guard = map.get(held_key).map(value);
         then();
       }},
      {"RefMulti", "`RefMulti`", Hold::shared_key,
       [](Map& map, const Then& then) {
         for (auto&& item : map.iter()) {
           if (item.key() == held_key) then();
         }
       }},
      {"ShardRead", "`shard.read()`", Hold::shared_range,
       [](Map& map, const Then& then) {
         const auto guard = map.shards()[map.determine_map(held_key)].read();
         then();
       }},
      {"View", "a closure of `view`", Hold::shared_key,
       [](Map& map, const Then& then) {
         map.view(held_key, [&](const Key&, const std::string&) { then(); });
       }},
      {"RefMut", "`RefMut`", Hold::exclusive_key,
       [](Map& map, const Then& then) {
         const auto guard = map.get_mut(held_key);
         then();
       }},
      {"MappedRefMut", "`MappedRefMut`", Hold::exclusive_key,
       [value](Map& map, const Then& then) {
         const auto guard = map.get_mut(held_key).map(value);
         then();
       }},
      {"RefMutMulti", "`RefMutMulti`", Hold::exclusive_key,
       [](Map& map, const Then& then) {
         for (auto&& item : map.iter_mut()) {
           if (item.key() == held_key) then();
         }
       }},
      {"EntryOccupied", "an occupied `Entry`", Hold::exclusive_key,
       [](Map& map, const Then& then) {
         const auto entry = map.entry(held_key);
         then();
       }},
      {"ShardWrite", "`shard.write()`", Hold::exclusive_range,
       [](Map& map, const Then& then) {
         const auto guard = map.shards()[map.determine_map(held_key)].write();
         then();
       }},
      {"LockAll", "`lock_all()`", Hold::whole_map,
       [](Map& map, const Then& then) {
         const auto guard = map.lock_all();
         then();
       }},
      {"Alter", "a closure of `alter`", Hold::exclusive_key,
       [](Map& map, const Then& then) {
         map.alter(held_key, [&](const Key&, std::string text) {
           then();
           return text;
         });
       }},
      {"Compute", "`compute`", Hold::exclusive_key,
       [](Map& map, const Then& then) {
         map.compute(held_key, [&](std::optional<std::string>&) { then(); });
       }},
      {"RemoveIf", "`remove_if`", Hold::exclusive_key,
       [](Map& map, const Then& then) {
         map.remove_if(held_key, [&](const Key&, const std::string&) {
           then();
           return false;
         });
       }},
      {"Retain", "`retain`", Hold::exclusive_key,
       [](Map& map, const Then& then) {
         map.retain([&](const Key& k, const std::string&) {
           if (k == held_key) then();
           return true;
         });
       }},
      {"AndModify", "`and_modify`", Hold::exclusive_key,
       [](Map& map, const Then& then) {
         static_cast<void>(map.entry(held_key).and_modify([&](std::string&) { then(); }));
       }},
      {"WithKeys", "`with_keys`", Hold::exclusive_key,
       [](Map& map, const Then& then) {
         map.with_keys({held_key}, [&](std::span<std::string*>) { then(); });
       }},
      {"ParForEach", "`par_for_each`", Hold::exclusive_key,
       [](Map& map, const Then& then) {
         map.par_for_each(
             [&](const Key& k, std::string&) {
               if (k == held_key) then();
             },
             alone);
       }},
      {"EntryVacant", "a vacant `Entry`", Hold::vacant_key,
       [](Map& map, const Then& then) {
         const auto entry = map.entry(held_key);
         then();
       }},
      {"OrInsertWith", "the factory of `or_insert_with`", Hold::vacant_key,
       [](Map& map, const Then& then) {
         static_cast<void>(map.entry(held_key).or_insert_with([&] {
           then();
           return new_value(held_key);
         }));
       },
       Effect::add},
  };
}

}  // namespace dashmap_test::guard_table
