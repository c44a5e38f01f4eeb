// Recording what threads did to a few keys, and deciding whether it was linearizable.
//
// Role: `Operation` is one completed call with its logical times of invocation and return and with
// what it reported. `check_history` decides whether some order of the calls, in which each takes
// effect at one instant between its invocation and its return, explains all reports.
//
// Method: just-in-time linearization (Lowe, "Testing for linearizability", 2017; a refinement of
// Wing and Gong's search). The events are walked in order of time with the set of all
// configurations that explain the past: the model's state, and which of the calls under way have
// already taken effect. A call must have taken effect when it returns; calls under way are tried in
// every order, only then. The set stays small, because few calls are under way at a time, so a
// history may be as long as memory allows.
//
// Not here: what the threads do (linearizability_test.cpp); proofs that the checker can fail
// (checker_test.cpp).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "stress.hpp"

namespace stress {

/// Most keys in one history.
inline constexpr std::size_t history_keys = 3;

using Cell = std::optional<u64>;
using Cells = std::array<Cell, history_keys>;

/// The kinds of calls, by their effect on the cell `c` of their key with the argument `a`, and by
/// what they report in `seen` and `flag`.
enum class Kind : std::uint8_t {
  insert,            ///< seen = c; c = a
  store,             ///< c = a
  assign,            ///< flag = was absent; c = a
  read,              ///< seen = c
  contains,          ///< flag = c present
  remove,            ///< seen = c; c = nothing
  erase,             ///< flag = c present; c = nothing
  increment,         ///< seen = c; if present, c + 1
  find_or_add,       ///< if absent, c = a; seen = c
  add_or_increment,  ///< seen = c; c = c + 1 or a
  toggle,            ///< seen = c; c = a if absent, nothing if present
  remove_even,       ///< if c is even: seen = c and c = nothing; else seen = nothing
  read_all,          ///< all_seen = all cells
  increment_all,     ///< all_seen = all cells; each present cell + 1
};

inline const char* name_of(Kind kind) {
  constexpr std::array names{
      "insert", "store",       "assign",    "read",         "contains",
      "remove", "erase",       "increment", "find_or_add",  "add_or_increment",
      "toggle", "remove_even", "read_all",  "increment_all"};
  return names[static_cast<std::size_t>(kind)];
}

struct Operation {
  Kind kind = Kind::read;
  std::uint8_t slot = 0;  ///< no two calls under way share a slot; below 64
  std::uint8_t key = 0;
  bool flag = false;
  u64 argument = 0;
  Cell seen;
  Cells all_seen;
  u64 invoked = 0;
  u64 returned = 0;
};

/// Applies `op` to the cells. False when the call cannot have reported what it did in this state.
inline bool take_effect(Cells& cells, const Operation& op) {
  Cell& cell = cells[op.key];
  const Cell before = cell;
  switch (op.kind) {
    case Kind::insert: cell = op.argument; return op.seen == before;
    case Kind::store: cell = op.argument; return true;
    case Kind::assign: cell = op.argument; return op.flag == !before.has_value();
    case Kind::read: return op.seen == before;
    case Kind::contains: return op.flag == before.has_value();
    case Kind::remove: cell.reset(); return op.seen == before;
    case Kind::erase: cell.reset(); return op.flag == before.has_value();
    case Kind::increment:
      if (cell) ++*cell;
      return op.seen == before;
    case Kind::find_or_add:
      if (!cell) cell = op.argument;
      return op.seen == cell;
    case Kind::add_or_increment:
      cell = before ? *before + 1 : op.argument;
      return op.seen == before;
    case Kind::toggle:
      if (cell) {
        cell.reset();
      } else {
        cell = op.argument;
      }
      return op.seen == before;
    case Kind::remove_even:
      if (!before || *before % 2 != 0) return !op.seen.has_value();
      cell.reset();
      return op.seen == before;
    case Kind::read_all: return op.all_seen == cells;
    case Kind::increment_all:
      if (op.all_seen != cells) return false;
      for (Cell& each : cells) {
        if (each) ++*each;
      }
      return true;
  }
  return false;
}

inline std::string to_text(const Cell& cell) { return cell ? std::to_string(*cell) : "-"; }

inline std::string to_text(const Cells& cells) {
  std::string result = "[";
  for (const Cell& cell : cells) result += " " + to_text(cell);
  return result + " ]";
}

inline std::string to_text(const Operation& op) {
  std::ostringstream out;
  out << "[" << op.invoked << ", " << op.returned << "] slot " << unsigned{op.slot} << " key "
      << unsigned{op.key} << " " << name_of(op.kind) << "(" << op.argument << ") seen "
      << to_text(op.seen) << " flag " << op.flag;
  if (op.kind >= Kind::read_all) out << " all " << to_text(op.all_seen);
  return out.str();
}

struct Verdict {
  bool linearizable = true;
  std::string explanation;  ///< the calls around the first that cannot be explained
};

namespace history_detail {

struct Configuration {
  Cells cells;
  u64 done = 0;  ///< bit s: the call under way in slot s has taken effect

