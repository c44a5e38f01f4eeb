// Counts the words of all sources with many threads into one tally.
#pragma once

#include "console.hpp"
#include "sources.hpp"
#include "tally.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace word_count {

struct Run {
  std::vector<WordCount> counts;  // in the order of the words
  std::vector<Skipped> skipped;
  std::uint64_t words = 0;
  std::uint64_t bytes = 0;
  std::uint64_t files = 0;  // and pipes, to their ends
  double seconds = 0;
  bool is_partial = false;  // an interrupt came
};

namespace detail {

template <Tally T>
class Counter {
 public:
  explicit Counter(const std::vector<Source>& sources) : sources_(sources) {}

  void run(unsigned threads, Progress& progress) {
    progress_ = &progress;
    const auto start = std::chrono::steady_clock::now();
    {
      std::vector<std::jthread> workers;
      for (unsigned i = 0; i < threads; ++i) workers.emplace_back([this] { work(); });
    }
    const auto end = std::chrono::steady_clock::now();
    if (failure_) std::rethrow_exception(failure_);
    sum_.is_partial = interrupted();
    sum_.seconds = std::chrono::duration<double>(end - start).count();
  }

  Run result() {
    sum_.counts = sorted_counts(tally_);
    return std::move(sum_);
  }

 private:
  // One thread: takes the next source from the list until there is none.
  void work() noexcept {
    try {
      Run own;
      FileReader reader;
      for (;;) {
        const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
        if (index >= sources_.size() || is_cut_short()) break;
        count(sources_[index], reader, own);
      }
      add_up(own);
    } catch (...) {
      next_ = sources_.size();
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
    }
  }

  void count(const Source& source, FileReader& reader, Run& own) {
    const auto on_word = [&](std::string_view word) {
      tally_.add(word);
      ++own.words;
    };
    const auto on_bytes = [&](std::size_t bytes) {
      own.bytes += bytes;
      progress_->advance(bytes);
    };
    if (source.path.empty()) {
      for_each_word(source.text, true, on_word);
      on_bytes(source.text.size());
      own.files += source.ends_pipe;
      return;
    }
    const std::error_code error = reader.read_words(source.path, on_word, on_bytes);
    if (error) {
      own.skipped.push_back({.path = source.path, .reason = error.message()});
    } else if (!interrupted()) {
      ++own.files;
    }
  }

  // An interrupt ends the count. One that came earlier has left nothing but what had been read by
  // then, and that is counted.
  bool is_cut_short() const { return interrupted() && !was_interrupted_; }

  void add_up(Run& own) {
    const std::lock_guard lock(mutex_);
    sum_.words += own.words;
    sum_.bytes += own.bytes;
    sum_.files += own.files;
    for (Skipped& skipped : own.skipped) sum_.skipped.push_back(std::move(skipped));
  }

  const std::vector<Source>& sources_;
  Progress* progress_ = nullptr;
  const bool was_interrupted_ = interrupted();
  T tally_;
  std::atomic<std::size_t> next_{0};

  std::mutex mutex_;
  Run sum_;
  std::exception_ptr failure_;
};

}  // namespace detail

template <Tally T>
Run count_words(const Sources& sources, unsigned threads, const std::string& title,
                Console& console) {
  detail::Counter<T> counter(sources.list);
  {
    Progress progress(console, title, Progress::Unit::bytes, sources.bytes());
    counter.run(threads, progress);
  }
  return counter.result();
}

}  // namespace word_count
