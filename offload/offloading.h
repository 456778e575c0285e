// DTO-EE's offloading, reconstructed: a node knows what a task more a second would cost at each of
// its neighbours in the next stage, and moves its shares to the cheapest until those that it uses
// cost the same. At that point no plan is better: the cost is convex in the flows.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "offload/objective.h"

namespace hat {

// What a node knows of one of its ways on, from the neighbour at its end.
struct WayOn {
  double cost_s = 0;     // of a task more over it: delta_ij = b / R_ij + Delta_j
  double curvature = 0;  // by how much that grows with each task/s there
  double load = 0;       // tasks/s there, of all who send
};

// All that a node of `stage` knows when its neighbours' words are up to date.
std::vector<WayOn> WaysOf(const OffloadNetwork& network, int stage, const OffloadNode& node,
                          const NodeValues& loads, const Marginals& marginals,
                          const ObjectiveOptions& objective);

// The shares of one node. It needs no more than its neighbours' words.
class NodeShares {
 public:
  explicit NodeShares(std::vector<double> shares) : shares_(std::move(shares)) {}

  const std::vector<double>& shares() const { return shares_; }
  // From each way goes share x min(1, step (cost - least) / (load (curvature + the cheapest's))),
  // to the cheapest: with step 1 what would make the two equal if all who send there did the same
  // (Newton's step for the pair).
  void Move(std::span<const WayOn> ways, double step);

 private:
  std::vector<double> shares_;
};

struct OffloadingOptions {
  ObjectiveOptions objective;
  double step = 1;
  int rounds = 500;         // at most
  double tolerance = 1e-3;  // of the gap over the delay
};

struct Offloading {
  OffloadPlan plan;
  int rounds = 0;
  double penalty = 0;  // K in the end
  double gap_s = 0;    // a task: how much dearer the ways taken are than the cheapest ones
};

// All nodes move at once, round after round, on costs that are up to date. The penalty doubles
// every ten rounds while a node is beyond its capacity.
Offloading Offload(const OffloadNetwork& network, OffloadPlan start, const GoingOn& going_on,
                   OffloadingOptions options);

}  // namespace hat
