#include "json.hpp"

#include <nlohmann/json.hpp>
#include <thread>
#include <variant>

#include <dashmap/version.hpp>

#include "system.hpp"

namespace bench {

namespace {

using Json = nlohmann::ordered_json;

Json quartiles(const Quartiles& it) {
  return {{"first", it.first}, {"median", it.median}, {"third", it.third}};
}

Json as_json(const Parameters& parameters) {
  Json all = Json::object();
  for (const auto& [name, value] : parameters) {
    std::visit([&, &key = name](const auto& it) { all[key] = it; }, value);
  }
  return all;
}

Json as_json(const Result& result) {
  Json maps = Json::array();
  for (const Row& row : result.rows) {
    Json entry{{"map", row.map}, {"samples", row.samples}};
    if (!row.note.empty()) entry["note"] = row.note;
    if (!row.samples.empty()) entry["quartiles"] = quartiles(quartiles_of(row.samples));
    if (const auto comparison = compared(result, row)) {
      entry["dashmap_against_it"] = quartiles(comparison->ratio);
    }
    maps.push_back(std::move(entry));
  }
  return {{"workload", result.workload},
          {"setting", result.setting},
          {"parameters", as_json(result.parameters)},
          {"metric", result.metric.name},
          {"unit", result.metric.unit},
          {"more_is_better", result.metric.better == Better::more},
          {"maps", std::move(maps)}};
}

}  // namespace

void write_json(std::ostream& out, const Session& session) {
  const Settings& settings = session.settings();
  Json results = Json::array();
  for (const Result& result : session.results()) results.push_back(as_json(result));
  Json versions = Json::object();
  for (const Peer* map : session.maps()) versions[map->name()] = map->version();
  const Json all{{"dashmap",
                  {{"major", DASHMAP_VERSION_MAJOR},
                   {"minor", DASHMAP_VERSION_MINOR},
                   {"patch", DASHMAP_VERSION_PATCH}}},
                 {"system",
                  {{"processor", processor_model()},
                   {"hardware_threads", std::thread::hardware_concurrency()},
                   {"compiler", compiler()},
                   {"flags", compiler_flags()},
                   {"kernel", kernel()},
                   {"libc", c_library()},
                   {"transparent_hugepages", transparent_huge_pages()},
                   {"date", time_of_day()},
                   {"commit", commit()}}},
                 {"peers", std::move(versions)},
                 {"absent", absent_peers()},
                 {"rounds", settings.rounds},
                 {"full", settings.full},
                 {"scale", settings.scale},
                 {"threads", settings.threads},
                 {"failures", session.failures()},
                 {"results", std::move(results)}};
  out << all.dump(2) << '\n';
}

}  // namespace bench
