// expect-error: read-only|cannot assign|not assignable
// Keys never change in place.
#include <dashmap/dashmap.hpp>

int changes(dashmap::DashMap<int, int>& map) {
  auto ref = map.get_mut(1);
#ifdef DASHMAP_COMPILE_FAIL
  ref.pair_mut().first = 5;
#endif
  return ref.key();
}
