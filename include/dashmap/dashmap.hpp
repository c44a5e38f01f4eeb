// DashMap for C++: a concurrent hash map with guards, entries and iteration while others write.
// This header brings everything.
#pragma once

#include "dashmap/detail/base/config.hpp"

DASHMAP_DETAIL_NO_SHADOW_WARNINGS
#include "dashmap/fwd.hpp"
#include "dashmap/map.hpp"
#include "dashmap/read_only_view.hpp"
#include "dashmap/set.hpp"
#include "dashmap/version.hpp"
DASHMAP_DETAIL_WARNINGS_AGAIN
