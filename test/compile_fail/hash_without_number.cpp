// expect-error: the hash function must give an integer
// What a hash function gives is looked at where the map is declared.
#include <dashmap/dashmap.hpp>

#include <cstddef>
#include <string>

struct HashOfInt {
#ifdef DASHMAP_COMPILE_FAIL
  std::string operator()(int key) const { return std::to_string(key); }
#else
  std::size_t operator()(int key) const { return static_cast<std::size_t>(key); }
#endif
};

bool looks_up(const dashmap::DashMap<int, int, HashOfInt>& map) { return map.contains(1); }
