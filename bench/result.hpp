// What was measured, and how it is told: the median of the round-by-round ratios with its
// quartiles, losses in the same words as wins.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace bench {

enum class Better { more, less };

/// The conditions of a result for programs that read it, by name.
using Parameter = std::variant<std::uint64_t, double, std::string>;
using Parameters = std::vector<std::pair<std::string, Parameter>>;

struct Metric {
  std::string name;
  std::string unit;
  Better better;
  Parameters parameters;  // beside those of the setting
};

struct Row {
  std::string map;
  std::vector<double> samples;  // one a round; none if the map cannot do it or failed
  std::string note = {};
};

struct Result {
  std::string workload;
  std::string setting;
  Parameters parameters;
  Metric metric;
  std::vector<Row> rows;
};

struct Quartiles {
  double first;
  double median;
  double third;
};

[[nodiscard]] Quartiles quartiles_of(std::vector<double> values);

enum class Verdict { better, even, worse };

/// How DashMap does against another map: above 1 it is better, whatever the metric.
struct Comparison {
  Quartiles ratio;
  Verdict verdict;  // even when the rounds do not agree on it, or it is less than 1 %
};

/// Whether it counts among wins and losses, so that one measurement has one verdict: not processor
/// time, which stands beside another metric, of the quantiles of a latency one, and of the memory
/// around a growth the average. As in bench/report/data.py.
[[nodiscard]] bool counts(const Metric& metric);

/// Nothing if one of the two was not measured, is the same, or did nothing at all.
[[nodiscard]] std::optional<Comparison> compared(const Result& result, const Row& row);

/// One result; `with_setting` begins with a line that says under which conditions.
void print(std::ostream& out, const Result& result, bool with_setting);

/// How often DashMap is better and worse than each map, and where.
void print_summary(std::ostream& out, std::span<const Result> results);

}  // namespace bench
