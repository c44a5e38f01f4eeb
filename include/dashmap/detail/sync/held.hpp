// Role
//   What the calling thread holds: one record for each guard, entry and iterator, and a frame for
//   each closure that runs under a lock. Read when a lock is not free, to tell the own thread's
//   lock from another's, and by the deadlock search.
//
// Invariants
//   1. A record is made after its lock was taken and ended before the lock is released. So while a
//      record is seen, the guard it stands for holds the lock.
//   2. A record counts for its user: the thread that made it, until another one uses its guard
//      (moves, reads or changes through it), which then adopts it. Not if the guard lies on its
//      maker's stack: it is only shown to the other, unless that one takes the hold over (fills an
//      entry, makes a guard of it). Before it is moved or adopted it has no `user`.
//   3. Each exclusive hold under which user code runs has one record that counts it; so a thread
//      knows whether all of a word's depth is its own (core/acquire.hpp, 4).
//   4. Only the thread that made a record reuses its place; any thread may end one. A record that
//      ended out of order stays in its block with `where` null until then. Blocks live for ever and
//      are handed on to later threads once all their records have ended.
//   5. A thread that sleeps (its `waiting` is set) does not change its records.
//   6. While `user` is marked `lent` that thread reads the element, and no other adopts.
//   Models (test/model): 1, 3 deadlock.*, held.records, map.several; 2 held.moved, used, back; 4
//   held.records; 6 held.asked. 5 needs no check: park() makes no records.
//
// Readers and writers
//   The owner writes fields relaxed and publishes them with `where` (release); the search reads
//   them under its mutex, and only of threads that sleep, which that mutex orders.
//   sync(held.user): an adoption is an acq_rel exchange of `user` before the new user's access,
//   pairs with the loads and exchanges of those who ask whose record it is.
//
// Not here
//   Locking itself (lock_word.hpp), the search (deadlock.hpp).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <thread>

#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/base/function_ref.hpp"
#include "dashmap/detail/sync/hold_list.hpp"

namespace dashmap::detail {

// The calling thread's place for the next record, the end of its newest block, and its list. Three
// trivial variables, so that reaching one takes one instruction.
DASHMAP_DETAIL_SHARED inline constinit thread_local Hold* held_top = nullptr;
DASHMAP_DETAIL_SHARED inline constinit thread_local Hold* held_end = nullptr;
DASHMAP_DETAIL_SHARED inline constinit thread_local HeldThread* held_thread = nullptr;
// The innermost closure that runs under a lock.
DASHMAP_DETAIL_SHARED inline constinit thread_local ClosureHold* held_closures = nullptr;

// A program's first thread that holds something allocates nothing for it.
DASHMAP_DETAIL_SHARED inline constinit HoldBlock first_held_block{};
DASHMAP_DETAIL_SHARED inline constinit HeldThread first_held_thread{&first_held_block, false};

class DASHMAP_DETAIL_SHARED Held {
 public:
  // Makes a record: 10 instructions. Throws std::bad_alloc when the thread needs another block.
  DASHMAP_DETAIL_INLINE static Hold* push(const void* where, const void* slot, HoldKind kind,
                                          Operation operation) {
    Hold* hold = held_top;
    if (hold == held_end) [[unlikely]] {
      hold = push_slow();
    } else {
      held_top = hold + 1;
    }
    hold->slot.store(slot, std::memory_order_relaxed);
    hold->set_purpose(kind, operation);
    if constexpr (DASHMAP_CHECKED != 0) hold->note(take_noted_caller());
    hold->where.store(where, std::memory_order_release);
    return hold;
  }

  // Ends a record whose guard was never moved.
  DASHMAP_DETAIL_INLINE static void pop(Hold* hold) noexcept {
    hold->where.store(nullptr, std::memory_order_release);
    if (hold + 1 == held_top) [[likely]]
      held_top = hold;
  }

  // --- guards that are moved ---

