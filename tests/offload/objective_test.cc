#include "offload/objective.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"
#include "tests/offload/networks.h"

namespace hat {
namespace {

const GoingOn kGoingOn = {1, 0.7, 0.4, 0};

// A plan of random shares.
OffloadPlan RandomPlan(const OffloadNetwork& network, uint64_t seed) {
  RngStream draws(seed, "plan");
  OffloadPlan plan = EvenPlan(network);
  for (auto& stage : plan) {
    for (auto& shares : stage) {
      double total = 0;
      for (double& share : shares) total += share = draws.Exponential(1);
      for (double& share : shares) share /= total;
    }
  }
  return plan;
}

TEST(ObjectiveTest, AQueueByHand) {
  const QueueCost cost = NodeCost(1, 2, 0.02);
  EXPECT_DOUBLE_EQ(cost.cost, 0.75);   // 1/2 + 1/4
  EXPECT_DOUBLE_EQ(cost.slope, 1.25);  // 1/2 + 1/2 + 1/4
  EXPECT_DOUBLE_EQ(cost.curvature, 2);
}

TEST(ObjectiveTest, AQueuesCostGoesOnSmoothlyWhereItIsFull) {
  const double edge = 0.9 * 3;
  const auto below = NodeCost(edge - 1e-7, 3, 0.1), above = NodeCost(edge + 1e-7, 3, 0.1);
  EXPECT_NEAR(below.cost, above.cost, 1e-5);
  EXPECT_NEAR(below.slope, above.slope, 1e-4);
  const auto far = NodeCost(30, 3, 0.1), farther = NodeCost(30.001, 3, 0.1);
  EXPECT_NEAR((farther.cost - far.cost) / 0.001, (far.slope + farther.slope) / 2, 1e-6);
}

// One device of 1 task/s, one node of 2 tasks/s, 0.1 s between: 0.1 + 0.75.
TEST(ObjectiveTest, ADelayByHand) {
  OffloadNetwork network;
  network.stages = {{{.rate = 1, .links = {{0, 0.1}}}}, {{.capacity = 2, .links = {}}}};
  const Expected expected = Expect(network, EvenPlan(network), {1, 0}, {});
  EXPECT_DOUBLE_EQ(expected.delay_s, 0.85);
  EXPECT_EQ(expected.penalty, 0);
}

TEST(ObjectiveTest, LoadsKeepTheFlow) {
  const OffloadNetwork network = JoinedNetwork(5, 1, {{4, 5}, {3, 3, 3}, {2, 2}});
  const NodeValues loads = LoadsOf(network, RandomPlan(network, 1), kGoingOn);
  const double expected[] = {5, 5, 3.5, 1.4};
  for (size_t stage = 0; stage < 4; ++stage) {
    double sum = 0;
    for (const double load : loads[stage]) sum += load;
    EXPECT_NEAR(sum, expected[stage], 1e-12);
  }
}

// Also where nodes are beyond their capacity.
TEST(ObjectiveTest, MarginalsEqualFiniteDifferences) {
  for (const double rate : {0.5, 1.0, 3.0}) {
    const OffloadNetwork network = JoinedNetwork(5, rate, {{4, 5}, {3, 3, 3}, {2, 2}});
    const ObjectiveOptions options{0.05, 0.3};
    OffloadPlan plan = RandomPlan(network, 2);
    GoingOn going_on = kGoingOn;
    const Marginals marginals = MarginalsOf(network, plan, going_on, options);
    const auto total = [&] { return Expect(network, plan, going_on, options).total(); };
    const auto slope = [&](double& value) {
      const double kept = value, step = 1e-5;
      double sum = 0;  // Richardson's, of the fourth order
      for (const double times : {1.0, 2.0}) {
        value = kept + times * step;
        const double after = total();
        value = kept - times * step;
        sum += (times == 1 ? 4.0 : -1.0) / 3 * (after - total()) / (2 * times * step);
      }
      value = kept;
      return sum;
    };
    for (size_t stage = 0; stage + 1 < network.stages.size(); ++stage) {
      EXPECT_NEAR(slope(going_on[stage]), marginals.going_on[stage],
                  1e-8 * (1 + std::abs(marginals.going_on[stage])));
      for (size_t i = 0; i < plan[stage].size(); ++i) {
        for (size_t k = 0; k < plan[stage][i].size(); ++k) {
          const double wanted = marginals.share[stage][i][k];
          EXPECT_NEAR(slope(plan[stage][i][k]), wanted, 1e-8 * (1 + std::abs(wanted)))
              << rate << " " << stage;
        }
      }
    }
  }
}

}  // namespace
}  // namespace hat
