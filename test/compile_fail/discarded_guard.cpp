// expect-error: nodiscard|ignoring|unused
// A guard that nobody keeps locks nothing: a warning, an error under -Werror.
#include <dashmap/dashmap.hpp>

void locks(dashmap::DashMap<int, int>& map) {
#ifdef DASHMAP_COMPILE_FAIL
  map.get_mut(1);
#else
  [[maybe_unused]] const auto held = map.get_mut(1);
#endif
}
