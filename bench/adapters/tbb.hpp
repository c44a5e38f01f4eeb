#pragma once

#include <tbb/concurrent_hash_map.h>

#include <cstddef>
#include <cstdint>

namespace bench {

class TbbAdapter {
 public:
  static constexpr const char* name = "tbb";
  static constexpr bool iterates_while_written = false;

  bool find(std::uint64_t key, std::uint64_t& value) const {
    Map::const_accessor found;
    if (!map_.find(found, key)) return false;
    value = found->second;
    return true;
  }
  bool insert(std::uint64_t key, std::uint64_t value) { return map_.insert({key, value}); }
  bool remove(std::uint64_t key) { return map_.erase(key); }
  template <class F>
  bool update(std::uint64_t key, F change) {
    Map::accessor found;
    if (!map_.find(found, key)) return false;
    change(found->second);
    return true;
  }
  void upsert(std::uint64_t key) {
    Map::accessor found;
    if (!map_.insert(found, {key, 1})) ++found->second;
  }
  template <class F>
  void for_each(F visit) const {
    for (const auto& [key, value] : map_) visit(key, value);
  }
  std::size_t size() const { return map_.size(); }

 private:
  using Map = tbb::concurrent_hash_map<std::uint64_t, std::uint64_t>;

  Map map_;
};

}  // namespace bench
