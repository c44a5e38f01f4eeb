#pragma once

#include <cstddef>
#include <cstdint>
#include <libcuckoo/cuckoohash_map.hh>

namespace bench {

class LibcuckooAdapter {
 public:
  static constexpr const char* name = "libcuckoo";
  static constexpr bool iterates_while_written = true;

  // Its default is room for 2^18 entries; the other maps start small.
  LibcuckooAdapter() : map_(0) {}

  bool find(std::uint64_t key, std::uint64_t& value) const { return map_.find(key, value); }
  bool insert(std::uint64_t key, std::uint64_t value) { return map_.insert(key, value); }
  bool remove(std::uint64_t key) { return map_.erase(key); }
  template <class F>
  bool update(std::uint64_t key, F change) {
    return map_.update_fn(key, change);
  }
  void upsert(std::uint64_t key) {
    map_.upsert(key, [](std::uint64_t& value) { ++value; }, 1);
  }
  template <class F>
  void for_each(F visit) const {
    const auto locked = map_.lock_table();
    for (const auto& [key, value] : locked) visit(key, value);
  }
  std::size_t size() const { return map_.size(); }

 private:
  mutable libcuckoo::cuckoohash_map<std::uint64_t, std::uint64_t> map_;
};

}  // namespace bench
