// A cache whose entries expire, in a few lines around a DashMap.
#include <dashmap/dashmap.hpp>

#include <chrono>
#include <cstddef>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

using dashmap::DashMap;
using namespace std::chrono_literals;

using Clock = std::chrono::steady_clock;

struct CacheEntry {
  std::string value;
  Clock::time_point expires_at;
};

class Cache {
 public:
  std::optional<std::string> get(std::string_view key) const {
    auto entry = data_.get(key);
    if (entry && entry->expires_at > Clock::now()) {
      return entry->value;
    }
    return std::nullopt;  // Expired, or never there
  }

  void set(std::string key, std::string value, Clock::duration ttl) {
    data_.insert(std::move(key), CacheEntry{std::move(value), Clock::now() + ttl});
  }

  void remove(std::string_view key) { data_.remove(key); }

  void clear_expired() {
    auto now = Clock::now();
    data_.retain([&](const auto&, const auto& entry) { return entry.expires_at > now; });
  }

  std::size_t len() const { return data_.len(); }

 private:
  DashMap<std::string, CacheEntry> data_;
};

std::string show(const std::optional<std::string>& value) {
  return value ? "Some(\"" + *value + "\")" : "None";
}

int main() {
  auto cache = std::make_shared<Cache>();

  // Set some values
  cache->set("user:1", "Alice", 5s);
  cache->set("user:2", "Bob", 100ms);

  // Retrieve values
  std::cout << "user:1 = " << show(cache->get("user:1")) << '\n';
  std::cout << "user:2 = " << show(cache->get("user:2")) << '\n';

  std::this_thread::sleep_for(150ms);

  // user:2 should be expired
  std::cout << "After 150ms - user:2 = " << show(cache->get("user:2")) << '\n';
  std::cout << "After 150ms - user:1 = " << show(cache->get("user:1")) << '\n';

  // Clean up expired entries
  cache->clear_expired();
  std::cout << "Cache size after cleanup: " << cache->len() << '\n';

  // What was removed is gone, before its time is over
  cache->remove("user:1");
  return cache->get("user:1") || cache->len() != 0 ? 1 : 0;
}
