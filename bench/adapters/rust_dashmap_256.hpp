#pragma once

#include "rust_dashmap.hpp"

namespace bench {

/// As many shards as gtl's map has here, which threads meet in less often than in the default's.
struct RustDashMap256Adapter : RustDashMapAdapter {
  static constexpr const char* name = "rust-dashmap-256";
  template <class K, class V>
  using Map = RustMap<K, V, 256>;
};

}  // namespace bench
