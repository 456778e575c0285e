// HAT's drafter on a real model: the input layers, the adapter in place of the middle ones, the
// head. Where the device looks up too, with what followed the text before as evidence.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/session/live_session.h"

namespace hat {

class AdapterDrafter : public LiveChainDrafter {
 public:
  AdapterDrafter(LiveSession& session, int cache_slots);

  std::optional<Span> ReadPrompt(int prompt_tokens) override;
  Step RunStep() override;
  std::optional<Span> RunAheadStep(int branches, const MayGoOn& may_go_on) override;
  std::optional<Ahead> TakeAhead() override;
  void KeepAhead(int steps) override;

  // Of what was drafted ahead the branch stays that starts with the session's newest token.
  void Settle(int first, bool all_kept) override;

 private:
  // One step of all branches. Branch b's token is row b of everything.
  struct AheadStep {
    std::vector<int32_t> tokens;            // that went through
    std::vector<std::vector<Likely>> next;  // the two likeliest after each
    std::vector<float> confidences;         // of the likelier
    std::vector<States> states;             // of the tokens
    at::Tensor logits;                      // [branches, vocabulary]: of what comes after
  };

  at::Tensor DraftLogits(const at::Tensor& shallow, std::vector<int32_t> parents);
  // With the tokens of the steps ahead that the branch has taken.
  std::vector<int32_t> TextOfBranch(size_t branch) const;
  double temperature() const { return session_.model().adapter->draft_temperature(); }
  void ChooseBranches(int branches);
  void StepAhead();
  int KeptBranch(int32_t token) const;  // -1: none starts with the token
  void CutCaches(int first, const std::vector<int32_t>& kept_nodes);

  LiveSession& session_;
  KvCache cache_;
  at::Tensor last_logits_;              // [1, vocabulary]: of the chain's newest proposal
  std::vector<int32_t> branch_tokens_;  // the first of each branch
  std::vector<AheadStep> ahead_;
  int kept_branch_ = -1;  // after a verification
};

}  // namespace hat
