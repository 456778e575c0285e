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

// Whatever the order of the times, with ties and without, near together and far apart; and zeros
// that are not stored count as if they were.
TEST(StatisticsTest, ADistributionIsThatOfTheSortedSample) {
  RngStream stream(5, "samples");
  for (const int n : {1, 2, 3, 10, 999, 50000}) {
    for (const int zeros : {0, 1, 700}) {
      for (const double spread : {0.001, 1.0, 12.0}) {
        std::vector<Seconds> times;
        std::vector<double> all_ms(static_cast<size_t>(zeros), 0.0);
        for (int i = 0; i < n; ++i) {
          const double step = stream.UniformInt(n) / static_cast<double>(n);
          times.push_back(Seconds(std::pow(10.0, spread * step)));
          all_ms.push_back(ToMilliseconds(times.back()));
        }
        std::sort(all_ms.begin(), all_ms.end());
        const Distribution distribution = DistributionOf(times, zeros);
        EXPECT_EQ(distribution.count, n + zeros);
        for (size_t i = 0; i < kPercentiles.size(); ++i) {
          EXPECT_EQ(distribution.percentiles[i], Percentile(all_ms, kPercentiles[i].q))
              << n << " " << zeros << " " << spread << " " << kPercentiles[i].name;
        }
      }
    }
  }
}

// Clocks that disagree may give them: -2000 to 1999 s, in some order.
TEST(StatisticsTest, NegativeTimesHaveTheirPlaceToo) {
  std::vector<Seconds> times;
  for (int i = 0; i < 4000; ++i) times.push_back(Seconds(i * 1237 % 4000 - 2000));
  const Distribution distribution = DistributionOf(times);
  EXPECT_NEAR(distribution.At("p50"), -500, 1e-6);
  EXPECT_NEAR(distribution.At("p25"), 1000 * (0.25 * 3999 - 2000), 1e-6);
  EXPECT_NEAR(distribution.At("p99"), 1000 * (0.99 * 3999 - 2000), 1e-6);
}

// numpy.std([0, 0, 1, 3]) = 1.224745
TEST(StatisticsTest, ADistributionsDeviationDividesByN) {
  const std::vector<Seconds> times = {Milliseconds(3), Milliseconds(1)};
  const Distribution distribution = DistributionOf(times, 2);
  EXPECT_DOUBLE_EQ(distribution.mean, 1);
  EXPECT_NEAR(distribution.std, 1.224745, 1e-6);
  EXPECT_DOUBLE_EQ(distribution.At("p50"), 0.5);
}

TEST(StatisticsTest, AnEmptySampleHasNoDistribution) {
  const Distribution distribution = DistributionOf({});
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
