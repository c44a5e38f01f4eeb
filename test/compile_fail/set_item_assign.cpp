// expect-error: read-only|cannot assign|not assignable
// The keys of a set never change in place.
#include <dashmap/dashmap.hpp>

int changes(const dashmap::DashSet<int>& set) {
  const auto ref = set.get(1);
#ifdef DASHMAP_COMPILE_FAIL
  *ref = 5;
#endif
  return *ref;
}
