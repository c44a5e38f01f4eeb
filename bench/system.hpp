#pragma once

#include <string>

namespace bench {

/// As /proc/cpuinfo has it; "unknown" where it does not.
std::string processor_model();
/// Name and version of the one that this program was compiled with, and how it was called.
std::string compiler();
std::string compiler_flags();
/// The name and release of the system's kernel, and the version of its C library.
std::string kernel();
std::string c_library();
/// Whether memory comes in huge pages: "always [madvise] never" is the system's form of it.
std::string transparent_huge_pages();
/// "2026-01-31 23:59 UTC"
std::string time_of_day();
/// Of the measured source, as whoever runs the program says in DASHMAP_BENCH_COMMIT; else empty.
std::string commit();

}  // namespace bench
