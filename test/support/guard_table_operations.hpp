// The operations of the table of guards: each of the map's, in the smallest form that shows in the
// map that it was done.
#pragma once

#include "guard_table.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace dashmap_test::guard_table {

struct Call {
  Map& map;
  Key key;
  std::chrono::milliseconds patience;  // of the timed forms
};

/// What an operation says: whether the key is there, if it tells.
enum class Answer { done, absent, present, locked, wrong };

inline Answer there(bool present) { return present ? Answer::present : Answer::absent; }
inline Answer right(bool holds) { return holds ? Answer::done : Answer::wrong; }
inline bool is_value(Key key, const std::string& text) {
  return text == old_value(key) || text == new_value(key);
}

/// For what tests false when the key is absent, and points to its value otherwise.
template <class Pointer>
Answer seen(const Call& call, const Pointer& found) {
  if (!found) return Answer::absent;
  return is_value(call.key, *found) ? Answer::present : Answer::wrong;
}
template <class Guard>
Answer tried(const Call& call, dashmap::TryResult<Guard> result) {
  if (result.is_locked()) return Answer::locked;
  if (result.is_absent()) return Answer::absent;
  return seen(call, std::move(result).unwrap());
}
/// For ranges of elements.
template <class Range>
Answer walked(Range&& range) {
  bool all_right = true;
  for (auto&& [key, value] : range) all_right = all_right && is_value(key, value);
  return right(all_right);
}

struct Operation {
  const char* name;
  Mode mode;
  Scope scope;
  std::function<Answer(const Call&)> run;
  Effect effect = Effect::none;
  bool timed = false;
};

/// Reading is writing for an operation that adds what it does not find.
inline Mode mode_of(const Operation& operation, bool key_is_there) {
  const bool adds = operation.mode == Mode::read && operation.effect == Effect::add;
  return adds && !key_is_there ? Mode::write : operation.mode;
}

inline std::vector<Operation> key_operations() {
  constexpr Scope one = Scope::key;
  const auto always = [](const Key&, const std::string&) { return true; };
  const auto pairs = [](const Call& c) {
    return std::vector<std::pair<Key, std::string>>{{c.key, new_value(c.key)}};
  };
  return {
      {"contains", Mode::ask, one, [](const Call& c) { return there(c.map.contains(c.key)); }},
      {"get_copy", Mode::ask, one, [](const Call& c) { return seen(c, c.map.get_copy(c.key)); }},

      {"get", Mode::read, one, [](const Call& c) { return seen(c, c.map.get(c.key)); }},
      {"view", Mode::read, one,
       [](const Call& c) {
         return seen(c, c.map.view(c.key, [](const Key&, const std::string& v) { return v; }));
       }},
      {"get_many", Mode::read, one,
       [](const Call& c) {
         Answer answer = Answer::wrong;
         c.map.get_many(std::array{c.key},
                        [&](const Key&, const std::string* v) { answer = seen(c, v); });
         return answer;
       }},
      {"try_get_for", Mode::read, one,
       [](const Call& c) { return tried(c, c.map.try_get_for(c.key, c.patience)); }, Effect::none,
       true},
      {"get_or_insert_with", Mode::read, one,
       [](const Call& c) {
         const auto make = [&] { return new_value(c.key); };
         return right(is_value(c.key, *c.map.get_or_insert_with(c.key, make)));
       },
       Effect::add},

      {"get_mut", Mode::write, one, [](const Call& c) { return seen(c, c.map.get_mut(c.key)); }},
      {"try_get_mut_for", Mode::write, one,
       [](const Call& c) { return tried(c, c.map.try_get_mut_for(c.key, c.patience)); },
       Effect::none, true},
      {"insert", Mode::write, one,
       [](const Call& c) { return seen(c, c.map.insert(c.key, new_value(c.key))); }, Effect::set},
      {"insert_or_assign", Mode::write, one,
       [](const Call& c) { return there(!c.map.insert_or_assign(c.key, new_value(c.key))); },
       Effect::set},
      {"try_emplace", Mode::write, one,
       [](const Call& c) { return there(!c.map.try_emplace(c.key, new_value(c.key)).second); },
       Effect::add},
      {"entry", Mode::write, one,
       [](const Call& c) { return there(c.map.entry(c.key).is_occupied()); }},
      {"alter", Mode::write, one,
       [](const Call& c) {
         const auto change = [](const Key& k, std::string) { return new_value(k); };
         return there(c.map.alter(c.key, change));
       },
       Effect::alter},
      {"compute", Mode::write, one,
       [](const Call& c) {
         return c.map.compute(c.key, [&](std::optional<std::string>& v) {
           return seen(c, std::exchange(v, new_value(c.key)));
         });
       },
       Effect::set},
      {"remove", Mode::write, one,
       [](const Call& c) { return there(c.map.remove(c.key).has_value()); }, Effect::erase},
      {"erase", Mode::write, one, [](const Call& c) { return there(c.map.erase(c.key)); },
       Effect::erase},
      {"remove_if", Mode::write, one,
       [=](const Call& c) { return there(c.map.remove_if(c.key, always).has_value()); },
       Effect::erase},
      {"remove_if_mut", Mode::write, one,
       [=](const Call& c) { return there(c.map.remove_if_mut(c.key, always).has_value()); },
       Effect::erase},
      {"extend", Mode::write, one,
       [=](const Call& c) {
         c.map.extend(pairs(c));
         return Answer::done;
       },
       Effect::set},
      {"insert_many", Mode::write, one,
       [=](const Call& c) { return there(c.map.insert_many(pairs(c)) == 0); }, Effect::set},
      {"with_keys", Mode::write, one,
       [](const Call& c) {
         return c.map.with_keys({c.key}, [&](std::span<std::string*> found) {
           const Answer answer = seen(c, found[0]);
           if (found[0] != nullptr) *found[0] = new_value(c.key);
           return answer;
         });
       },
       Effect::alter},

      {"try_get", Mode::try_read, one,
       [](const Call& c) { return tried(c, c.map.try_get(c.key)); }},
      {"try_get_mut", Mode::try_write, one,
       [](const Call& c) { return tried(c, c.map.try_get_mut(c.key)); }},
      {"try_entry", Mode::try_write, one,
       [](const Call& c) {
         auto entry = c.map.try_entry(c.key);
         return entry ? there(entry->is_occupied()) : Answer::locked;
       }},
  };
}

