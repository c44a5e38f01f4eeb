// expect-error: read-only|cannot assign|not assignable
// A Ref shows its value, it does not let it be changed.
#include <dashmap/dashmap.hpp>

int assigns(const dashmap::DashMap<int, int>& map) {
  const auto ref = map.get(1);
#ifdef DASHMAP_COMPILE_FAIL
  *ref = 5;
#endif
  return *ref;
}
