// expect-error: value_mut
// Only mutable guards have value_mut().
#include <dashmap/dashmap.hpp>

int changes(dashmap::DashMap<int, int>& map) {
  auto ref = map.get(1);
#ifdef DASHMAP_COMPILE_FAIL
  ref.value_mut() = 5;
#endif
  return ref.value();
}
