#include "measure.hpp"

#include <array>

namespace bench {

namespace {

struct Quantile {
  const char* name;
  double share;
};

constexpr std::array<Quantile, 6> quantiles{{{"p50", 0.5},
                                             {"p90", 0.9},
                                             {"p99", 0.99},
                                             {"p99.9", 0.999},
                                             {"p99.99", 0.9999},
                                             {"longest", 1}}};

}  // namespace

double per_microsecond(std::size_t operations, double seconds) {
  return static_cast<double>(operations) / seconds * 1e-6;
}

std::vector<Metric> latency_metrics(const std::string& what) {
  std::vector<Metric> metrics;
  for (const Quantile& it : quantiles) {
    metrics.push_back(
        {what + ", " + it.name, "ns, with the clock", Better::less, {{"quantile", it.share}}});
  }
  return metrics;
}

Sample latencies(const Histogram& times) {
  Sample sample;
  for (const Quantile& it : quantiles) {
    sample.push_back(static_cast<double>(times.quantile(it.share)));
  }
  return sample;
}

void check(Session& session, const Trace& trace, const Outcome& outcome) {
  session.agree(outcome.contents);
  if (trace.all_succeed && outcome.succeeded != trace.operations()) {
    throw Wrong("some operations did not find their keys");
  }
}

void measure_throughput(Session& session, Setting setting, const Trace& trace) {
  setting.shape = trace.shape;
  setting.threads = static_cast<unsigned>(trace.threads.size());
  const std::vector<Metric> metrics{
      {"throughput", "million operations a second", Better::more, {}},
      {"processor time", "ns an operation, user and system", Better::less, {}}};
  session.measure(setting, metrics, [&](const Subject& map) -> Sample {
    Timing all;
    std::size_t operations = 0;
    while (all.seconds < session.least_seconds()) {
      const auto outcome = map.replay(trace);
      if (!outcome) return {};
      check(session, trace, *outcome);
      all.seconds += outcome->timing.seconds;
      all.cpu_seconds += outcome->timing.cpu_seconds;
      operations += trace.operations();
    }
    return {per_microsecond(operations, all.seconds),
            all.cpu_seconds * 1e9 / static_cast<double>(operations)};
  });
}

void measure_latency(Session& session, Setting setting, const Trace& trace,
                     const std::string& what) {
  setting.shape = trace.shape;
  setting.threads = static_cast<unsigned>(trace.threads.size());
  setting.text += ", each timed";
  session.measure(setting, latency_metrics(what), [&](const Subject& map) -> Sample {
    Histogram histogram;
    const auto outcome = map.replay_timed(trace, TimedBy::clock, histogram);
    if (!outcome) return {};
    check(session, trace, *outcome);
    return latencies(histogram);
  });
}

}  // namespace bench
