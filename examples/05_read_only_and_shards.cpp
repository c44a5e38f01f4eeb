// A look inside: the shards of a map, and a read-only view that needs no lock.
#include <dashmap/dashmap.hpp>

#include <algorithm>
#include <cstddef>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

using dashmap::DashMap;

std::string show(const std::vector<int>& numbers) {
  std::string text;
  for (int number : numbers) {
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  }
  return "[" + text + "]";
}

int main() {
  // The default is four shards a core; a fixed number prints the same lines on every machine
  auto map = DashMap<int, std::string>::with_shard_amount(8);

  for (int i = 0; i < 20; ++i) {
    map.insert(i, "value-" + std::to_string(i));
  }

  // Iterate over shards
  std::cout << "Number of shards: " << map.shards().len() << '\n';

  // Access individual shard (advanced use case)
  std::size_t total = 0;
  for (std::size_t idx = 0; auto shard : map.shards()) {
    auto guard = shard.read();
    std::cout << "Shard " << idx++ << ": " << guard.len() << " entries\n";
    total += guard.len();
  }
  if (total != map.len()) {
    return 1;
  }

  // Iterate over all entries
  std::vector<int> keys;
  for (auto entry : map.iter()) {
    keys.push_back(entry.key());
  }
  std::ranges::sort(keys);
  std::cout << "Keys: " << show(keys) << '\n';

  // Filter and retain
  map.retain([](int k, const auto&) { return k % 2 == 0; });
  std::cout << "After retaining even keys: " << map.len() << " entries\n";

  // Nobody writes any more: turn the map into a view that reads without any lock
  const auto view = std::move(map).into_read_only();
  std::cout << "Read-only view: " << view.len() << " entries, 4 is " << *view.get(4) << '\n';
  return view.get(5) == nullptr && !view.contains_key(7) ? 0 : 1;
}
