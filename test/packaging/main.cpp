#include <cstdio>
#include <string>

#include <dashmap/dashmap.hpp>
#include <dashmap/version.hpp>

int count_elsewhere(const dashmap::DashMap<std::string, int>& map);

int main() {
  dashmap::DashMap<std::string, int> map;
  map.insert("one", 1);
  map.insert("two", 2);
  const bool right = map.contains("one") && count_elsewhere(map) == 2;
  std::printf("dashmap %d.%d.%d: %s\n", DASHMAP_VERSION_MAJOR, DASHMAP_VERSION_MINOR,
              DASHMAP_VERSION_PATCH, right ? "ok" : "wrong");
  return right ? 0 : 1;
}
