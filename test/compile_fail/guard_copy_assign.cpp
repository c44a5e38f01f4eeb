// expect-error: deleted|no viable
// A guard can be moved, not copied, by assignment neither.
#include <dashmap/dashmap.hpp>

void assigns(dashmap::DashMap<int, int>& map) {
  auto first = map.get_mut(1);
  auto second = map.get_mut(2);
#ifdef DASHMAP_COMPILE_FAIL
  first = second;
#else
  first = std::move(second);
#endif
}
