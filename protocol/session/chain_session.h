// hat and the systems without drafting (u-shape, u-sarathi): each round verifies a chain, which
// without a drafting policy is the newest token alone.
#pragma once

#include <vector>

#include "protocol/session/split_session.h"

namespace hat {

class ChainSession : public SplitSession {
 public:
  using SplitSession::SplitSession;

 private:
  void OnPromptSent() override;
  bool RunRound() override { return device_.drafting ? DraftRound() : PlainRound(); }
  bool PlainRound();
  bool DraftRound();

  // The steps of a round's draft: those kept from drafting ahead, then new ones, until the policy
  // or a bound stops.
  struct Draft {
    int proposals = 0;  // sent; proposals + 1 states
    States states;
  };
  Draft DraftUntilStop();
  int DraftAhead(int proposals);  // while the answer is on its way; returns the steps done
  // After a verification, `remaining` tokens are still to come. Returns the steps of `ahead_steps`
  // that are kept for the next round.
  int KeepAhead(int ahead_steps, int remaining);

  std::vector<float> ahead_confidences_;  // of steps kept from drafting ahead
  std::vector<States> ahead_states_;
};

}  // namespace hat
