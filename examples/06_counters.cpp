// Concurrent counters: five threads increment three counters, and no increment is lost.
#include <dashmap/dashmap.hpp>

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using dashmap::DashMap;

int main() {
  auto counters = std::make_shared<DashMap<std::string, std::uint64_t>>();
  std::vector<std::jthread> handles;
  handles.reserve(5);

  // Multiple threads incrementing counters
  for (int i = 0; i < 5; ++i) {
    handles.emplace_back([counters, i] {
      for (int n = 0; n < 1000; ++n) {
        // Atomically increment counter
        counters->entry("counter-" + std::to_string(i % 3))
            .and_modify([](auto& v) { v += 1; })
            .or_insert(1);
      }
    });
  }

  for (auto& handle : handles) {
    handle.join();
  }

  for (auto entry : counters->iter()) {
    std::cout << entry.key() << ": " << entry.value() << '\n';
  }
}
