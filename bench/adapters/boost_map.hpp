// What Boost's concurrent maps have in common.
#pragma once

#define BOOST_UNORDERED_DISABLE_PARALLEL_ALGORITHMS  // where std has them, they need another
                                                     // library
#include <boost/version.hpp>
#include <cstddef>
#include <span>
#include <string>

#include "../adapter.hpp"

namespace bench {

struct BoostDefaults : AdapterDefaults {
  static std::string version() { return BOOST_LIB_VERSION; }
};

template <class Container>
class BoostMap {
 public:
  using K = typename Container::key_type;
  using V = typename Container::mapped_type;

  bool find(const K& key, V& value) const {
    return map_.cvisit(key, [&](const auto& element) { value = element.second; }) != 0;
  }
  template <class F>
  bool get(const K& key, F visit) const {
    return map_.cvisit(key, [&](const auto& element) { visit(element.second); }) != 0;
  }
  template <class F>
  std::size_t find_many(std::span<const K> keys, F visit) const {
    return map_.cvisit(keys.begin(), keys.end(),
                       [&](const auto& element) { visit(element.second); });
  }
  bool insert(const K& key, const V& value) { return map_.try_emplace(key, value); }
  void assign(const K& key, const V& value) { map_.insert_or_assign(key, value); }
  bool remove(const K& key) { return map_.erase(key) != 0; }
  template <class F>
  bool update(const K& key, F change) {
    return map_.visit(key, [&](auto& element) { change(element.second); }) != 0;
  }
  template <class F>
  void upsert(const K& key, const V& first, F change) {
    map_.try_emplace_or_visit(key, first, [&](auto& element) { change(element.second); });
  }
  template <class F>
  void for_each(F visit) const {
    map_.cvisit_all([&](const auto& element) { visit(element.first, element.second); });
  }
  void reserve(std::size_t entries) { map_.reserve(entries); }
  std::size_t size() const { return map_.size(); }

 private:
  Container map_;
};

}  // namespace bench
