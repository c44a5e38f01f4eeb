// The basic operations: they read like std::unordered_map's, and every thread may call them.
#include <dashmap/dashmap.hpp>

#include <cstdint>
#include <iostream>
#include <string>

using dashmap::DashMap;

int main() {
  // Create a DashMap (internally sharded)
  DashMap<std::string, std::uint32_t> map;

  // Basic operations work like std::unordered_map's
  map.insert("apple", 1);
  map.insert("banana", 2);

  // Read access
  if (auto entry = map.get("apple")) {
    std::cout << "apple: " << *entry << '\n';
  }

  // Update existing value
  if (auto entry = map.get_mut("banana")) {
    *entry += 10;
  }

  // Remove
  map.remove("apple");

  // Check existence
  std::cout << "Contains banana: " << std::boolalpha << map.contains_key("banana") << '\n';

  // Iterate
  for (auto entry : map.iter()) {
    std::cout << entry.key() << ": " << entry.value() << '\n';
  }

  std::cout << "Length: " << map.len() << '\n';
}
