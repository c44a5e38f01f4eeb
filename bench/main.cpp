// Compares DashMap with other concurrent maps.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "json.hpp"
#include "peer.hpp"
#include "result.hpp"
#include "session.hpp"
#include "workloads.hpp"

namespace {

constexpr int exit_failure = 1;
constexpr int exit_usage = 2;
constexpr double quick_scale = 0.1;

struct Options {
  bench::Settings settings;
  std::vector<std::string> workloads;
  std::vector<std::string> maps;
  std::string json;
};

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
  app.add_flag("--quick", settings.quick,
               "A tenth of the sizes and fewer settings: a few minutes instead of an hour or more");
  app.add_option("--rounds", settings.rounds, "How often each map is measured; 9 by default")
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

int run(Options& options) {
  auto& settings = options.settings;
  if (settings.quick) settings.scale *= quick_scale;
  if (settings.threads.empty()) {
    settings.threads = {1, std::max(std::thread::hardware_concurrency(), 2U)};
  }
  std::ranges::sort(settings.threads);

  std::ofstream json;
  if (!options.json.empty()) {
    json.open(options.json);
    if (!json) {
      std::cerr << "compare: cannot write " << options.json << '\n';
      return exit_failure;
    }
  }

  std::vector<const bench::Peer*> maps;
  for (const auto& peer : bench::peers()) {
    if (chosen(options.maps, peer->name())) maps.push_back(peer.get());
  }
  std::cout << "Each map in turn, " << settings.rounds << " rounds; the value is the median. The "
            << "ratio is DashMap against the map\nin the same round, above 1 when DashMap is "
            << "better: its median and quartiles.\n";
  bench::Session session(settings, maps, std::cout);
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

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Compares DashMap with other concurrent maps, u64 to u64.\n", "compare");
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
