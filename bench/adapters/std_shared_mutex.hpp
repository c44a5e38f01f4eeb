#pragma once

#include <shared_mutex>

#include "locked_map.hpp"

namespace bench {

struct StdSharedMutexAdapter : LockedMap<std::shared_mutex, std::shared_lock> {
  static constexpr const char* name = "std-shared-mutex";
};

}  // namespace bench
