// expect-error-clang: dangling|temporary
// A reference into a guard that dies at the end of the line: a warning where compilers can.
#include <dashmap/dashmap.hpp>

#include <string>

std::size_t reads(const dashmap::DashMap<int, std::string>& map) {
#ifdef DASHMAP_COMPILE_FAIL
  const std::string& name = *map.get(1);
#else
  const std::string name = *map.get(1);
#endif
  return name.size();
}
