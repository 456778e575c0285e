#include "runtime/session/near_tie.h"

#include "core/error.h"

namespace hat {

std::string Name(NearTie::Decision decision) {
  switch (decision) {
    case NearTie::Decision::kToken:
      return "token";
    case NearTie::Decision::kProposal:
      return "proposal";
    case NearTie::Decision::kConfidence:
      return "confidence";
    case NearTie::Decision::kBranch:
      return "branch";
  }
  HAT_CHECK(false);
}

NearTieRule::NearTieRule(Dtype compute, Dtype wire, double draft_threshold)
    : tolerance_(1e-4), draft_threshold_(draft_threshold) {
  if (compute == Dtype::kFloat16 || wire == Dtype::kFloat16) tolerance_ = 1e-3;
  if (compute == Dtype::kBfloat16 || wire == Dtype::kBfloat16) tolerance_ = 1e-2;
}

}  // namespace hat
