// Role
//   Where threads sleep until a group's lock may be free: a fixed set of buckets by the address of
//   the lock word, each a mutex and a queue. A map counts its sleepers, so that an unlock which
//   concerns nobody reads one counter in the map's own line.
//
// Invariants
//   1. sync(parking.asleep): a sleeper counts itself, executes heavy_fence() and then looks at the
//      word once more; an unlock changes the word, then (light_fence or a sequentially consistent
//      operation) reads the count. So either the sleeper sees the unlock or the unlock sees the
//      sleeper: no wake-up is lost. Where asymmetric_fences() is false the count carries
//      `always_slow`, which sends every unlock to wake(), to a full fence and another look at the
//      count: where nobody sleeps no bucket is touched. Shared holds need no count: who sleeps
//      because of them marks the word, and the release sees the mark.
//   2. The queue of a bucket changes under its mutex. A sleeper that was taken off is `woken` (it
//      tries again) or `granted` (the lock was passed to it, taken already).
//   3. The pending mark of a word (lock_word.hpp) is set for exclusive sleepers that wait for
//      readers, and for eager ones. One that is left when they gave up is cleared by the next
//      thread that would have slept because of it.
//   4. A writer that waits for readers gets the lock from the last of them, which passes it on. It
//      is not woken before, and no reader is, so it waits for those inside and for who holds
//      something else (lock_word.hpp, P). One that is a reader itself is woken by the last of the
//      others, and counts its own holds anew: they may have ended, or changed hands, while it
//      slept.
//   6. A sleeper that has waited long is `eager`, and queued first. Its mark keeps newcomers from
//      the one-step path and sends the holder's unlock to hand_over(), which passes the lock on. So
//      nobody waits longer than a queue of such sleepers, whatever newcomers do.
//   7. Word addresses of sleepers are keys, not read: the table may be gone. enqueue() reads the
//      word and is called with the map pinned; unlock functions are called by a holder.
//   Models (test/model): 1 parking.plain, rmw, and _fenced ones; 2, 4 parking.reader*, upgrade*; 3,
//   4 parking.timed*; 6 parking.eager*; 7 growth.readers; all in parking.in_map.
//
// Readers and writers
//   `count` of a bucket: raised before the heavy fence, read sequentially consistent after the
//   release, as the map's counter is.
//
// Not here
//   When to sleep and for whom (core/acquire.hpp), circles (deadlock.hpp).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <utility>

#include "dashmap/detail/base/asymmetric_fence.hpp"
#include "dashmap/detail/base/bits.hpp"
#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/sync/held.hpp"
#include "dashmap/detail/sync/lock_word.hpp"

namespace dashmap::detail {

using Clock = std::chrono::steady_clock;
inline constexpr Clock::time_point no_deadline = Clock::time_point::max();

// A map's count of its sleepers. The map begins with it and keeps the pointer to its newest table
// here: so one register is the address of the map, of the pointer and of the count.
class Sleepers {
 public:
  std::atomic<void*> newest_table;

  explicit Sleepers(void* table = nullptr) noexcept
      : newest_table(table), count_(asymmetric_fences() ? 0 : always_slow) {}

  bool maybe_any() const noexcept { return count_.load(std::memory_order_seq_cst) != 0; }
  // The same without `always_slow`: whether there are any.
  bool any() const noexcept { return (count_.load(std::memory_order_seq_cst) & ~always_slow) != 0; }
  void add() noexcept { count_.fetch_add(1, std::memory_order_seq_cst); }
  void remove() noexcept { count_.fetch_sub(1, std::memory_order_relaxed); }

 private:
  static constexpr std::uint32_t always_slow = std::uint32_t{1} << 30;
  std::atomic<std::uint32_t> count_;
};

class Sleeper {
 public:
  // `own` counts the thread's shared holds on the group, `depth` its exclusive ones.
  Sleeper(bool exclusive, word_t own, word_t depth, bool barge, bool eager,
          Operation operation) noexcept
      : own_(own),
        depth_(depth),
        operation_(operation),
        exclusive_(exclusive),
        barge_(barge),
        eager_(eager) {}
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;

