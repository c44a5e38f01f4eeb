// The seam between the library's headers and the checker: included before them (-include), it
// changes what `std` means inside namespace dashmap, and nothing in the headers. There
// `std::atomic`, the fences, mutexes, conditions, clocks and thread functions are those of the
// checker, and all other names are found in ::std through the using-directive.
#pragma once

#include <unistd.h>

#include <atomic>
#include <bit>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <thread>
#include <type_traits>

#include "checker/runtime.hpp"

#if defined(__linux__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#endif

namespace model {

// As ::std::atomic. In memory it is its newest value: zeroed memory is a zeroed atomic.
template <class T>
class Atomic {
  static_assert(sizeof(T) <= 8 && ::std::is_trivially_copyable_v<T>);
  static constexpr unsigned size = sizeof(T);

  static Value to(T value) noexcept {
    Value word = 0;
    ::std::memcpy(&word, &value, sizeof(T));
    return word;
  }
  static T from(Value word) noexcept {
    T value;
    ::std::memcpy(&value, &word, sizeof(T));
    return value;
  }
  static constexpr ::std::memory_order failure_of(::std::memory_order order) noexcept {
    return order == ::std::memory_order_acq_rel   ? ::std::memory_order_acquire
           : order == ::std::memory_order_release ? ::std::memory_order_relaxed
                                                  : order;
  }
  static constexpr ::std::memory_order seq_cst = ::std::memory_order_seq_cst;

 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  constexpr Atomic() noexcept : value_() { born(); }
  constexpr Atomic(T value) noexcept : value_(value) { born(); }
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  T load(::std::memory_order order = seq_cst) const noexcept {
    return from(model::load(&value_, size, order));
  }
  void store(T value, ::std::memory_order order = seq_cst) noexcept {
    model::store(&value_, size, to(value), order);
  }
  T exchange(T value, ::std::memory_order order = seq_cst) noexcept {
    return from(
        change(&value_, size, [](Value, Value operand) { return operand; }, to(value), order));
  }
  bool compare_exchange_strong(T& expected, T desired, ::std::memory_order success,
                               ::std::memory_order failure) noexcept {
    return exchange_if(expected, desired, success, failure, false);
  }
  bool compare_exchange_weak(T& expected, T desired, ::std::memory_order success,
                             ::std::memory_order failure) noexcept {
    return exchange_if(expected, desired, success, failure, true);
  }
  bool compare_exchange_strong(T& expected, T desired,
                               ::std::memory_order order = seq_cst) noexcept {
    return exchange_if(expected, desired, order, failure_of(order), false);
  }
  bool compare_exchange_weak(T& expected, T desired, ::std::memory_order order = seq_cst) noexcept {
    return exchange_if(expected, desired, order, failure_of(order), true);
  }
  T fetch_add(T operand, ::std::memory_order order = seq_cst) noexcept {
    return from(change(&value_, size, [](Value a, Value b) { return a + b; }, to(operand), order));
  }
  T fetch_sub(T operand, ::std::memory_order order = seq_cst) noexcept {
    return from(change(&value_, size, [](Value a, Value b) { return a - b; }, to(operand), order));
  }
  T fetch_and(T operand, ::std::memory_order order = seq_cst) noexcept {
    return from(change(&value_, size, [](Value a, Value b) { return a & b; }, to(operand), order));
  }
  T fetch_or(T operand, ::std::memory_order order = seq_cst) noexcept {
    return from(change(&value_, size, [](Value a, Value b) { return a | b; }, to(operand), order));
  }
  void wait(T old, ::std::memory_order order = seq_cst) const noexcept {
    model::wait(&value_, size, to(old), order);
  }
  void notify_one() noexcept { notify(&value_, false); }
  void notify_all() noexcept { notify(&value_, true); }

 private:
  constexpr void born() noexcept {
    if (!::std::is_constant_evaluated()) begin_life(&value_);
  }
  bool exchange_if(T& expected, T desired, ::std::memory_order success, ::std::memory_order failure,
                   bool weak) noexcept {
    Value word = to(expected);
    const bool done = compare_exchange(&value_, size, word, to(desired), success, failure, weak);
    if (!done) expected = from(word);
    return done;
  }

  T value_;
};

class AtomicFlag {
 public:
  constexpr AtomicFlag() noexcept = default;
  bool test_and_set(::std::memory_order order = ::std::memory_order_seq_cst) noexcept {
    return flag_.exchange(true, order);
  }
  void clear(::std::memory_order order = ::std::memory_order_seq_cst) noexcept {
    flag_.store(false, order);
  }
  void wait(bool old, ::std::memory_order order = ::std::memory_order_seq_cst) const noexcept {
    flag_.wait(old, order);
  }
  void notify_one() noexcept { flag_.notify_one(); }

 private:
  Atomic<bool> flag_{false};
};

class Mutex {
 public:
  constexpr Mutex() noexcept = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;
  void lock() noexcept { model::lock(this); }
  bool try_lock() noexcept { return model::try_lock(this); }
  void unlock() noexcept { model::unlock(this); }

