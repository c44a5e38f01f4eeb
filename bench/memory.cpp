#include "memory.hpp"

#include <malloc.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bench {

namespace {

double bytes_from(const char* path, std::string_view name) {
  std::ifstream file(path);
  std::string word;
  while (file >> word) {
    if (word == name) {
      double kibibytes = 0;
      file >> kibibytes;
      return kibibytes * 1024;
    }
  }
  throw std::runtime_error("the system does not tell how much memory is in use");
}

/// Without the pages of files, which come and go with the code that runs.
double resident_now() { return bytes_from("/proc/self/smaps_rollup", "Anonymous:"); }

}  // namespace

double resident_bytes(const Subject& map, std::size_t maps, std::size_t entries) {
  malloc_trim(0);  // after earlier ones
  const double before = resident_now();
  double used = 0;
  map.fill(maps, entries, [&] { used = resident_now() - before; });
  return used;
}

Octave resident_over_octave(const Subject& map, std::size_t entries) {
  constexpr std::size_t steps = 64;
  const double before = resident_now();
  const std::size_t step = entries / steps;
  Octave octave;
  std::size_t count = 0;
  map.grow(2 * step * steps, step, [&](std::size_t size) {
    if (size < step * steps) return;
    const double bytes = (resident_now() - before) / static_cast<double>(size);
    octave.least = count == 0 ? bytes : std::min(octave.least, bytes);
    octave.most = std::max(octave.most, bytes);
    octave.mean += bytes;
    ++count;
  });
  octave.mean /= static_cast<double>(count);
  return octave;
}

Peak peak_while_growing(const Subject& map, std::size_t entries) {
  constexpr const char* status = "/proc/self/status";
  if (!(std::ofstream("/proc/self/clear_refs") << "5" << std::flush)) {
    throw std::runtime_error("the peak of the memory in use cannot be set back");
  }
  const double before = bytes_from(status, "VmRSS:");
  Peak peak;
  map.grow(entries, entries, [&](std::size_t) {
    peak = {bytes_from(status, "VmHWM:") - before, bytes_from(status, "VmRSS:") - before};
  });
  return peak;
}

}  // namespace bench
