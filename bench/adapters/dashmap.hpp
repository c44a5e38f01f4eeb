#pragma once

#include <dashmap/dashmap.hpp>

#include <cstddef>
#include <cstdint>

namespace bench {

class DashMapAdapter {
 public:
  static constexpr const char* name = "dashmap";
  static constexpr bool iterates_while_written = true;

  bool find(std::uint64_t key, std::uint64_t& value) const {
    auto found = map_.get_copy(key);
    if (!found) return false;
    value = *found;
    return true;
  }
  bool insert(std::uint64_t key, std::uint64_t value) { return map_.insert_or_assign(key, value); }
  bool remove(std::uint64_t key) { return map_.erase(key); }
  template <class F>
  bool update(std::uint64_t key, F change) {
    return map_.alter(key, [&](std::uint64_t, std::uint64_t value) {
      change(value);
      return value;
    });
  }
  void upsert(std::uint64_t key) {
    map_.entry(key).and_modify([](std::uint64_t& value) { ++value; }).or_insert(1);
  }
  template <class F>
  void for_each(F visit) const {
    for (const auto& [key, value] : map_.iter()) visit(key, value);
  }
  std::size_t size() const { return map_.size(); }

 private:
  dashmap::DashMap<std::uint64_t, std::uint64_t> map_;
};

}  // namespace bench