 private:
  [[maybe_unused]] char place_ = 0;
};

struct SteadyClock {
  using duration = ::std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = ::std::chrono::time_point<SteadyClock>;
  static constexpr bool is_steady = true;
  static time_point now() noexcept { return time_point(duration(model::now())); }
};

class Condition {
 public:
  Condition() noexcept = default;
  Condition(const Condition&) = delete;
  Condition& operator=(const Condition&) = delete;
  void notify_one() noexcept { signal(this, false); }
  void notify_all() noexcept { signal(this, true); }
  template <class Predicate>
  void wait(::std::unique_lock<Mutex>& lock, Predicate predicate) {
    while (!predicate()) wait_on(this, lock.mutex(), false);
  }
  template <class Predicate>
  bool wait_until(::std::unique_lock<Mutex>& lock, SteadyClock::time_point deadline,
                  Predicate predicate) {
    while (!predicate()) {
      if (!wait_on(this, lock.mutex(), true)) {
        advance_to(deadline.time_since_epoch().count());
        return predicate();
      }
    }
    return true;
  }

 private:
  [[maybe_unused]] char place_ = 0;
};

// A plain variable whose races are found.
template <class T>
class Var {
 public:
  constexpr explicit Var(T value = T{}) noexcept : value_(value) {}
  T get() const noexcept {
    access(&value_, false);
    return value_;
  }
  void set(T value) noexcept {
    access(&value_, true);
    value_ = value;
  }

 private:
  T value_;
};

// A key or value of a map, of one word, which optimistic readers may copy while it is written.
class Cell {
 public:
  using IsCell = void;
  Cell() noexcept { write_racy(&word_, 8, 0); }
  Cell(Value word) noexcept { write_racy(&word_, 8, word); }
  Cell(const Cell& other) noexcept { write_racy(&word_, 8, other.get()); }
  Cell& operator=(const Cell& other) noexcept {
    write_racy(&word_, 8, other.get());
    return *this;
  }
  Cell& operator=(Value word) noexcept {
    write_racy(&word_, 8, word);
    return *this;
  }
  ~Cell() = default;

  Value get() const noexcept { return read_plain(&word_, 8); }
  friend bool operator==(const Cell& a, const Cell& b) noexcept { return a.get() == b.get(); }
  // Found by argument-dependent look-up instead of the library's, which copies bytes.
  friend Cell racy_copy(const Cell& source) noexcept { return {read_racy(&source.word_, 8)}; }

 private:
  Value word_ = 0;
};

// A value of two words; a torn one has different halves.
struct Pair {
  using IsCell = void;
  Cell a;
  Cell b;

  Pair() = default;
  Pair(Value value) noexcept : a(value), b(value) {}
  Pair(const Cell& first, const Cell& second) noexcept : a(first), b(second) {}
  Value get() const noexcept {
    if (!(a == b)) fail("a torn value");
    return a.get();
  }
  void set(Value value) noexcept {
    a = value;
    b = value;
  }
  friend Pair racy_copy(const Pair& source) noexcept {
    return {racy_copy(source.a), racy_copy(source.b)};
  }
};

// Words go one by one: to and from watched memory as data that races, else as they are.
inline void* copy(void* to, const void* from, ::std::size_t size) noexcept {
  const bool writes = is_watched(to);
  if ((!writes && !is_watched(from)) || size % 8 != 0) return ::std::memcpy(to, from, size);
  for (::std::size_t i = 0; i < size; i += 8) {
    const char* source = static_cast<const char*>(from) + i;
    char* target = static_cast<char*>(to) + i;
    if (writes) {  // by the one who has both groups locked
      write_racy(target, 8, read_plain(source, 8));
    } else {
      const Value word = read_racy(source, 8);
      ::std::memcpy(target, &word, sizeof word);
    }
  }
  return to;
}

}  // namespace model

namespace dashmap {
namespace std {
using namespace ::std;

template <class T>
using atomic = ::model::Atomic<T>;
using atomic_flag = ::model::AtomicFlag;
using mutex = ::model::Mutex;
using condition_variable = ::model::Condition;
inline void atomic_thread_fence(memory_order order) noexcept { ::model::fence(order); }
inline void atomic_signal_fence(memory_order) noexcept {}

template <class T>
inline constexpr bool is_trivially_copyable_v =
    ::std::is_trivially_copyable_v<T> || requires { typename T::IsCell; };

inline void* memcpy(void* to, const void* from, size_t size) noexcept {
  return ::model::copy(to, from, size);
}

namespace chrono {
using namespace ::std::chrono;
using steady_clock = ::model::SteadyClock;
}  // namespace chrono

namespace this_thread {
inline void yield() noexcept { ::model::yield(); }
inline ::std::thread::id get_id() noexcept {
  return ::std::bit_cast<::std::thread::id>(::std::uintptr_t{::model::thread()} + 1);
}
template <class Rep, class Period>
void sleep_for(const ::std::chrono::duration<Rep, Period>& time) {
  ::model::advance_to(::model::now() +
                      ::std::chrono::duration_cast<::std::chrono::nanoseconds>(time).count());
  ::model::yield();
}
}  // namespace this_thread
}  // namespace std
}  // namespace dashmap

// The barrier of the system.
inline long model_syscall(long, int command, unsigned, int) noexcept {
  return ::model::membarrier(command != MEMBARRIER_CMD_PRIVATE_EXPEDITED) ? 0 : -1;
}
#define syscall model_syscall
#define __builtin_ia32_pause() ::model::pause()
// The write of a tag.
#define __atomic_store_n(at, value, order) ::model::write_racy_byte(at, value)
