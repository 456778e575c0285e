#include "runtime/session/adapter_drafter.h"

#include <algorithm>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"
#include "runtime/session/lookup_drafter.h"

namespace hat {

AdapterDrafter::AdapterDrafter(LiveSession& session, int cache_slots)
    : session_(session), cache_(session.model().adapter->MakeCache(cache_slots)) {}

at::Tensor AdapterDrafter::DraftLogits(const at::Tensor& shallow, std::vector<int32_t> parents) {
  const SequencePart part{&cache_, static_cast<int>(shallow.size(0)), std::move(parents)};
  return session_.model().head.Logits(session_.model().adapter->Forward(shallow, {&part, 1}));
}

std::optional<Span> AdapterDrafter::ReadPrompt(int prompt_tokens) {
  return session_.RunAt(DeviceOp::kAdapter, prompt_tokens, 0, [&] {
    const SequencePart part{&cache_, prompt_tokens, {}};
    session_.model().adapter->Forward(at::cat(session_.prompt_states), {&part, 1});
    session_.prompt_states.clear();
  });
}

ChainDrafter::Step AdapterDrafter::RunStep() {
  Step step;
  const int steps = static_cast<int>(session_.chain.size()) - 1;
  step.span = session_.RunAt(DeviceOp::kDraft, 1, session_.newest_position() + steps, [&] {
    const at::Tensor shallow = session_.Shallow({&session_.chain.back(), 1}, {});  // [1, hidden]
    step.states = session_.Encode(shallow);
    last_logits_ = LogitsOnHost(DraftLogits(shallow, {}));
    if (session_.model().looks_up) AddEvidence(last_logits_[0], session_.Text(), temperature());
    step.confidence = Confidences(last_logits_, temperature())[0];
    const std::vector<Likely> best = LikeliestOf(last_logits_, 2)[0];
    const int output_index = session_.output_size() + static_cast<int>(session_.chain.size()) - 1;
    session_.Note(NearTie::Decision::kProposal, output_index, best);
    session_.NoteConfidence(output_index, step.confidence);
    session_.chain.push_back(best[0].token);
  });
  return step;
}

std::optional<Span> AdapterDrafter::RunAheadStep(int branches, const MayGoOn& may_go_on) {
  const int position = session_.newest_position() + static_cast<int>(session_.chain.size()) - 1 +
                       static_cast<int>(ahead_.size());
  // At the end of the model's context there is nothing to draft ahead.
  if (position >= session_.model().max_positions) return std::nullopt;
  if (!session_.gpu().WaitUntilIdle(may_go_on)) return std::nullopt;
  return session_.RunAt(DeviceOp::kDraftAhead, branches, position, [&] {
    if (ahead_.empty()) ChooseBranches(branches);
    StepAhead();
  });
}

// The likeliest tokens in place of the chain's unsent last proposal, which is the first of them.
void AdapterDrafter::ChooseBranches(int branches) {
  const std::vector<Likely> best = LikeliestOf(last_logits_, branches + 1)[0];
  const int count = std::min(branches, static_cast<int>(last_logits_.size(1)));
  if (static_cast<int>(best.size()) > count) {
    session_.Note(NearTie::Decision::kBranch,
                  session_.output_size() + static_cast<int>(session_.chain.size()) - 2, best);
  }
  branch_tokens_.clear();
  for (int branch = 0; branch < count; ++branch) {
    branch_tokens_.push_back(best[static_cast<size_t>(branch)].token);
  }
}

std::vector<int32_t> AdapterDrafter::TextOfBranch(size_t branch) const {
  std::vector<int32_t> text = session_.Text();
  text.pop_back();  // the unsent proposal, in whose place branches begin
  for (const AheadStep& step : ahead_) text.push_back(step.tokens[branch]);
  return text;
}

void AdapterDrafter::StepAhead() {
  const auto count = static_cast<int>(branch_tokens_.size());
  AheadStep step;
  std::vector<int32_t> parents;
  const int size = session_.input_cache.size();
  for (int branch = 0; branch < count; ++branch) {
    parents.push_back(ahead_.empty() ? size - 1 : size - count + branch);
    step.tokens.push_back(ahead_.empty()
                              ? branch_tokens_[static_cast<size_t>(branch)]
                              : ahead_.back().next[static_cast<size_t>(branch)][0].token);
  }
  const at::Tensor shallow = session_.Shallow(step.tokens, parents);  // [branches, hidden]
  step.logits = LogitsOnHost(DraftLogits(shallow, parents));
  for (int branch = 0; session_.model().looks_up && branch < count; ++branch) {
    std::vector<int32_t> text = TextOfBranch(static_cast<size_t>(branch));
    text.push_back(step.tokens[static_cast<size_t>(branch)]);
    AddEvidence(step.logits[branch], text, temperature());
  }
  step.confidences = Confidences(step.logits, temperature());
  step.next = LikeliestOf(step.logits, 2);
  for (int branch = 0; branch < count; ++branch) {
    step.states.push_back(session_.Encode(shallow.narrow(0, branch, 1)));
  }
  ahead_.push_back(std::move(step));
}

int AdapterDrafter::KeptBranch(int32_t token) const {
  if (ahead_.empty()) return -1;
  const auto found = std::ranges::find(branch_tokens_, token);
  return found == branch_tokens_.end() ? -1 : static_cast<int>(found - branch_tokens_.begin());
}

// Keeps the first `first` slots and the path of `kept_nodes`, counted from `first`.
void AdapterDrafter::CutCaches(int first, const std::vector<int32_t>& kept_nodes) {
  session_.input_cache.Keep(first, kept_nodes);
  cache_.Keep(first, kept_nodes);
}

void AdapterDrafter::Settle(int first, bool all_kept) {
  kept_branch_ = all_kept ? KeptBranch(session_.chain[0]) : -1;
  std::vector<int32_t> nodes;
  for (size_t step = 0; kept_branch_ >= 0 && step < ahead_.size(); ++step) {
    nodes.push_back(static_cast<int32_t>(step * branch_tokens_.size()) + kept_branch_);
  }
  CutCaches(first, nodes);
  if (kept_branch_ < 0) ahead_.clear();
}

std::optional<ChainDrafter::Ahead> AdapterDrafter::TakeAhead() {
  if (kept_branch_ < 0) return std::nullopt;
  Ahead ahead;
  for (const AheadStep& step : ahead_) {
    ahead.confidences.push_back(step.confidences[static_cast<size_t>(kept_branch_)]);
    ahead.states.push_back(step.states[static_cast<size_t>(kept_branch_)]);
  }
  return ahead;
}

void AdapterDrafter::KeepAhead(int steps) {
  HAT_CHECK(kept_branch_ >= 0 && steps >= 1 && steps <= static_cast<int>(ahead_.size()));
  const auto branch = static_cast<size_t>(kept_branch_);
  for (int i = 0; i < steps; ++i) {
    const AheadStep& step = ahead_[static_cast<size_t>(i)];
    session_.Note(NearTie::Decision::kProposal, session_.output_size() + i, step.next[branch]);
    session_.NoteConfidence(session_.output_size() + i, step.confidences[branch]);
    session_.chain.push_back(step.next[branch][0].token);
  }
  last_logits_ = ahead_[static_cast<size_t>(steps) - 1].logits.narrow(0, kept_branch_, 1);
  CutCaches(session_.newest_position() + steps, {});
  ahead_.clear();
  kept_branch_ = -1;
}

}  // namespace hat
