// The histogram of bench/: its buckets, its quantiles, and what becomes of two of them together.
#include "histogram.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace {

using bench::Histogram;

constexpr double bucket_error = 0.016;

/// What the histogram says of a value that is not the largest, which it knows exactly.
std::uint64_t told(std::uint64_t value) {
  Histogram histogram;
  histogram.record(value);
  histogram.record(std::numeric_limits<std::uint64_t>::max());
  return histogram.quantile(0.5);
}

/// Around each power of two, and some between.
std::vector<std::uint64_t> many_values() {
  std::vector<std::uint64_t> values{0, 1, 2};
  for (unsigned bit = 2; bit < 64; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    for (const std::uint64_t part : {std::uint64_t{0}, power / 3, power / 2, power / 7 * 5}) {
      for (const std::uint64_t more : {0U, 1U}) values.push_back(power + part + more);
    }
    values.push_back(power - 1);
  }
  return values;
}

TEST(Histogram, ABucketIsNarrow) {
  for (const std::uint64_t value : many_values()) {
    const std::uint64_t upper = told(value);
    EXPECT_GE(upper, value);
    EXPECT_LE(static_cast<double>(upper - value), bucket_error * static_cast<double>(value))
        << value;
  }
}

TEST(Histogram, SmallValuesAreExact) {
  for (std::uint64_t value = 0; value < 128; ++value) EXPECT_EQ(told(value), value);
}

TEST(Histogram, ALargerValueHasNoSmallerBucket) {
  std::uint64_t last = 0;
  for (std::uint64_t value = 0; value < 3'000; ++value) {
    const std::uint64_t upper = told(value);
    ASSERT_GE(upper, last) << value;
    last = upper;
  }
}

TEST(Histogram, AQuantileIsNotExceededByItsShare) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  EXPECT_EQ(histogram.quantile(0), 1U);
  EXPECT_EQ(histogram.quantile(0.01), 1U);
  EXPECT_EQ(histogram.quantile(0.011), 2U);
  EXPECT_EQ(histogram.quantile(0.5), 50U);
  EXPECT_EQ(histogram.quantile(0.99), 99U);
  EXPECT_EQ(histogram.quantile(0.999), 100U);
  EXPECT_EQ(histogram.quantile(1), 100U);
}

TEST(Histogram, TheLongestIsExact) {
  Histogram histogram;
  histogram.record(1'000'003);
  histogram.record(5);
  EXPECT_EQ(histogram.max(), 1'000'003U);
  EXPECT_EQ(histogram.quantile(1), 1'000'003U);
}

TEST(Histogram, OfNothingAllIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.max(), 0U);
  EXPECT_EQ(histogram.quantile(0.5), 0U);
}

TEST(Histogram, TwoTogetherAreOneOfAllValues) {
  Histogram all;
  Histogram first;
  Histogram second;
  for (std::uint64_t value = 1; value < 5'000; ++value) {
    all.record(value * value);
    (value % 3 == 0 ? first : second).record(value * value);
  }
  first.add(second);
  EXPECT_EQ(first.max(), all.max());
  for (const double share : {0.1, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    EXPECT_EQ(first.quantile(share), all.quantile(share)) << share;
  }
}

}  // namespace
