#pragma once

#include <string>

namespace bench {

/// As /proc/cpuinfo has it; "unknown" where it does not.
std::string processor_model();
/// Name and version of the one that this program was compiled with.
std::string compiler();

}  // namespace bench
