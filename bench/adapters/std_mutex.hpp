#pragma once

#include <mutex>

#include "locked_map.hpp"

namespace bench {

struct StdMutexAdapter : LockedMap<std::mutex, std::unique_lock> {
  static constexpr const char* name = "std-mutex";
};

}  // namespace bench
