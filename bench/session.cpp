#include "session.hpp"

#include <algorithm>
#include <cmath>
#include <exception>
#include <set>
#include <utility>

namespace bench {

Session::Session(Settings settings, std::vector<const Peer*> maps, std::ostream& out)
    : settings_(std::move(settings)), maps_(std::move(maps)), out_(out) {}

std::size_t Session::scaled(std::size_t size) const {
  constexpr double least = 100;
  return static_cast<std::size_t>(std::max(std::round(static_cast<double>(size) * settings_.scale),
                                           least));
}

void Session::begin(std::string_view workload, std::string_view about) {
  workload_ = workload;
  out_ << "\n== " << workload << ": " << about << '\n';
}

void Session::measure(const std::string& setting, const std::vector<Metric>& metrics,
                      const std::function<Sample(const Peer&)>& run) {
  measure_rounds(settings_.rounds, setting, metrics, run);
}

void Session::measure_once(const std::string& setting, const std::vector<Metric>& metrics,
                           const std::function<Sample(const Peer&)>& run) {
  measure_rounds(1, setting, metrics, run);
}

void Session::agree(const Contents& contents) {
  if (!expected_) expected_ = contents;
  if (*expected_ != contents) throw Wrong("does not hold what the first map holds");
}

void Session::measure_rounds(std::size_t rounds, const std::string& setting,
                             const std::vector<Metric>& metrics,
                             const std::function<Sample(const Peer&)>& run) {
  expected_.reset();
  std::vector<std::vector<Sample>> samples(maps_.size());  // [map][round]
  std::set<const Peer*> failed;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < maps_.size(); ++i) {
      const Peer* map = maps_[i];
      if (failed.contains(map)) continue;
      try {
        samples[i].push_back(run(*map));
      } catch (const std::exception& error) {
        failed.insert(map);
        failures_.push_back(map->name() + ", " + workload_ + ", " + setting + ": " + error.what());
        out_ << "FAILED: " << failures_.back() << '\n';
      }
    }
  }

  for (std::size_t m = 0; m < metrics.size(); ++m) {
    Result result{workload_, setting, metrics[m], {}};
    for (std::size_t i = 0; i < maps_.size(); ++i) {
      Row row{maps_[i]->name(), {}};
      if (!failed.contains(maps_[i])) {
        for (const Sample& sample : samples[i]) row.samples.push_back(sample.at(m));
      }
      if (std::ranges::any_of(row.samples, [](double it) { return std::isnan(it); })) {
        row.samples.clear();
      }
      result.rows.push_back(std::move(row));
    }
    print(out_, result, m == 0);
    results_.push_back(std::move(result));
  }
}

}  // namespace bench
