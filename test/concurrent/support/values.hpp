// Keys, values and hashes for the multi-threaded tests: each can be made from a number and read
// back, and tells when it is damaged.
#pragma once

#include <dashmap/dashmap.hpp>

#include <array>
#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "stress.hpp"

namespace stress {

/// What reading a value gives that is not as any thread ever wrote it.
inline constexpr u64 damaged = ~u64{0};

/// Small numbers in one group, so that every two guards share its lock; other hashes, other tags.
struct OneGroup {
  using is_avalanching = void;
  u64 operator()(u64 key) const noexcept { return key << 8; }
};

/// All keys in one group, with the same tag.
struct ConstantHash {
  template <class T>
  std::size_t operator()(const T&) const noexcept {
    return 42;
  }
};

/// N equal words, trivially copyable: a reader that sees two different ones saw a torn value.
template <std::size_t N>
struct Words {
  std::array<u64, N> words;

  static Words of(u64 n) {
    Words result;
    result.words.fill(n);
    return result;
  }
  /// The common word, or `damaged`.
  u64 number() const {
    for (const u64 word : words) {
      if (word != words[0]) return damaged;
    }
    return words[0];
  }
  friend bool operator==(const Words&, const Words&) = default;
};

/// N words derived from one number, usable as a key.
template <std::size_t N>
struct WideKey {
  std::array<u64, N> words;

  static WideKey of(u64 n) {
    WideKey result;
    for (std::size_t i = 0; i < N; ++i) result.words[i] = n ^ (u64{i} << 56);
    return result;
  }
  u64 number() const {
    for (std::size_t i = 0; i < N; ++i) {
      if ((words[i] ^ (u64{i} << 56)) != words[0]) return damaged;
    }
    return words[0];
  }
  friend bool operator==(const WideKey&, const WideKey&) = default;
};

struct WideKeyHash {
  template <std::size_t N>
  std::size_t operator()(const WideKey<N>& key) const noexcept {
    return static_cast<std::size_t>(mix(key.words[0] + key.words[N - 1]));
  }
};

/// How many objects of the counted types below are alive, and whether one was destroyed twice or
/// used after its destruction.
struct Census {
  static inline std::atomic<std::int64_t> alive{0};
  static inline std::atomic<u64> broken{0};

  static void reset() {
    alive.store(0);
    broken.store(0);
  }
};

/// Carries a number and a stamp, counts its instances, copies and moves without throwing.
class Counted {
 public:
  explicit Counted(u64 n = 0) noexcept : number_(n) { born(); }
  Counted(const Counted& other) noexcept : number_(other.read()) { born(); }
  Counted(Counted&& other) noexcept : number_(other.read()) { born(); }
  Counted& operator=(const Counted& other) noexcept {
    check();
    number_ = other.read();
    return *this;
  }
  Counted& operator=(Counted&& other) noexcept {
    check();
    number_ = other.read();
    return *this;
  }
  ~Counted() {
    check();
    stamp_ = dead_stamp;
    Census::alive.fetch_sub(1, std::memory_order_relaxed);
  }

  u64 number() const { return read(); }
  void set(u64 n) {
    check();
    number_ = n;
  }

 private:
  static constexpr u64 live_stamp = 0x616c697665616c69U;
  static constexpr u64 dead_stamp = 0xdeaddeaddeaddeadU;

  void born() noexcept { Census::alive.fetch_add(1, std::memory_order_relaxed); }
  void check() const noexcept {
    if (stamp_ != live_stamp) Census::broken.fetch_add(1, std::memory_order_relaxed);
  }
  u64 read() const noexcept {
    check();
    return number_;
  }

  u64 stamp_ = live_stamp;
  u64 number_;
};

/// 1 KiB, not trivially copyable, counted.
class Large {
 public:
  explicit Large(u64 n = 0) noexcept : counted_(n) { fill_.fill(n); }

  u64 number() const {
    for (const u64 word : fill_) {
      if (word != counted_.number()) return damaged;
    }
    return counted_.number();
  }

 private:
  Counted counted_;
  std::array<u64, 126> fill_;
};

/// Can be moved, not copied; owns heap memory.
class MoveOnly {
 public:
  explicit MoveOnly(u64 n = 0) : number_(std::make_unique<u64>(n)) {}

  u64 number() const { return number_ ? *number_ : damaged; }
  void set(u64 n) { *number_ = n; }

 private:
  std::unique_ptr<u64> number_;
};

/// What a Fickle operation throws.
struct Refusal : std::exception {
  const char* what() const noexcept override { return "refused by the test"; }
};

/// While armed, every operation of this thread that may refuse does so with probability 1/one_in.
struct Mood {
  static inline thread_local Rng* rng = nullptr;
  static inline thread_local u64 one_in = 0;

  static void maybe_refuse() {
    if (rng != nullptr && rng->one_in(one_in)) throw Refusal{};
  }

