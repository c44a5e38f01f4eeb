#pragma once

#include <shared_mutex>

#include "../adapter.hpp"
#include "locked_map.hpp"

namespace bench {

struct StdSharedMutexAdapter : AdapterDefaults {
  static constexpr const char* name = "std-shared-mutex";
  template <class K, class V>
  using Map = LockedMap<K, V, std::shared_mutex, std::shared_lock>;
};

}  // namespace bench
