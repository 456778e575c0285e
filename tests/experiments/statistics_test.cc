#include "experiments/results/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace hat {
namespace {

TEST(StatisticsTest, PercentileIsLinearBetweenOrderStatistics) {
  EXPECT_DOUBLE_EQ(Percentile({1, 2, 3, 4}, 0.9), 3.7);
  EXPECT_DOUBLE_EQ(Percentile({1, 2, 3, 4}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(Percentile({1, 2, 3, 4}, 1), 4);
  EXPECT_DOUBLE_EQ(Percentile({5}, 0.99), 5);
}

// Zeros that are not stored change ranks as if they were.
TEST(StatisticsTest, PercentilesCountZerosThatAreNotStored) {
  for (const double q : {0.0, 0.1, 0.3, 0.45, 0.5, 0.9, 1.0}) {
    EXPECT_DOUBLE_EQ(Percentile({1, 5, 9}, q, 4), Percentile({0, 0, 0, 0, 1, 5, 9}, q)) << q;
    EXPECT_DOUBLE_EQ(Percentile({}, q, 3), 0) << q;
  }
}

// Whatever the order of the samples, with ties and without.
TEST(StatisticsTest, ADistributionIsThatOfTheSortedSample) {
  RngStream stream(5, "samples");
  for (const int n : {1, 2, 3, 10, 999, 5000}) {
    for (const int zeros : {0, 1, 700}) {
      std::vector<double> values, all(static_cast<size_t>(zeros), 0.0);
      for (int i = 0; i < n; ++i) values.push_back(stream.UniformInt(3 * n) / 8.0);
      all.insert(all.end(), values.begin(), values.end());
      std::sort(all.begin(), all.end());
      const Distribution of_all = DistributionOf(values, zeros);
      EXPECT_EQ(of_all.count, n + zeros);
      for (size_t i = 0; i < kPercentiles.size(); ++i) {
        EXPECT_EQ(of_all.percentiles[i], Percentile(all, kPercentiles[i].q))
            << n << " " << zeros << " " << kPercentiles[i].name;
      }
    }
  }
}

// numpy.std([0, 0, 1, 3]) = 1.224745
TEST(StatisticsTest, ADistributionsDeviationDividesByN) {
  std::vector<double> values = {3, 1};
  const Distribution distribution = DistributionOf(values, 2);
  EXPECT_DOUBLE_EQ(distribution.mean, 1);
  EXPECT_NEAR(distribution.std, 1.224745, 1e-6);
  EXPECT_DOUBLE_EQ(distribution.At("p50"), 0.5);
}

TEST(StatisticsTest, AnEmptySampleHasNoDistribution) {
  std::vector<double> none;
  const Distribution distribution = DistributionOf(none);
  EXPECT_EQ(distribution.count, 0);
  EXPECT_TRUE(std::isnan(distribution.mean));
  EXPECT_TRUE(std::isnan(distribution.At("p99")));
}

// t(0.975, 2) = 4.302653 (any table); the sample's deviation is 1.
TEST(StatisticsTest, IntervalIsStudentsT) {
  const Estimate estimate = MeanWithInterval({1, 2, 3});
  EXPECT_DOUBLE_EQ(estimate.mean, 2);
  EXPECT_NEAR(estimate.half_width, 4.302653 / std::sqrt(3), 1e-6);
}

TEST(StatisticsTest, OneValueHasNoInterval) {
  EXPECT_DOUBLE_EQ(MeanWithInterval({7}).mean, 7);
  EXPECT_TRUE(std::isnan(MeanWithInterval({7}).half_width));
}

}  // namespace
}  // namespace hat
