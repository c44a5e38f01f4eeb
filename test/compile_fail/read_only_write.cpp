// expect-error: read-only|cannot assign|not assignable
// A ReadOnlyView shows its values as constants.
#include <dashmap/dashmap.hpp>

#include <utility>

int shows(dashmap::DashMap<int, int> map) {
  const auto view = std::move(map).into_read_only();
#ifdef DASHMAP_COMPILE_FAIL
  *view.get(1) = 2;
#endif
  return *view.get(1);
}
