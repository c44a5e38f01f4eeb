#include "memory.hpp"

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>

namespace bench {

namespace {

/// Without the pages of files, which come and go with the code that runs.
double resident_now() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::string word;
  while (file >> word) {
    if (word == "Anonymous:") {
      double kibibytes = 0;
      file >> kibibytes;
      return kibibytes * 1024;
    }
  }
  throw std::runtime_error("the system does not tell how much memory is in use");
}

[[noreturn]] void measure_in_child(int answer, const Peer& peer, std::size_t maps,
                                   std::size_t entries) {
  try {
    peer.fill(1, 10, [] {});  // what a process needs once
    malloc_trim(0);           // what is free must not serve the maps
    const double before = resident_now();
    double used = 0;
    peer.fill(maps, entries, [&] { used = resident_now() - before; });
    const bool sent = write(answer, &used, sizeof used) == sizeof used;
    _exit(sent ? EXIT_SUCCESS : EXIT_FAILURE);
  } catch (...) {
    _exit(EXIT_FAILURE);
  }
}

}  // namespace

double resident_bytes(const Peer& peer, std::size_t maps, std::size_t entries) {
  int ends[2] = {};
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  const pid_t child = fork();
  if (child == 0) measure_in_child(ends[1], peer, maps, entries);
  close(ends[1]);
  double used = 0;
  const bool received = child > 0 && read(ends[0], &used, sizeof used) == sizeof used;
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  if (!received) throw std::runtime_error("the process that measures memory failed");
  return used;
}

}  // namespace bench
