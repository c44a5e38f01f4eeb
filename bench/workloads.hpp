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

}  // namespace bench
