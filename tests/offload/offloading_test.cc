#include "offload/offloading.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <nlopt.hpp>

#include "tests/offload/networks.h"

namespace hat {
namespace {

double Delay(const OffloadNetwork& network, const OffloadPlan& plan, const GoingOn& going_on) {
  return Expect(network, plan, going_on, {}).delay_s;
}

// One device, two nodes of 3 and 1 tasks/s, equal links: the share at which a task more costs the
// same at both, by bisection.
TEST(OffloadingTest, TwoNodesByHand) {
  OffloadNetwork network;
  network.stages = {{{.rate = 2, .links = {{0, 0.01}, {1, 0.01}}}},
                    {{.capacity = 3, .links = {}}, {.capacity = 1, .links = {}}}};
  double low = 0.5, high = 1;
  for (int i = 0; i < 60; ++i) {
    const double share = (low + high) / 2;
    const bool first_is_dearer =
        NodeCost(2 * share, 3, 0.02).slope > NodeCost(2 - 2 * share, 1, 0.02).slope;
    (first_is_dearer ? high : low) = share;
  }
  const Offloading result = Offload(network, EvenPlan(network), {1, 0}, {});
  EXPECT_NEAR(result.plan[0][0][0], low, 1e-2);
  EXPECT_NEAR(
      Delay(network, result.plan, {1, 0}) / Delay(network, {{{low, 1 - low}}, {{}, {}}}, {1, 0}), 1,
      1e-4);
}

// Equal on the links that are used, not less on others.
TEST(OffloadingTest, InTheEndATaskMoreCostsTheSameOverAllLinksThatAreUsed) {
  const OffloadNetwork network = JoinedNetwork(6, 1, {{4, 5, 2}, {3, 3, 3}, {2, 4}});
  const GoingOn going_on = {1, 0.7, 0.6, 0};
  const Offloading result = Offload(network, EvenPlan(network), going_on, {});
  EXPECT_LT(result.rounds, 500);
  const Marginals marginals = MarginalsOf(network, result.plan, going_on, {});
  for (size_t stage = 0; stage < 3; ++stage) {
    for (size_t i = 0; i < result.plan[stage].size(); ++i) {
      std::vector<double> costs;
      for (const OffloadLink& link : network.stages[stage][i].links) {
        costs.push_back(link.seconds + marginals.node[stage + 1][static_cast<size_t>(link.to)]);
      }
      const double least = std::ranges::min(costs);
      for (size_t k = 0; k < costs.size(); ++k) {
        if (result.plan[stage][i][k] <= 0.05) continue;
        EXPECT_LT(costs[k], 1.02 * least) << stage << " " << i << " " << k;
      }
    }
  }
}

struct Central {
  const OffloadNetwork& network;
  const GoingOn& going_on;
};

// The shares of each node but the last link's, one after the other.
OffloadPlan PlanOf(const OffloadNetwork& network, const std::vector<double>& x) {
  OffloadPlan plan = EvenPlan(network);
  size_t at = 0;
  for (auto& stage : plan) {
    for (auto& shares : stage) {
      double rest = 1;
      for (size_t k = 0; k + 1 < shares.size(); ++k) rest -= shares[k] = x[at++];
      if (!shares.empty()) shares.back() = rest;
    }
  }
  return plan;
}

double CentralCost(const std::vector<double>& x, std::vector<double>& gradient, void* data) {
  const auto& central = *static_cast<Central*>(data);
  const OffloadPlan plan = PlanOf(central.network, x);
  if (!gradient.empty()) {
    const Marginals marginals = MarginalsOf(central.network, plan, central.going_on, {});
    size_t at = 0;
    for (const auto& stage : marginals.share) {
      for (const auto& slopes : stage) {
        for (size_t k = 0; k + 1 < slopes.size(); ++k) gradient[at++] = slopes[k] - slopes.back();
      }
    }
  }
  return Expect(central.network, plan, central.going_on, {}).total();
}

// A solver that sees all (NLopt's SLSQP) finds no plan that is better by a hundredth.
TEST(OffloadingTest, NoCentralPlanIsBetterByAHundredth) {
  const GoingOn going_on = {1, 0.7, 0.6, 0};
  for (const double rate : {0.4, 0.9, 1.3}) {
    const OffloadNetwork network = JoinedNetwork(5, rate, {{4, 3, 2}, {3, 2}, {2, 3}});
    Central central{network, going_on};
    std::vector<double> x;
    for (const auto& stage : EvenPlan(network)) {
      for (const auto& shares : stage) {
        for (size_t k = 0; k + 1 < shares.size(); ++k) x.push_back(shares[k]);
      }
    }
    nlopt::opt solver(nlopt::LD_SLSQP, static_cast<unsigned>(x.size()));
    solver.set_min_objective(CentralCost, &central);
    solver.set_lower_bounds(0);
    solver.set_upper_bounds(1);
    size_t first = 0;
    std::vector<std::pair<size_t, size_t>> nodes;  // what of x is one node's
    for (const auto& stage : EvenPlan(network)) {
      for (const auto& shares : stage) {
        if (shares.size() > 1) nodes.emplace_back(first, first + shares.size() - 1);
        first += shares.empty() ? 0 : shares.size() - 1;
      }
    }
    for (const auto& node : nodes) {
      solver.add_inequality_constraint(
          [](const std::vector<double>& values, std::vector<double>& slopes, void* data) {
            const auto [from, to] = *static_cast<const std::pair<size_t, size_t>*>(data);
            double sum = -1;
            for (size_t i = from; i < to; ++i) sum += values[i];
            if (!slopes.empty()) {
              std::ranges::fill(slopes, 0.0);
              for (size_t i = from; i < to; ++i) slopes[i] = 1;
            }
            return sum;
          },
          const_cast<std::pair<size_t, size_t>*>(&node), 1e-9);
    }
    solver.set_ftol_rel(1e-10);
    solver.set_maxeval(2000);
    double least = 0;
    try {
      solver.optimize(x, least);
    } catch (const nlopt::roundoff_limited&) {  // x and least are what it had got to
    }
    const Offloading result = Offload(network, EvenPlan(network), going_on, {});
    EXPECT_LT(Expect(network, result.plan, going_on, {}).total(), 1.01 * least) << rate;
    EXPECT_GT(Expect(network, result.plan, going_on, {}).total(), (1 - 1e-4) * least) << rate;
  }
}

// Five of six tasks/s could be served: the plan that begins beyond a node's capacity ends within
// all of them.
TEST(OffloadingTest, AnOverloadedStartEndsWithinAllCapacities) {
  OffloadNetwork network = JoinedNetwork(1, 5, {{1, 5}});
  OffloadPlan start = EvenPlan(network);
  start[0][0] = {1, 0};
  const Offloading result = Offload(network, start, {1, 0}, {});
  const NodeValues loads = LoadsOf(network, result.plan, {1, 0});
  EXPECT_LT(loads[1][0], 1);
  EXPECT_LT(loads[1][1], 5);
}

// Costs of 2 and 3 s that grow by 0.5 and 1.5 s with each task/s: half a task/s of the dearer way's
// 5 makes them equal.
TEST(OffloadingTest, OneNodeMovesWhatMakesTwoWaysEqual) {
  const std::vector<WayOn> ways = {{2, 0.5, 4}, {3, 1.5, 5}};
  NodeShares node({0.5, 0.5});
  node.Move(ways, 1);
  EXPECT_NEAR(node.shares()[0], 0.5 + 0.5 * 0.1, 1e-12);
  NodeShares careful({0.5, 0.5});
  careful.Move(ways, 0.5);
  EXPECT_NEAR(careful.shares()[0], 0.5 + 0.5 * 0.05, 1e-12);
  NodeShares one({1.0});
  one.Move(std::vector<WayOn>{{2, 1, 1}}, 1);
  EXPECT_EQ(one.shares()[0], 1);
}

}  // namespace
}  // namespace hat
