// One std::unordered_map behind one lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace bench {

template <class Mutex, template <class> class ReadLock>
class LockedMap {
 public:
  static constexpr bool iterates_while_written = true;

  bool find(std::uint64_t key, std::uint64_t& value) const {
    const ReadLock<Mutex> lock(mutex_);
    const auto it = map_.find(key);
    if (it == map_.end()) return false;
    value = it->second;
    return true;
  }
  bool insert(std::uint64_t key, std::uint64_t value) {
    const std::lock_guard lock(mutex_);
    return map_.try_emplace(key, value).second;
  }
  bool remove(std::uint64_t key) {
    const std::lock_guard lock(mutex_);
    return map_.erase(key) != 0;
  }
  template <class F>
  bool update(std::uint64_t key, F change) {
    const std::lock_guard lock(mutex_);
    const auto it = map_.find(key);
    if (it == map_.end()) return false;
    change(it->second);
    return true;
  }
  void upsert(std::uint64_t key) {
    const std::lock_guard lock(mutex_);
    ++map_[key];
  }
  template <class F>
  void for_each(F visit) const {
    const ReadLock<Mutex> lock(mutex_);
    for (const auto& [key, value] : map_) visit(key, value);
  }
  std::size_t size() const {
    const ReadLock<Mutex> lock(mutex_);
    return map_.size();
  }

 private:
  mutable Mutex mutex_;
  std::unordered_map<std::uint64_t, std::uint64_t> map_;
};

}  // namespace bench
