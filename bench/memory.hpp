// The physical memory that maps take, measured in processes of their own. No other thread may run.
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

/// The most memory on the way to so many entries, relative to what is left of it in the end.
double peak_while_growing(const Subject& map, std::size_t entries);

}  // namespace bench
