// The mean delay that a plan is expected to have, and its derivatives. Nodes are M/D/1 queues: a
// task waits and is served
//   T(phi) = 1/m + phi / (2 m (m - phi)),  phi < m,
// at arrival rate phi and capacity m (Pollaczek-Khinchine). From (1 - slack) m on phi T(phi) goes
// on as its parabola there, so that an overloaded plan has a delay too, and a penalty K (phi - (1 -
// slack) m)^2 is added (an exterior point).
#pragma once

#include <vector>

#include "offload/network.h"

namespace hat {

struct ObjectiveOptions {
  double slack = 0.02;  // of a node's capacity
  double penalty = 1;   // K
};

// phi T(phi), the mean number of tasks at a node, with its derivatives by phi. Worked number: m =
// 2, phi = 1: T = 0.75, derivative 1/2 + 1/2 + 1/4 = 1.25.
struct QueueCost {
  double cost = 0, slope = 0, curvature = 0;
};
QueueCost NodeCost(double phi, double capacity, double slack);

using NodeValues = std::vector<std::vector<double>>;  // [stage][node]

// Arrival rates at all nodes, by stage from the devices on.
NodeValues LoadsOf(const OffloadNetwork& network, const OffloadPlan& plan, const GoingOn& going_on);

struct Expected {
  double delay_s = 0;  // mean of a task, from where it arises to its exit
  double penalty = 0;
  double total() const { return delay_s + penalty; }
};
Expected Expect(const OffloadNetwork& network, const OffloadPlan& plan, const GoingOn& going_on,
                const ObjectiveOptions& options);

// What a task more a second costs at a node itself, times the total rate: the queue's slope and the
// penalty's.
double NodeSlope(double phi, double capacity, double total_rate, const ObjectiveOptions& options);

// How fast that grows with each task/s.
double NodeCurvature(double phi, double capacity, double total_rate,
                     const ObjectiveOptions& options);

// Derivatives of the total.
struct Marginals {
  // Of a task more a second at a node, times the total rate: Delta. A node learns those of the next
  // stage's nodes from them: Delta_j = cost'(phi_j) + r_h sum_k p_jk (b / R_jk + Delta_k).
  NodeValues node;
  OffloadPlan share;             // by each share: r_h phi_i (b / R_ij + Delta_j) / total rate
  std::vector<double> going_on;  // by r_h; of the last stage 0
  double total_rate = 0;         // of all devices
};
Marginals MarginalsOf(const OffloadNetwork& network, const OffloadPlan& plan,
                      const GoingOn& going_on, const ObjectiveOptions& options);

}  // namespace hat
