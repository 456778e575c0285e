// Who decides where tasks go and where they may exit: DTO-EE, and what it is compared with.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "offload/offloading.h"
#include "offload/play.h"

namespace hat {

struct DecideOptions {
  OffloadingOptions offloading;
  // U = weight x delay / reference - (1 - weight) x accuracy: what thresholds are chosen by. The
  // reference is the delay of the capacity-proportional plan under the fixed thresholds.
  double delay_weight = 0.5;
  double threshold_step = 0.02;
  int rounds_between = 10;       // of offloading, between two moves of the thresholds
  int moves = 100;               // of the thresholds, at most
  double fixed_threshold = 0.8;  // of those who do not choose any
  uint64_t seed = 1;             // of the genetic algorithm
};

// "dto-ee", and as baselines "nearest" (the fastest link), "capacity" (in proportion to the
// neighbours' capacities), "bandwidth" (to the links' rates), "selfish" (each task minds its own
// delay: an equilibrium of the game), "genetic" (plans crossed and varied), "fixed-exits" (dto-ee's
// offloading, fixed thresholds), "no-exits" (the same without exits).
std::vector<std::string> DeciderNames();

// Throws InputError for a name that is none of them.
Decisions Decide(const std::string& name, const OffloadNetwork& network, const ExitTable& table,
                 const DecideOptions& options);

// DTO-EE from where it was: after a change of the network.
Decisions DecideFrom(const Decisions& start, const OffloadNetwork& network, const ExitTable& table,
                     const DecideOptions& options);

}  // namespace hat
