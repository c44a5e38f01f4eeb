#include "session.hpp"

#include <malloc.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "child.hpp"

namespace bench {

Session::Session(Settings settings, std::vector<const Peer*> maps, std::ostream& out)
    : settings_(std::move(settings)), maps_(std::move(maps)), out_(out) {}

std::size_t Session::scaled(std::size_t full, std::size_t brief) const {
  constexpr double least = 100;
  const auto size = static_cast<double>(settings_.full ? full : brief);
  return static_cast<std::size_t>(std::max(std::round(size * settings_.scale), least));
}

void Session::begin(std::string_view workload, std::string_view about) {
  workload_ = workload;
  out_ << "\n== " << workload << ": " << about << '\n';
}

void Session::measure(const Setting& setting, const std::vector<Metric>& metrics, const Run& run,
                      const Note& note) {
  auto lanes = lanes_for(setting);
  measure_rounds(settings_.rounds, setting, lanes, run);
  report(setting, metrics, lanes, note);
}

void Session::measure_once(const Setting& setting, const std::vector<Metric>& metrics,
                           const Run& run) {
  auto lanes = lanes_for(setting);
  measure_rounds(1, setting, lanes, run);
  report(setting, metrics, lanes, {});
}

void Session::agree(const Contents& contents) {
  if (!expected_) expected_ = contents;
  if (*expected_ != contents) throw Wrong("does not hold what the first map holds");
}

std::vector<Session::Lane> Session::lanes_for(const Setting& setting) const {
  std::vector<Lane> lanes;
  for (const Peer* map : maps_) {
    const bool possible = map->concurrent() || setting.threads == 1;
    lanes.push_back({map->name(), possible ? map->with(setting.shape) : nullptr, {}});
  }
  return lanes;
}

void Session::measure_rounds(std::size_t rounds, const Setting& setting, std::vector<Lane>& lanes,
                             const Run& run) {
  expected_.reset();
  for (std::size_t round = 0; round < rounds; ++round) {
    for (const u64 index : shuffled(lanes.size(), random_)) {
      Lane& lane = lanes[index];
      if (lane.subject == nullptr) continue;
      try {
        const Turn turn = in_child<Turn>([&] { return turn_of(run, *lane.subject); });
        expected_ = turn.expected;
        if (turn.count != 0)
          lane.samples.emplace_back(turn.values.begin(), turn.values.begin() + turn.count);
      } catch (const std::exception& error) {
        lane.subject = nullptr;
        lane.samples.clear();
        failures_.push_back(lane.map + ", " + workload_ + ", " + setting.text + ": " +
                            error.what());
        out_ << "FAILED: " << failures_.back() << '\n';
      }
    }
  }
}

Session::Turn Session::turn_of(const Run& run, const Subject& map) {
  map.fill(1, 10, [] {});  // what a process needs once
  malloc_trim(0);          // what is free must not serve the maps
  const Sample sample = run(map);
  Turn turn;
  if (sample.size() > turn.values.size()) throw std::length_error("too many values in a sample");
  std::ranges::copy(sample, turn.values.begin());
  turn.count = sample.size();
  turn.expected = expected_;
  return turn;
}

void Session::report(const Setting& setting, const std::vector<Metric>& metrics,
                     const std::vector<Lane>& lanes, const Note& note) {
  Parameters common = setting.parameters;
  common.emplace_back("threads", std::uint64_t{setting.threads});
  common.emplace_back("key", setting.shape.key == KeyKind::text ? "string" : "u64");
  common.emplace_back("value_bytes",
                      std::uint64_t{setting.shape.value == ValueKind::record ? sizeof(Record)
                                                                             : sizeof(u64)});
  for (std::size_t m = 0; m < metrics.size(); ++m) {
    Result result{workload_, setting.text, common, metrics[m], {}};
    result.parameters.insert(result.parameters.end(), metrics[m].parameters.begin(),
                             metrics[m].parameters.end());
    for (const Lane& lane : lanes) {
      Row row{lane.map, {}};
      for (const Sample& sample : lane.samples) row.samples.push_back(sample.at(m));
      if (std::ranges::any_of(row.samples, [](double it) { return std::isnan(it); })) {
        row.samples.clear();
      }
      if (note && !row.samples.empty()) row.note = note(*lane.subject, m);
      result.rows.push_back(std::move(row));
    }
    print(out_, result, m == 0);
    results_.push_back(std::move(result));
  }
}

}  // namespace bench
