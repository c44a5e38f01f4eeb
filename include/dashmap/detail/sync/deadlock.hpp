// Role
//   The error that a thread gets instead of waiting for ever, and the search for circles of
//   waiting threads.
//
// Invariants
//   1. A thread with holds publishes what it waits for before it sleeps, and withdraws it before
//      it runs on, both under the search's mutex. A thread without holds cannot be part of a
//      circle and does neither; nor does a wait with a deadline, which ends by itself.
//   2. A search runs under the mutex, by the thread that is about to sleep. It follows edges from a
//      waiting thread to those that hold what it waits for in a conflicting way. Every thread on a
//      circle is asleep or about to be, so none of its holds can end: no false alarm. (But for a
//      guard that went to another thread and was not used there yet: it counts for the one before.)
//   3. Whoever closes a circle finds it, since all the other edges are published: no miss, one
//      victim.
//   4. Waiting for another waiter is not an edge: a thread with holds never queues behind one
//      (lock_word.hpp, `barge`).
//   Models (test/model): 1, 3 deadlock.circle, circle_three; 2 deadlock.order,
//   withdrawn; 4 deadlock.crowd.
//
// Readers and writers
//   `HeldThread::waiting` under mutex(); holds of sleeping threads under the same mutex
//   (held.hpp, invariant 4).
//
// Not here
//   Conflicts of a thread with itself: core/acquire.hpp finds them before it waits.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <iostream>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/sync/held.hpp"
#include "dashmap/detail/sync/parking.hpp"

namespace dashmap {

/// Thrown in place of a wait that could never end: for a lock that the calling thread holds itself
/// in a conflicting way, or in a circle of threads that wait for each other. The map is unchanged
/// and the operation released what it had locked. `code()` equals
/// `std::errc::resource_deadlock_would_occur`.
class DASHMAP_DETAIL_SHARED DeadlockError : public std::system_error {
 public:
  DASHMAP_DETAIL_COLD explicit DeadlockError(const std::string& what)
      : std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur), what) {}
};

}  // namespace dashmap

namespace dashmap::detail {

// What a sleeping thread waits for.
struct Wait {
  const void* map;
  const Word* word;
  std::uint64_t group_first;  // the group's hashes
  std::uint64_t group_last;
  bool exclusive;
  Operation operation;
  bool timed;  // ends by itself: no circle through it lasts
};

// Compiled once, where operator+ would be for each kind of argument.
DASHMAP_DETAIL_COLD inline std::string joined(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts) text.append(part);
  return text;
}

DASHMAP_DETAIL_COLD inline std::string describe(const HoldView& hold) {
  std::string text = joined({name_of(hold.kind), " (taken by ", name_of(hold.operation)});
  if (hold.line.file != nullptr) {
    text += joined({" at ", hold.line.file, ":", std::to_string(hold.line.number)});
  }
  text += ')';
  return text;
}

[[noreturn]] DASHMAP_DETAIL_COLD inline void throw_self_deadlock(Operation operation,
                                                                 const HoldView& hold) {
  throw DeadlockError(joined({"dashmap: ", name_of(operation),
                              " would wait for its own thread, which holds the key through ",
                              describe(hold), "; release it first, or use it instead"}));
}

class DASHMAP_DETAIL_SHARED DeadlockSearch {
 public:
  static std::mutex& mutex() {
    static std::mutex m;
    return m;
  }

  // Publishes the wait unless it closes a circle, in which case DeadlockError is thrown. Threads
  // without holds have nothing to publish.
  DASHMAP_DETAIL_COLD explicit DeadlockSearch(const Wait& wait) {
    if (wait.timed || !Held::any()) return;
    thread_ = &Held::claim();
    std::string circle;
    {
      const std::lock_guard lock(mutex());
      std::vector<const HeldThread*> path;
      if (!closes_circle(wait, *thread_, true, path, circle)) {
        thread_->waiting.store(&wait, std::memory_order_relaxed);
        thread_->closures = held_closures;
        return;
      }
    }
    throw DeadlockError(
        joined({"dashmap: ", name_of(wait.operation),
                " would wait in a circle of threads: this thread waits for ", circle,
                " this thread; take the keys in one order, or together by with_keys"}));
  }
  ~DeadlockSearch() {
    if (thread_ == nullptr) return;
    const std::lock_guard lock(mutex());
    thread_->waiting.store(nullptr, std::memory_order_relaxed);
  }
  DeadlockSearch(const DeadlockSearch&) = delete;
  DeadlockSearch& operator=(const DeadlockSearch&) = delete;