  class Armed {
   public:
    Armed(Rng& source, u64 probability) {
      rng = &source;
      one_in = probability;
    }
    Armed(const Armed&) = delete;
    Armed& operator=(const Armed&) = delete;
    ~Armed() { rng = nullptr; }
  };
};

/// A counted value whose constructors and assignments may throw, also its moves.
class Fickle {
 public:
  explicit Fickle(u64 n = 0) : counted_((Mood::maybe_refuse(), n)) {}
  Fickle(const Fickle& other) : counted_((Mood::maybe_refuse(), other.counted_)) {}
  Fickle(Fickle&& other) noexcept(false)
      : counted_((Mood::maybe_refuse(), std::move(other.counted_))) {}
  Fickle& operator=(const Fickle& other) {
    Mood::maybe_refuse();
    counted_ = other.counted_;
    return *this;
  }
  Fickle& operator=(Fickle&& other) noexcept(false) {
    Mood::maybe_refuse();
    counted_ = std::move(other.counted_);
    return *this;
  }
  ~Fickle() = default;

  u64 number() const { return counted_.number(); }

 private:
  Counted counted_;
};

/// A hash that may throw.
struct FickleHash {
  std::size_t operator()(u64 n) const {
    Mood::maybe_refuse();
    return static_cast<std::size_t>(mix(n));
  }
};

// ---- Numbers to objects and back ------------------------------------------------------------

template <class T>
struct Codec {
  static T make(u64 n) {
    if constexpr (requires { T::of(n); }) {
      return T::of(n);
    } else {
      return T(n);
    }
  }
  static u64 number(const T& object) { return object.number(); }
};

template <>
struct Codec<u64> {
  static u64 make(u64 n) { return n; }
  static u64 number(u64 n) { return n; }
};

/// Long enough not to fit into the string object, so that a stale read shows under ASan.
template <>
struct Codec<std::string> {
  static constexpr std::string_view long_prefix =
      "a rather long text that lives on the heap, number ";
  static constexpr std::string_view short_prefix = "no ";

  static std::string make(u64 n, std::string_view prefix = long_prefix) {
    std::string result(prefix);
    result += std::to_string(n);
    return result;
  }
  static u64 number(const std::string& text) {
    const std::string_view prefix = text.starts_with(short_prefix) ? short_prefix : long_prefix;
    if (text.size() <= prefix.size() || !text.starts_with(prefix)) return damaged;
    u64 result = 0;
    for (const char c : std::string_view(text).substr(prefix.size())) {
      if (c < '0' || c > '9') return damaged;
      result = result * 10 + static_cast<u64>(c - '0');
    }
    return result;
  }
};

template <class T>
u64 number(const T& object) {
  return Codec<T>::number(object);
}

/// A map type together with the ways to make its keys and values. `crowding` divides the number of
/// elements of a test: a constant hash takes linear time.
template <class K, class V, class Hash = dashmap::DefaultHash<K>, u64 Crowding = 1>
struct Subject {
  using Key = K;
  using Value = V;
  using Map = dashmap::DashMap<K, V, Hash>;

  static constexpr u64 crowding = Crowding;
  static constexpr bool copyable = std::is_copy_constructible_v<V>;

  static K key(u64 n) { return Codec<K>::make(n); }
  static V value(u64 n) { return Codec<V>::make(n); }
};

using Numbers = Subject<u64, u64>;
using Texts = Subject<std::string, std::string>;

/// Keys of which some fit into the string object, and are found without a lock.
template <class V>
struct ShortTexts : Subject<std::string, V> {
  static std::string key(u64 n) {
    using Text = Codec<std::string>;
    return Text::make(n, n % 4 != 0 ? Text::short_prefix : Text::long_prefix);
  }
};

using Crowded = Subject<u64, u64, ConstantHash, 200>;

/// The key's number from whatever an iterator over keys gives.
template <class Item>
u64 key_number(const Item& item) {
  if constexpr (requires { number(item.key()); }) {
    return number(item.key());
  } else if constexpr (requires { number(*item); }) {
    return number(*item);
  } else {
    return number(item);
  }
}

/// The value's number from whatever an iterator over values gives.
template <class Item>
u64 value_number(const Item& item) {
  if constexpr (requires { number(item.value()); }) {
    return number(item.value());
  } else if constexpr (requires { number(*item); }) {
    return number(*item);
  } else {
    return number(item);
  }
}

/// Inserts and erases keys in [first, first + count) and shrinks, over and over, so that the table
/// grows and shrinks under the feet of the test.
template <class S>
class Churn {
 public:
  Churn(typename S::Map& map, u64 first, u64 count)
      : background_([&map, first, count](const std::atomic<bool>& stop) {
          while (!stopped(stop)) {
            for (u64 i = 0; i < count && !stopped(stop); ++i) {
              map.insert(S::key(first + i), S::value(first + i));
              if (i % 32 == 0) std::this_thread::yield();  // not one slice of time after another
            }
            for (u64 i = 0; i < count; ++i) map.erase(S::key(first + i));
            map.shrink_to_fit();
          }
        }) {}

  void finish() { background_.finish(); }

 private:
  Background background_;
};

}  // namespace stress
