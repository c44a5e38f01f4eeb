// expect-error: constraint|no matching
// What a closure gives initialises the value: a number does not become an enumerator.
#include <dashmap/dashmap.hpp>

enum class Level { low, high };

void stores(dashmap::DashMap<int, Level>& map) {
#ifdef DASHMAP_COMPILE_FAIL
  map.entry(1).or_insert_with([] { return 1; });
#else
  map.entry(1).or_insert_with([] { return Level::high; });
#endif
}
