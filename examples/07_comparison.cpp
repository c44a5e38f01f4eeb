// The same work on a DashMap and on a std::unordered_map behind a std::shared_mutex.
#include <dashmap/dashmap.hpp>

#include <chrono>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

using dashmap::DashMap;
using Clock = std::chrono::steady_clock;

// A std::unordered_map and the lock that every use of it has to take
struct LockedMap {
  std::shared_mutex mutex;
  std::unordered_map<std::uint32_t, std::uint32_t> map;
};

void print_time(const std::string& name, Clock::duration elapsed) {
  std::cout << name << ": " << std::fixed << std::setprecision(3)
            << std::chrono::duration<double, std::milli>(elapsed).count() << "ms\n";
}

int main() {
  const std::uint32_t iterations = 100'000;

  // A thread's last write to a key is its largest, so the largest must be what is there at the end
  const auto is_last_write = [](std::uint32_t key, std::uint32_t value) {
    return value == iterations - 1000 + key;
  };

  // DashMap approach
  {
    auto map = std::make_shared<DashMap<std::uint32_t, std::uint32_t>>();
    auto start = Clock::now();

    std::vector<std::jthread> handles;
    handles.reserve(4);
    for (int t = 0; t < 4; ++t) {
      handles.emplace_back([map] {
        for (std::uint32_t i = 0; i < iterations; ++i) {
          map->insert(i % 1000, i);
        }
      });
    }

    for (auto& handle : handles) {
      handle.join();
    }

    print_time("DashMap", Clock::now() - start);

    if (map->len() != 1000) {
      return 1;
    }
    for (auto entry : map->iter()) {
      if (!is_last_write(entry.key(), entry.value())) {
        return 1;
      }
    }
  }

  // std::shared_mutex + std::unordered_map approach
  {
    auto map = std::make_shared<LockedMap>();
    auto start = Clock::now();

    std::vector<std::jthread> handles;
    handles.reserve(4);
    for (int t = 0; t < 4; ++t) {
      handles.emplace_back([map] {
        for (std::uint32_t i = 0; i < iterations; ++i) {
          std::unique_lock guard(map->mutex);
          map->map.insert_or_assign(i % 1000, i);
        }
      });
    }

    for (auto& handle : handles) {
      handle.join();
    }

    print_time("std::shared_mutex + std::unordered_map", Clock::now() - start);

    if (map->map.size() != 1000) {
      return 1;
    }
    for (const auto& [key, value] : map->map) {
      if (!is_last_write(key, value)) {
        return 1;
      }
    }
  }
}
