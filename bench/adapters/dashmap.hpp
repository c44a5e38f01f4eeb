#pragma once

#include <dashmap/dashmap.hpp>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

#include "../adapter.hpp"

namespace bench {

template <class K, class V>
class DashMapMap {
 public:
  bool find(const K& key, V& value) const {
    auto found = map_.get_copy(key);
    if (!found) return false;
    value = *found;
    return true;
  }
  template <class F>
  bool get(const K& key, F visit) const {
    const auto guard = map_.get(key);
    if (!guard) return false;
    visit(*guard);
    return true;
  }
  template <class F>
  std::size_t find_many(std::span<const K> keys, F visit) const {
    std::size_t found = 0;
    map_.get_many(keys, [&](const K&, const V* value) {
      if (value == nullptr) return;
      ++found;
      visit(*value);
    });
    return found;
  }
  bool insert(const K& key, const V& value) { return map_.insert_or_assign(key, value); }
  std::size_t insert_many(std::span<const std::pair<K, V>> elements) {
    return map_.insert_many(elements);
  }
  void assign(const K& key, const V& value) { map_.insert_or_assign(key, value); }
  bool remove(const K& key) { return map_.erase(key); }
  template <class F>
  bool update(const K& key, F change) {
    return map_.alter(key, [&](const K&, V value) {
      change(value);
      return value;
    });
  }
  template <class F>
  void upsert(const K& key, const V& first, F change) {
    if constexpr (std::is_trivially_copyable_v<V>) {
      // What the guide advises for counters.
      map_.compute(key, [&](std::optional<V>& value) {
        if (value) {
          change(*value);
        } else {
          value = first;
        }
      });
    } else {  // compute copies a value, in case the closure throws
      map_.entry(key).and_modify(change).or_insert(first);
    }
  }
  template <class F>
  void for_each(F visit) const {
    // The walk that takes a group's lock once, on the calling thread alone.
    map_.par_for_each([&](const K& key, V& value) { visit(key, std::as_const(value)); },
                      [](auto&& task) { task(); });
  }
  template <class F>
  void walk(F visit) const {
    for (const auto& [key, value] : map_) visit(key, value);
  }
  void reserve(std::size_t entries) { map_.reserve(entries); }
  std::size_t size() const { return map_.size(); }

 private:
  mutable dashmap::DashMap<K, V> map_;
};

struct DashMapAdapter : AdapterDefaults {
  static constexpr const char* name = "dashmap";
  static std::string version() {
    return dotted(DASHMAP_VERSION_MAJOR, DASHMAP_VERSION_MINOR, DASHMAP_VERSION_PATCH);
  }
  template <class K, class V>
  using Map = DashMapMap<K, V>;
};

}  // namespace bench