  // Whether a mark may stand for it.
  bool entitled() const noexcept { return exclusive_ || eager_; }
  // Whether it has a part of the lock already.
  bool upgrades() const noexcept { return own_ != 0 || depth_ != 0; }

  // For reports.
  const Word* word() const noexcept { return word_; }
  bool exclusive() const noexcept { return exclusive_; }
  Operation operation() const noexcept { return operation_; }
  const HeldThread* thread() const noexcept { return thread_; }
  std::uintptr_t id() const noexcept { return id_; }

 private:
  friend class ParkingLot;
  enum class State : std::uint8_t { asleep, woken, granted };

  bool could_enter(word_t seen) const noexcept {
    // It nests. What it has may have become less: guards of its own may end on other threads.
    if (depth_ != 0) {
      return !word::is_locked(seen) ||
             ((seen & word::depth_mask) <= depth_ && (!exclusive_ || word::readers(seen) <= own_));
    }
    if (!word::is_readable(seen)) return word::is_moved(seen) || word::is_virgin(seen);
    if (!barge_ && (seen & word::pending) != 0) return false;
    return !exclusive_ || word::readers(seen) <= own_;
  }

  std::condition_variable wake_;
  const Word* word_ = nullptr;
  Sleeper* next_ = nullptr;
  word_t own_;
  word_t depth_;
  Operation operation_;
  const HeldThread* thread_ = held_thread;
  std::uintptr_t id_ = thread_id();
  State state_ = State::asleep;
  bool exclusive_;
  bool barge_;
  bool eager_;
};

class DASHMAP_DETAIL_SHARED ParkingLot {
 public:
  // Queues the sleeper, or returns false when the lock looks free: try again. The map is pinned.
  static bool enqueue(Sleepers& sleepers, Word& word, Sleeper& sleeper) {
    Bucket& bucket = bucket_of(&word);
    const std::lock_guard lock(bucket.mutex);
    bucket.count.fetch_add(1, std::memory_order_relaxed);
    sleepers.add();
    heavy_fence();  // sync(parking.asleep)
    if (!must_sleep(bucket, word, sleeper)) {
      sleepers.remove();
      bucket.count.fetch_sub(1, std::memory_order_relaxed);
      return false;
    }
    sleeper.word_ = &word;
    Sleeper** place = &bucket.first;
    if (sleeper.eager_) {
      while (*place != nullptr && (*place)->eager_) place = &(*place)->next_;
    } else {
      while (*place != nullptr) place = &(*place)->next_;
    }
    sleeper.next_ = *place;
    *place = &sleeper;
    return true;
  }

  enum class Outcome { retry, granted, timeout };

  // Sleeps until taken off the queue or the deadline has passed.
  static Outcome sleep(Sleepers& sleepers, Sleeper& sleeper, Clock::time_point deadline) {
    Bucket& bucket = bucket_of(sleeper.word_);
    std::unique_lock lock(bucket.mutex);
    const auto taken_off = [&] { return sleeper.state_ != Sleeper::State::asleep; };
    if (deadline == no_deadline) {
      sleeper.wake_.wait(lock, taken_off);
    } else {
      sleeper.wake_.wait_until(lock, deadline, taken_off);
    }
    Outcome outcome = Outcome::retry;
    if (sleeper.state_ == Sleeper::State::asleep) {
      outcome = Outcome::timeout;
      for (Sleeper** place = &bucket.first;; place = &(*place)->next_) {
        if (*place == &sleeper) {
          *place = sleeper.next_;
          break;
        }
      }
      // Others may sleep because of its mark.
      if (sleeper.entitled() && !anybody_entitled(bucket, sleeper.word_)) {
        wake_locked(bucket, sleeper.word_, Whom::everybody);
      }
    } else if (sleeper.state_ == Sleeper::State::granted) {
      outcome = Outcome::granted;
    }
    bucket.count.fetch_sub(1, std::memory_order_relaxed);
    sleepers.remove();
    return outcome;
  }

