// Compiled once for each adapter, alone, so that no map shares the compiler's budgets with another.
#include <memory>

#include BENCH_HEADER
#include "peer_of.hpp"

namespace {

[[maybe_unused]] const bool added =
    bench::add_peer(std::make_unique<bench::PeerOf<bench::BENCH_ADAPTER>>());

}  // namespace
