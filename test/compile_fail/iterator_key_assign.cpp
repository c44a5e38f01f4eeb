// expect-error: read-only|cannot assign|not assignable
// iter_mut() lets values be changed, keys not.
#include <dashmap/dashmap.hpp>

void renumber(dashmap::DashMap<int, int>& map) {
  for (auto [key, value] : map.iter_mut()) {
    value = key;
#ifdef DASHMAP_COMPILE_FAIL
    key = value;
#endif
  }
}
