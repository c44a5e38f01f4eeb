#include "module.hpp"

#include <optional>
#include <stdexcept>

std::unique_ptr<Places> empty_map_of_the_module() { return std::make_unique<Places>(); }

void insert_in_the_module(dashmap::DashMap<std::string, int>& map, const std::string& key) {
  map.insert(key, 3);
}

// Compiled without a warning.
void throw_in_the_module(dashmap::DashMap<std::string, int>& map, const std::string& key) {
  map.compute(key, [](std::optional<int>&) { throw std::runtime_error("no value"); });
}
