#include "protocol/policies/batching.h"

#include <algorithm>

#include "protocol/policies/policy_table.h"

namespace hat {
namespace {

class SplitCut : public PrefillCut {
 public:
  int TokensToTake(int tokens_left, int budget_left) const override {
    return std::min(tokens_left, budget_left);
  }
  bool MergesParts() const override { return true; }
};

class FixedCut : public PrefillCut {
 public:
  explicit FixedCut(int tokens) : tokens_(tokens) {}
  int TokensToTake(int tokens_left, int budget_left) const override {
    return std::min({tokens_left, budget_left, tokens_});
  }

 private:
  int tokens_;
};

class WholeCut : public PrefillCut {
 public:
  int TokensToTake(int tokens_left, int /*budget_left*/) const override { return tokens_left; }
};

const std::vector<PolicyRow<PrefillCut>>& Table() {
  using Options = PolicyOptions;
  static const std::vector<PolicyRow<PrefillCut>> kTable = {
      {"split", [](const Options&) { return std::make_unique<SplitCut>(); }},
      {"fixed", [](const Options& o) { return std::make_unique<FixedCut>(o.cut_tokens); }},
      {"whole", [](const Options&) { return std::make_unique<WholeCut>(); }},
      {"trickle", [](const Options&) { return std::make_unique<FixedCut>(1); }},
  };
  return kTable;
}

}  // namespace

std::unique_ptr<PrefillCut> MakePrefillCut(const std::string& name, const PolicyOptions& options) {
  return MakePolicy(Table(), "prefill cut", name, options);
}

std::vector<std::string> PrefillCutNames() { return PolicyNames(Table()); }

}  // namespace hat