  // Writes a line for each hold but those of closures in threads that run, and for each wait.
  static void dump(std::ostream& out) {
    const std::lock_guard lock(mutex());
    // Numbers are read relaxed: a report, of threads that may come and go.
    const auto name = [&](const HeldThread* thread, std::uintptr_t id) -> std::ostream& {
      out << "thread ";
      if (thread != nullptr) out << thread->number.load(std::memory_order_relaxed) << ' ';
      // As a pointer it is printed the way debuggers print it.
      return out << '(' << reinterpret_cast<const void*>(id) << ") ";
    };
    for_each_hold([&](const HoldView& hold, const HeldThread* user, const HeldThread*) {
      name(user, user->id.load(std::memory_order_relaxed))
          << "holds " << hold.where << " through " << describe(hold) << '\n';
    });
    ParkingLot::for_each_sleeper([&](const Sleeper& sleeper) {
      name(sleeper.thread(), sleeper.id())
          << "waits for " << sleeper.word() << " in " << name_of(sleeper.operation())
          << (sleeper.exclusive() ? " (exclusive)" : " (shared)") << '\n';
    });
  }

  // Ends the program if a hold of somebody is `in_map`: the map is about to be destroyed.
  template <class InMap>
  static void require_none(InMap in_map) {
    const std::lock_guard lock(mutex());
    for_each_hold([&](const HoldView& hold, const HeldThread* user, const HeldThread*) {
      if (!in_map(hold)) return;
      std::cerr << "dashmap: a map is destroyed while thread "
                << user->number.load(std::memory_order_relaxed)
                << " holds an element of it through " << describe(hold) << std::endl;
      std::abort();
    });
  }

 private:
  // Calls f for each record, and each closure of a thread that sleeps.
  DASHMAP_DETAIL_COLD static void for_each_hold(Held::RecordVisit f) {
    Held::for_each_record(f);
    for (HeldThread* thread = Held::threads(); thread != nullptr; thread = thread->next) {
      if (thread->waiting.load(std::memory_order_relaxed) == nullptr) continue;
      for (const ClosureHold* hold = thread->closures; hold != nullptr; hold = hold->outer) {
        f(hold->view(), thread, thread);
      }
    }
  }

  // Depth first over the threads that hold what `wait` asks for. `path` has those entered, so
  // each is entered once. `own`: the wait is the start's.
  DASHMAP_DETAIL_COLD static bool closes_circle(const Wait& wait, const HeldThread& start, bool own,
                                                std::vector<const HeldThread*>& path,
                                                std::string& circle) {
    bool closed = false;
    const auto visit = [&](const HoldView& hold, const HeldThread* thread, const HeldThread*) {
      if (closed) return;
      const Wait* next = thread->waiting.load(std::memory_order_relaxed);
      const bool is_start = thread == &start;
      if (is_start && own) return;  // its own holds: an upgrade, not a wait
      if (!is_start && next == nullptr) return;
      if (!(wait.exclusive || hold.exclusive()) ||
          !hold.locks(wait.map, wait.word, wait.group_first, wait.group_last)) {
        return;
      }
      if (is_start) {
        circle = joined({"which waits for ", describe(hold), " of"});
        closed = true;
        return;
      }
      for (const HeldThread* seen : path) {
        if (seen == thread) return;
      }
      path.push_back(thread);
      if (closes_circle(*next, start, false, path, circle)) {
        // Relaxed: the number of a thread that sleeps, for a message.
        circle = joined({describe(hold), " of thread ",
                         std::to_string(thread->number.load(std::memory_order_relaxed)), " (in ",
                         name_of(next->operation), "), ", circle});
        closed = true;
      }
    };
    for_each_hold(visit);
    // The start does not sleep yet.
    for (const ClosureHold* hold = held_closures; hold != nullptr; hold = hold->outer) {
      visit(hold->view(), &start, &start);
    }
    return closed;
  }

  HeldThread* thread_ = nullptr;
};

}  // namespace dashmap::detail
