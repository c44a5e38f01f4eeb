#include <cstdio>
#include <stdexcept>
#include <string>

#include <dashmap/dashmap.hpp>
#include <dashmap/version.hpp>

#include "module.hpp"

int count_elsewhere(const dashmap::DashMap<std::string, int>& map);

namespace {

// Modules of one program agree on what a thread holds, and on what an empty map is.
bool modules_agree() {
  dashmap::DashMap<std::string, int> map{{"held", 1}};
  insert_in_the_module(map, "free");
  const auto guard = map.get("held");
  try {
    insert_in_the_module(map, "held");
    return false;
  } catch (const dashmap::DeadlockError&) {
  }
  try {
    throw_in_the_module(map, "free");
    return false;
  } catch (const std::runtime_error&) {
  }
  const std::unique_ptr<Places> places = empty_map_of_the_module();
  places->insert({1, 2}, 3);
  return map.get_copy("free") == 3 && *guard == 1 && places->get_copy({1, 2}) == 3;
}

}  // namespace

int main() {
  dashmap::DashMap<std::string, int> map;
  map.insert("one", 1);
  map.insert("two", 2);
  const bool right = map.contains("one") && count_elsewhere(map) == 2 && modules_agree();
  std::printf("dashmap %d.%d.%d: %s\n", DASHMAP_VERSION_MAJOR, DASHMAP_VERSION_MINOR,
              DASHMAP_VERSION_PATCH, right ? "ok" : "wrong");
  return right ? 0 : 1;
}
