// What the program and its shared library, which hides its symbols, know of each other.
#pragma once

#include <dashmap/dashmap.hpp>

#include <cstddef>
#include <memory>
#include <string>

#if defined(__GNUC__)
#define EXPORTED __attribute__((visibility("default")))
#else
#define EXPORTED
#endif

struct Place {
  int x;
  int y;
  bool operator==(const Place&) const = default;
};
template <>
struct std::hash<Place> {
  std::size_t operator()(const Place& place) const noexcept {
    return static_cast<std::size_t>(place.x ^ (place.y << 16));
  }
};
using Places = dashmap::DashMap<Place, int>;

EXPORTED std::unique_ptr<Places> empty_map_of_the_module();
EXPORTED void insert_in_the_module(dashmap::DashMap<std::string, int>& map, const std::string& key);
EXPORTED void throw_in_the_module(dashmap::DashMap<std::string, int>& map, const std::string& key);
