#include "offload/objective.h"

#include <algorithm>

namespace hat {

QueueCost NodeCost(double phi, double capacity, double slack) {
  const double m = capacity, edge = (1 - slack) * m, at = std::min(phi, edge), left = m - at;
  const QueueCost inside = {at / m + at * at / (2 * m * left),
                            1 / m + at / (m * left) + at * at / (2 * m * left * left),
                            m / (left * left * left)};
  const double beyond = phi - at;
  return {inside.cost + beyond * (inside.slope + beyond * inside.curvature / 2),
          inside.slope + beyond * inside.curvature, inside.curvature};
}

namespace {

double Beyond(double phi, double capacity, const ObjectiveOptions& options) {
  return std::max(0.0, phi - (1 - options.slack) * capacity);
}

}  // namespace

NodeValues LoadsOf(const OffloadNetwork& network, const OffloadPlan& plan,
                   const GoingOn& going_on) {
  NodeValues loads;
  for (const auto& stage : network.stages) loads.emplace_back(stage.size(), 0.0);
  for (size_t i = 0; i < network.stages[0].size(); ++i) loads[0][i] = network.stages[0][i].rate;
  for (size_t stage = 0; stage + 1 < network.stages.size(); ++stage) {
    for (size_t i = 0; i < network.stages[stage].size(); ++i) {
      const auto& links = network.stages[stage][i].links;
      for (size_t k = 0; k < links.size(); ++k) {
        loads[stage + 1][static_cast<size_t>(links[k].to)] +=
            going_on[stage] * loads[stage][i] * plan[stage][i][k];
      }
    }
  }
  return loads;
}

Expected Expect(const OffloadNetwork& network, const OffloadPlan& plan, const GoingOn& going_on,
                const ObjectiveOptions& options) {
  const NodeValues loads = LoadsOf(network, plan, going_on);
  Expected expected;
  double tasks = 0;  // in the network at a time (Little)
  for (size_t stage = 0; stage < network.stages.size(); ++stage) {
    for (size_t i = 0; i < network.stages[stage].size(); ++i) {
      const OffloadNode& node = network.stages[stage][i];
      if (stage > 0) {
        tasks += NodeCost(loads[stage][i], node.capacity, options.slack).cost;
        const double beyond = Beyond(loads[stage][i], node.capacity, options);
        expected.penalty += options.penalty * beyond * beyond;
      }
      for (size_t k = 0; k < node.links.size(); ++k) {
        tasks += going_on[stage] * loads[stage][i] * plan[stage][i][k] * node.links[k].seconds;
      }
    }
  }
  expected.delay_s = tasks / network.TotalRate();
  return expected;
}

double NodeSlope(double phi, double capacity, double total_rate, const ObjectiveOptions& options) {
  return NodeCost(phi, capacity, options.slack).slope +
         2 * total_rate * options.penalty * Beyond(phi, capacity, options);
}

double NodeCurvature(double phi, double capacity, double total_rate,
                     const ObjectiveOptions& options) {
  const bool is_beyond = Beyond(phi, capacity, options) > 0;
  return NodeCost(phi, capacity, options.slack).curvature +
         (is_beyond ? 2 * total_rate * options.penalty : 0);
}

Marginals MarginalsOf(const OffloadNetwork& network, const OffloadPlan& plan,
                      const GoingOn& going_on, const ObjectiveOptions& options) {
  const NodeValues loads = LoadsOf(network, plan, going_on);
  const double total = network.TotalRate();
  Marginals marginals;
  marginals.total_rate = total;
  for (const auto& stage : network.stages) marginals.node.emplace_back(stage.size(), 0.0);
  marginals.share = plan;
  marginals.going_on.assign(network.stages.size(), 0.0);
  for (int stage = network.last_stage(); stage >= 0; --stage) {
    const auto h = static_cast<size_t>(stage);
    for (size_t i = 0; i < network.stages[h].size(); ++i) {
      const OffloadNode& node = network.stages[h][i];
      double onward = 0;  // of a task that goes on
      for (size_t k = 0; k < node.links.size(); ++k) {
        const double delta =
            node.links[k].seconds + marginals.node[h + 1][static_cast<size_t>(node.links[k].to)];
        marginals.share[h][i][k] = going_on[h] * loads[h][i] * delta / total;
        onward += plan[h][i][k] * delta;
      }
      marginals.going_on[h] += loads[h][i] * onward / total;
      marginals.node[h][i] = node.links.empty() ? 0 : going_on[h] * onward;
      if (stage == 0) continue;
      marginals.node[h][i] += NodeSlope(loads[h][i], node.capacity, total, options);
    }
  }
  return marginals;
}

}  // namespace hat
