// Batching policies: how a prefill frame is cut to fit into the cloud's next batch.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "protocol/system.h"

namespace hat {

class PrefillCut {
 public:
  virtual ~PrefillCut() = default;
  // How many of the frame's `tokens_left` enter a batch with `budget_left` (> 0) new tokens to go.
  // In 1..tokens_left.
  virtual int TokensToTake(int tokens_left, int budget_left) const = 0;
  // Whether parts of one session may share a batch.
  virtual bool MergesParts() const { return false; }
};

// split (HAT: cut to what is left of the budget), fixed (u-sarathi: at most cut_tokens per session
// and batch), whole (u-shape, u-medusa: taken whole, even beyond the budget), and trickle
// (deliberately bad, for tests: a token a batch). Throws InputError that lists them.
std::unique_ptr<PrefillCut> MakePrefillCut(const std::string& name, const PolicyOptions& options);
std::vector<std::string> PrefillCutNames();

}  // namespace hat
