// Drafting policies: after each draft step, whether its proposal is sent and drafting goes on.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/system.h"

namespace hat {

struct DraftObservation {
  float confidence = 0;  // of the newest proposal: the drafter's probability of it
  int drafted = 0;       // proposals accepted into the draft before it
};

// Compared as float32, in which confidences are recorded: 0.7 reaches 0.7, as 0.6 reaches 0.6.
inline bool Reaches(float confidence, double threshold) {
  return confidence >= static_cast<float>(threshold);
}

// Reads nothing but confidences, so that every such policy replays exactly on a draft trace. The
// bound min(max draft, output tokens left - 1) holds whatever the policy says.
class DraftingPolicy {
 public:
  virtual ~DraftingPolicy() = default;
  virtual bool GoesOn(const DraftObservation& observation) const = 0;
};

// threshold (HAT: confidence >= draft_threshold), fixed (always draft_fixed tokens), and contrarian
// (deliberately bad, for tests: keeps just what the threshold rejects). "none" means no drafting
// and has no policy. Throws InputError that lists them.
std::unique_ptr<DraftingPolicy> MakeDraftingPolicy(const std::string& name,
                                                   const PolicyOptions& options);
std::vector<std::string> DraftingPolicyNames();

// How many of the steps with these confidences a draft takes before it stops: the step whose
// proposal is not sent included. At most confidences.size(); then `is_stopped` tells whether the
// last of them stopped it.
struct DraftSteps {
  int steps = 0;
  bool is_stopped = false;
};
DraftSteps StepsUntilStop(const DraftingPolicy& policy, const std::vector<float>& confidences,
                          int max_drafted);

}  // namespace hat
