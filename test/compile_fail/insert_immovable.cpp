// expect-error: InsertableElseTryEmplace
// A value that cannot be moved is made in its place; the message names the call that does it.
#include <dashmap/dashmap.hpp>

#include <mutex>

void fills(dashmap::DashMap<int, std::mutex>& map) {
#ifdef DASHMAP_COMPILE_FAIL
  map.insert(1, std::mutex());
#else
  map.try_emplace(1);
#endif
}
