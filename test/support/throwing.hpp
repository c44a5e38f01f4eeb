// Exceptions on command: the n-th throw point that a thread passes after arm(n) throws.
#pragma once

#include "tracked.hpp"

#include <cstddef>
#include <exception>
#include <functional>
#include <new>
#include <utility>

namespace dashmap_test {

struct Injected : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return "injected"; }
};
struct InjectedBadAlloc : std::bad_alloc {
  [[nodiscard]] const char* what() const noexcept override { return "injected bad_alloc"; }
};

namespace throwing {

inline thread_local long countdown = 0;
inline thread_local bool fired = false;

inline void arm(long n) noexcept {
  countdown = n;
  fired = false;
}
inline void disarm() noexcept { countdown = 0; }

/// True when this is the point that has to throw.
[[nodiscard]] inline bool due() noexcept {
  if (countdown > 0 && --countdown == 0) {
    fired = true;
    return true;
  }
  return false;
}
inline void point() {
  if (due()) throw Injected();
}

}  // namespace throwing

/// A tracked integer whose every operation is a throw point. Comparing and hashing are too, so it
/// serves as key and as value. `NothrowMove` leaves the moves alone and declares them noexcept.
template <bool NothrowMove>
class Fragile : public Alive {
 public:
  Fragile() { throwing::point(); }
  explicit Fragile(int number) : number_(number) { throwing::point(); }
  Fragile(const Fragile& other) : Alive(other), number_(other.number_) { throwing::point(); }
  Fragile(Fragile&& other) noexcept(NothrowMove) : Alive(std::move(other)) {
    move_point();
    number_ = std::exchange(other.number_, moved_from);
  }
  Fragile& operator=(const Fragile& other) {
    throwing::point();
    Alive::operator=(other);
    number_ = other.number_;
    return *this;
  }
  Fragile& operator=(Fragile&& other) noexcept(NothrowMove) {
    move_point();
    if (this != &other) {
      Alive::operator=(std::move(other));
      number_ = std::exchange(other.number_, moved_from);
    }
    return *this;
  }
  ~Fragile() = default;

  [[nodiscard]] int number() const noexcept {
    check();
    return number_;
  }
  void set(int number) noexcept {
    check();
    number_ = number;
  }
  friend bool operator==(const Fragile& a, const Fragile& b) {
    throwing::point();
    return a.number() == b.number();
  }

 private:
  static void move_point() noexcept(NothrowMove) {
    if constexpr (!NothrowMove) throwing::point();
  }

  int number_ = 0;
};

struct FragileHash {
  template <bool NothrowMove>
  std::size_t operator()(const Fragile<NothrowMove>& key) const {
    throwing::point();
    return static_cast<std::size_t>(static_cast<unsigned>(key.number()) * 0x9e3779b9U);
  }
};

/// Throws from equality alone.
struct FragileConstantHash {
  template <class K>
  std::size_t operator()(const K&) const noexcept {
    return 3;
  }
};

}  // namespace dashmap_test
