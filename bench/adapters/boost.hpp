#pragma once

#define BOOST_UNORDERED_DISABLE_PARALLEL_ALGORITHMS  // where std has them, they need another
                                                     // library
#include <boost/unordered/concurrent_flat_map.hpp>
#include <cstddef>
#include <cstdint>

namespace bench {

class BoostAdapter {
 public:
  static constexpr const char* name = "boost";
  static constexpr bool iterates_while_written = true;

  bool find(std::uint64_t key, std::uint64_t& value) const {
    return map_.cvisit(key, [&](const auto& element) { value = element.second; }) != 0;
  }
  bool insert(std::uint64_t key, std::uint64_t value) { return map_.try_emplace(key, value); }
  bool remove(std::uint64_t key) { return map_.erase(key) != 0; }
  template <class F>
  bool update(std::uint64_t key, F change) {
    return map_.visit(key, [&](auto& element) { change(element.second); }) != 0;
  }
  void upsert(std::uint64_t key) {
    map_.try_emplace_or_visit(key, std::uint64_t{1}, [](auto& element) { ++element.second; });
  }
  template <class F>
  void for_each(F visit) const {
    map_.cvisit_all([&](const auto& element) { visit(element.first, element.second); });
  }
  std::size_t size() const { return map_.size(); }

 private:
  boost::concurrent_flat_map<std::uint64_t, std::uint64_t> map_;
};

}  // namespace bench
