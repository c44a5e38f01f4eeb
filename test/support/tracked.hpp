// Types that notice when they are leaked, destroyed twice, used after destruction or moved bitwise.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace dashmap_test {

/// Counts every instance in the process; a base of all tracked types.
class Alive {
 public:
  static inline std::atomic<long> live{0};
  static inline std::atomic<long> copies{0};
  static inline std::atomic<long> moves{0};
  static inline std::atomic<long> misuses{0};

  Alive() noexcept { born(); }
  Alive(const Alive& other) noexcept {
    other.check();
    copies.fetch_add(1, std::memory_order_relaxed);
    born();
  }
  Alive(Alive&& other) noexcept {
    other.check();
    moves.fetch_add(1, std::memory_order_relaxed);
    born();
  }
  Alive& operator=(const Alive& other) noexcept {
    check();
    other.check();
    copies.fetch_add(1, std::memory_order_relaxed);
    return *this;
  }
  Alive& operator=(Alive&& other) noexcept {
    check();
    other.check();
    moves.fetch_add(1, std::memory_order_relaxed);
    return *this;
  }
  ~Alive() {
    check();
    const_cast<const Alive* volatile&>(self_) = nullptr;
    live.fetch_sub(1, std::memory_order_relaxed);
  }

  /// Records a misuse unless this object was constructed here and not yet destroyed.
  void check() const noexcept {
    if (self_ != this) misuses.fetch_add(1, std::memory_order_relaxed);
  }

 private:
  void born() noexcept {
    self_ = this;
    live.fetch_add(1, std::memory_order_relaxed);
  }

  const Alive* self_ = nullptr;
};

/// Fails the test unless as many tracked objects live at its end as at its beginning.
class Census {
 public:
  Census() noexcept : live_(Alive::live.load()), misuses_(Alive::misuses.load()) {}
  Census(const Census&) = delete;
  Census& operator=(const Census&) = delete;
  ~Census() {
    EXPECT_EQ(Alive::live.load(), live_) << "tracked objects leaked or destroyed twice";
    EXPECT_EQ(Alive::misuses.load(), misuses_) << "a tracked object was used outside its lifetime";
  }

  /// Tracked objects that came into being since this census began.
  [[nodiscard]] long more() const noexcept { return Alive::live.load() - live_; }

 private:
  long live_;
  long misuses_;
};

/// What a moved-from tracked object holds.
inline constexpr int moved_from = -1;

/// A copyable tracked integer, usable as key and as value.
class Tracked : public Alive {
 public:
  Tracked() noexcept = default;
  explicit Tracked(int number) noexcept : number_(number) {}
  Tracked(const Tracked&) noexcept = default;
  Tracked(Tracked&& other) noexcept
      : Alive(std::move(other)), number_(std::exchange(other.number_, moved_from)) {}
  Tracked& operator=(const Tracked&) noexcept = default;
  Tracked& operator=(Tracked&& other) noexcept {
    if (this != &other) {
      Alive::operator=(std::move(other));
      number_ = std::exchange(other.number_, moved_from);
    }
    return *this;
  }
  ~Tracked() = default;

  [[nodiscard]] int number() const noexcept {
    check();
    return number_;
  }
  void set(int number) noexcept {
    check();
    number_ = number;
  }

  friend bool operator==(const Tracked& a, const Tracked& b) noexcept {
    return a.number() == b.number();
  }

 private:
  int number_ = 0;
};

/// A tracked integer that can be moved, not copied.
class MoveOnly : public Alive {
 public:
  MoveOnly() noexcept = default;
  explicit MoveOnly(int number) noexcept : number_(number) {}
  MoveOnly(const MoveOnly&) = delete;
  MoveOnly(MoveOnly&& other) noexcept
      : Alive(std::move(other)), number_(std::exchange(other.number_, moved_from)) {}
  MoveOnly& operator=(const MoveOnly&) = delete;
  MoveOnly& operator=(MoveOnly&& other) noexcept {
    if (this != &other) {
      Alive::operator=(std::move(other));
      number_ = std::exchange(other.number_, moved_from);
    }
    return *this;
  }
  ~MoveOnly() = default;

  [[nodiscard]] int number() const noexcept {
    check();
    return number_;
  }
  void set(int number) noexcept {
    check();
    number_ = number;
  }

  friend bool operator==(const MoveOnly& a, const MoveOnly& b) noexcept {
    return a.number() == b.number();
  }

 private:
  int number_ = 0;
};

}  // namespace dashmap_test

template <>
struct std::hash<dashmap_test::Tracked> {
  std::size_t operator()(const dashmap_test::Tracked& key) const noexcept {
    return std::hash<int>()(key.number());
  }
};
