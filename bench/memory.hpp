#pragma once

#include <cstddef>

#include "peer.hpp"

namespace bench {

/// The physical memory that so many maps of so many entries take, measured in a process of its own.
/// No other thread may run.
double resident_bytes(const Peer& peer, std::size_t maps, std::size_t entries);

}  // namespace bench
