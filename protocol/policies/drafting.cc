#include "protocol/policies/drafting.h"

#include "protocol/policies/policy_table.h"

namespace hat {
namespace {

// HAT: as long as the drafter is sure enough.
class ThresholdDrafting : public DraftingPolicy {
 public:
  explicit ThresholdDrafting(double threshold) : threshold_(threshold) {}
  bool GoesOn(const DraftObservation& seen) const override {
    return Reaches(seen.confidence, threshold_);
  }

 private:
  double threshold_;
};

class FixedDrafting : public DraftingPolicy {
 public:
  explicit FixedDrafting(int length) : length_(length) {}
  bool GoesOn(const DraftObservation& seen) const override { return seen.drafted < length_; }

 private:
  int length_;
};

class ContrarianDrafting : public DraftingPolicy {
 public:
  explicit ContrarianDrafting(double threshold) : threshold_(threshold) {}
  bool GoesOn(const DraftObservation& seen) const override {
    return !Reaches(seen.confidence, threshold_);
  }

 private:
  double threshold_;
};

const std::vector<PolicyRow<DraftingPolicy>>& Table() {
  using Options = PolicyOptions;
  static const std::vector<PolicyRow<DraftingPolicy>> kTable = {
      {"threshold",
       [](const Options& o) { return std::make_unique<ThresholdDrafting>(o.draft_threshold); }},
      {"fixed", [](const Options& o) { return std::make_unique<FixedDrafting>(o.draft_fixed); }},
      {"contrarian",
       [](const Options& o) { return std::make_unique<ContrarianDrafting>(o.draft_threshold); }},
  };
  return kTable;
}

}  // namespace

std::unique_ptr<DraftingPolicy> MakeDraftingPolicy(const std::string& name,
                                                   const PolicyOptions& options) {
  return MakePolicy(Table(), "drafting", name, options);
}

std::vector<std::string> DraftingPolicyNames() { return PolicyNames(Table()); }

DraftSteps StepsUntilStop(const DraftingPolicy& policy, const std::vector<float>& confidences,
                          int max_drafted) {
  for (int step = 0; step < static_cast<int>(confidences.size()); ++step) {
    const bool goes_on =
        step < max_drafted && policy.GoesOn({confidences[static_cast<size_t>(step)], step});
    if (!goes_on) return {step + 1, true};
  }
  return {static_cast<int>(confidences.size()), false};
}

}  // namespace hat
