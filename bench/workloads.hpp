#pragma once

#include <span>
#include <string_view>

#include "session.hpp"

namespace bench {

struct Workload {
  std::string_view name;
  std::string_view about;
  void (*run)(Session&);
};

/// All of them, in the order in which they run.
std::span<const Workload> workloads();

// Each does one of them.

void memory(Session& session);
void operations(Session& session);
void iterate(Session& session);
void growth(Session& session);
void parallel_load(Session& session);
void read_heavy(Session& session);
void exchange(Session& session);
void rapid_grow(Session& session);
void ycsb(Session& session);
void words(Session& session);
void hot(Session& session);
void oversubscribed(Session& session);

}  // namespace bench
