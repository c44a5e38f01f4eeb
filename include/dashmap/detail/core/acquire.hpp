// Role
//   Takes locks on groups: the one-step path for a free group, and for all else one slow path that
//   tells the own thread's holds from others', waits, and refuses to wait for ever.
//
// Invariants
//   1. A hold on a group keeps its table: a live group that is locked cannot move.
//   2. A thread never waits for a lock that it holds. On a group it has exclusively it nests; on
//      one it has shared it upgrades, when all shared holds are its own. Whether the keys conflict
//      is checked once the slot is known (check_conflict), before anything changes.
//   3. User code never runs while only a pin protects the table, but for the comparison of plain
//      keys; what it may call restores the pin (reclaim/pin.hpp).
//
// Readers and writers
//   See sync/lock_word.hpp. Own holds are read after the word they are compared with: a record
//   that is still there proves that `seen` was a value of the word during the hold.
//
// Not here
//   What is done under the lock (operations.hpp, walk.hpp).
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>

#include "dashmap/detail/core/resize.hpp"
#include "dashmap/detail/sync/deadlock.hpp"
#include "dashmap/detail/sync/lock_handle.hpp"
#include "dashmap/detail/sync/parking.hpp"

namespace dashmap::detail {

// Who asks for a lock, and how long it may wait.
struct Request {
  const char* operation;
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
class Locker : public Resizer<Types> {
 public:
  using Base = Resizer<Types>;
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

  // Takes the live group of a hash, waiting as the request allows. Nothing when it gave up, or,
  // for a shared hold, when the map has no table yet.
  template <bool Exclusive>
  DASHMAP_DETAIL_COLD std::optional<Acquired> acquire(std::uint64_t hash, const Request& request) {
    constexpr unsigned spins = 8;
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
          if constexpr (!Exclusive) return std::nullopt;
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
      if (now >= request.deadline) return std::nullopt;
      if (first_sleep == Clock::time_point{}) first_sleep = now;
      eager = now - first_sleep > eager_after;
      switch (park<Exclusive>(hash, result, request, eager, barges)) {
        case ParkingLot::Outcome::granted:
          woken.word = nullptr;
          if constexpr (Exclusive) {
            result.locked = result.group.word->load(std::memory_order_acquire);
          }
          return result;
        case ParkingLot::Outcome::retry: woken.word = result.group.word; break;
        case ParkingLot::Outcome::timeout: break;
      }
    }
  }

  // Throws DeadlockError when this thread holds the key in a way that excludes the operation.
  // `slot` may be null: the key is absent.
  template <bool Exclusive, class Q>
  void check_conflict(const Acquired& acquired, const SlotType* slot, std::uint64_t hash,
                      const Q& query, const char* operation) const {
    Held::for_each([&](const Hold& hold) {
      if (!Exclusive && !hold.exclusive()) return;
      if (hold.spans(this, hash) ||
          (hold.where.load(std::memory_order_relaxed) == acquired.group.word &&
           holds_key(hold, slot, hash, query))) {
        throw_self_deadlock(operation, hold);
      }
    });
  }

  // The record of a lock on a key that is not in the map.
  template <class Q>
  void note_vacant(Hold& hold, std::uint64_t hash, const Q& query) const noexcept {
    hold.first.store(hash, std::memory_order_relaxed);
    hold.same_key.store(
        [](const void* equal, const void* held, const void* key) {
          return static_cast<bool>((*static_cast<const typename Types::Equal*>(equal))(
              *static_cast<const Key*>(key), *static_cast<const Q*>(held)));
        },
        std::memory_order_relaxed);
    hold.query.store(&query, std::memory_order_relaxed);
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
      return static_cast<bool>(this->equal()(element.key, query));
    };
  }

 private:
  enum class Attempt { taken, no_table, blocked };

  // A wake-up that was received. Who gives up instead of taking the lock passes it on.
  struct Woken {
    const Word* word = nullptr;
    ~Woken() {
      if (word != nullptr) ParkingLot::wake(word);
    }
  };

  struct Own {
    word_t shared = 0;
    bool exclusive = false;
    bool elsewhere = false;

    // Who holds anything does not queue behind waiters: it might wait for one of them to wait for
    // it (deadlock.hpp, 4).
    bool barges() const noexcept { return shared != 0 || elsewhere; }
  };

  Own own_holds(const Acquired& at) const {
    Own own;
    Held::for_each([&](const Hold& hold) {
      if (!hold.locks(this, at.group.word, at.first, at.last)) {
        own.elsewhere = true;
      } else if (hold.exclusive()) {
        own.exclusive = true;
      } else {
        ++own.shared;
      }
    });
    return own;
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
      if (own.exclusive) {
        if (!try_nest(*group.word, group.seen, Exclusive)) continue;
        taken = true;
      } else if constexpr (Exclusive) {
        taken = try_lock_exclusive(*group.word, group.seen, own.shared, own.barges() || barges);
      } else {
        taken = try_lock_shared(*group.word, group.seen, own.barges() || barges);
      }
      if (taken) {
        const bool alone = own.shared == 0 && !own.exclusive;
        result.own = !alone;
        result.locked = Exclusive && alone ? word::locked_from(seen & ~word::pending) : 0;
        return Attempt::taken;
      }
      // A word that changed under the attempt is looked at again: only a lock held by others ends
      // it.
      if (group.seen == seen) return Attempt::blocked;
    }
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
    Sleeper sleeper(Exclusive, own.shared, own.barges() || barges, eager);
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
  bool holds_key(const Hold& hold, const SlotType* slot, std::uint64_t hash, const Q& query) const {
    const void* held = hold.slot.load(std::memory_order_relaxed);
    if (held != nullptr || slot != nullptr) return held == slot;
    const SameKey same = hold.same_key.load(std::memory_order_relaxed);
    const void* held_query = hold.query.load(std::memory_order_relaxed);
    if (held_query == nullptr || hold.first.load(std::memory_order_relaxed) != hash) return false;
    if constexpr (std::is_same_v<Q, Key>) {
      return same(&this->equal(), held_query, &query);
    } else if constexpr (std::is_constructible_v<Key, const Q&> && !std::is_aggregate_v<Key>) {
      const Key key(query);
      return same(&this->equal(), held_query, &key);
    } else {
      return true;  // equal hashes of 63 bits, and no way to compare
    }
  }
};

}  // namespace dashmap::detail
