#include "runtime/profile/grid.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

Estimate Constant(double us) {
  return [us](const TimedPoint&) { return us; };
}

TEST(ProfileGridTest, EveryDensityCoversTheLimits) {
  for (const GridLimits limits : {GridLimits{16, 0}, GridLimits{2048, 2048}, GridLimits{300, 77}}) {
    const std::vector<ProfileAxes> all = AxesFromDense(limits);
    ASSERT_FALSE(all.empty());
    for (const ProfileAxes& axes : all) {
      EXPECT_EQ(axes.tokens.front(), 1);
      EXPECT_EQ(axes.tokens.back(), limits.max_tokens);
      EXPECT_THAT(axes.tokens, AllOf(Contains(1), Contains(16)));
      EXPECT_EQ(axes.contexts.front(), 0);
      EXPECT_EQ(axes.contexts.back(), limits.max_context);
      EXPECT_TRUE(std::is_sorted(axes.tokens.begin(), axes.tokens.end()));
      EXPECT_EQ(std::adjacent_find(axes.tokens.begin(), axes.tokens.end()), axes.tokens.end());
      EXPECT_EQ(std::adjacent_find(axes.contexts.begin(), axes.contexts.end()),
                axes.contexts.end());
    }
  }
}

TEST(ProfileGridTest, EachDensityHasFewerPointsThanTheOneBefore) {
  for (const Role role : {Role::kDevice, Role::kCloud}) {
    const std::vector<ProfileAxes> all = AxesFromDense({2048, 2048});
    for (size_t i = 1; i < all.size(); ++i) {
      EXPECT_LT(PointsOf(role, all[i]).size(), PointsOf(role, all[i - 1]).size())
          << Name(role) << i;
    }
  }
}

TEST(ProfileGridTest, PointsHaveEveryOperationOfTheRoleOnce) {
  const ProfileAxes axes = {{1, 4, 8, 16}, {0, 64}};
  std::map<Operation, int> count;
  for (const TimedPoint& point : PointsOf(Role::kDevice, axes)) ++count[point.operation];
  EXPECT_EQ(count, (std::map<Operation, int>{{Operation::kAdapter, 8},
                                             {Operation::kDraft, 10},
                                             {Operation::kEmbedding, 4},
                                             {Operation::kHead, 7},
                                             {Operation::kLayer, 8},
                                             {Operation::kMedusa, 1}}));
  count.clear();
  for (const TimedPoint& point : PointsOf(Role::kCloud, axes)) ++count[point.operation];
  EXPECT_EQ(count, (std::map<Operation, int>{{Operation::kAttention, 8},
                                             {Operation::kEmbedding, 5},
                                             {Operation::kHead, 7},
                                             {Operation::kLayer, 5}}));
}

TEST(ProfileGridTest, AGenerousBudgetTakesTheDensestGridAndMoreRounds) {
  const ProfilePlan plan = PlanWithin(1e6, Role::kDevice, {2048, 2048}, Constant(10));
  EXPECT_EQ(plan.axes, AxesFromDense({2048, 2048}).front());
  EXPECT_EQ(plan.rounds, kMostRounds);
  EXPECT_TRUE(plan.is_dense);
}

TEST(ProfileGridTest, ATightBudgetThinsTheGridUntilItFits) {
  const GridLimits limits = {2048, 2048};
  const Estimate estimate = Constant(10'000);
  const auto seconds = [&](const ProfileAxes& axes) {
    return kFewestRounds * static_cast<double>(PointsOf(Role::kDevice, axes).size()) *
           VisitSeconds(10'000);
  };
  const std::vector<ProfileAxes> all = AxesFromDense(limits);
  for (size_t i = 1; i < all.size(); ++i) {
    const double budget = seconds(all[i]) * 1.001;
    const ProfilePlan plan = PlanWithin(budget, Role::kDevice, limits, estimate);
    EXPECT_EQ(plan.axes, all[i]);
    EXPECT_EQ(plan.rounds, kFewestRounds);
    EXPECT_LE(plan.seconds, budget);
    EXPECT_FALSE(plan.is_dense);
  }
}

TEST(ProfileGridTest, ABudgetThatIsTooSmallIsRefusedWithWhatIsNeeded) {
  EXPECT_INPUT_ERROR(PlanWithin(10, Role::kCloud, {2048, 2048}, Constant(1e6)),
                     AllOf(HasSubstr("--budget-s 10"), HasSubstr("--max-tokens")));
}

TEST(ProfileGridTest, ShortOperationsGetMoreSamplesAVisit) {
  EXPECT_EQ(SamplesAVisit(10), 8);
  EXPECT_EQ(SamplesAVisit(1300), 3);
  EXPECT_EQ(SamplesAVisit(1e6), 1);
}

TEST(ProfileGridTest, ARoundVisitsEveryPointOnceInAnOrderOfItsOwn) {
  std::vector<int> sorted = RoundOrder(1, 0, 100);
  const std::vector<int> first = sorted;
  std::sort(sorted.begin(), sorted.end());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(sorted[static_cast<size_t>(i)], i);
  EXPECT_NE(first, sorted);
  EXPECT_NE(first, RoundOrder(1, 1, 100));
  EXPECT_NE(first, RoundOrder(2, 0, 100));
  EXPECT_EQ(first, RoundOrder(1, 0, 100));
}

}  // namespace
}  // namespace hat
