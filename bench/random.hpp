// Numbers that look random and are the same in each run.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>

#include "sequence.hpp"

namespace bench {

using u64 = std::uint64_t;

/// A bijection that scatters consecutive numbers: the finalizer of SplitMix64.
[[nodiscard]] constexpr u64 scatter(u64 number) noexcept {
  number = (number ^ (number >> 30)) * 0xbf58'476d'1ce4'e5b9U;
  number = (number ^ (number >> 27)) * 0x94d0'49bb'1331'11ebU;
  return number ^ (number >> 31);
}

class Random {
 public:
  explicit Random(u64 seed) noexcept : state_(scatter(seed)) {}

  u64 next() noexcept { return scatter(state_ += 0x9e37'79b9'7f4a'7c15U); }
  /// Below `limit`, which is small beside 2^64.
  u64 below(u64 limit) noexcept { return next() % limit; }
  /// From 0 to 1, without 1.
  double fraction() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  u64 state_;
};

/// The numbers below `count` in another order.
inline Sequence<u64> shuffled(std::size_t count, Random& random) {
  Sequence<u64> order(count);
  std::iota(order.begin(), order.end(), u64{0});
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

/// Ranks from 0 to n - 1; rank i comes up in proportion to 1 / (i + 1)^theta.
/// \source Gray et al., "Quickly Generating Billion-Record Synthetic Databases", SIGMOD 1994
class Zipf {
 public:
  Zipf(std::size_t n, double theta) : n_(static_cast<double>(n)), alpha_(1 / (1 - theta)) {
    for (std::size_t i = n; i != 0; --i) zeta_ += std::pow(static_cast<double>(i), -theta);
    second_ = 1 + std::pow(0.5, theta);
    eta_ = (1 - std::pow(2 / n_, 1 - theta)) / (1 - second_ / zeta_);
  }

  u64 operator()(Random& random) const {
    const double u = random.fraction();
    const double scaled = u * zeta_;
    if (scaled < 1) return 0;
    if (scaled < second_) return 1;
    return static_cast<u64>(std::min(n_ * std::pow(eta_ * u - eta_ + 1, alpha_), n_ - 1));
  }

 private:
  double n_;
  double alpha_;
  double zeta_ = 0;
  double second_;
  double eta_;
};

}  // namespace bench