  // Calls f(Sleeper) for each thread that sleeps.
  template <class F>
  static void for_each_sleeper(F f) {
    for (Bucket& bucket : buckets()) {
      const std::lock_guard lock(bucket.mutex);
      for (const Sleeper* sleeper = bucket.first; sleeper != nullptr; sleeper = sleeper->next_) {
        f(*sleeper);
      }
    }
  }

  // Whom to wake of those who sleep at a word. Who cannot enter after all sleeps again.
  enum class Whom : std::uint8_t {
    everybody,
    enterers,  // of a free group: readers, who does not queue, and the first of the writers
    writers,   // readers are kept out: who does not queue, and the first of the writers
  };

  DASHMAP_DETAIL_COLD static void wake(const Sleepers& sleepers, const Word* word, Whom whom) {
    if (!asymmetric_fences()) full_fence();  // sync(parking.asleep)
    if (!sleepers.any()) return;
    Bucket& bucket = bucket_of(word);
    if (nobody_in(bucket)) return;
    const std::lock_guard lock(bucket.mutex);
    wake_locked(bucket, word, whom);
  }

  // After a reader left and `left` remain: wakes the writers that may enter now, the readers among
  // them, who may have lost their part meanwhile, and the first of the others.
  DASHMAP_DETAIL_COLD static void wake_writers(const Word* word, word_t left) {
    Bucket& bucket = bucket_of(word);
    if (nobody_in(bucket)) return;
    const std::lock_guard lock(bucket.mutex);
    bool writer = left != 0;
    take_off_if(bucket, word, [&](const Sleeper& sleeper) {
      if (!sleeper.exclusive_) return false;
      return sleeper.upgrades() ? sleeper.own_ >= left : !std::exchange(writer, true);
    });
  }

  // The thread that set a mark gives up: it goes, if it stands for nobody else. The map is pinned.
  static void unmark(Word& word) {
    Bucket& bucket = bucket_of(&word);
    const std::lock_guard lock(bucket.mutex);
    if (!anybody_entitled(bucket, &word)) {
      word.fetch_and(~word::pending, std::memory_order_seq_cst);
    }
  }

  // A writer that was woken gives up: another one may enter, or, where there is none, the readers.
  static void pass_on(const Word* word) {
    Bucket& bucket = bucket_of(word);
    const std::lock_guard lock(bucket.mutex);
    wake_locked(bucket, word, anybody_entitled(bucket, word) ? Whom::writers : Whom::enterers);
  }

  // Releases the only hold on a group, an exclusive one, while somebody may sleep: hands the lock
  // to an eager sleeper if there is one. `seen` is the word. False: release and wake as usual.
  DASHMAP_DETAIL_COLD static bool hand_over(Word& word, word_t seen) {
    return hand_over_if(word, seen, word::unlocked_from(seen), [](const Sleeper& sleeper) {
      return sleeper.eager_ && !sleeper.upgrades();
    });
  }

  // The same for a shared hold, to the first writer for whom it was the last one in the way. One
  // that is a reader itself must look whether those who are left are its own still.
  DASHMAP_DETAIL_COLD static bool hand_over_shared(Word& word, word_t seen) {
    const word_t left = word::readers(seen) - 1;
    return hand_over_if(word, seen, seen - word::reader_one, [&](const Sleeper& sleeper) {
      return sleeper.exclusive_ && sleeper.own_ == left && sleeper.depth_ == 0;
    });
  }

 private:
  struct alignas(64) Bucket {
    std::mutex mutex;
    std::atomic<std::uint32_t> count{0};
    Sleeper* first = nullptr;
  };
  static constexpr unsigned bucket_bits = 7;

  using Buckets = std::array<Bucket, 1U << bucket_bits>;
  static Buckets& buckets() noexcept {
    static Buckets all;
    return all;
  }
  static Bucket& bucket_of(const Word* word) noexcept {
    // As a number: it is hashed, not followed.
    const auto address = number_as<std::uint64_t>(reinterpret_cast<std::uintptr_t>(word));
    const std::uint64_t index = (address * 0x9e3779b97f4a7c15U) >> (64 - bucket_bits);
    return buckets()[static_cast<std::size_t>(index)];
  }

