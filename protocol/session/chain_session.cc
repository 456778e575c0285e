#include "protocol/session/chain_session.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace hat {

void ChainSession::OnPromptSent() {
  if (!device_.drafting) return;
  const int prompt = request_.prompt_tokens;
  const std::optional<Span> read = compute_.chain_drafter().ReadPrompt(prompt);
  if (read) Report(DeviceOp::kAdapter, prompt, 0, *read);
}

bool ChainSession::PlainRound() {
  InputCompute::Result input = compute_.input().RunChain(1);
  Report(DeviceOp::kInput, 1, newest_position_, input.span);
  Send(MakeFrame(FrameKind::kVerify, newest_position_, 1, std::move(input.states)));
  const auto answer = AwaitAnswer(FrameKind::kVerify, newest_position_, Just(1));
  if (!answer) return false;
  const Verifier::Verified verified = compute_.verifier().Verify(0, answer->frame.states);
  Report(DeviceOp::kHead, 1, 0, verified.span);
  ++newest_position_;
  device_.observer.OnRound({request_.id, 0, 0, 0, 0, device_.world.Now()});
  Commit(1, verified.ends_text);
  return true;
}

bool ChainSession::DraftRound() {
  Draft draft = DraftUntilStop();
  const int proposals = draft.proposals;
  const Seconds sent = device_.world.Now();
  Send(MakeFrame(FrameKind::kVerify, newest_position_, proposals + 1, std::move(draft.states)));
  const bool drafts_ahead = device_.system.draft_ahead && proposals < remaining_ - 1;
  const int ahead_steps = drafts_ahead ? DraftAhead(proposals) : 0;

  const auto answer = AwaitAnswer(FrameKind::kVerify, newest_position_, Just(proposals + 1));
  if (!answer) return false;
  device_.monitor.OnAnswer(answer->arrived - sent);
  const Verifier::Verified verified = compute_.verifier().Verify(proposals, answer->frame.states);
  Report(DeviceOp::kHead, proposals + 1, 0, verified.span);
  HAT_CHECK(verified.accepted >= 0 && verified.accepted <= proposals);
  const int committed = verified.accepted + 1;
  newest_position_ += committed;
  const int kept_steps = KeepAhead(ahead_steps, remaining_ - committed);
  device_.observer.OnRound({request_.id, proposals, verified.accepted, ahead_steps,
                            ahead_steps - kept_steps, device_.world.Now()});
  Commit(committed, verified.ends_text);
  return true;
}

ChainSession::Draft ChainSession::DraftUntilStop() {
  const int most = std::min(device_.system.options.max_draft, remaining_ - 1);
  ChainDrafter& drafter = compute_.chain_drafter();
  Draft draft;
  for (size_t step = 0;; ++step) {
    States states;
    float confidence = 0;
    if (step < ahead_confidences_.size()) {
      confidence = ahead_confidences_[step];
      states = std::move(ahead_states_[step]);
    } else {
      const int context = newest_position_ + draft.proposals;
      ChainDrafter::Step drafted = drafter.RunStep();
      if (drafted.span) {
        Report(DeviceOp::kDraft, 1, context, *drafted.span);
        device_.monitor.OnDraftStep(drafted.span->end - drafted.span->start);
      }
      confidence = drafted.confidence;
      states = std::move(drafted.states);
    }
    draft.states.insert(draft.states.end(), states.begin(), states.end());
    if (draft.proposals >= most || !device_.drafting->GoesOn({confidence, draft.proposals})) break;
    ++draft.proposals;
  }
  ahead_confidences_.clear();
  ahead_states_.clear();
  if (!drafter.computes_states()) {
    InputCompute::Result input = compute_.input().RunChain(draft.proposals + 1);
    Report(DeviceOp::kInput, draft.proposals + 1, newest_position_, input.span);
    draft.states = std::move(input.states);
  }
  return draft;
}

int ChainSession::DraftAhead(int proposals) {
  const PolicyOptions& options = device_.system.options;
  const int most = std::min(device_.monitor.AheadSteps(), options.max_draft + 1);
  const MayGoOn no_answer_yet = [this](Seconds until) { return !inbox_.WaitUntil(until); };
  for (int step = 0; step < most; ++step) {
    const std::optional<Span> span =
        compute_.chain_drafter().RunAheadStep(options.ahead_branches, no_answer_yet);
    if (!span) return step;
    Report(DeviceOp::kDraftAhead, options.ahead_branches, newest_position_ + proposals + 1 + step,
           *span);
  }
  return most;
}

int ChainSession::KeepAhead(int ahead_steps, int remaining) {
  std::optional<ChainDrafter::Ahead> ahead = compute_.chain_drafter().TakeAhead();
  if (!ahead) return 0;
  const int most = std::min(device_.system.options.max_draft, remaining - 1);
  HAT_CHECK(static_cast<int>(ahead->confidences.size()) == ahead_steps);
  const int steps = StepsUntilStop(*device_.drafting, ahead->confidences, most).steps;
  compute_.chain_drafter().KeepAhead(steps);
  ahead_confidences_ = std::move(ahead->confidences);
  ahead_confidences_.resize(static_cast<size_t>(steps));
  ahead_states_ = std::move(ahead->states);
  ahead_states_.resize(static_cast<size_t>(steps));
  return steps;
}

}  // namespace hat
