// A map with the interface of the standard library, without a lock.
#pragma once

#include <cstddef>

namespace bench {

template <class Container>
class SerialMap {
 public:
  using K = typename Container::key_type;
  using V = typename Container::mapped_type;

  bool find(const K& key, V& value) const {
    return get(key, [&](const V& found) { value = found; });
  }
  template <class F>
  bool get(const K& key, F visit) const {
    const auto it = map_.find(key);
    if (it == map_.end()) return false;
    visit(it->second);
    return true;
  }
  bool insert(const K& key, const V& value) { return map_.try_emplace(key, value).second; }
  void assign(const K& key, const V& value) { map_.insert_or_assign(key, value); }
  bool remove(const K& key) { return map_.erase(key) != 0; }
  template <class F>
  bool update(const K& key, F change) {
    const auto it = map_.find(key);
    if (it == map_.end()) return false;
    change(it->second);
    return true;
  }
  template <class F>
  void upsert(const K& key, const V& first, F change) {
    const auto [it, inserted] = map_.try_emplace(key, first);
    if (!inserted) change(it->second);
  }
  template <class F>
  void for_each(F visit) const {
    for (const auto& [key, value] : map_) visit(key, value);
  }
  void reserve(std::size_t entries) { map_.reserve(entries); }
  std::size_t size() const { return map_.size(); }

 private:
  Container map_;
};

}  // namespace bench
