#include "memory.hpp"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <functional>
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

template <class Answer>
[[noreturn]] void answer_from_child(int to, const Subject& map,
                                    const std::function<Answer()>& measure) {
  try {
    map.fill(1, 10, [] {});  // what a process needs once
    malloc_trim(0);          // what is free must not serve the maps
    const Answer answer = measure();
    const bool sent = write(to, &answer, sizeof answer) == sizeof answer;
    _exit(sent ? EXIT_SUCCESS : EXIT_FAILURE);
  } catch (...) {
    _exit(EXIT_FAILURE);
  }
}

template <class Answer>
Answer in_child(const Subject& map, const std::function<Answer()>& measure) {
  int ends[2] = {};
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child == 0) answer_from_child(ends[1], map, measure);
  close(ends[1]);
  Answer answer{};
  const bool received = child > 0 && read(ends[0], &answer, sizeof answer) == sizeof answer;
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  if (!received) throw std::runtime_error("the process that measures memory failed");
  return answer;
}

}  // namespace

double resident_bytes(const Subject& map, std::size_t maps, std::size_t entries) {
  return in_child<double>(map, [&] {
    const double before = resident_now();
    double used = 0;
    map.fill(maps, entries, [&] { used = resident_now() - before; });
    return used;
  });
}

Octave resident_over_octave(const Subject& map, std::size_t entries) {
  constexpr std::size_t steps = 64;
  return in_child<Octave>(map, [&] {
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
  });
}

Peak peak_while_growing(const Subject& map, std::size_t entries) {
  constexpr const char* status = "/proc/self/status";
  return in_child<Peak>(map, [&] {
    if (!(std::ofstream("/proc/self/clear_refs") << "5" << std::flush)) {
      throw std::runtime_error("the peak of the memory in use cannot be set back");
    }
    const double before = bytes_from(status, "VmRSS:");
    Peak peak;
    map.grow(entries, entries, [&](std::size_t) {
      peak = {bytes_from(status, "VmHWM:") - before, bytes_from(status, "VmRSS:") - before};
    });
    return peak;
  });
}

}  // namespace bench