  // The last look before sleeping: sets the pending mark for an eager sleeper and for a writer that
  // waits for readers, clears one that stands for nobody. False: the lock may be had.
  static bool must_sleep(Bucket& bucket, Word& word, const Sleeper& sleeper) noexcept {
    word_t seen = word.load(std::memory_order_seq_cst);
    for (;;) {
      if (sleeper.could_enter(seen)) return false;
      const bool marked = (seen & word::pending) != 0;
      if (marked && !anybody_entitled(bucket, &word)) {
        word.compare_exchange_weak(seen, seen & ~word::pending, std::memory_order_seq_cst);
        continue;
      }
      const bool wants_mark = sleeper.eager_ || (sleeper.exclusive_ && word::is_readable(seen));
      if (!wants_mark || marked) return true;
      if (word.compare_exchange_weak(seen, seen | word::pending, std::memory_order_seq_cst)) {
        return true;
      }
    }
  }

  static bool anybody_entitled(const Bucket& bucket, const Word* word) noexcept {
    for (const Sleeper* other = bucket.first; other != nullptr; other = other->next_) {
      if (other->word_ == word && other->entitled()) return true;
    }
    return false;
  }

  static bool nobody_in(const Bucket& bucket) noexcept {
    return bucket.count.load(std::memory_order_seq_cst) == 0;
  }

  // The place of the first sleeper at the word that is `wanted`; one that has null if there is
  // none.
  template <class Wanted>
  static Sleeper** find(Bucket& bucket, const Word* word, Wanted wanted) {
    Sleeper** place = &bucket.first;
    while (*place != nullptr && ((*place)->word_ != word || !wanted(**place))) {
      place = &(*place)->next_;
    }
    return place;
  }

  // Passes the lock on to the first sleeper that `may_have` it. `released` is what the word would
  // be after the release.
  template <class MayHave>
  static bool hand_over_if(Word& word, word_t seen, word_t released, MayHave may_have) {
    Bucket& bucket = bucket_of(&word);
    // Relaxed: whom this misses, the release that follows wakes.
    if (bucket.count.load(std::memory_order_relaxed) == 0) return false;
    const std::lock_guard lock(bucket.mutex);
    Sleeper** place = find(bucket, &word, may_have);
    if (*place == nullptr) return false;
    const bool exclusive = (*place)->exclusive_;
    bool more_eager = false;  // they keep their mark
    for (const Sleeper* other = (*place)->next_; other != nullptr; other = other->next_) {
      more_eager = more_eager || (other->word_ == &word && other->eager_);
    }
    const word_t free = (released & ~word::pending) | (more_eager ? word::pending : 0);
    const word_t next = exclusive ? word::locked_from(free) : free + word::reader_one;
    if (!word.compare_exchange_strong(seen, next, std::memory_order_acq_rel)) return false;
    if (exclusive) changes_may_follow();
    take_off(place, Sleeper::State::granted);
    if (!exclusive) wake_locked(bucket, &word, Whom::enterers);
    return true;
  }

  static void take_off(Sleeper** place, Sleeper::State state) {
    Sleeper* sleeper = *place;
    *place = sleeper->next_;
    sleeper->state_ = state;
    sleeper->wake_.notify_one();
  }

  static void wake_locked(Bucket& bucket, const Word* word, Whom whom) {
    bool writer = false;
    const auto concerns = [&](const Sleeper& sleeper) {
      if (whom == Whom::everybody || sleeper.barge_) return true;
      if (!sleeper.exclusive_) return whom == Whom::enterers;
      return !std::exchange(writer, true);
    };
    take_off_if(bucket, word, concerns);
  }

  template <class Concerns>
  static void take_off_if(Bucket& bucket, const Word* word, Concerns concerns) {
    for (Sleeper** place = &bucket.first; *place != nullptr;) {
      if ((*place)->word_ == word && concerns(**place)) {
        take_off(place, Sleeper::State::woken);
      } else {
        place = &(*place)->next_;
      }
    }
  }
};

}  // namespace dashmap::detail
