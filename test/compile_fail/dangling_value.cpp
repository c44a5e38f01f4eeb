// expect-error-clang: dangling|temporary
// The same through value().
#include <dashmap/dashmap.hpp>

#include <string>

std::size_t reads(const dashmap::DashMap<int, std::string>& map) {
#ifdef DASHMAP_COMPILE_FAIL
  const std::string& name = map.get(1).value();
#else
  const std::string name = map.get(1).value();
#endif
  return name.size();
}
