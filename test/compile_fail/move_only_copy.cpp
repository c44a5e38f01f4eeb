// expect-error: deleted|copy|no matching
// A map of values that cannot be copied cannot be copied.
#include <dashmap/dashmap.hpp>

#include <memory>
#include <utility>

using Map = dashmap::DashMap<int, std::unique_ptr<int>>;

Map hands_over(Map& map) {
#ifdef DASHMAP_COMPILE_FAIL
  return Map(map);
#else
  return Map(std::move(map));
#endif
}
