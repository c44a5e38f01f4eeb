// Runs the maps in turn, round after round, and keeps what was measured.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "peer.hpp"
#include "random.hpp"
#include "result.hpp"

namespace bench {

/// A map gave an answer that is not right.
struct Wrong : std::runtime_error {
  using runtime_error::runtime_error;
};

struct Settings {
  std::size_t rounds = 0;
  bool full = false;              // all sizes; else a selection for a few minutes
  double scale = 1;               // of all sizes
  std::vector<unsigned> threads;  // the numbers of threads, ascending
};

/// What is the same for all maps of a measurement.
struct Setting {
  std::string text;
  Parameters parameters = {};
  Shape shape = {};
  unsigned threads = 1;
};

/// A value for each metric; none at all if the map cannot do what is asked.
using Sample = std::vector<double>;
using Run = std::function<Sample(const Subject&)>;
/// What to say about a map's values of a metric.
using Note = std::function<std::string(const Subject&, std::size_t metric)>;

/// Stands for a value when the map cannot do what is asked.
inline constexpr double not_possible = std::numeric_limits<double>::quiet_NaN();

class Session {
 public:
  Session(Settings settings, std::vector<const Peer*> maps, std::ostream& out);

  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
  [[nodiscard]] const std::vector<const Peer*>& maps() const noexcept { return maps_; }
  /// A size as this session has it, at least 100.
  [[nodiscard]] std::size_t scaled(std::size_t full, std::size_t brief) const;
  /// How long the runs of one sample last together, at least.
  [[nodiscard]] double least_seconds() const {
    return (settings_.full ? 0.1 : 0.02) * std::min(settings_.scale, 1.0);
  }

  void begin(std::string_view workload, std::string_view about);

  /// Calls `run` with each map, so many rounds, in another order in each, every time in a process
  /// of its own, and prints how they compare. A map that throws is reported as failed and left out.
  void measure(const Setting& setting, const std::vector<Metric>& metrics, const Run& run,
               const Note& note = {});
  /// The same in one round, for what does not vary.
  void measure_once(const Setting& setting, const std::vector<Metric>& metrics, const Run& run);

  /// \throws Wrong if the map does not hold what the first one held at the end of the same run
  void agree(const Contents& contents);

  [[nodiscard]] const std::vector<Result>& results() const noexcept { return results_; }
  [[nodiscard]] const std::vector<std::string>& failures() const noexcept { return failures_; }

 private:
  struct Lane {
    std::string map;
    const Subject* subject;       // none if the map cannot do it, or failed
    std::vector<Sample> samples;  // [round][metric]
  };

  /// What comes of one run, as it comes from the process that it was made in.
  struct Turn {
    std::array<double, 32> values{};
    std::size_t count = 0;
    std::optional<Contents> expected;  // by all maps so far
  };

  [[nodiscard]] Turn turn_of(const Run& run, const Subject& map);
  [[nodiscard]] std::vector<Lane> lanes_for(const Setting& setting) const;
  void measure_rounds(std::size_t rounds, const Setting& setting, std::vector<Lane>& lanes,
                      const Run& run);
  void report(const Setting& setting, const std::vector<Metric>& metrics,
              const std::vector<Lane>& lanes, const Note& note);

  Settings settings_;
  std::vector<const Peer*> maps_;
  std::ostream& out_;
  std::string workload_;
  Random random_{5};
  std::optional<Contents> expected_;  // what the first map held at the end
  std::vector<Result> results_;
  std::vector<std::string> failures_;
};

}  // namespace bench
