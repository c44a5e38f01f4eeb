// How bench/ sums up what it measured: quartiles, and who wins.
#include "result.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using bench::Better;
using bench::Comparison;
using bench::Result;
using bench::Verdict;

Result result_of(Better better, std::vector<double> own, std::vector<double> other) {
  return {"workload",
          "setting",
          {},
          {"metric", "unit", better, {}},
          {{"dashmap", std::move(own)}, {"other", std::move(other)}}};
}

std::optional<Comparison> comparison(Better better, std::vector<double> own,
                                     std::vector<double> other) {
  const Result result = result_of(better, std::move(own), std::move(other));
  return compared(result, result.rows[1]);
}

/// DashMap against a map that does 1 in each round.
Verdict verdict_of(std::vector<double> ratios) {
  std::vector<double> ones(ratios.size(), 1);
  return comparison(Better::more, std::move(ratios), std::move(ones))->verdict;
}

TEST(Quartiles, LieBetweenTheValues) {
  const auto five = bench::quartiles_of({5, 1, 4, 2, 3});
  EXPECT_DOUBLE_EQ(five.first, 2);
  EXPECT_DOUBLE_EQ(five.median, 3);
  EXPECT_DOUBLE_EQ(five.third, 4);
  const auto four = bench::quartiles_of({4, 3, 2, 1});
  EXPECT_DOUBLE_EQ(four.first, 1.75);
  EXPECT_DOUBLE_EQ(four.median, 2.5);
  EXPECT_DOUBLE_EQ(four.third, 3.25);
}

TEST(Quartiles, OfOneValueAreThatValue) {
  const auto one = bench::quartiles_of({7});
  EXPECT_DOUBLE_EQ(one.first, 7);
  EXPECT_DOUBLE_EQ(one.median, 7);
  EXPECT_DOUBLE_EQ(one.third, 7);
}

TEST(Compared, TheRatioIsThatOfTheRounds) {
  const auto more = comparison(Better::more, {2, 30, 8}, {1, 10, 2});
  ASSERT_TRUE(more);
  EXPECT_DOUBLE_EQ(more->ratio.first, 2.5);
  EXPECT_DOUBLE_EQ(more->ratio.median, 3);
  EXPECT_DOUBLE_EQ(more->ratio.third, 3.5);
  EXPECT_EQ(more->verdict, Verdict::better);
}

TEST(Compared, WhereLessIsBetterTheRatioIsTurnedRound) {
  const auto less = comparison(Better::less, {2, 30, 8}, {1, 10, 2});
  ASSERT_TRUE(less);
  EXPECT_DOUBLE_EQ(less->ratio.median, 1.0 / 3);
  EXPECT_EQ(less->verdict, Verdict::worse);
  EXPECT_EQ(comparison(Better::less, {1, 1, 1}, {2, 2, 2})->verdict, Verdict::better);
}

TEST(Compared, NothingAgainstNothingIsEven) {
  const auto nothing = comparison(Better::more, {0, 0}, {0, 0});
  EXPECT_DOUBLE_EQ(nothing->ratio.median, 1);
  EXPECT_EQ(nothing->verdict, Verdict::even);
}

TEST(Compared, SomethingAgainstNothingHasNoRatio) {
  EXPECT_FALSE(comparison(Better::more, {1, 2}, {0, 0}));
  EXPECT_EQ(comparison(Better::more, {0, 0}, {1, 2})->verdict, Verdict::worse);
}

TEST(Compared, NeedsBothMaps) {
  EXPECT_FALSE(comparison(Better::more, {1, 2}, {}));
  EXPECT_FALSE(comparison(Better::more, {}, {}));
  EXPECT_FALSE(comparison(Better::more, {1, 2}, {1}));
  const Result result = result_of(Better::more, {1}, {1});
  EXPECT_FALSE(compared(result, result.rows[0])) << "with itself";
}

TEST(Compared, TheQuartilesOfManyRoundsDecide) {
  EXPECT_EQ(verdict_of({0.5, 1.1, 1.1, 1.2, 1.2, 1.3, 1.4}), Verdict::better);
  EXPECT_EQ(verdict_of({0.5, 1.0, 1.0, 1.2, 1.2, 1.3, 1.4}), Verdict::even);
  EXPECT_EQ(verdict_of({0.5, 0.6, 0.7, 0.7, 0.8, 0.9, 1.4}), Verdict::worse);
  EXPECT_EQ(verdict_of({0.5, 0.6, 0.7, 0.7, 1.0, 1.0, 1.4}), Verdict::even);
}

TEST(Compared, AFewRoundsMustAllAgree) {
  EXPECT_EQ(verdict_of({1.02, 1.1, 1.1, 1.2, 1.2, 1.3}), Verdict::better);
  EXPECT_EQ(verdict_of({1.005, 1.1, 1.1, 1.2, 1.2, 1.3}), Verdict::even);
  EXPECT_EQ(verdict_of({0.5, 0.6, 0.98}), Verdict::worse);
  EXPECT_EQ(verdict_of({0.5, 0.6, 0.995}), Verdict::even);
  EXPECT_EQ(verdict_of({1.02}), Verdict::better);
}

TEST(Counts, OneMetricOfEachMeasurement) {
  const auto counted = [](std::string name, bench::Parameters parameters = {}) {
    return bench::counts({std::move(name), "unit", Better::less, std::move(parameters)});
  };
  EXPECT_TRUE(counted("throughput"));
  EXPECT_TRUE(counted("hit"));
  EXPECT_FALSE(counted("hit, processor time"));
  EXPECT_FALSE(counted("processor time"));
  EXPECT_TRUE(counted("one insert, p99", {{"quantile", 0.99}}));
  EXPECT_FALSE(counted("one insert, p50", {{"quantile", 0.5}}));
  EXPECT_FALSE(counted("one insert, longest in processor time", {{"quantile", 1.0}}));
  EXPECT_TRUE(counted("memory, average"));
  EXPECT_FALSE(counted("memory, just after growth"));
}

TEST(Summary, LeavesOutWhatDoesNotCount) {
  Result result = result_of(Better::more, {2}, {1});
  std::vector<Result> results{result};
  result.metric.name = "processor time";
  results.push_back(result);
  std::ostringstream out;
  bench::print_summary(out, results);
  EXPECT_NE(out.str().find("dashmap better, best first: 1 comparison\n"), std::string::npos)
      << out.str();
}

}  // namespace
