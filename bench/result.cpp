#include "result.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>

#include "peer.hpp"
#include "text.hpp"

namespace bench {

namespace {

constexpr std::size_t name_width = 18;
constexpr std::size_t value_width = 10;
constexpr std::size_t ratio_width = 8;
constexpr double noticeable = 0.01;
constexpr std::size_t enough_rounds = 7;
constexpr double counted_quantile = 0.99;

std::string_view word_for(Verdict verdict) {
  switch (verdict) {
    case Verdict::better: return "dashmap better";
    case Verdict::even: return "even";
    case Verdict::worse: return "dashmap worse";
  }
  return "";
}

std::string told(double ratio) {
  return ratio < 10'000 ? with_decimals(ratio, 2) : std::string("> 10000");
}

std::string told(const Quartiles& ratio) {
  return padded_left(told(ratio.median), ratio_width) + " x  [" +
         padded_left(told(ratio.first), 5) + " .. " + padded_left(told(ratio.third), 5) + "]";
}

/// Quartiles of a few rounds say little: then all rounds must agree. As in bench/report/data.py.
Verdict verdict_of(const std::vector<double>& ratios, const Quartiles& ratio) {
  auto [low, high] = std::pair(ratio.first, ratio.third);
  if (ratios.size() < enough_rounds) {
    low = std::ranges::min(ratios);
    high = std::ranges::max(ratios);
  }
  return low > 1 + noticeable    ? Verdict::better
         : high < 1 - noticeable ? Verdict::worse
                                 : Verdict::even;
}

/// Calls `visit(row, comparison)` for all that count as a win, a loss or neither.
void for_each_counted(const Result& result, const auto& visit) {
  if (!counts(result.metric)) return;
  for (const Row& row : result.rows) {
    if (const auto comparison = compared(result, row)) visit(row, *comparison);
  }
}

struct Line {
  double ratio;
  std::string text;
};

std::vector<Line> lines_where(std::span<const Result> results, Verdict verdict) {
  std::vector<Line> lines;
  for (const Result& result : results) {
    for_each_counted(result, [&](const Row& row, const Comparison& comparison) {
      if (comparison.verdict != verdict) return;
      lines.push_back({comparison.ratio.median, "  " + padded_right(row.map, name_width) +
                                                    told(comparison.ratio) + "  " +
                                                    result.workload + ", " + result.setting + ", " +
                                                    result.metric.name + '\n'});
    });
  }
  return lines;
}

void print_counts(std::ostream& out, std::span<const Result> results) {
  std::vector<std::pair<std::string, std::array<std::size_t, 3>>> tally;
  for (const Result& result : results) {
    for_each_counted(result, [&](const Row& row, const Comparison& comparison) {
      auto it = std::ranges::find(tally, row.map, [](const auto& each) { return each.first; });
      if (it == tally.end()) it = tally.insert(it, {row.map, {}});
      ++it->second[static_cast<std::size_t>(comparison.verdict)];
    });
  }
  out << padded_right("dashmap against", name_width + 2) << "  better    even   worse\n";
  for (const auto& [map, count] : tally) {
    out << "  " << padded_right(map, name_width);
    for (const std::size_t number : count) out << padded_left(std::to_string(number), 8);
    out << '\n';
  }
}

}  // namespace

Quartiles quartiles_of(std::vector<double> values) {
  std::ranges::sort(values);
  const auto at = [&](double share) {
    const double place = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return std::lerp(values[below], values[above], place - static_cast<double>(below));
  };
  return {at(0.25), at(0.5), at(0.75)};
}

bool counts(const Metric& metric) {
  const auto quantile = std::ranges::find(metric.parameters, "quantile",
                                          [](const auto& parameter) { return parameter.first; });
  if (quantile != metric.parameters.end()) return quantile->second == Parameter(counted_quantile);
  return !metric.name.ends_with("processor time") && !metric.name.starts_with("memory, just ");
}

std::optional<Comparison> compared(const Result& result, const Row& row) {
  const auto reference = std::ranges::find(result.rows, reference_name, &Row::map);
  if (reference == result.rows.end() || row.map == reference->map ||
      reference->samples.size() != row.samples.size() || row.samples.empty()) {
    return std::nullopt;
  }
  std::vector<double> ratios;
  for (std::size_t i = 0; i < row.samples.size(); ++i) {
    double mine = reference->samples[i];
    double theirs = row.samples[i];
    if (result.metric.better == Better::less) std::swap(mine, theirs);
    if (mine == theirs) {
      ratios.push_back(1);
    } else {
      ratios.push_back(mine / theirs);
    }
  }
  const Quartiles ratio = quartiles_of(ratios);
  if (!std::isfinite(ratio.first + ratio.median + ratio.third)) return std::nullopt;
  return Comparison{ratio, verdict_of(ratios, ratio)};
}

void print(std::ostream& out, const Result& result, bool with_setting) {
  if (with_setting) out << '\n' << result.setting << '\n';
  out << "  " << result.metric.name << ", " << result.metric.unit << " ("
      << (result.metric.better == Better::more ? "more" : "less") << " is better)\n";
  for (const Row& row : result.rows) {
    out << "    " << padded_right(row.map, name_width);
    if (row.samples.empty()) {
      out << padded_left("-", value_width) << '\n';
      continue;
    }
    out << padded_left(readable(quartiles_of(row.samples).median), value_width);
    if (const auto comparison = compared(result, row)) {
      out << "  " << told(comparison->ratio) << "  " << word_for(comparison->verdict);
    }
    if (!row.note.empty()) out << "  (" << row.note << ')';
    out << '\n';
  }
  out.flush();
}

void print_summary(std::ostream& out, std::span<const Result> results) {
  out << "\n== summary\n\nOne verdict for each measurement: of latencies the 99th percentile "
         "counts, processor time\nand the extremes around a growth do not.\n\n";
  print_counts(out, results);
  for (const auto& [verdict, title] : {std::pair(Verdict::worse, "dashmap worse, worst first"),
                                       std::pair(Verdict::better, "dashmap better, best first")}) {
    auto lines = lines_where(results, verdict);
    std::ranges::sort(lines, [&](const Line& a, const Line& b) {
      return verdict == Verdict::worse ? a.ratio < b.ratio : a.ratio > b.ratio;
    });
    out << '\n' << title << ": " << counted(lines.size(), "comparison") << '\n';
    for (const Line& line : lines) out << line.text;
  }
}

}  // namespace bench
