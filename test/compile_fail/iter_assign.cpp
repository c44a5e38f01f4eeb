// expect-error: read-only|cannot assign|not assignable
// iter() reads; iter_mut() writes.
#include <dashmap/dashmap.hpp>

void zero(dashmap::DashMap<int, int>& map) {
#ifdef DASHMAP_COMPILE_FAIL
  for (auto&& item : map.iter()) *item = 0;
#else
  for (auto&& item : map.iter_mut()) *item = 0;
#endif
}
