// The physical memory that maps take. Nothing else may run in the process.
#pragma once

#include <cstddef>

#include "peer.hpp"

namespace bench {

/// Of so many maps of so many entries.
double resident_bytes(const Subject& map, std::size_t maps, std::size_t entries);

/// Bytes an entry while a map grows from `entries` to twice as many.
struct Octave {
  double least = 0;  // just before it grows, if it grows by doubling
  double mean = 0;
  double most = 0;  // just after it
};

Octave resident_over_octave(const Subject& map, std::size_t entries);

/// Bytes on the way to so many entries: the most, and what is left of it in the end.
struct Peak {
  double most = 0;
  double left = 0;
};

Peak peak_while_growing(const Subject& map, std::size_t entries);

}  // namespace bench
