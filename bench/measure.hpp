// What several workloads measure.
#pragma once

#include <cstddef>
#include <vector>

#include "session.hpp"

namespace bench {

[[nodiscard]] double per_microsecond(std::size_t operations, double seconds);

/// The metric of that part of all operations which was not longer than the quantile, or of the
/// longest one.
[[nodiscard]] std::vector<Metric> latency_metrics(const std::string& what);
[[nodiscard]] Sample latencies(const Histogram& times);

/// \throws Wrong if the map did not end as the first one, or operations failed
void check(Session& session, const Trace& trace, const Outcome& outcome);

/// Operations a second, and their processor time: of as many new maps as it takes.
void measure_throughput(Session& session, Setting setting, const Trace& trace);

/// How long single operations take.
void measure_latency(Session& session, Setting setting, const Trace& trace,
                     const std::string& what);

}  // namespace bench
