#include "experiments/results/statistics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace hat {
namespace {

TEST(StatisticsTest, PercentileIsLinearBetweenOrderStatistics) {
  EXPECT_DOUBLE_EQ(Percentile({1, 2, 3, 4}, 0.9), 3.7);
  EXPECT_DOUBLE_EQ(Percentile({1, 2, 3, 4}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(Percentile({1, 2, 3, 4}, 1), 4);
  EXPECT_DOUBLE_EQ(Percentile({5}, 0.99), 5);
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
