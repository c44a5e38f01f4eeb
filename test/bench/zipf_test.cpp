// The ranks that bench/ draws by Zipf's law come up as often as the law says.
#include "random.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace {

constexpr std::size_t ranks = 1'000;
constexpr std::size_t draws = 1'000'000;

/// The share of all draws that each rank has by the law.
std::vector<double> exact(double theta) {
  std::vector<double> shares;
  double sum = 0;
  for (std::size_t rank = 1; rank <= ranks; ++rank) {
    shares.push_back(std::pow(static_cast<double>(rank), -theta));
    sum += shares.back();
  }
  for (double& share : shares) share /= sum;
  return shares;
}

std::vector<double> drawn(double theta) {
  const bench::Zipf zipf(ranks, theta);
  bench::Random random(1);
  std::vector<std::size_t> counts(ranks);
  for (std::size_t i = 0; i < draws; ++i) ++counts.at(zipf(random));
  std::vector<double> shares;
  for (const std::size_t count : counts) shares.push_back(static_cast<double>(count) / draws);
  return shares;
}

/// Four standard deviations of a share that was drawn.
double noise(double share) { return 4 * std::sqrt(share / draws); }

class Zipf : public testing::TestWithParam<double> {};

TEST_P(Zipf, TheFirstRanksComeUpAsOftenAsTheLawSays) {
  // The method is exact for two ranks; of the next it draws up to a fifth too many.
  constexpr double method = 0.2;
  const auto law = exact(GetParam());
  const auto found = drawn(GetParam());
  for (std::size_t rank = 0; rank < 10; ++rank) {
    const double error = rank < 2 ? 0 : method * law[rank];
    EXPECT_NEAR(found[rank], law[rank], noise(law[rank]) + error) << rank;
  }
}

TEST_P(Zipf, TheSharesOfManyRanksAddUp) {
  constexpr double method = 0.05;
  const auto law = exact(GetParam());
  const auto found = drawn(GetParam());
  for (const std::ptrdiff_t first : {10, 100, 500, 1'000}) {
    const double share = std::accumulate(law.begin(), law.begin() + first, 0.0);
    EXPECT_NEAR(std::accumulate(found.begin(), found.begin() + first, 0.0), share,
                noise(share) + method * share)
        << first;
  }
}

INSTANTIATE_TEST_SUITE_P(Thetas, Zipf, testing::Values(0.01, 0.5, 0.99));

}  // namespace
