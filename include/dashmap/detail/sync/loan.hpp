// Role
//   Lets a plain question (`get_copy`, `contains`) read an element which its thread has for writing
//   through a guard that was moved here.
//
// Invariants
//   1. While a loan is granted, or a hold borrowed, no other thread gets to use the guard
//      (held.hpp, 6).
//   2. It is not granted where another thread has such a guard already.
//   Models (test/model): 1, 2 held.asked.
//
// Readers and writers
//   The calling thread has the group locked, within the guard's hold if there is one.
//
// Not here
//   What is read (core/operations.hpp, core/lookup.hpp).
#pragma once

#include <optional>

#include "dashmap/detail/base/config.hpp"
#include "dashmap/detail/sync/held.hpp"
#include "dashmap/detail/sync/lock_word.hpp"

namespace dashmap::detail {

// Keeps what a hold of this thread refers to in place while it is looked at: a guard that was moved
// may be in another thread's hands, which then may neither use nor end it. Tests false when one
// does so already.
class Borrowed {
 public:
  explicit Borrowed(const HoldView& hold) noexcept {
    if (hold.record == nullptr) return;
    user_ = hold.record->user.load(std::memory_order_acquire);
    const std::uintptr_t user = user_ & ~lent;
    granted_ = user == held_thread->as_user() || user == no_user;
    if (!granted_ || user != user_) return;  // or it is lent by an outer one
    granted_ = Held::lend(hold.record, user_);
    if (granted_) record_ = hold.record;
  }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;
  ~Borrowed() {
    if (record_ != nullptr) Held::end_loan(record_, user_);
  }
  explicit operator bool() const noexcept { return granted_; }

 private:
  Hold* record_ = nullptr;
  std::uintptr_t user_ = no_user;  // as it was, and will be again
  bool granted_ = true;
};

class Loan {
 public:
  // Whether there is a guard to ask. If its hold is there it was before this thread nested in it.
  // If it is not, it may have gone since: then what was written under it comes with
  // sync(group.unlock).
  static bool is_needed(const Word& word) noexcept {
    return word::is_locked(word.load(std::memory_order_acquire));
  }

  DASHMAP_DETAIL_COLD Loan(const Word& word, const void* slot) {
    if (!is_needed(word)) return;
    const auto is_it = [&](const HoldView& hold) {
      return hold.exclusive() && hold.where == &word && hold.slot == slot;
    };
    Held::for_each([&](const HoldView& hold) {
      if (!borrowed_ && is_it(hold)) borrowed_.emplace(hold);
    });
    if (borrowed_) {
      granted_ = static_cast<bool>(*borrowed_);
    } else if (Held::travelled() != 0) {
      Held::for_each_record([&](const HoldView& hold, const HeldThread* user, const HeldThread*) {
        if (user != Held::this_thread() && is_it(hold)) granted_ = false;
      });
    }
  }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  ~Loan() = default;

  explicit operator bool() const noexcept { return granted_; }

 private:
  std::optional<Borrowed> borrowed_;
  bool granted_ = true;
};

}  // namespace dashmap::detail
