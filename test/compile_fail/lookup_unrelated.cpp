// expect-error: no match|no matching|constraint
// A lookup takes what the hash and the equality take, nothing else.
#include <dashmap/dashmap.hpp>

#include <string>
#include <vector>

bool looks_up(const dashmap::DashMap<std::string, int>& map) {
#ifdef DASHMAP_COMPILE_FAIL
  return map.contains(std::vector<int>{1});
#else
  return map.contains("name");
#endif
}