inline std::vector<Operation> map_operations() {
  constexpr Scope all = Scope::map;
  const auto change = [](const Key& k, std::string& v) { v = new_value(k); };
  const auto none = [](const Key&, const std::string&) { return false; };
  const auto any = [](const Key&, const std::string&) { return true; };
  const auto shard = [](const Call& c) { return c.map.shards()[c.map.determine_map(c.key)]; };
  return {
      {"len", Mode::count, all, [](const Call& c) { return right(c.map.len() > 0); }},
      {"is_empty", Mode::count, all, [](const Call& c) { return right(!c.map.is_empty()); }},
      {"capacity", Mode::count, all,
       [](const Call& c) { return right(c.map.capacity() >= c.map.len()); }},

      {"iter", Mode::walk, all, [](const Call& c) { return walked(c.map.iter()); }},
      {"keys", Mode::walk, all,
       [](const Call& c) {
         std::size_t n = 0;
         for (const Key k : c.map.keys()) n += initial_contents().contains(k) ? 1U : 100U;
         return right(n == c.map.len());
       }},
      {"values", Mode::walk, all,
       [](const Call& c) {
         std::size_t n = 0;
         for (const std::string& v : c.map.values()) n += v.empty() ? 100U : 1U;
         return right(n == c.map.len());
       }},
      {"clone", Mode::walk, all, [](const Call& c) { return walked(c.map.clone().snapshot()); }},
      {"==", Mode::walk, all,
       [](const Call& c) {
         const Map& itself = c.map;
         return right(c.map == itself);
       }},

      {"iter_mut", Mode::walk_mut, all, [](const Call& c) { return walked(c.map.iter_mut()); }},

      {"snapshot", Mode::all_read, all, [](const Call& c) { return walked(c.map.snapshot()); }},
      {"shard.read", Mode::all_read, Scope::shard,
       [=](const Call& c) { return walked(shard(c).read()); }},

      {"clear", Mode::all_write, all,
       [](const Call& c) {
         c.map.clear();
         return Answer::done;
       },
       Effect::clear},
      {"retain", Mode::all_write, all,
       [=](const Call& c) {
         c.map.retain(none);
         return Answer::done;
       },
       Effect::clear},
      {"alter_all", Mode::all_write, all,
       [](const Call& c) {
         c.map.alter_all([](const Key& k, std::string) { return new_value(k); });
         return Answer::done;
       },
       Effect::set_all},
      {"extract_if", Mode::all_write, all,
       [=](const Call& c) { return walked(c.map.extract_if(any)); }, Effect::clear},
      {"drain", Mode::all_write, all, [](const Call& c) { return walked(c.map.drain()); },
       Effect::clear},
      {"par_for_each", Mode::all_write, all,
       [=](const Call& c) {
         c.map.par_for_each(change, alone);
         return Answer::done;
       },
       Effect::set_all},
      {"par_retain", Mode::all_write, all,
       [=](const Call& c) {
         c.map.par_retain(none, alone);
         return Answer::done;
       },
       Effect::clear},
      {"lock_all", Mode::all_write, all, [](const Call& c) { return walked(c.map.lock_all()); }},
      {"shard.write", Mode::all_write, Scope::shard,
       [=](const Call& c) { return walked(shard(c).write()); }},

      {"reserve", Mode::resize, all,
       [](const Call& c) {
         c.map.reserve(1000);
         return right(c.map.capacity() >= 1000);
       }},
      {"shrink_to_fit", Mode::resize, all,
       [](const Call& c) {
         c.map.shrink_to_fit();
         return right(c.map.capacity() >= c.map.len());
       }},
  };
}

inline std::vector<Operation> operations() {
  std::vector<Operation> all = key_operations();
  for (Operation& operation : map_operations()) all.push_back(std::move(operation));
  return all;
}

}  // namespace dashmap_test::guard_table
