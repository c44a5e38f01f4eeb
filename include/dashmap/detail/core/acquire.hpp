// Role
//   Takes locks on groups: the one-step path for a free group, and for all else one slow path that
//   tells the own thread's holds from others', waits, and refuses to wait for ever.
//
// Invariants
//   1. A hold on a group keeps its table: a live group that is locked cannot move.
//   2. A thread never waits for a lock that it holds. On a group it has exclusively it nests; on
//      one it has shared it upgrades, when all shared holds are its own. Whether the keys conflict
//      is checked once the slot is known (admits), before anything changes.
//   3. Where guards of one group went to several threads (guards can be moved), a thread nests only
//      when all exclusive holds there are its own, and to change something also all shared ones;
//      else it waits. So operations on a group exclude each other whoever has guards in it.
//   4. User code never runs while only a pin protects the table, but for the comparison of plain
//      keys; what it may call restores the pin (reclaim/pin.hpp).
//   Models (test/model): 1 growth.batch; 2 map.several; 3 held.one_group, upgrade.
//   Tests: 2, 4 unit/corners_test.cpp; 3 concurrent/moved_guards_test.cpp.
//
// Readers and writers
//   See sync/lock_word.hpp. Own holds are read after the word they are compared with: a record
//   that is still there proves that `seen` was a value of the word during the hold.
//
// Not here
//   What is done under the lock (operations.hpp, sweep.hpp).
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>

#include "dashmap/detail/core/capacity.hpp"
#include "dashmap/detail/sync/deadlock.hpp"
#include "dashmap/detail/sync/loan.hpp"
#include "dashmap/detail/sync/lock_handle.hpp"
#include "dashmap/detail/sync/parking.hpp"

namespace dashmap::detail {

// How long a conflict with an own guard that roams (held.hpp) is waited out: the guard may be on
// its way to another thread, which then releases it.
inline constexpr std::chrono::milliseconds roaming_patience{250};

// Who asks for a lock, and how long it may wait.
struct Request {
  Operation operation;
  Clock::time_point deadline = no_deadline;
  bool waits = true;
  // A plain question about a key: answered even where a guard of this thread would conflict.
  bool question = false;
};

// Who has waited so long gets the lock handed over. Sooner would make each hand-over wait for a
// thread to wake up, while running ones could have used the lock.
inline constexpr std::chrono::milliseconds eager_after{1};

inline void backoff(unsigned round) noexcept {
  for (unsigned i = 1U << std::min(round, 5U); i != 0; --i) cpu_relax();
}

template <class Types>
class Locker : public Sizer<Types> {
 public:
  using Base = Sizer<Types>;
  using typename Base::GroupType;
  using typename Base::SlotType;
  using typename Base::TableType;
  using Key = typename Types::Key;
  using PlaceType = typename Types::PlaceType;
  using Base::Base;

  // A hold that was taken. `locked` is the word as an exclusive section left it, 0 when nested.
  struct Acquired {
    GroupType group;
    word_t locked = 0;
    bool own = false;  // the thread had holds on the group before
    // The group's hashes, for when the map is not pinned any more and the table may be gone.
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };

  // Takes the live group of a hash, waiting as the request allows. Nothing when it gave up; without
  // a word, for a shared hold, when the map has no table yet.
  template <bool Exclusive>
  DASHMAP_DETAIL_COLD std::optional<Acquired> acquire(std::uint64_t hash, const Request& request) {
    // Pauses for a holder that runs, less than a turn of the scheduler costs; then such turns for
    // one that does not: where processors are busy its own comes before a sleep and a wake-up
    // would be through.
    constexpr unsigned spins = 4;
    constexpr unsigned yields = 8;
    Woken woken;
    Clock::time_point first_sleep{};
    bool eager = false;
    for (unsigned round = 0;; ++round) {
      Acquired result{};
      // Who was woken goes in if it can; a mark is for those who come later. Who never waits keeps
      // nobody out for long.
      const bool barges = eager || woken.word != nullptr || !request.waits;
      switch (attempt<Exclusive>(hash, barges, result)) {
        case Attempt::taken: woken.word = nullptr; return result;
        case Attempt::no_table:
          if constexpr (!Exclusive) return Acquired{};
          this->make_first_table();
          continue;
        case Attempt::blocked: break;
      }
      if (!request.waits) return std::nullopt;
      if (round < spins) {
        backoff(round);
        continue;
      }
      const Clock::time_point now = Clock::now();
      if (now >= request.deadline) {
        if (first_sleep != Clock::time_point{}) unmark(hash, result);
        return std::nullopt;
      }
      // Readers may come and go for ever before a writer that has not made itself known.
      const bool among_readers = Exclusive && word::is_readable(result.group.seen);
      if (round < spins + (among_readers ? yields / 4 : yields)) {
        std::this_thread::yield();
        continue;
      }
      if (first_sleep == Clock::time_point{}) first_sleep = now;
      eager = now - first_sleep > eager_after;
      switch (park<Exclusive>(hash, result, request, eager, barges)) {
        case ParkingLot::Outcome::granted:
          woken.word = nullptr;
          changes_may_follow();
          if (Exclusive && !readers_are_own(result)) {
            release_hold<true>(this->sleepers(), *result.group.word);
            break;
          }
          note_own(result, own_holds(result), Exclusive,
                   result.group.word->load(std::memory_order_acquire));
          return result;
        case ParkingLot::Outcome::retry:
          if constexpr (Exclusive) woken.must_pass_on = true;
          woken.word = result.group.word;
          break;
        case ParkingLot::Outcome::timeout: break;
      }
    }
  }

