#pragma once

#include <cstddef>
#include <libcuckoo/cuckoohash_map.hh>

#include "../adapter.hpp"

namespace bench {

template <class K, class V>
class LibcuckooMap {
 public:
  // Its default is room for 2^18 entries; the other maps start small.
  LibcuckooMap() : map_(0) {}

  bool find(const K& key, V& value) const { return map_.find(key, value); }
  template <class F>
  bool get(const K& key, F visit) const {
    return map_.find_fn(key, visit);
  }
  bool insert(const K& key, const V& value) { return map_.insert(key, value); }
  void assign(const K& key, const V& value) { map_.insert_or_assign(key, value); }
  bool remove(const K& key) { return map_.erase(key); }
  template <class F>
  bool update(const K& key, F change) {
    return map_.update_fn(key, change);
  }
  template <class F>
  void upsert(const K& key, const V& first, F change) {
    map_.upsert(key, change, first);
  }
  template <class F>
  void for_each(F visit) const {
    const auto locked = map_.lock_table();
    for (const auto& [key, value] : locked) visit(key, value);
  }
  void reserve(std::size_t entries) { map_.reserve(entries); }
  std::size_t size() const { return map_.size(); }

 private:
  mutable libcuckoo::cuckoohash_map<K, V> map_;
};

struct LibcuckooAdapter : AdapterDefaults {
  static constexpr const char* name = "libcuckoo";
  template <class K, class V>
  using Map = LibcuckooMap<K, V>;
};

}  // namespace bench