  // The guard goes to `to`. The calling thread has it in its hands.
  DASHMAP_DETAIL_COLD static void move(Hold* hold, const void* to) noexcept {
    if (!is_used_here(hold)) adopt(hold);
    const bool stays = held_thread != nullptr && held_thread->has_on_stack(to);
    hold->roams.store(!stays, std::memory_order_relaxed);
  }

  // Whether the record is one of the calling thread's newest block that no guard took elsewhere.
  DASHMAP_DETAIL_INLINE static bool is_own(const Hold* hold) noexcept {
    // As numbers: pointers into different blocks have no order.
    const auto below_end =
        reinterpret_cast<std::uintptr_t>(held_end) - reinterpret_cast<std::uintptr_t>(hold);
    // Relaxed: what another thread made of it, this one learns with the guard.
    return below_end <= sizeof(HoldBlock::records) &&
           hold->user.load(std::memory_order_relaxed) == no_user;
  }

  // The calling thread uses the guard at `place`: the record counts for it from now on, unless it
  // was shown a guard on its maker's stack.
  DASHMAP_DETAIL_COLD static void use(Hold* hold, const void* place) noexcept {
    if (!is_shown(hold, place) && !is_used_here(hold)) adopt(hold);
  }
  // The same, for who takes the hold itself into its hands, or changes what others of the group
  // see: wherever the guard lies.
  DASHMAP_DETAIL_COLD static void take_over(Hold* hold) noexcept {
    if (!is_at_home(hold) && !is_used_here(hold)) adopt(hold);
  }
  // Whether the calling thread made the record and no other one used its guard.
  DASHMAP_DETAIL_COLD static bool is_at_home(const Hold* hold) noexcept {
    return (hold->user.load(std::memory_order_acquire) & ~lent) == no_user && is_made_here(hold);
  }
  // Whether nobody took the guard from its maker: it is the calling thread's own, or lies on its
  // maker's stack.
  DASHMAP_DETAIL_COLD static bool is_shown(const Hold* hold, const void* place) noexcept {
    return (hold->user.load(std::memory_order_acquire) & ~lent) == no_user &&
           (is_made_here(hold) || hold->maker->has_on_stack(place));
  }

  // The thread that made the record and its guard goes on with it, whoever was shown the guard.
  DASHMAP_DETAIL_COLD static void take_back(Hold* hold) noexcept {
    if (hold->user.load(std::memory_order_acquire) == no_user) return;
    leave(hold, replace_user(hold, no_user));
    // Still counted: the other thread may be about to ask, in the group already.
    hold->travelled.store(false, std::memory_order_relaxed);  // relaxed: for who ends the record
    hold->roams.store(false, std::memory_order_relaxed);      // relaxed: a hint how long to wait
  }

  // Ends the record of any guard, on whichever thread.
  DASHMAP_DETAIL_COLD static void pop_moved(Hold* hold) noexcept {
    leave(hold, replace_user(hold, no_longer));
    end_travel(hold);
    hold->where.store(nullptr, std::memory_order_release);
    if (hold + 1 == held_top) {
      hold->clear_user();
      held_top = hold;
    }
  }

  // Keeps other threads from adopting a record that counts for the calling one, as `user` says;
  // false when one did already.
  static bool lend(Hold* hold, std::uintptr_t user) noexcept {
    return hold->user.compare_exchange_strong(user, user | lent, std::memory_order_acq_rel);
  }
  static void end_loan(Hold* hold, std::uintptr_t user) noexcept {
    hold->user.store(user, std::memory_order_release);
  }

  // How many records there are that another thread than their maker used, though they may be back.
  // Exact for whoever used such a one.
  static std::uint32_t travelled() noexcept { return travelled_.load(std::memory_order_acquire); }

  // The calling thread took the group once more.
  static void note_nested(const void* where) noexcept {
    for (ClosureHold* hold = held_closures; hold != nullptr; hold = hold->outer) {
      if (hold->where == where) hold->nested = true;
    }
  }

  // --- questions ---

  static HeldThread* this_thread() noexcept { return held_thread; }

