// A map to measure, behind one interface: what is timed lies within a call, so that the virtual
// function costs nothing.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "histogram.hpp"
#include "threads.hpp"
#include "trace.hpp"

namespace bench {

/// What a map holds after a run: the same for all maps, or one of them is wrong.
struct Contents {
  std::size_t size = 0;
  u64 sum = 0;  // of the values

  friend bool operator==(const Contents&, const Contents&) = default;
};

struct Outcome {
  Timing timing;
  Contents contents;
  u64 succeeded = 0;  // operations that found their key, or inserted it
};

struct IteratePlan {
  std::vector<u64> keys;
  std::size_t passes = 1;
  std::vector<std::vector<u64>> writers;  // keys that each writer updates, over and over
};

struct IterateOutcome {
  double seconds = 0;  // of all passes
  u64 elements = 0;    // that were visited
  u64 writes = 0;      // of all writers meanwhile
};

class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  [[nodiscard]] virtual std::string name() const = 0;
  /// Does what the trace says with a new map.
  [[nodiscard]] virtual Outcome replay(const Trace& trace) const = 0;
  /// The same, and notes how long each operation took.
  [[nodiscard]] virtual Outcome replay_timed(const Trace& trace, Histogram& times) const = 0;
  /// Nothing if the map cannot be visited while others write.
  [[nodiscard]] virtual std::optional<IterateOutcome> iterate(const IteratePlan& plan) const = 0;
  /// Makes maps of so many entries and calls `then` while they are there.
  virtual void fill(std::size_t maps, std::size_t entries,
                    const std::function<void()>& then) const = 0;
};

/// The maps of this program. DashMap comes first, then the others by name.
std::vector<std::unique_ptr<Peer>>& peers();

/// Makes a map known; for the initialisation of a static variable.
bool add_peer(std::unique_ptr<Peer> peer);

inline constexpr const char* reference_name = "dashmap";

}  // namespace bench
