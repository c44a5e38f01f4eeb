#include <dashmap/dashmap.hpp>
#include <string>

int count_elsewhere(const dashmap::DashMap<std::string, int>& map);

int count_elsewhere(const dashmap::DashMap<std::string, int>& map) {
  return static_cast<int>(map.size());
}