  friend bool operator==(const Configuration&, const Configuration&) = default;
};

inline void add_once(std::vector<Configuration>& set, const Configuration& one) {
  if (std::find(set.begin(), set.end(), one) == set.end()) set.push_back(one);
}

/// All configurations that follow from `from` when the call in `slot` must have taken effect now.
inline std::vector<Configuration> step(const std::vector<Configuration>& from,
                                       const std::array<const Operation*, 64>& pending, u64 open,
                                       unsigned slot) {
  std::vector<Configuration> next;
  std::vector<Configuration> reached = from;  // also the work list
  for (std::size_t at = 0; at < reached.size(); ++at) {
    const Configuration now = reached[at];
    if ((now.done >> slot & 1) != 0) {
      Configuration settled = now;
      settled.done &= ~(u64{1} << slot);
      add_once(next, settled);
      continue;
    }
    for (unsigned other = 0; other < 64; ++other) {
      const u64 bit = u64{1} << other;
      if ((open & bit) == 0 || (now.done & bit) != 0) continue;
      Configuration then = now;
      if (!take_effect(then.cells, *pending[other])) continue;
      then.done |= bit;
      add_once(reached, then);
    }
  }
  return next;
}

inline std::string explain(const std::vector<Operation>& history, const Operation& culprit,
                           const std::vector<Configuration>& possible) {
  std::ostringstream out;
  out << "not linearizable at\n  " << to_text(culprit) << "\npossible before its return:";
  for (const Configuration& one : possible) out << "\n  " << to_text(one.cells);
  std::vector<const Operation*> near;
  for (const Operation& op : history) {
    if (op.invoked <= culprit.returned) near.push_back(&op);
  }
  std::sort(near.begin(), near.end(),
            [](const Operation* a, const Operation* b) { return a->returned < b->returned; });
  const std::size_t shown = std::min<std::size_t>(near.size(), 24);
  out << "\nthe calls before it:";
  for (std::size_t i = near.size() - shown; i < near.size(); ++i)
    out << "\n  " << to_text(*near[i]);
  return out.str();
}

}  // namespace history_detail

/// Decides whether `history` is linearizable when all starts with `initial`.
inline Verdict check_history(const std::vector<Operation>& history, const Cells& initial) {
  using namespace history_detail;
  struct Event {
    u64 time;
    const Operation* op;
    bool is_return;
  };
  std::vector<Event> events;
  events.reserve(history.size() * 2);
  for (const Operation& op : history) {
    events.push_back({op.invoked, &op, false});
    events.push_back({op.returned, &op, true});
  }
  std::sort(events.begin(), events.end(), [](const Event& a, const Event& b) {
    // Several calls may share one time (a batch): then all of them are under way together.
    return a.time != b.time ? a.time < b.time : a.is_return < b.is_return;
  });

  std::array<const Operation*, 64> pending{};
  u64 open = 0;
  std::vector<Configuration> possible{Configuration{initial, 0}};
  for (const Event& event : events) {
    const unsigned slot = event.op->slot;
    if (!event.is_return) {
      pending[slot] = event.op;
      open |= u64{1} << slot;
      continue;
    }
    auto next = step(possible, pending, open, slot);
    open &= ~(u64{1} << slot);
    if (next.empty()) return {false, explain(history, *event.op, possible)};
    possible = std::move(next);
  }
  return {};
}

/// The part of a history that concerns one key. Single-key calls only: a history of those is
/// linearizable exactly when its part for each key is.
inline std::vector<Operation> of_key(const std::vector<Operation>& history, unsigned key) {
  std::vector<Operation> result;
  for (const Operation& op : history) {
    if (op.key == key) result.push_back(op);
  }
  return result;
}

/// The logical clock of histories. An increment on return that precedes one on invocation makes
/// everything before the one visible after the other, so real-time order is a fair demand. Under
/// ThreadSanitizer it orders nothing, lest it hides races.
class Ticker {
 public:
  u64 tick() {
    constexpr auto order =
        under_thread_sanitizer ? std::memory_order_relaxed : std::memory_order_acq_rel;
    return now_.fetch_add(1, order);
  }

 private:
  alignas(64) std::atomic<u64> now_{0};
};

}  // namespace stress
