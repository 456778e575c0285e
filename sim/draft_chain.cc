#include "sim/draft_chain.h"

#include <utility>

namespace hat {

float DraftChain::Step() {
  confidences_.push_back(source_->Confidence(request_, token_, steps() + 1));
  return confidences_.back();
}

void DraftChain::StepAhead(int branches) {
  ++ahead_steps_;
  ahead_branches_ = branches;
}

int DraftChain::Rank(int step) const {
  return source_->Rank(request_, token_, step, confidences_.at(static_cast<size_t>(step) - 1));
}

int DraftChain::Accept(int drafted) {
  int accepted = 0;
  while (accepted < drafted && Rank(accepted + 1) == 1) ++accepted;
  const bool came_true =
      ahead_steps_ > 0 && accepted == drafted && Rank(drafted + 1) <= ahead_branches_;
  taken_ahead_ = came_true ? ahead_steps_ : 0;
  ahead_steps_ = 0;
  Advance(accepted + 1);
  return accepted;
}

void DraftChain::Advance(int tokens) {
  token_ += tokens;
  confidences_.clear();
}

std::optional<std::vector<float>> DraftChain::TakeAhead() {
  const int steps = std::exchange(taken_ahead_, 0);
  if (steps == 0) return std::nullopt;
  for (int i = 0; i < steps; ++i) Step();
  return confidences_;
}

void DraftChain::KeepAhead(int steps) { confidences_.resize(static_cast<size_t>(steps)); }

}  // namespace hat
