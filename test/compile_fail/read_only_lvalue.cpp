// expect-error: rvalue|discards qualifiers|lvalue|deleted
// A map is turned into a view by moving it.
#include <dashmap/dashmap.hpp>

#include <cstddef>
#include <utility>

std::size_t shows(dashmap::DashMap<int, int>& map) {
#ifdef DASHMAP_COMPILE_FAIL
  return map.into_read_only().len();
#else
  return std::move(map).into_read_only().len();
#endif
}