  // Joins the readers if nothing of the group changed since it was looked at.
  DASHMAP_DETAIL_INLINE static bool share(const GroupType& group) noexcept {
    word_t now = group.seen;
    do {
      if (!word::has_room(now)) return false;
      // Relaxed where it fails: the word is compared, or tried again, and nothing else is read.
      if (group.word->compare_exchange_weak(now, now + word::reader_one, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
        return true;
      }
    } while (word::same_content(now, group.seen));
    return false;
  }

  // For a thread that has the group locked together with earlier holds: whether the operation may
  // go on with the key. `slot` may be null: the key is absent. False: give the lock up, and then
  // report the key as locked, or wait for it where the request waits. Throws DeadlockError when the
  // wait would never end. A request with a deadline gives up where the time is over.
  template <bool Exclusive, class Q>
  bool admits(const Acquired& acquired, const SlotType* slot, std::uint64_t hash, const Q& query,
              const Request& request) const {
    const auto conflicts = [&](const HoldView& hold, bool own = true) {
      return (Exclusive || hold.exclusive()) &&
             (hold.spans(this, hash) ||
              (hold.where == acquired.group.word && holds_key(hold, slot, hash, query, own)));
    };
    if (!request.question && !none_in_the_way(request, conflicts)) return false;
    // Guards of this group that went to other threads since the lock was taken.
    if (Held::travelled() == 0) return true;
    std::optional<HoldView> away;
    Held::for_each_record([&](const HoldView& hold, const HeldThread* user, const HeldThread*) {
      if (user != Held::this_thread() && conflicts(hold, false)) away = hold;
    });
    if (!away) return true;
    const Own own = own_holds(acquired);
    if (request.waits && (own.shared != 0 || own.depth != 0)) {
      throw_self_deadlock(request.operation, *away);  // this thread is in its way as well
    }
    return false;
  }

  // As admits, where the lock cannot be given up: throws DeadlockError.
  template <bool Exclusive, class Q>
  void require(const GroupType& group, const SlotType* slot, std::uint64_t hash, const Q& query,
               const Request& request) const {
    const Acquired acquired{group, 0, true, group.first_hash(), group.last_hash()};
    if (!admits<Exclusive>(acquired, slot, hash, query, request)) {
      throw DeadlockError(joined({"dashmap: ", name_of(request.operation),
                                  " would wait, with keys of the same group locked, for a guard"
                                  " that went to another thread"}));
    }
  }

  // Throws DeadlockError if a hold of this thread conflicts, or gives false if the request does not
  // wait.
  template <class Conflicts>
  static bool none_in_the_way(const Request& request, const Conflicts& conflicts) {
    for (auto patience = roaming_patience;; --patience) {
      std::optional<HoldView> found;
      Held::for_each([&](const HoldView& hold) {
        if (conflicts(hold)) found = hold;
      });
      if (!found) return true;
      if (!request.waits) return false;
      if (!found->roams() || patience.count() == 0) throw_self_deadlock(request.operation, *found);
      if (Clock::now() >= request.deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  // What a lock on a key that is not in the map is recorded with.
  template <class Q>
  static VacantKey vacant_key(std::uint64_t hash, const Q& query) noexcept {
    return {hash, std::addressof(query), [](const void* equal, const void* held, const void* key) {
              return static_cast<bool>((*static_cast<const typename Types::Equal*>(equal))(
                  *static_cast<const Key*>(key), *static_cast<const Q*>(held)));
            }};
  }

  // The comparison of an element with a query, for a thread that has the group locked.
  template <class Q>
  auto matcher(std::uint64_t hash, const Q& query) const {
    return [this, hash, &query](const SlotType& slot) {
      static_cast<void>(hash);  // not every slot stores one
      const auto& element = slot.element();
      if constexpr (std::remove_cvref_t<decltype(element.hash)>::stored) {
        if (element.hash.value != hash) return false;
      }
      return same_key(this->equal(), element.key, query);
    };
  }

 private:
  enum class Attempt { taken, no_table, blocked };

  // A wake-up that was received. A writer that gives up instead of taking the lock passes it on;
  // readers are woken all at once.
  struct Woken {
    const Word* word = nullptr;
    bool must_pass_on = false;
    ~Woken() {
      if (word != nullptr && must_pass_on) ParkingLot::pass_on(word);
    }
  };

  // This thread's holds.
  struct Own {
    word_t shared = 0;  // on the group
    word_t depth = 0;   // exclusive ones, as the word counts them
    bool elsewhere = false;

    // Who holds anything does not queue behind waiters: it might wait for one of them to wait for
    // it (deadlock.hpp, 4).
    bool barges() const noexcept { return shared != 0 || depth != 0 || elsewhere; }
  };

  Own own_holds(const Acquired& at) const {
    Own own;
    Held::for_each([&](const HoldView& hold) {
      if (!hold.locks(this, at.group.word, at.first, at.last)) {
        own.elsewhere = true;
      } else if (hold.exclusive()) {
        if (hold.counts()) own.depth += word::depth_one;
      } else {
        ++own.shared;
      }
    });
    return own;
  }

  // After the hold was taken. A mark is left out: a release that finds one looks at who waits.
  static void note_own(Acquired& result, const Own& own, bool exclusive, word_t locked) noexcept {
    const bool alone = own.shared == 0 && own.depth == 0 && word::readers(locked) == 0;
    result.own = own.shared != 0 || own.depth != 0;
    if (result.own) Held::note_nested(result.group.word);
    result.locked = exclusive && alone ? locked & ~word::pending : 0;
  }

  // For a thread that just took the group exclusively with readers inside: since they were counted
  // its own guards may have ended elsewhere, and as many strangers come.
  bool readers_are_own(const Acquired& at) const {
    return word::readers(at.group.word->load(std::memory_order_acquire)) == own_holds(at).shared;
  }

  template <bool Exclusive>
  Attempt attempt(std::uint64_t hash, bool barges, Acquired& result) {
    const Pin pin(this);
    if (Base::is_empty_table(this->table())) return Attempt::no_table;
    if constexpr (Exclusive) this->pull(hash);
    for (;;) {
      GroupType group = this->find_live(hash);
      result.group = group;
      result.first = group.first_hash();
      result.last = group.last_hash();
      const Own own = own_holds(result);
      const word_t seen = group.seen;
      bool taken = false;
      if (own.depth != 0) {
        taken = (seen & word::depth_mask) == own.depth &&
                (!Exclusive || word::readers(seen) == own.shared) &&
                try_nest(*group.word, seen, Exclusive);
        // Relaxed: only compared with `seen`, to tell whether to look again.
        if (!taken) group.seen = group.word->load(std::memory_order_relaxed);
      } else if constexpr (Exclusive) {
        taken = try_lock_exclusive(*group.word, group.seen, own.shared, own.barges() || barges);
      } else {
        taken = try_lock_shared(*group.word, group.seen, own.barges() || barges);
      }
      if (Exclusive && taken && own.shared != 0 && !readers_are_own(result)) {
        release_hold<true>(this->sleepers(), *group.word);
        continue;
      }
      if (taken) {
        note_own(result, own, Exclusive, word::locked_from(seen));
        return Attempt::taken;
      }
      // A word that changed under the attempt is looked at again: only a lock held by others ends
      // it.
      if (group.seen == seen) return Attempt::blocked;
    }
  }

  // Takes back a mark that a sleep left.
  void unmark(std::uint64_t hash, const Acquired& at) {
    const Pin pin(this);
    const GroupType group = this->find_live(hash);
    if (group.word == at.group.word) ParkingLot::unmark(*group.word);
  }

  // Sleeps until the group of the failed attempt may be free. Throws DeadlockError.
  template <bool Exclusive>
  ParkingLot::Outcome park(std::uint64_t hash, Acquired& at, const Request& request, bool eager,
                           bool barges) {
    GroupType& group = at.group;
    const Own own = own_holds(at);
    const Wait wait{this,
                    group.word,
                    at.first,
                    at.last,
                    Exclusive,
                    request.operation,
                    request.deadline != no_deadline};
    const DeadlockSearch published(wait);
    Sleeper sleeper(Exclusive, own.shared, own.depth, own.barges() || barges, eager,
                    request.operation);
    {
      const Pin pin(this);
      const Word* word = group.word;
      group = this->find_live(hash);
      if (group.word != word) return ParkingLot::Outcome::retry;
      if (!ParkingLot::enqueue(this->sleepers(), *group.word, sleeper)) {
        return ParkingLot::Outcome::retry;
      }
    }
    return ParkingLot::sleep(this->sleepers(), sleeper, request.deadline);
  }

  template <class Q>
  bool holds_key(const HoldView& hold, const SlotType* slot, std::uint64_t hash, const Q& query,
                 bool own) const {
    if (hold.slot != nullptr || slot != nullptr) return hold.slot == slot;
    const VacantKey& vacant = hold.vacant;
    if (vacant.query == nullptr || vacant.hash != hash) return false;
    if (!own) return true;  // the other thread's key may go at any moment
    const Borrowed stays(hold);
    if (!stays) return false;
    if constexpr (std::is_same_v<Q, Key>) {
      return vacant.same(std::addressof(this->equal()), vacant.query, std::addressof(query));
    } else if constexpr (std::is_constructible_v<Key, const Q&> && !std::is_aggregate_v<Key>) {
      const Key key(query);
      return vacant.same(std::addressof(this->equal()), vacant.query, std::addressof(key));
    } else {
      return true;  // equal hashes of 63 bits, and no way to compare
    }
  }
};

}  // namespace dashmap::detail
