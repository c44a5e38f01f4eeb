#pragma once

#include <mutex>

#include "locked_map.hpp"

namespace bench {

struct StdMutexAdapter : StandardDefaults {
  static constexpr const char* name = "std-mutex";
  template <class K, class V>
  using Map = LockedMap<K, V, std::mutex, std::unique_lock>;
};

}  // namespace bench
