#include "workloads.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "memory.hpp"
#include "text.hpp"

namespace bench {

namespace {

const Metric throughput{"throughput", "million operations a second", Better::more};
const Metric processor_time{"processor time", "ns an operation, user and system", Better::less};

double per_microsecond(std::size_t operations, double seconds) {
  return static_cast<double>(operations) / seconds * 1e-6;
}

void check(Session& session, const Trace& trace, const Outcome& outcome) {
  session.agree(outcome.contents);
  if (trace.all_succeed && outcome.succeeded != trace.operations()) {
    throw Wrong("some operations did not find their keys");
  }
}

void measure_throughput(Session& session, const std::string& setting, const Trace& trace) {
  session.measure(setting, {throughput}, [&](const Peer& peer) -> Sample {
    const Outcome outcome = peer.replay(trace);
    check(session, trace, outcome);
    return {per_microsecond(trace.operations(), outcome.timing.seconds)};
  });
}

void parallel_load(Session& session) {
  std::vector<std::size_t> sizes{session.scaled(500'000)};
  if (!session.settings().quick) sizes.push_back(session.scaled(5'000'000));
  std::vector<double> thetas{0.01, 0.5, 0.99};
  if (session.settings().quick) thetas = {0.01, 0.99};
  for (const std::size_t keys : sizes) {
    for (const double theta : thetas) {
      for (const unsigned threads : session.settings().threads) {
        const Trace trace = parallel_load_trace(keys, theta, threads);
        measure_throughput(session,
                           with_commas(keys) + " keys, theta " + with_decimals(theta, 2) + ", " +
                               counted(threads, "thread"),
                           trace);
      }
    }
  }
}

void mixed(Session& session, Mix mix, std::size_t before) {
  for (const unsigned threads : session.settings().threads) {
    const Trace trace = private_keys_trace(mix, before, session.scaled(2'000'000), threads);
    measure_throughput(
        session, "from " + with_commas(before) + " entries, " + counted(threads, "thread"), trace);
  }
}

void read_heavy(Session& session) {
  mixed(session, {.find = 98, .insert = 1, .remove = 1, .update = 0}, session.scaled(500'000));
}

void exchange(Session& session) {
  mixed(session, {.find = 10, .insert = 40, .remove = 40, .update = 10}, session.scaled(500'000));
}

void rapid_grow(Session& session) {
  mixed(session, {.find = 5, .insert = 80, .remove = 5, .update = 10}, 0);
}

void hot(Session& session) {
  for (const unsigned updates : {0U, 50U}) {
    for (const unsigned threads : session.settings().threads) {
      const Trace trace =
          hot_trace({.update_percent = updates}, session.scaled(4'000'000), threads);
      measure_throughput(session,
                         std::to_string(100 - updates) + " % find, " + std::to_string(updates) +
                             " % update, " + counted(threads, "thread"),
                         trace);
    }
  }
}

void iterate(Session& session) {
  const std::size_t entries = session.scaled(1'000'000);
  IteratePlan plan;
  plan.passes = 5;
  for (u64 i = 0; i < entries; ++i) plan.keys.push_back(scattered_key(i));
  const Metric elements{"elements visited", "million a second", Better::more};
  const Metric writes{"updates meanwhile", "million a second", Better::more};
  const std::string setting = with_commas(entries) + " entries, ";

  const auto run = [&](const Peer& peer) -> Sample {
    const auto outcome = peer.iterate(plan);
    if (!outcome) return {not_possible, not_possible};
    if (outcome->elements != entries * plan.passes) throw Wrong("elements are left out");
    Sample sample{per_microsecond(outcome->elements, outcome->seconds)};
    if (!plan.writers.empty()) {
      sample.push_back(per_microsecond(outcome->writes, outcome->seconds));
    }
    return sample;
  };
  session.measure(setting + "nobody else", {elements}, run);

  const unsigned writers = std::max(session.settings().threads.back(), 2U) - 1;
  Random random(3);
  plan.writers.resize(writers);
  for (auto& keys : plan.writers) {
    for (std::size_t i = 0; i < entries; ++i) keys.push_back(plan.keys[random.below(entries)]);
  }
  session.measure(setting + "while others update: " + counted(writers, "thread"),
                  {elements, writes}, run);
}

void growth(Session& session) {
  const std::size_t inserts = session.scaled(10'000'000);
  struct Quantile {
    const char* name;
    double share;
  };
  constexpr std::array<Quantile, 4> quantiles{
      {{"p50", 0.5}, {"p99", 0.99}, {"p99.9", 0.999}, {"p99.99", 0.9999}}};
  std::vector<Metric> times;
  for (const Quantile& it : quantiles) {
    times.push_back({std::string("one insert, ") + it.name, "ns, with the clock", Better::less});
  }
  times.push_back({"one insert, longest", "ns, with the clock", Better::less});

  std::vector<unsigned> numbers = session.settings().threads;
  if (session.settings().quick) numbers = {numbers.back()};
  for (const unsigned threads : numbers) {
    const Trace trace = growth_trace(inserts, threads);
    const std::string setting = with_commas(inserts) + " inserts, " + counted(threads, "thread");
    measure_throughput(session, setting, trace);
    session.measure(setting + ", each timed", times, [&](const Peer& peer) -> Sample {
      Histogram histogram;
      check(session, trace, peer.replay_timed(trace, histogram));
      Sample sample;
      for (const Quantile& it : quantiles) {
        sample.push_back(static_cast<double>(histogram.quantile(it.share)));
      }
      sample.push_back(static_cast<double>(histogram.max()));
      return sample;
    });
  }
}

void oversubscribed(Session& session) {
  std::vector<unsigned> numbers{2, 4, 8, 16};
  if (session.settings().quick) numbers = {4, 16};
  const auto run = [&](const std::string& setting, std::size_t held_every, std::size_t operations,
                       unsigned threads) {
    const HotKeys hot_keys{.update_percent = 50, .held_every = held_every};
    const Trace trace = hot_trace(hot_keys, session.scaled(operations), threads);
    session.measure(setting, {throughput, processor_time}, [&](const Peer& peer) -> Sample {
      const Outcome outcome = peer.replay(trace);
      check(session, trace, outcome);
      return {per_microsecond(trace.operations(), outcome.timing.seconds),
              outcome.timing.cpu_seconds * 1e9 / static_cast<double>(trace.operations())};
    });
  };
  for (const unsigned threads : numbers) run(counted(threads, "thread"), 0, 2'000'000, threads);
  // Fewer, for a map that spins meanwhile takes a thousand times as long.
  for (const unsigned threads : numbers) {
    run(counted(threads, "thread") + ", each 64th operation yields with its element locked", 64,
        100'000, threads);
  }
}

void memory(Session& session) {
  const auto bytes = [&](std::size_t maps, std::size_t entries, double unit) {
    return [maps, entries, unit](const Peer& peer) -> Sample {
      return {resident_bytes(peer, maps, entries) / unit};
    };
  };
  const Metric an_entry{"memory", "bytes an entry", Better::less};
  const Metric a_map{"memory", "bytes a map", Better::less};

  // The figures are the same in each round.
  const std::size_t total = session.scaled(1'000'000);
  for (std::size_t entries = 100; entries <= total; entries *= 10) {
    const std::size_t maps = total / entries;
    session.measure_once(counted(maps, "map") + " of " + counted(entries, "entry", "entries"),
                         {an_entry}, bytes(maps, entries, static_cast<double>(maps * entries)));
  }
  const std::size_t maps = session.scaled(100'000);
  for (const std::size_t entries : {std::size_t{0}, std::size_t{1}, std::size_t{8}}) {
    session.measure_once(counted(maps, "map") + " of " + counted(entries, "entry", "entries"),
                         {a_map}, bytes(maps, entries, static_cast<double>(maps)));
  }
}

constexpr std::array<Workload, 9> all{{
    {"memory", "what maps take of the process's memory", memory},
    {"parallel_load",
     "an empty map takes 10 % insert or increment, 45 % find, 45 % find of absent keys; Zipf",
     parallel_load},
    {"read_heavy", "98 % find, 1 % insert, 1 % remove", read_heavy},
    {"exchange", "10 % find, 40 % insert, 40 % remove, 10 % update", exchange},
    {"rapid_grow", "5 % find, 80 % insert, 5 % remove, 10 % update, from an empty map", rapid_grow},
    {"hot", "1,000 keys, Zipf 0.99", hot},
    {"iterate", "full passes over the elements", iterate},
    {"growth", "inserts into a map that was not told how many", growth},
    {"oversubscribed", "1,000 keys, Zipf 0.99, 50 % find, 50 % update, more threads than cores",
     oversubscribed},
}};

}  // namespace

std::span<const Workload> workloads() { return all; }

}  // namespace bench
