// One session's chain in the simulator: what its drafter proposes, and what the target says of it,
// both from a draft source. Counts and confidences; time is its owner's matter.
#pragma once

#include <optional>
#include <vector>

#include "protocol/request.h"
#include "sim/draft_source.h"

namespace hat {

class DraftChain {
 public:
  // `source` may be null where nothing is ever proposed. It must outlive this.
  DraftChain(const DraftSource* source, const Request& request)
      : source_(source), request_(request) {}

  const Request& request() const { return request_; }
  int newest_position() const { return request_.prompt_tokens + token_ - 1; }
  int steps() const { return static_cast<int>(confidences_.size()); }  // that the chain has taken
  int ahead_steps() const { return ahead_steps_; }

  // One more proposal; returns its confidence.
  float Step();
  // One more step of all branches after the last proposal.
  void StepAhead(int branches);

  // The target has seen the first `drafted` proposals: returns how many it keeps. The token that it
  // puts after them is the newest from now on, and starts the next chain.
  int Accept(int drafted);
  // The same of a tree's path: `tokens` are out.
  void Advance(int tokens);

  // After Accept: the confidences of the steps ahead, if they were taken for what came true.
  std::optional<std::vector<float>> TakeAhead();
  void KeepAhead(int steps);  // the first of them

  int MedusaRank(int head) const { return source_->MedusaRank(request_, token_, head); }

 private:
  int Rank(int step) const;

  const DraftSource* source_;
  Request request_;
  int token_ = 1;                   // output index of the newest committed token
  std::vector<float> confidences_;  // of the steps' proposals
  int ahead_steps_ = 0;
  int ahead_branches_ = 0;
  int taken_ahead_ = 0;  // steps that came true, until TakeAhead
};

}  // namespace hat
