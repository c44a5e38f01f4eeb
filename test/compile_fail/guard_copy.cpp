// expect-error: deleted|call to implicitly-deleted
// A guard can be moved, not copied.
#include <dashmap/dashmap.hpp>

int copies(const dashmap::DashMap<int, int>& map) {
  const auto ref = map.get(1);
#ifdef DASHMAP_COMPILE_FAIL
  const auto second = ref;
  return *second;
#else
  return *ref;
#endif
}
