// Where the simulator's drafts come from: what the drafter would say, and whether the target
// agrees. A recorded draft trace, or a calibrated random drafter. Every answer depends on its
// arguments alone, never on the order of asking.
#pragma once

#include <memory>

#include "experiments/scenario/scenario.h"
#include "experiments/scenario/workload.h"
#include "protocol/request.h"

namespace hat {

class DraftSource {
 public:
  virtual ~DraftSource() = default;

  // `token` (from 1) is the output index of the committed token that starts the chain; `step` (from
  // 1) counts proposals.

  // The drafter's probability of its proposal.
  virtual float Confidence(const Request& request, int token, int step) const = 0;

  // The rank of the target's token among the drafter's candidates, given that all proposals before
  // it agreed: 1 = the proposal is right. `confidence`: what Confidence() says of it, which is dear
  // to ask for twice.
  virtual int Rank(const Request& request, int token, int step, float confidence) const = 0;

  // The rank of output token `token` + `head` under Medusa head `head` (from 1).
  virtual int MedusaRank(const Request& request, int token, int head) const = 0;
};

// The scenario's: its draft trace, or the calibrated drafter. Throws InputError (no such trace; it
// does not fit the scenario; an accept length out of reach).
std::unique_ptr<DraftSource> MakeDraftSource(const Scenario& scenario, const Workload& workload);

}  // namespace hat
