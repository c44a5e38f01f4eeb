// Compares DashMap with other concurrent maps.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "json.hpp"
#include "operation.hpp"
#include "peer.hpp"
#include "result.hpp"
#include "session.hpp"
#include "threads.hpp"
#include "workloads.hpp"

namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;
constexpr std::size_t full_rounds = 9;
constexpr std::size_t short_rounds = 3;
constexpr std::size_t counted_entries = 20'000;

struct Options {
  bench::Settings settings;
  std::vector<std::string> workloads;
  std::vector<std::string> maps;
  std::string json;
  std::string count;
  std::size_t repetitions = 0;
  bool list_operations = false;
};

/// An operation with keys of a kind, as the command line names it: "u64.hit".
struct CountedOperation {
  std::string name;
  bench::KeyKind key;
  bench::Operation operation;
};

std::vector<CountedOperation> counted_operations() {
  std::vector<CountedOperation> all;
  for (const auto& [prefix, key] :
       {std::pair("u64.", bench::KeyKind::number), std::pair("string.", bench::KeyKind::text)}) {
    for (std::size_t i = 0; i < bench::operation_count; ++i) {
      all.push_back({prefix + std::string(bench::operation_names[i]), key,
                     static_cast<bench::Operation>(i)});
    }
  }
  return all;
}

std::vector<std::string> counted_operation_names() {
  std::vector<std::string> names;
  for (auto& it : counted_operations()) names.push_back(std::move(it.name));
  return names;
}

std::vector<std::string> workload_names() {
  std::vector<std::string> names;
  for (const auto& workload : bench::workloads()) names.emplace_back(workload.name);
  return names;
}

std::vector<std::string> map_names() {
  std::vector<std::string> names;
  for (const auto& peer : bench::peers()) names.push_back(peer->name());
  return names;
}

void set_up(CLI::App& app, Options& options) {
  auto& settings = options.settings;
  app.add_flag("--full", settings.full,
               "All sizes: an hour or more; without it a selection for a few minutes");
  app.add_option("--rounds", settings.rounds,
                 "How often each map is measured; by default 9 with --full, else 3")
      ->option_text("N")
      ->check(CLI::Range(1, 1000));
  app.add_option("--threads", settings.threads,
                 "Numbers of threads; by default 1 and as many as cores")
      ->option_text("N,...")
      ->delimiter(',')
      ->check(CLI::Range(1, 1024));
  app.add_option("--scale", settings.scale, "Factor for all sizes")
      ->option_text("FACTOR")
      ->check(CLI::Range(1e-6, 100.0));
  app.add_option("--workloads", options.workloads, "Some of the workloads: see below")
      ->option_text("NAME,...")
      ->delimiter(',')
      ->check(CLI::IsMember(workload_names()));
  app.add_option("--maps", options.maps, "Some of the maps: see below")
      ->option_text("NAME,...")
      ->delimiter(',')
      ->check(CLI::IsMember(map_names()));
  app.add_option("--json", options.json, "Also write all samples into this file")
      ->option_text("FILE");
  app.add_flag("--list-operations", options.list_operations,
               "Name the operations that --count takes, those of the map if one is named");
  app.add_option("--count", options.count, "Do nothing but this operation, for callgrind")
      ->option_text("OPERATION")
      ->check(CLI::IsMember(counted_operation_names()));
  app.add_option("--repeat", options.repetitions,
                 "How often --count does it, up to 10000; the difference from 0 times is its cost")
      ->option_text("N")
      ->check(CLI::Range(0, static_cast<int>(counted_entries / 2)));

  std::string footer = "\nWorkloads:\n";
  for (const auto& workload : bench::workloads()) {
    footer.append("  ").append(workload.name).append(": ").append(workload.about).append("\n");
  }
  footer += "\nMaps:";
  for (const std::string& name : map_names()) footer += " " + name;
  app.footer(footer +
             "\n\nEach map keeps its own default hash. Exit status: 0, 1 when a map fails or gives "
             "a\nwrong answer, 2 when the command line is wrong.");
}

