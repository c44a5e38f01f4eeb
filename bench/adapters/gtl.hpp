#pragma once

#include <cstddef>
#include <gtl/phmap.hpp>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "../adapter.hpp"

namespace bench {

template <class K, class V>
class GtlMap {
 public:
  bool find(const K& key, V& value) const {
    return map_.if_contains(key, [&](const auto& element) { value = element.second; });
  }
  template <class F>
  bool get(const K& key, F visit) const {
    return map_.if_contains(key, [&](const auto& element) { visit(element.second); });
  }
  bool insert(const K& key, const V& value) {
    return map_.try_emplace_l(key, [](auto&) {}, value);
  }
  void assign(const K& key, const V& value) {
    map_.try_emplace_l(key, [&](auto& element) { element.second = value; }, value);
  }
  bool remove(const K& key) {
    return map_.erase_if(key, [](auto&) { return true; });
  }
  template <class F>
  bool update(const K& key, F change) {
    return map_.modify_if(key, [&](auto& element) { change(element.second); });
  }
  template <class F>
  void upsert(const K& key, const V& first, F change) {
    map_.try_emplace_l(key, [&](auto& element) { change(element.second); }, first);
  }
  template <class F>
  void for_each(F visit) const {
    map_.for_each([&](const auto& element) { visit(element.first, element.second); });
  }
  void reserve(std::size_t entries) { map_.reserve(entries); }
  std::size_t size() const { return map_.size(); }

 private:
  // 2^8 tables, each with a lock; what comes before it are the defaults.
  gtl::parallel_flat_hash_map<K, V, gtl::priv::hash_default_hash<K>, gtl::priv::hash_default_eq<K>,
                              std::allocator<std::pair<const K, V>>, 8, std::mutex>
      map_;
};

struct GtlAdapter : AdapterDefaults {
  static constexpr const char* name = "gtl";
  static std::string version() {
    return dotted(GTL_VERSION_MAJOR, GTL_VERSION_MINOR, GTL_VERSION_PATCH);
  }
  template <class K, class V>
  using Map = GtlMap<K, V>;
};

}  // namespace bench
