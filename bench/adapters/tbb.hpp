#pragma once

#include <tbb/concurrent_hash_map.h>
#include <tbb/version.h>

#include <cstddef>
#include <string>

#include "../adapter.hpp"

namespace bench {

template <class K, class V>
class TbbMap {
 public:
  bool find(const K& key, V& value) const {
    return get(key, [&](const V& found) { value = found; });
  }
  template <class F>
  bool get(const K& key, F visit) const {
    typename Container::const_accessor found;
    if (!map_.find(found, key)) return false;
    visit(found->second);
    return true;
  }
  bool insert(const K& key, const V& value) { return map_.emplace(key, value); }
  void assign(const K& key, const V& value) {
    typename Container::accessor found;
    map_.insert(found, key);
    found->second = value;
  }
  bool remove(const K& key) { return map_.erase(key); }
  template <class F>
  bool update(const K& key, F change) {
    typename Container::accessor found;
    if (!map_.find(found, key)) return false;
    change(found->second);
    return true;
  }
  template <class F>
  void upsert(const K& key, const V& first, F change) {
    typename Container::accessor found;
    if (map_.insert(found, key)) {  // with a value of zeros; nothing is made of a key that is there
      found->second = first;
    } else {
      change(found->second);
    }
  }
  template <class F>
  void for_each(F visit) const {
    for (const auto& [key, value] : map_) visit(key, value);
  }
  // Its rehash() makes room, but its buckets' chains are split by the first that come there.
  void reserve(std::size_t entries) { map_.rehash(entries); }
  std::size_t size() const { return map_.size(); }

 private:
  using Container = tbb::concurrent_hash_map<K, V>;

  Container map_;
};

struct TbbAdapter : AdapterDefaults {
  static constexpr const char* name = "tbb";
  static std::string version() { return TBB_VERSION_STRING; }
  static constexpr bool iterates_while_written = false;
  template <class K, class V>
  using Map = TbbMap<K, V>;
};

}  // namespace bench
