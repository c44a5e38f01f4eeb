// Concurrent access across threads: ten threads write while five others read.
#include <dashmap/dashmap.hpp>

#include <iostream>
#include <latch>
#include <memory>
#include <string>
#include <syncstream>
#include <thread>
#include <vector>

using dashmap::DashMap;

int main() {
  // A shared_ptr keeps the map alive for as long as any thread uses it
  auto map = std::make_shared<DashMap<std::string, int>>();
  std::vector<std::jthread> handles;
  handles.reserve(15);

  // The readers look for what the first writer wrote: they wait for that one, and run beside the
  // other nine, so that every run prints the same lines
  std::latch first_writer_done(1);

  // Spawn multiple writer threads
  for (int i = 0; i < 10; ++i) {
    handles.emplace_back([map, i, &first_writer_done] {
      for (int j = 0; j < 100; ++j) {
        auto key = "thread-" + std::to_string(i) + "-key-" + std::to_string(j);
        map->insert(key, i * 1000 + j);
      }
      if (i == 0) {
        first_writer_done.count_down();
      }
    });
  }

  // Spawn reader threads concurrently
  for (int r = 0; r < 5; ++r) {
    handles.emplace_back([map, &first_writer_done] {
      first_writer_done.wait();
      for (int i = 0; i < 100; ++i) {
        auto key = "thread-0-key-" + std::to_string(i);
        if (auto value = map->get(key)) {
          std::osyncstream(std::cout) << "Read: " << key << " = " << *value << '\n';
        }
      }
    });
  }

  for (auto& handle : handles) {
    handle.join();
  }

  std::cout << "Total entries: " << map->len() << '\n';

  // The output shows what the first thread wrote: check what all of them did
  for (int i = 0; i < 10; ++i) {
    for (int j = 0; j < 100; ++j) {
      auto value = map->get("thread-" + std::to_string(i) + "-key-" + std::to_string(j));
      if (!value || *value != i * 1000 + j) {
        return 1;
      }
    }
  }
}
