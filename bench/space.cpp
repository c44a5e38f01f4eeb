// Workloads that measure memory.
#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "memory.hpp"
#include "text.hpp"
#include "workloads.hpp"

namespace bench {

namespace {

constexpr const char* bytes_an_entry = "bytes an entry";

Parameters parameters_of(std::size_t maps, std::size_t entries) {
  return {{"maps", std::uint64_t{maps}}, {"entries", std::uint64_t{entries}}};
}

/// Enough maps of each size to make a difference that can be measured.
void by_size(Session& session) {
  const std::size_t enough = session.scaled(1'000'000, 200'000);
  const std::size_t largest = session.scaled(10'000'000, 1'000'000);
  for (std::size_t entries = 100; entries <= largest; entries *= 10) {
    const std::size_t maps = std::max<std::size_t>(std::min(enough, largest) / entries, 1);
    session.measure_once(
        {counted(maps, "map") + " of " + counted(entries, "entry", "entries"),
         parameters_of(maps, entries)},
        {{"memory", bytes_an_entry, Better::less, {}}}, [=](const Subject& map) -> Sample {
          return {resident_bytes(map, maps, entries) / static_cast<double>(maps * entries)};
        });
  }
}

void around_growth(Session& session) {
  std::vector<std::size_t> sizes{session.scaled(1'000'000, 250'000)};
  if (session.settings().full) sizes.push_back(session.scaled(5'000'000, 0));
  for (const std::size_t entries : sizes) {
    const Setting setting{
        "from " + with_commas(entries) + " to " + with_commas(2 * entries) + " entries",
        parameters_of(1, entries)};
    session.measure_once(setting,
                         {{"memory, just before growth", bytes_an_entry, Better::less, {}},
                          {"memory, average", bytes_an_entry, Better::less, {}},
                          {"memory, just after growth", bytes_an_entry, Better::less, {}}},
                         [=](const Subject& map) -> Sample {
                           const Octave octave = resident_over_octave(map, entries);
                           return {octave.least, octave.mean, octave.most};
                         });
  }
}

void peak(Session& session) {
  const std::size_t entries = session.scaled(10'000'000, 1'000'000);
  session.measure_once({counted(entries, "insert") + " into one map", parameters_of(1, entries)},
                       {{"peak of memory", bytes_an_entry, Better::less, {}},
                        {"peak of memory, to itself", "times the final", Better::less, {}}},
                       [=](const Subject& map) -> Sample {
                         const Peak peak = peak_while_growing(map, entries);
                         return {peak.most / static_cast<double>(entries), peak.most / peak.left};
                       });
}

/// As many as wanted, unless they take more memory than a small machine has.
std::size_t affordable(const Subject& map, std::size_t maps, std::size_t entries) {
  constexpr double limit = 1e9;
  constexpr std::size_t probe = 100;
  const double each = std::max(resident_bytes(map, probe, entries) / probe, 1.0);
  return std::min(maps, static_cast<std::size_t>(limit / each));
}

void small_maps(Session& session) {
  const std::size_t maps = session.scaled(100'000, 2'000);
  for (const std::size_t entries : {std::size_t{0}, std::size_t{1}, std::size_t{8}}) {
    session.measure_once(
        {"up to " + counted(maps, "map") + " of " + counted(entries, "entry", "entries"),
         parameters_of(maps, entries)},
        {{"memory", "bytes a map", Better::less, {}}}, [=](const Subject& map) -> Sample {
          const std::size_t some = affordable(map, maps, entries);
          return {resident_bytes(map, some, entries) / static_cast<double>(some)};
        });
  }
}

}  // namespace

void memory(Session& session) {
  by_size(session);
  around_growth(session);
  peak(session);
  small_maps(session);
}

}  // namespace bench
