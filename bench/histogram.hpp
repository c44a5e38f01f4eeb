// How often which time came up: 64 steps for each power of two, so within 1.6 % of the truth.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <vector>

#include "random.hpp"

namespace bench {

class Histogram {
 public:
  Histogram() : counts_((64 - step_bits + 1) * steps) {}

  void record(u64 nanoseconds) noexcept {
    ++counts_[bucket(nanoseconds)];
    max_ = std::max(max_, nanoseconds);
  }

  void add(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    max_ = std::max(max_, other.max_);
  }

  /// The time that the given share of all was not longer than.
  [[nodiscard]] u64 quantile(double share) const noexcept {
    u64 total = 0;
    for (const u64 count : counts_) total += count;
    const auto wanted = static_cast<u64>(std::ceil(static_cast<double>(total) * share));
    u64 seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen != 0) return std::min(longest(i), max_);
    }
    return max_;
  }

  [[nodiscard]] u64 max() const noexcept { return max_; }

 private:
  static constexpr unsigned step_bits = 6;
  static constexpr std::size_t steps = std::size_t{1} << step_bits;

  static std::size_t bucket(u64 value) noexcept {
    if (value < steps) return value;
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - step_bits - 1;
    return (std::size_t{shift} << step_bits) + (value >> shift);
  }
  static u64 longest(std::size_t index) noexcept {
    if (index < 2 * steps) return index;
    const std::size_t shift = (index >> step_bits) - 1;
    return (((index & (steps - 1)) + steps + 1) << shift) - 1;
  }

  std::vector<u64> counts_;
  u64 max_ = 0;
};

}  // namespace bench
