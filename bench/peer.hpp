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
#include "operation.hpp"
#include "sequence.hpp"
#include "shape.hpp"
#include "threads.hpp"
#include "trace.hpp"

namespace bench {

/// What a map holds after a run: the same for all maps, or one of them is wrong.
struct Contents {
  std::size_t size = 0;
  u64 sum = 0;  // of the values, each times a number made of its key

  friend bool operator==(const Contents&, const Contents&) = default;
};

struct Outcome {
  Timing timing;
  Contents contents;
  u64 succeeded = 0;  // operations that found their key, or inserted it
};

struct IteratePlan {
  Sequence<u64> keys;
  std::size_t passes = 1;
  bool by_iterator = false;            // for maps that can
  std::vector<Sequence<u64>> writers;  // keys that each writer updates, over and over
};

struct IterateOutcome {
  double seconds = 0;  // of all passes
  double cpu_seconds = 0;
  u64 elements = 0;  // that were visited
  u64 writes = 0;    // of all writers meanwhile
};

enum class TimedBy { clock, processor };

/// A map with its types of keys and values.
class Subject {
 public:
  Subject() = default;
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;
  virtual ~Subject() = default;

  /// Does what the trace says with a new map. Nothing if the map cannot.
  [[nodiscard]] virtual std::optional<Outcome> replay(const Trace& trace) const = 0;
  /// The same, and notes how long each operation took.
  [[nodiscard]] virtual std::optional<Outcome> replay_timed(const Trace& trace, TimedBy by,
                                                            Histogram& times) const = 0;
  /// Nothing if the map cannot be visited while others write.
  [[nodiscard]] virtual std::optional<IterateOutcome> iterate(const IteratePlan& plan) const = 0;

  [[nodiscard]] virtual Ability ability(Operation operation) const = 0;
  /// Each operation in a loop of its own.
  [[nodiscard]] virtual OperationTimes time_operations(const OperationPlan& plan) const = 0;
  /// What an operation needs, and then its loop so many times; for counting instructions. The map
  /// is left as it is.
  virtual void count_operation(Operation operation, const OperationPlan& plan,
                               std::size_t repetitions) const = 0;

  /// Makes maps of so many entries and calls `then` while they are there.
  virtual void fill(std::size_t maps, std::size_t entries,
                    const std::function<void()>& then) const = 0;
  /// Makes one map and calls `then(size)` whenever `step` more entries are in it.
  virtual void grow(std::size_t entries, std::size_t step,
                    const std::function<void(std::size_t)>& then) const = 0;
};

class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  [[nodiscard]] virtual std::string name() const = 0;
  /// Empty if the map does not tell.
  [[nodiscard]] virtual std::string version() const = 0;
  /// Whether several threads may use it.
  [[nodiscard]] virtual bool concurrent() const = 0;
  /// Nothing if the map, or its adapter, does not take such keys or values.
  [[nodiscard]] virtual const Subject* with(Shape shape) const = 0;
};

/// The maps of this program. DashMap comes first, then the others by name.
std::vector<std::unique_ptr<Peer>>& peers();

/// Makes a map known; for the initialisation of a static variable.
bool add_peer(std::unique_ptr<Peer> peer);

/// Maps that the program could hold, but that the system did not have when it was built.
std::vector<std::string> absent_peers();

inline constexpr const char* reference_name = "dashmap";

}  // namespace bench