bool chosen(const std::vector<std::string>& names, std::string_view name) {
  return names.empty() || std::ranges::find(names, name) != names.end();
}

std::vector<const bench::Peer*> chosen_maps(const Options& options) {
  std::vector<const bench::Peer*> maps;
  for (const auto& peer : bench::peers()) {
    if (chosen(options.maps, peer->name())) maps.push_back(peer.get());
  }
  return maps;
}

bool can(const bench::Peer& peer, const CountedOperation& it) {
  const bench::Subject* map = peer.with({it.key, bench::ValueKind::word});
  return map != nullptr && map->ability(it.operation) != bench::Ability::none;
}

int list_operations(const Options& options) {
  for (const CountedOperation& it : counted_operations()) {
    const auto maps = chosen_maps(options);
    if (std::ranges::any_of(maps, [&](const auto* peer) { return can(*peer, it); })) {
      std::cout << it.name << '\n';
    }
  }
  return 0;
}

int count_operation(const Options& options) {
  if (options.maps.size() != 1) {
    std::cerr << "compare: --count needs one map: --maps NAME\n";
    return exit_usage;
  }
  const auto all = counted_operations();
  const auto it = std::ranges::find(all, options.count, &CountedOperation::name);
  const bench::Peer& peer = *chosen_maps(options).front();
  if (!can(peer, *it)) {
    std::cerr << "compare: " << peer.name() << " cannot do " << it->name << '\n';
    return exit_usage;
  }
  const auto plan = bench::operation_plan(it->key, counted_entries, 0);
  peer.with({it->key, bench::ValueKind::word})
      ->count_operation(it->operation, plan, options.repetitions);
  std::_Exit(EXIT_SUCCESS);  // what destructors do depends on the operation
}

void complete(bench::Settings& settings) {
  if (settings.rounds == 0) settings.rounds = settings.full ? full_rounds : short_rounds;
  if (settings.threads.empty()) {
    settings.threads = {1, std::max(std::thread::hardware_concurrency(), 2U)};
  }
  std::ranges::sort(settings.threads);
}

int compare(const Options& options) {
  const auto& settings = options.settings;
  std::ofstream json;
  if (!options.json.empty()) {
    json.open(options.json);
    if (!json) {
      std::cerr << "compare: cannot write " << options.json << '\n';
      return exit_failure;
    }
  }

  std::cout << "Each map in turn, in another order each time, " << settings.rounds
            << " rounds; the value is the median. The "
            << "ratio is DashMap against the map\nin the same round, above 1 when DashMap is "
            << "better: its median and quartiles.\n";
  if (const auto names = bench::absent_peers(); !names.empty()) {
    std::cout << "Not compared, as the system has none of it:";
    for (const std::string& name : names) std::cout << ' ' << name;
    std::cout << '\n';
  }
  bench::Session session(settings, chosen_maps(options), std::cout);
  for (const auto& workload : bench::workloads()) {
    if (!chosen(options.workloads, workload.name)) continue;
    session.begin(workload.name, workload.about);
    workload.run(session);
  }
  bench::print_summary(std::cout, session.results());
  for (const std::string& failure : session.failures()) std::cout << "FAILED: " << failure << '\n';

  if (json.is_open()) {
    bench::write_json(json, session);
    json.close();
    if (!json) {
      std::cerr << "compare: cannot write " << options.json << '\n';
      return exit_failure;
    }
  }
  return session.failures().empty() ? 0 : exit_failure;
}

int run(Options& options) {
  if (options.list_operations) return list_operations(options);
  if (!options.count.empty()) {
    const bench::SecondThread second;
    return count_operation(options);
  }
  complete(options.settings);
  return compare(options);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Compares DashMap with other concurrent maps.\n", "compare");
  set_up(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    std::cerr << "compare: " << error.what() << "\nTry compare --help.\n";
    return exit_usage;
  }
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::cerr << "compare: " << error.what() << '\n';
    return exit_failure;
  }
}