  static bool any() {
    bool found = false;
    for_each([&](const HoldView&) { found = true; });
    return found;
  }

  // Calls f for each hold of the calling thread.
  DASHMAP_DETAIL_COLD static void for_each(FunctionRef<const HoldView&> f) {
    for (const ClosureHold* hold = held_closures; hold != nullptr; hold = hold->outer) {
      f(hold->view());
    }
    HeldThread* me = held_thread;
    if (me == nullptr) return;
    me->for_each_own(held_top, [&](Hold& hold) {
      const std::uintptr_t user = hold.user.load(std::memory_order_acquire) & ~lent;
      if (user == no_user || user == me->as_user()) f(hold.view());
    });
    if (me->adopted.load(std::memory_order_relaxed) == 0) return;
    for_each_record([&](const HoldView& hold, const HeldThread* user, const HeldThread* maker) {
      if (user == me && maker != me) f(hold);
    });
  }

  // Calls f for each record of all threads.
  using RecordVisit =
      FunctionRef<const HoldView&, const HeldThread* /*user*/, const HeldThread* /*maker*/>;
  DASHMAP_DETAIL_COLD static void for_each_record(RecordVisit f) {
    for (HeldThread* thread = threads(); thread != nullptr; thread = thread->next) {
      thread->for_each_made([&](Hold& hold) {
        const std::uintptr_t user = hold.user.load(std::memory_order_acquire) & ~lent;
        if (user == no_longer) return;
        f(hold.view(), user == no_user ? thread : reinterpret_cast<HeldThread*>(user), thread);
      });
    }
  }

  // The calling thread's list. Throws std::bad_alloc.
  static HeldThread& claim() {
    if (held_thread == nullptr) claim_thread();
    return *held_thread;
  }

  // Every thread that ever held something, for the search and for reports.
  static HeldThread* threads() noexcept { return threads_.load(std::memory_order_acquire); }

 private:
  // Gives the records back when the thread ends.
  struct Owner {
    explicit Owner(bool is_last) noexcept : last(is_last) {}
    ~Owner() {
      exiting = true;
      if (!last && held_thread != nullptr && !held_thread->is_unused()) {
        later();  // a guard in a thread-local object outlives this one
      } else {
        release();
      }
      if (last) ++late_ones_gone;
    }
    const bool last;
    void touch() noexcept {}
    inline static constinit thread_local bool exiting = false;
    inline static constinit thread_local unsigned late_ones_gone = 0;
  };

  // While thread-local objects are destroyed: one object more, destroyed after those under way. The
  // next of them that takes a guard needs another one. What more than 8 take is not given back.
  template <unsigned Number = 0>
  static void later() noexcept {
    if constexpr (Number < 7) {
      if (Owner::late_ones_gone > Number) return later<Number + 1>();
    }
    static thread_local Owner late(true);
    late.touch();
  }

  static void release() noexcept {
    if (held_thread != nullptr) {
      held_thread->set_stack({}, nullptr);
      held_thread->set_quiet();
      held_thread->owned.store(false, std::memory_order_release);
    }
    held_top = held_end = nullptr;
    held_thread = nullptr;
  }

  static bool is_used_here(const Hold* hold) noexcept {
    return held_thread != nullptr &&
           (hold->user.load(std::memory_order_acquire) & ~lent) == held_thread->as_user();
  }
  static bool is_made_here(const Hold* hold) noexcept {
    return held_thread != nullptr && held_thread->made(hold);
  }

  // The record does not count for `user` any more.
  static void leave(const Hold* hold, std::uintptr_t user) noexcept {
    if (user == no_user) return;
    auto* thread = reinterpret_cast<HeldThread*>(user);
    if (!thread->made(hold)) thread->adopted.fetch_sub(1, std::memory_order_acq_rel);
  }

