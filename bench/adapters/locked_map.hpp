// One std::unordered_map behind one lock.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

#include "../adapter.hpp"
#include "serial_map.hpp"

namespace bench {

struct StandardDefaults : AdapterDefaults {
  static std::string version() { return "libstdc++ " + std::to_string(_GLIBCXX_RELEASE); }
};

template <class K, class V, class Mutex, template <class> class ReadLock>
class LockedMap {
 public:
  bool find(const K& key, V& value) const {
    const ReadLock<Mutex> lock(mutex_);
    return map_.find(key, value);
  }
  template <class F>
  bool get(const K& key, F visit) const {
    const ReadLock<Mutex> lock(mutex_);
    return map_.get(key, visit);
  }
  bool insert(const K& key, const V& value) {
    const std::lock_guard lock(mutex_);
    return map_.insert(key, value);
  }
  void assign(const K& key, const V& value) {
    const std::lock_guard lock(mutex_);
    map_.assign(key, value);
  }
  bool remove(const K& key) {
    const std::lock_guard lock(mutex_);
    return map_.remove(key);
  }
  template <class F>
  bool update(const K& key, F change) {
    const std::lock_guard lock(mutex_);
    return map_.update(key, change);
  }
  template <class F>
  void upsert(const K& key, const V& first, F change) {
    const std::lock_guard lock(mutex_);
    map_.upsert(key, first, change);
  }
  template <class F>
  void for_each(F visit) const {
    const ReadLock<Mutex> lock(mutex_);
    map_.for_each(visit);
  }
  void reserve(std::size_t entries) {
    const std::lock_guard lock(mutex_);
    map_.reserve(entries);
  }
  std::size_t size() const {
    const ReadLock<Mutex> lock(mutex_);
    return map_.size();
  }

 private:
  mutable Mutex mutex_;
  SerialMap<std::unordered_map<K, V>> map_;
};

}  // namespace bench
