// A model in stages, each held by several nodes: tasks arise on the devices (stage 0), go from
// stage to stage over links, and end at an exit or after the last stage. What DTO-EE (arXiv
// 2412.08284) optimises, as far as its abstract says; how it is written down here is a
// reconstruction (docs/siblings/offload.md).
#pragma once

#include <string>
#include <vector>

#include "core/random.h"

namespace hat {

struct OffloadLink {
  int to = 0;          // node of the next stage
  double seconds = 0;  // a task's states take: bytes / rate
};

struct OffloadNode {
  double rate = 0;                 // devices: tasks that arise there, 1/s
  double capacity = 0;             // others: tasks/s of its stage's layers
  std::vector<OffloadLink> links;  // none in the last stage
};

struct OffloadNetwork {
  std::vector<std::vector<OffloadNode>> stages;  // stage 0: the devices

  int last_stage() const { return static_cast<int>(stages.size()) - 1; }
  double TotalRate() const;  // of all devices
};

// Shares of each node's tasks that go over each of its links: [stage][node][link], adding up to 1 a
// node.
using OffloadPlan = std::vector<std::vector<std::vector<double>>>;

// Equal shares.
OffloadPlan EvenPlan(const OffloadNetwork& network);

// Of every stage h the share of the tasks that go on after it, 1 for devices: r_h. The last stage's
// is not asked for.
using GoingOn = std::vector<double>;

// Throws InputError: no stage after the devices, a link that leads nowhere, a node without a way on
// or without a way to it, a capacity or rate that is not positive.
void CheckNetwork(const OffloadNetwork& network);

// How many nodes, what they hold and how they are joined, drawn from ranges.
struct DrawnStage {
  std::string name;
  int nodes = 1;
  double capacity_low = 1, capacity_high = 1;  // tasks/s
};
struct DrawnNetwork {
  int devices = 1;
  double rate_low = 1, rate_high = 1;  // tasks/s of a device
  std::vector<DrawnStage> stages;      // after the devices
  int degree = 3;                      // links of a node: its nearest in the next stage
  double mbps_low = 0, mbps_high = 0;
  double kilobytes = 0;  // of a task's states
};

// Nodes at random places of a square; a link is as fast as its ends are near, between the two
// rates. Every node of a later stage is reached: by its nearest where it is among nobody's nearest.
// `load`: rates are scaled so that with `going_on` the fullest stage is used to this share of its
// capacity; 0: as drawn.
OffloadNetwork DrawNetwork(const DrawnNetwork& drawn, const GoingOn& going_on, double load,
                           RngStream stream);

// The fullest stage's share of its capacity if all tasks could be spread as one likes.
double LoadFactor(const OffloadNetwork& network, const GoingOn& going_on);

}  // namespace hat
