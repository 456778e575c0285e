// Small networks for tests.
#pragma once

#include "offload/network.h"

namespace hat {

// `devices` devices of `rate` each; stages of these capacities, every node joined to all of the
// next stage's, links of slightly different times.
inline OffloadNetwork JoinedNetwork(int devices, double rate,
                                    const std::vector<std::vector<double>>& capacities) {
  OffloadNetwork network;
  network.stages.emplace_back(static_cast<size_t>(devices), OffloadNode{.rate = rate, .links = {}});
  for (const auto& stage : capacities) {
    auto& nodes = network.stages.emplace_back();
    for (const double capacity : stage) nodes.push_back({.capacity = capacity, .links = {}});
  }
  int number = 0;
  for (size_t stage = 0; stage + 1 < network.stages.size(); ++stage) {
    for (OffloadNode& node : network.stages[stage]) {
      for (int to = 0; to < static_cast<int>(network.stages[stage + 1].size()); ++to) {
        node.links.push_back({to, 0.01 * (1 + number++ % 5)});
      }
    }
  }
  return network;
}

}  // namespace hat
