// The entry API: look a key up once, then insert or update it in the same atomic step.
#include <dashmap/dashmap.hpp>

#include <cstdint>
#include <iostream>
#include <string>

using dashmap::DashMap;

int main() {
  DashMap<std::string, std::uint32_t> map;

  // or_insert: insert if missing
  map.entry("counter").or_insert(0);

  // or_insert_with: lazy insertion
  map.entry("lazy").or_insert_with([] {
    std::cout << "Computing value...\n";
    return 42;
  });

  // and_modify: update existing value
  map.entry("counter").and_modify([](auto& v) { v += 1; });

  // Combined: update if exists, insert if not
  map.entry("counter").and_modify([](auto& v) { v += 1; }).or_insert(1);

  std::cout << "Counter: " << *map.get("counter") << '\n';

  // Entry key access
  for (auto entry : map.iter()) {
    std::cout << entry.key() << ": " << entry.value() << '\n';
  }

  // A value that is there is not computed again
  bool computed = false;
  map.entry("lazy").or_insert_with([&] {
    computed = true;
    return 0;
  });
  return computed ? 1 : 0;
}
