// Workloads that measure operations one by one: each kind, whole passes, and the longest insert.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "measure.hpp"
#include "text.hpp"
#include "workloads.hpp"

namespace bench {

namespace {

// --- operations

constexpr std::array<Operation, operation_count - 1> timed_operations{
    Operation::insert,      Operation::insert_reserved,
    Operation::insert_many, Operation::insert_all,
    Operation::hit,         Operation::miss,
    Operation::update,      Operation::upsert,
    Operation::guard,       Operation::find_many,
    Operation::erase};

std::vector<Metric> operation_metrics() {
  std::vector<Metric> metrics;
  for (const Operation operation : timed_operations) {
    const std::string name(operation_names[static_cast<std::size_t>(operation)]);
    const Parameters parameters{{"operation", name}};
    metrics.push_back({name, "ns an operation", Better::less, parameters});
    metrics.push_back({name + ", processor time", "ns an operation, user and system", Better::less,
                       parameters});
  }
  return metrics;
}

Sample operation_sample(const OperationTimes& times) {
  Sample sample;
  for (const Operation operation : timed_operations) {
    const auto time = times[static_cast<std::size_t>(operation)];
    sample.push_back(time ? time->wall : not_possible);
    sample.push_back(time ? time->processor : not_possible);
  }
  return sample;
}

std::string operation_note(const Subject& map, std::size_t metric) {
  const bool one_by_one = map.ability(timed_operations[metric / 2]) == Ability::one_by_one;
  return one_by_one ? "one by one" : "";
}

void measure_operations(Session& session, std::size_t entries, Shape shape) {
  const std::size_t least = session.scaled(2'000'000, 200'000);
  const OperationPlan plan = operation_plan(shape.key, entries, least);
  const Setting setting{with_commas(entries) + " entries" +
                            (shape.key == KeyKind::text ? ", strings of 24 characters" : "") +
                            (shape.value == ValueKind::record ? ", values of 100 bytes" : ""),
                        {{"entries", std::uint64_t{entries}}},
                        shape};
  session.measure(
      setting, operation_metrics(),
      [&](const Subject& map) { return operation_sample(map.time_operations(plan)); },
      operation_note);
}

// --- growth

Metric longest_by_processor() {
  return {"one insert, longest in processor time",
          "ns, with the clock",
          Better::less,
          {{"quantile", 1.0}}};
}

void measure_pause(Session& session, Setting setting, const Trace& trace) {
  setting.threads = static_cast<unsigned>(trace.threads.size());
  setting.text += ", each timed by its thread's processor time";
  session.measure(setting, {longest_by_processor()}, [&](const Subject& map) -> Sample {
    Histogram histogram;
    const auto outcome = map.replay_timed(trace, TimedBy::processor, histogram);
    if (!outcome) return {};
    check(session, trace, *outcome);
    return {static_cast<double>(histogram.max())};
  });
}

// --- iterate

void measure_passes(Session& session, const std::string& setting, const IteratePlan& plan) {
  const std::size_t entries = plan.keys.size();
  std::vector<Metric> metrics{
      {"elements visited", "million a second", Better::more, {}},
      {"processor time", "ns an element, user and system", Better::less, {}}};
  if (!plan.writers.empty()) {
    metrics.push_back({"updates meanwhile", "million a second", Better::more, {}});
  }
  const Setting all{
      setting,
      {{"entries", std::uint64_t{entries}}, {"writers", std::uint64_t{plan.writers.size()}}},
      {},
      static_cast<unsigned>(plan.writers.size()) + 1};
  session.measure(all, metrics, [&](const Subject& map) -> Sample {
    const auto outcome = map.iterate(plan);
    if (!outcome) return {};
    if (outcome->elements != entries * plan.passes) throw Wrong("elements are left out");
    Sample sample{per_microsecond(outcome->elements, outcome->seconds),
                  outcome->cpu_seconds * 1e9 / static_cast<double>(outcome->elements)};
    if (!plan.writers.empty()) {
      sample.push_back(per_microsecond(outcome->writes, outcome->seconds));
    }
    return sample;
  });
}

IteratePlan passes_over(std::size_t entries) {
  IteratePlan plan;
  plan.passes = 5;
  for (u64 i = 0; i < entries; ++i) plan.keys.push_back(scattered_key(i));
  return plan;
}

}  // namespace

void operations(Session& session) {
  std::vector<std::size_t> sizes{session.scaled(20'000, 20'000), session.scaled(500'000, 500'000)};
  if (session.settings().full) sizes.push_back(session.scaled(5'000'000, 0));
  for (const std::size_t entries : sizes) measure_operations(session, entries, {});
  if (session.settings().full) {
    // Where tables of powers of two with 7 of 8 places in use, or 15 of 16, have just begun to
    // grow.
    for (const std::size_t entries : {std::size_t{459'000}, std::size_t{492'000}}) {
      measure_operations(session, session.scaled(entries, 0), {});
    }
    for (const std::size_t entries : {sizes[0], sizes[1]}) {
      measure_operations(session, entries, {.key = KeyKind::number, .value = ValueKind::record});
    }
  } else {
    sizes.pop_back();
  }
  for (const std::size_t entries : sizes) {
    measure_operations(session, entries, {.key = KeyKind::text, .value = ValueKind::word});
  }
}

void iterate(Session& session) {
  std::vector<std::size_t> sizes{session.scaled(1'000'000, 200'000)};
  if (session.settings().full) sizes.push_back(session.scaled(10'000'000, 0));
  for (const std::size_t entries : sizes) {
    measure_passes(session, with_commas(entries) + " entries, nobody else", passes_over(entries));
  }

  IteratePlan plan = passes_over(sizes[0]);
  plan.by_iterator = true;
  measure_passes(session, with_commas(sizes[0]) + " entries, by an iterator", plan);
  plan.by_iterator = false;
  const unsigned writers = std::max(session.settings().threads.back(), 2U) - 1;
  Random random(3);
  plan.writers.resize(writers);
  for (auto& keys : plan.writers) {
    for (std::size_t i = 0; i < sizes[0]; ++i) keys.push_back(plan.keys[random.below(sizes[0])]);
  }
  measure_passes(
      session,
      with_commas(sizes[0]) + " entries, while others update: " + counted(writers, "thread"), plan);
}

void growth(Session& session) {
  const std::size_t inserts = session.scaled(10'000'000, 400'000);
  std::vector<unsigned> numbers = session.settings().threads;
  if (!session.settings().full) numbers = {numbers.back()};
  for (const unsigned threads : numbers) {
    const Trace trace = growth_trace(inserts, threads);
    const Setting setting{with_commas(inserts) + " inserts, " + counted(threads, "thread"),
                          {{"inserts", std::uint64_t{inserts}}}};
    measure_throughput(session, setting, trace);
    measure_latency(session, setting, trace, "one insert");
    measure_pause(session, setting, trace);
  }
}

}  // namespace bench
