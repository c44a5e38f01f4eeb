#pragma once

#include <shared_mutex>

#include "locked_map.hpp"

namespace bench {

struct StdSharedMutexAdapter : StandardDefaults {
  static constexpr const char* name = "std-shared-mutex";
  template <class K, class V>
  using Map = LockedMap<K, V, std::shared_mutex, std::shared_lock>;
};

}  // namespace bench
