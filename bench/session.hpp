// Runs the maps in turn, round after round, and keeps what was measured.
#pragma once

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
#include "result.hpp"

namespace bench {

/// A map gave an answer that is not right.
struct Wrong : std::runtime_error {
  using runtime_error::runtime_error;
};

struct Settings {
  std::size_t rounds = 9;
  bool quick = false;
  double scale = 1;               // of all sizes
  std::vector<unsigned> threads;  // the numbers of threads, ascending
};

/// A value for each metric.
using Sample = std::vector<double>;

/// Stands for a value when the map cannot do what is asked.
inline constexpr double not_possible = std::numeric_limits<double>::quiet_NaN();

class Session {
 public:
  Session(Settings settings, std::vector<const Peer*> maps, std::ostream& out);

  [[nodiscard]] const Settings& settings() const noexcept { return settings_; }
  /// A size as this session has it, at least 100.
  [[nodiscard]] std::size_t scaled(std::size_t size) const;

  void begin(std::string_view workload, std::string_view about);

  /// Calls `run` with each map in turn, so many rounds, and prints how they compare. A map that
  /// throws is reported as failed and left out.
  void measure(const std::string& setting, const std::vector<Metric>& metrics,
               const std::function<Sample(const Peer&)>& run);
  /// The same in one round, for what does not vary.
  void measure_once(const std::string& setting, const std::vector<Metric>& metrics,
                    const std::function<Sample(const Peer&)>& run);

  /// \throws Wrong if the map does not hold what the first one held at the end of the same run
  void agree(const Contents& contents);

  [[nodiscard]] const std::vector<Result>& results() const noexcept { return results_; }
  [[nodiscard]] const std::vector<std::string>& failures() const noexcept { return failures_; }

 private:
  void measure_rounds(std::size_t rounds, const std::string& setting,
                      const std::vector<Metric>& metrics,
                      const std::function<Sample(const Peer&)>& run);

  Settings settings_;
  std::vector<const Peer*> maps_;
  std::ostream& out_;
  std::string workload_;
  std::optional<Contents> expected_;  // what the first map held at the end
  std::vector<Result> results_;
  std::vector<std::string> failures_;
};

}  // namespace bench
