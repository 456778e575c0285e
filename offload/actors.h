// DTO-EE as its nodes run it: each knows its own queue, what its upstream neighbours say they send,
// and what its downstream neighbours say a task more would cost there, as long ago as a message
// takes. All know the total rate of tasks, by which the penalty is weighed.
#pragma once

#include <cstdint>
#include <vector>

#include "offload/offloading.h"

namespace hat {

struct ActorOptions {
  OffloadingOptions offloading;  // rounds: of each node
  double period_s = 0.05;    // between two rounds of a node; nodes begin at different moments of it
  double message_s = 0.005;  // a few numbers, on their way
  uint64_t seed = 1;         // of those moments
};

struct ActorRun {
  OffloadPlan plan;
  int64_t messages = 0;
  double seconds = 0;        // of the network's time, until all have done their rounds
  double within_1pct_s = 0;  // when the plan came to within 1% of where it ended, and stayed
};

// Thresholds stay as they are.
ActorRun RunActors(const OffloadNetwork& network, OffloadPlan start, const GoingOn& going_on,
                   const ActorOptions& options);

}  // namespace hat
