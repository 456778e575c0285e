// Drafting that gets stricter with every proposal: the n-th must be at least the threshold plus a
// twentieth a proposal before it. Worked number: threshold 0.6, two drafted: 0.7.
#pragma once

#include "protocol/policies/drafting.h"

namespace hat {

class RisingDrafting : public DraftingPolicy {
 public:
  explicit RisingDrafting(double threshold) : threshold_(threshold) {}

  bool GoesOn(const DraftObservation& seen) const override {
    return seen.confidence >= threshold_ + 0.05 * seen.drafted;
  }

 private:
  double threshold_;
};

}  // namespace hat
