#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <gtl/phmap.hpp>
#include <memory>
#include <mutex>
#include <utility>

namespace bench {

class GtlAdapter {
 public:
  static constexpr const char* name = "gtl";
  static constexpr bool iterates_while_written = true;

  bool find(std::uint64_t key, std::uint64_t& value) const {
    return map_.if_contains(key, [&](const auto& element) { value = element.second; });
  }
  bool insert(std::uint64_t key, std::uint64_t value) {
    return map_.try_emplace_l(key, [](auto&) {}, value);
  }
  bool remove(std::uint64_t key) {
    return map_.erase_if(key, [](auto&) { return true; });
  }
  template <class F>
  bool update(std::uint64_t key, F change) {
    return map_.modify_if(key, [&](auto& element) { change(element.second); });
  }
  void upsert(std::uint64_t key) {
    map_.try_emplace_l(key, [](auto& element) { ++element.second; }, std::uint64_t{1});
  }
  template <class F>
  void for_each(F visit) const {
    map_.for_each([&](const auto& element) { visit(element.first, element.second); });
  }
  std::size_t size() const { return map_.size(); }

 private:
  // 2^8 tables, each with a lock.
  gtl::parallel_flat_hash_map<
      std::uint64_t, std::uint64_t, gtl::Hash<std::uint64_t>, std::equal_to<std::uint64_t>,
      std::allocator<std::pair<const std::uint64_t, std::uint64_t>>, 8, std::mutex>
      map_;
};

}  // namespace bench
