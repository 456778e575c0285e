#include "runtime/train/schedule.h"

#include <gtest/gtest.h>

namespace hat {
namespace {

TEST(ScheduleTest, RisesLinearlyThenFollowsACosine) {
  const Schedule schedule{.peak = 2, .final_fraction = 0.1, .warmup_steps = 4};
  EXPECT_DOUBLE_EQ(schedule.Rate(0, 0), 0.5);
  EXPECT_DOUBLE_EQ(schedule.Rate(2, 0), 1.5);
  EXPECT_DOUBLE_EQ(schedule.Rate(3, 0), 2);
  EXPECT_NEAR(schedule.Rate(100, 0.5), 2 * 0.55, 1e-12);  // half way between 1 and 0.1
  EXPECT_NEAR(schedule.Rate(100, 1. / 3), 2 * (0.1 + 0.9 * 0.75), 1e-12);
  EXPECT_NEAR(schedule.Rate(200, 1), 0.2, 1e-12);
  EXPECT_NEAR(schedule.Rate(200, 1.5), 0.2, 1e-12);
}

TEST(ScheduleTest, NoWarmupStartsAtThePeak) {
  EXPECT_DOUBLE_EQ((Schedule{.peak = 3, .final_fraction = 0, .warmup_steps = 0}.Rate(0, 0)), 3);
}

}  // namespace
}  // namespace hat