  // Counted before it is noted: who sees the note sees the count.
  static void begin_travel(Hold* hold) noexcept {
    if (hold->travelled.load(std::memory_order_acquire)) return;
    travelled_.fetch_add(1, std::memory_order_acq_rel);
    if (hold->travelled.exchange(true, std::memory_order_acq_rel)) end_count();
  }
  static void end_travel(Hold* hold) noexcept {
    if (hold->travelled.exchange(false, std::memory_order_acq_rel)) end_count();
  }
  static void end_count() noexcept { travelled_.fetch_sub(1, std::memory_order_acq_rel); }

  // Sets the user once nobody has the record lent; gives the one before.
  static std::uintptr_t replace_user(Hold* hold, std::uintptr_t to) noexcept {
    std::uintptr_t user = hold->user.load(std::memory_order_acquire);
    for (;;) {
      if ((user & lent) != 0) {
        std::this_thread::yield();
        user = hold->user.load(std::memory_order_acquire);
      } else if (hold->user.compare_exchange_weak(user, to, std::memory_order_acq_rel)) {
        return user;
      }
    }
  }

  DASHMAP_DETAIL_COLD static void adopt(Hold* hold) noexcept {
    if (held_thread == nullptr) {
      try {
        claim_thread();
      } catch (const std::bad_alloc&) {
        return;  // it goes on counting for whom it did
      }
    }
    HeldThread& me = *held_thread;
    if (!me.made(hold)) {  // before the exchange, which publishes it
      me.adopted.fetch_add(1, std::memory_order_acq_rel);
      begin_travel(hold);
    }
    hold->roams.store(false, std::memory_order_relaxed);  // it arrived
    // If it was this thread's, then that adoption was counted before.
    leave(hold, replace_user(hold, me.as_user()));
  }

  DASHMAP_DETAIL_COLD static Hold* push_slow() {
    if (held_thread == nullptr) {
      claim_thread();
      return held_top++;
    }
    // Records that ended out of order: below the top, then anywhere.
    HeldThread& me = *held_thread;
    HoldBlock* const full = me.current;
    Hold* top = held_top;
    while (top != full->records && (top - 1)->is_free()) --top;
    held_top = top;
    if (top != held_end) return held_top++;
    Hold* place = me.next_place();
    if (me.current != full) set_top(place + 1);
    return place;
  }

  // The next record of the current block goes to `top`.
  static void set_top(Hold* top) noexcept {
    held_top = top;
    held_end = held_thread->current->records + HoldBlock::size;
  }

  static void claim_thread() {
    static std::atomic<std::uint64_t> counter{0};
    if (!Owner::exiting) {
      static thread_local Owner owner(false);
      owner.touch();
    } else {
      later();
    }
    HeldThread* thread = threads();
    for (; thread != nullptr; thread = thread->next) {
      bool expected = false;
      if (!thread->owned.load(std::memory_order_acquire) && thread->is_unused() &&
          thread->owned.compare_exchange_strong(expected, true, std::memory_order_acq_rel)) {
        if (thread->is_unused()) break;
        thread->owned.store(false, std::memory_order_release);  // it was somebody's in between
      }
    }
    if (thread == nullptr) {
      auto block = std::make_unique<HoldBlock>();
      thread = new HeldThread(block.get(), true);
      [[maybe_unused]] const HoldBlock* lives_for_ever = block.release();
      thread->next = threads_.load(std::memory_order_relaxed);
      // sync(held.threads): release, pairs with the acquire load in threads().
      while (!threads_.compare_exchange_weak(thread->next, thread, std::memory_order_release,
                                             std::memory_order_relaxed)) {
      }
    }
    thread->number.store(counter.fetch_add(1, std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
    thread->id.store(thread_id(), std::memory_order_relaxed);
    thread->set_stack(this_thread_stack(), this_thread_second_stack());
    held_thread = thread;
    thread->begin_anew();
    set_top(thread->make_current(*thread->current));
  }

  inline static constinit std::atomic<HeldThread*> threads_{&first_held_thread};
  inline static constinit std::atomic<std::uint32_t> travelled_{0};
};

}  // namespace dashmap::detail
