// Decisions that rounding may turn: floating-point sums depend on batch shapes and chunk sizes in
// their last bits, so two runs may differ where two candidates lie this close (docs/model.md).
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "protocol/frame.h"
#include "runtime/model/compute.h"

namespace hat {

struct NearTie {
  enum class Decision { kToken, kProposal, kConfidence, kBranch };
  Decision decision = Decision::kToken;
  int output_index = 0;  // of the output token that the decision is about, from 0
  double gap = 0;        // of the logits, relative to the larger; of the confidence, absolute

  bool operator==(const NearTie&) const = default;
};
std::string Name(NearTie::Decision decision);  // "token", "proposal", "confidence", "branch"

class NearTieRule {
 public:
  // Logits within 1e-4 of each other, relative, where compute and wire are fp32 at least; 1e-3 with
  // fp16, 1e-2 with bf16 in either.
  NearTieRule(Dtype compute, Dtype wire, double draft_threshold);

  static double Gap(double best, double next) {
    return (best - next) / std::max(std::abs(best), 1e-30);
  }
  bool IsNear(double best, double next) const { return Gap(best, next) <= tolerance_; }
  bool IsNearThreshold(double confidence) const {
    return std::abs(confidence - draft_threshold_) <= 1e-4;
  }
  double draft_threshold() const { return draft_threshold_; }

 private:
  double tolerance_;
  double draft_threshold_;
};

}  // namespace hat
