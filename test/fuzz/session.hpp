// What the sessions on maps and on sets have in common: the input, the kinds of keys and values,
// what is held, and the rule for operations that throw.
#pragma once

#include "body.hpp"

#include <dashmap/dashmap.hpp>

#include "support/allocators.hpp"
#include "support/hashers.hpp"
#include "support/throwing.hpp"
#include "support/values.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <source_location>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace dashmap_test::fuzz {

inline void require(bool holds,
                    const std::source_location& where = std::source_location::current()) {
  if (holds) return;
  throwing::disarm();
  throw Mismatch(std::string(where.file_name()) + ":" + std::to_string(where.line()) + ", " +
                 where.function_name());
}

/// The bytes, one after the other; zeros when there are no more.
class Input {
 public:
  explicit Input(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  int next() {
    if (rest_.empty()) return 0;
    const int byte = rest_.front();
    rest_ = rest_.subspan(1);
    return byte;
  }
  int below(int bound) { return next() % bound; }

 private:
  std::span<const std::uint8_t> rest_;
};

/// Four different hashes.
struct LowEntropyHash {
  template <class K>
  std::size_t operator()(const K& key) const noexcept {
    return static_cast<std::size_t>(number(key)) & 3U;
  }
};

/// `Fails`: throw points are armed, so memory is refused and hashes, comparisons, copies throw.
template <class K, class V, class H, bool Fails = false>
struct MapKind {
  using Key = K;
  using Value = V;
  using Allocator = LedgerAllocator<std::pair<const K, V>>;
  using Container = dashmap::DashMap<K, V, H, std::equal_to<>, Allocator>;
  static constexpr bool fails = Fails;
};
template <class K, class H, bool Fails = false>
struct SetKind {
  using Key = K;
  using Allocator = LedgerAllocator<K>;
  using Container = dashmap::DashSet<K, H, std::equal_to<>, Allocator>;
  static constexpr bool fails = Fails;
};

enum class Hold { shared, exclusive, vacant };

template <class Kind>
class Session {
 public:
  using Key = typename Kind::Key;
  using Container = typename Kind::Container;

 protected:
  explicit Session(Input& input) : input_(input), space_(spaces[input.below(4)]) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() = default;

  static constexpr int spaces[] = {8, 40, 250, 1200};
  static constexpr std::size_t most_held = 3;

  int number_of_key() { return (input_.next() * 5 + input_.below(5)) % space_; }
  static Key key(int n) { return make<Key>(n); }

  // --- what this thread holds, all of it on its stack ---

  struct Held {
    int number;
    Hold hold;
  };
  class Holding {
   public:
    Holding(Session& session, int number, Hold hold) : session_(session) {
      session_.held_.push_back({number, hold});
    }
    Holding(const Holding&) = delete;
    Holding& operator=(const Holding&) = delete;
    ~Holding() { session_.held_.pop_back(); }

   private:
    Session& session_;
  };

  template <class P>
  bool any_held(P p) const {
    return std::any_of(held_.begin(), held_.end(), p);
  }
  bool bars_read(int n) const {
    return any_held([n](const Held& h) { return h.number == n && h.hold != Hold::shared; });
  }
  bool bars_write(int n) const {
    return any_held([n](const Held& h) { return h.number == n; });
  }
  bool bars_walk() const {
    return any_held([](const Held& h) { return h.hold == Hold::exclusive; });
  }
  bool bars_walk_to_change() const {
    return any_held([](const Held& h) { return h.hold != Hold::vacant; });
  }
  bool bars_snapshot() const {
    return any_held([](const Held& h) { return h.hold != Hold::shared; });
  }
  bool bars_all() const { return !held_.empty(); }

  // --- attempts ---

  enum class Outcome { done, barred, failed };

  /// Runs an operation, perhaps with a failure at one of its throw points. `barred`: by what this
  /// thread holds, so it must throw DeadlockError; `or_answers`: it may look at a copy instead.
  template <class F>
  Outcome attempt(bool barred, F operation, bool or_answers = false) {
    if constexpr (Kind::fails) {
      const int point = input_.next();
      throwing::arm(point < 128 ? 0 : point - 127);
    }
    try {
      operation();
    } catch (const dashmap::DeadlockError&) {
      throwing::disarm();
      require(barred);
      return Outcome::barred;
    } catch (const Injected&) {
      throwing::disarm();
      return Outcome::failed;
    } catch (const InjectedBadAlloc&) {
      throwing::disarm();
      return Outcome::failed;
    }
    throwing::disarm();
    require(!barred || or_answers);
    return Outcome::done;
  }
  template <class F>
  bool done(bool barred, F operation) {
    return attempt(barred, operation) == Outcome::done;
  }

  Input& input_;
  int space_;
  std::vector<Held> held_;
  int steps_ = 0;
};

/// Runs a session on a container and looks for what it left behind.
template <template <class> class SessionType, class Kind>
void run_kind(Input input) {
  const long alive = Alive::live.load();
  const long misuses = Alive::misuses.load();
  Ledger ledger;
  {
    SessionType<Kind> session(input, typename Kind::Allocator(ledger));
    session.run();
  }
  require(ledger.blocks() == 0);
  require(ledger.mistakes() == 0);
  require(Alive::live.load() == alive);
  require(Alive::misuses.load() == misuses);
}

}  // namespace dashmap_test::fuzz
