// expect-error: read-only|cannot assign|not assignable
// The bindings of begin() … end() are for reading.
#include <dashmap/dashmap.hpp>

void zero(dashmap::DashMap<int, int>& map) {
#ifdef DASHMAP_COMPILE_FAIL
  for (auto [key, value] : map) {
#else
  for (auto [key, value] : map.iter_mut()) {
#endif
    value = key;
  }
}
