// Three maps from word to count that many threads add to at once. Each looks a word up by
// std::string_view and makes a std::string of it only when it is new.
#pragma once

#include <dashmap/dashmap.hpp>

#include <algorithm>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace word_count {

using Count = std::uint64_t;
using WordCount = std::pair<std::string, Count>;

template <class T>
concept Tally =
    std::default_initializable<T> &&
    requires(T& tally, const T& const_tally, std::string_view word, std::vector<WordCount>& out) {
      { T::name } -> std::convertible_to<std::string_view>;
      tally.add(word);
      const_tally.copy_to(out);
    };

class DashTally {
 public:
  static constexpr std::string_view name = "dashmap::DashMap";

  void add(std::string_view word) {
    counts_.compute(word, [](auto& count) { count = count.value_or(0) + 1; });
  }

  void copy_to(std::vector<WordCount>& out) const {
    out.reserve(counts_.len());
    for (auto entry : counts_.iter()) out.emplace_back(entry.key(), entry.value());
  }

 private:
  dashmap::DashMap<std::string, Count> counts_;
};

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept {
    return std::hash<std::string_view>{}(text);
  }
};

template <class Value>
using StringMap = std::unordered_map<std::string, Value, StringHash, std::equal_to<>>;

// Known words are counted under the shared lock, which is why their counts are atomic.
class SharedMutexTally {
 public:
  static constexpr std::string_view name = "std::shared_mutex + std::unordered_map";

  void add(std::string_view word) {
    {
      const std::shared_lock lock(mutex_);
      if (const auto found = counts_.find(word); found != counts_.end()) {
        found->second.fetch_add(1, std::memory_order_relaxed);
        return;
      }
    }
    const std::unique_lock lock(mutex_);
    counts_.try_emplace(std::string(word), 0).first->second.fetch_add(1, std::memory_order_relaxed);
  }

  void copy_to(std::vector<WordCount>& out) const {
    const std::shared_lock lock(mutex_);
    out.reserve(counts_.size());
    for (const auto& [word, count] : counts_) out.emplace_back(word, count.load());
  }

 private:
  mutable std::shared_mutex mutex_;
  StringMap<std::atomic<Count>> counts_;
};

class MutexTally {
 public:
  static constexpr std::string_view name = "std::mutex + std::unordered_map";

  void add(std::string_view word) {
    const std::lock_guard lock(mutex_);
    if (const auto found = counts_.find(word); found != counts_.end()) {
      found->second += 1;
    } else {
      counts_.emplace(word, 1);
    }
  }

  void copy_to(std::vector<WordCount>& out) const {
    const std::lock_guard lock(mutex_);
    out.assign(counts_.begin(), counts_.end());
  }

 private:
  mutable std::mutex mutex_;
  StringMap<Count> counts_;
};

// What a tally has counted, in the order of the words.
template <Tally T>
std::vector<WordCount> sorted_counts(const T& tally) {
  std::vector<WordCount> counts;
  tally.copy_to(counts);
  std::ranges::sort(counts, {}, &WordCount::first);
  return counts;
}

}  // namespace word_count
