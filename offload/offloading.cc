#include "offload/offloading.h"

#include <algorithm>
#include <utility>

namespace hat {

std::vector<WayOn> WaysOf(const OffloadNetwork& network, int stage, const OffloadNode& node,
                          const NodeValues& loads, const Marginals& marginals,
                          const ObjectiveOptions& objective) {
  std::vector<WayOn> ways;
  const auto next = static_cast<size_t>(stage) + 1;
  for (const OffloadLink& link : node.links) {
    const auto to = static_cast<size_t>(link.to);
    const double load = loads[next][to];
    ways.push_back(
        {link.seconds + marginals.node[next][to],
         NodeCurvature(load, network.stages[next][to].capacity, marginals.total_rate, objective),
         load});
  }
  return ways;
}

void NodeShares::Move(std::span<const WayOn> ways, double step) {
  if (ways.size() < 2) return;
  const auto cheapest = std::ranges::min_element(ways, {}, &WayOn::cost_s);
  double moved = 0;
  for (size_t k = 0; k < ways.size(); ++k) {
    const double dearer = ways[k].cost_s - cheapest->cost_s;
    const double stiffness = ways[k].load * (ways[k].curvature + cheapest->curvature);
    if (dearer <= 0) continue;
    const double part = shares_[k] * (step * dearer >= stiffness ? 1 : step * dearer / stiffness);
    shares_[k] -= part;
    moved += part;
  }
  shares_[static_cast<size_t>(cheapest - ways.begin())] += moved;
}

namespace {

constexpr int kRoundsBeyond = 10;  // after which the penalty doubles
constexpr double kLargestPenalty = 1e6;

bool IsBeyond(const OffloadNetwork& network, const NodeValues& loads, double slack) {
  for (size_t stage = 1; stage < network.stages.size(); ++stage) {
    for (size_t i = 0; i < network.stages[stage].size(); ++i) {
      if (loads[stage][i] > (1 - slack / 2) * network.stages[stage][i].capacity) return true;
    }
  }
  return false;
}

// By how much dearer than the cheapest way those are that are taken, on average.
double GapOf(std::span<const WayOn> ways, const std::vector<double>& shares) {
  const double least = std::ranges::min_element(ways, {}, &WayOn::cost_s)->cost_s;
  double gap = 0;
  for (size_t k = 0; k < ways.size(); ++k) gap += shares[k] * (ways[k].cost_s - least);
  return gap;
}

std::vector<std::vector<NodeShares>> NodesOf(const OffloadPlan& plan) {
  std::vector<std::vector<NodeShares>> nodes;
  for (const auto& stage : plan) {
    auto& its = nodes.emplace_back();
    for (const auto& shares : stage) its.emplace_back(shares);
  }
  return nodes;
}

}  // namespace

Offloading Offload(const OffloadNetwork& network, OffloadPlan start, const GoingOn& going_on,
                   OffloadingOptions options) {
  ObjectiveOptions& objective = options.objective;
  std::vector<std::vector<NodeShares>> nodes = NodesOf(start);
  Offloading result;
  result.plan = std::move(start);
  while (result.rounds < options.rounds) {
    const NodeValues loads = LoadsOf(network, result.plan, going_on);
    const Marginals marginals = MarginalsOf(network, result.plan, going_on, objective);
    const double delay_s = Expect(network, result.plan, going_on, objective).delay_s;
    double gap = 0;
    for (size_t stage = 0; stage + 1 < nodes.size(); ++stage) {
      for (size_t i = 0; i < nodes[stage].size(); ++i) {
        const std::vector<WayOn> ways =
            WaysOf(network, static_cast<int>(stage), network.stages[stage][i], loads, marginals,
                   objective);
        const double flow = going_on[stage] * loads[stage][i];
        gap += flow * GapOf(ways, result.plan[stage][i]);
        nodes[stage][i].Move(ways, options.step);
        result.plan[stage][i] = nodes[stage][i].shares();
      }
    }
    result.gap_s = gap / marginals.total_rate;
    ++result.rounds;
    const bool is_beyond = IsBeyond(network, loads, objective.slack);
    if (!is_beyond && result.gap_s <= options.tolerance * delay_s) break;
    const bool must_grow = is_beyond && result.rounds % kRoundsBeyond == 0;
    if (must_grow && objective.penalty < kLargestPenalty) objective.penalty *= 2;
  }
  result.penalty = objective.penalty;
  return result;
}

}  // namespace hat
