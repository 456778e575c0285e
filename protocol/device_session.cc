#include "protocol/device_session.h"

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace hat {

void DeviceSession::Serve(const Request& request) {
  request_ = request;
  newest_position_ = request.prompt_tokens;
  remaining_ = request.output_tokens;
  switch (device_.system.kind) {
    case SystemSpec::Kind::kDeviceOnly:
      return ServeOnDevice();
    case SystemSpec::Kind::kCloudOnly:
      return ServeFromCloud();
    case SystemSpec::Kind::kMedusa:
      Prefill();
      while (remaining_ > 0) TreeRound();
      break;
    case SystemSpec::Kind::kSplit:
      Prefill();
      while (remaining_ > 0) device_.drafting ? DraftRound() : PlainRound();
      break;
  }
  device_.uplink.Send(MakeFrame(FrameKind::kClose, newest_position_, 0, {}));
}

void DeviceSession::ServeOnDevice() {
  const int prompt = request_.prompt_tokens;
  Report(DeviceOp::kInput, prompt, 0, compute_.RunInput(0, prompt).span);
  Report(DeviceOp::kHead, 1, 0, compute_.CommitFirst({}));
  Commit(1);
  while (remaining_ > 0) {
    Report(DeviceOp::kInput, 1, newest_position_, compute_.RunNewest().span);
    Report(DeviceOp::kHead, 1, 0, compute_.Verify(0, {}).span);
    ++newest_position_;
    Commit(1);
  }
}

void DeviceSession::ServeFromCloud() {
  device_.uplink.Send(MakeFrame(FrameKind::kRawPrompt, 0, request_.prompt_tokens, {}));
  while (remaining_ > 0) {
    AwaitAnswer(FrameKind::kRawToken);
    Commit(1);
  }
  device_.uplink.Send(MakeFrame(FrameKind::kClose, newest_position_, 0, {}));
}

void DeviceSession::Prefill() {
  const int prompt = request_.prompt_tokens;
  for (int first = 0; first < prompt;) {
    const int tokens = NextChunk(first);
    DeviceCompute::Result input = compute_.RunInput(first, tokens);
    Report(DeviceOp::kInput, tokens, first, input.span);
    device_.monitor.OnInput(tokens, input.span.end - input.span.start);
    device_.uplink.WaitForRoom(static_cast<SessionId>(request_.id));
    device_.uplink.Send(MakeFrame(FrameKind::kPrefill, first, tokens, std::move(input.states)));
    first += tokens;
  }
  if (device_.drafting) Report(DeviceOp::kAdapter, prompt, 0, compute_.RunAdapter(prompt));

  Delivery answer = AwaitAnswer(FrameKind::kFirst);
  // With return_all_positions earlier parts come back too; only position L - 1 makes a token.
  while (answer.frame.header.first_position + answer.frame.header.count < prompt) {
    answer = AwaitAnswer(FrameKind::kFirst);
  }
  Report(DeviceOp::kHead, 1, 0, compute_.CommitFirst(answer.frame.states));
  Commit(1);
  if (device_.system.kind == SystemSpec::Kind::kMedusa && remaining_ > 0) {
    Report(DeviceOp::kMedusa, 1, 0, compute_.RunMedusa());
  }
}

int DeviceSession::NextChunk(int first_position) const {
  ChunkObservation seen;
  seen.prompt_tokens_left = request_.prompt_tokens - first_position;
  seen.state_size = Bytes(static_cast<double>(device_.hidden) * BytesPerValue(device_.dtype));
  seen.stages = device_.stages;
  seen.estimate = device_.monitor.Chunk();
  const int tokens = device_.chunking.NextChunk(seen);
  HAT_CHECK(tokens >= 1 && tokens <= seen.prompt_tokens_left, "a chunking policy left its range");
  return tokens;
}

void DeviceSession::PlainRound() {
  DeviceCompute::Result input = compute_.RunNewest();
  Report(DeviceOp::kInput, 1, newest_position_, input.span);
  device_.uplink.Send(MakeFrame(FrameKind::kVerify, newest_position_, 1, std::move(input.states)));
  const Delivery answer = AwaitAnswer(FrameKind::kVerify);
  Report(DeviceOp::kHead, 1, 0, compute_.Verify(0, answer.frame.states).span);
  ++newest_position_;
  device_.observer.OnRound({request_.id, 0, 0, 0, 0, device_.world.Now()});
  Commit(1);
}

void DeviceSession::DraftRound() {
  Draft draft = DraftUntilStop();
  const int proposals = draft.proposals;
  const Seconds sent = device_.world.Now();
  device_.uplink.Send(
      MakeFrame(FrameKind::kVerify, newest_position_, proposals + 1, std::move(draft.states)));
  const bool drafts_ahead = device_.system.draft_ahead && proposals < remaining_ - 1;
  const int ahead_steps = drafts_ahead ? DraftAhead(proposals) : 0;

  const Delivery answer = AwaitAnswer(FrameKind::kVerify);
  device_.monitor.OnAnswer(answer.arrived - sent);
  DeviceCompute::Verified verified = compute_.Verify(proposals, answer.frame.states);
  Report(DeviceOp::kHead, proposals + 1, 0, verified.span);
  HAT_CHECK(verified.accepted >= 0 && verified.accepted <= proposals);
  newest_position_ += verified.accepted + 1;
  remaining_ -= verified.accepted + 1;
  const int kept_steps = verified.ahead_is_kept ? KeepAhead(verified, ahead_steps) : 0;
  remaining_ += verified.accepted + 1;
  device_.observer.OnRound({request_.id, proposals, verified.accepted, ahead_steps,
                            ahead_steps - kept_steps, device_.world.Now()});
  Commit(verified.accepted + 1);
}

DeviceSession::Draft DeviceSession::DraftUntilStop() {
  const int most = std::min(device_.system.options.max_draft, remaining_ - 1);
  Draft draft;
  for (size_t step = 0;; ++step) {
    States states;
    float confidence = 0;
    if (step < ahead_confidences_.size()) {
      confidence = ahead_confidences_[step];
      states = std::move(ahead_states_[step]);
    } else {
      const int context = newest_position_ + draft.proposals;
      DeviceCompute::DraftStep drafted = compute_.RunDraftStep();
      Report(DeviceOp::kDraft, 1, context, drafted.span);
      device_.monitor.OnDraftStep(drafted.span.end - drafted.span.start);
      confidence = drafted.confidence;
      states = std::move(drafted.states);
    }
    draft.states.insert(draft.states.end(), states.begin(), states.end());
    if (draft.proposals >= most || !device_.drafting->GoesOn({confidence, draft.proposals})) break;
    ++draft.proposals;
  }
  ahead_confidences_.clear();
  ahead_states_.clear();
  return draft;
}

int DeviceSession::DraftAhead(int proposals) {
  const PolicyOptions& options = device_.system.options;
  const int most = std::min(device_.monitor.AheadSteps(), options.max_draft + 1);
  const MayGoOn no_answer_yet = [this](Seconds until) { return !inbox_.WaitUntil(until); };
  for (int step = 0; step < most; ++step) {
    const std::optional<Span> span = compute_.RunAheadStep(options.ahead_branches, no_answer_yet);
    if (!span) return step;
    Report(DeviceOp::kDraftAhead, options.ahead_branches, newest_position_ + proposals + 1 + step,
           *span);
  }
  return most;
}

// With remaining_ already less the tokens that this verification commits.
int DeviceSession::KeepAhead(DeviceCompute::Verified& verified, int ahead_steps) {
  const int most = std::min(device_.system.options.max_draft, remaining_ - 1);
  HAT_CHECK(static_cast<int>(verified.ahead_confidences.size()) == ahead_steps);
  const int steps = StepsUntilStop(*device_.drafting, verified.ahead_confidences, most).steps;
  compute_.KeepAhead(steps);
  ahead_confidences_ = std::move(verified.ahead_confidences);
  ahead_confidences_.resize(static_cast<size_t>(steps));
  ahead_states_ = std::move(verified.ahead_states);
  ahead_states_.resize(static_cast<size_t>(steps));
  return steps;
}

void DeviceSession::TreeRound() {
  const Tree& whole = FindTree(device_.system.options.tree);
  const Tree tree = CutTree(whole, remaining_ - 1);
  DeviceCompute::Result input = compute_.RunTree(tree);
  Report(DeviceOp::kInput, tree.size(), newest_position_, input.span);
  Frame frame =
      MakeFrame(FrameKind::kVerify, newest_position_, tree.size(), std::move(input.states));
  frame.header.flags |= kFlagTree;
  frame.parents = tree.parents;
  frame.kept = std::move(kept_path_);
  frame.header.kept_count = static_cast<int32_t>(frame.kept.size());
  device_.uplink.Send(std::move(frame));

  const Delivery answer = AwaitAnswer(FrameKind::kVerify);
  DeviceCompute::VerifiedTree verified = compute_.VerifyTree(tree, answer.frame.states);
  Report(DeviceOp::kHead, tree.size(), 0, verified.span);
  HAT_CHECK(!verified.path.empty() && verified.path.front() == 0);
  const int committed = static_cast<int>(verified.path.size());
  newest_position_ += committed;
  kept_path_ = std::move(verified.path);
  device_.observer.OnRound(
      {request_.id, tree.size() - 1, committed - 1, 0, 0, device_.world.Now()});
  Commit(committed);
  if (remaining_ > 0) Report(DeviceOp::kMedusa, 1, 0, compute_.RunMedusa());
}

Frame DeviceSession::MakeFrame(FrameKind kind, int first_position, int count, States states) const {
  Frame frame;
  frame.header.session = static_cast<SessionId>(request_.id);
  frame.header.kind = kind;
  frame.header.dtype = device_.dtype;
  frame.header.first_position = first_position;
  frame.header.count = count;
  frame.header.prompt_tokens = request_.prompt_tokens;
  frame.header.output_tokens = request_.output_tokens;
  frame.states = std::move(states);
  return frame;
}

Delivery DeviceSession::AwaitAnswer(FrameKind kind) {
  Delivery answer = inbox_.Pop();
  HAT_CHECK(answer.frame.header.kind == kind);
  return answer;
}

void DeviceSession::Commit(int tokens) {
  remaining_ -= tokens;
  HAT_CHECK(remaining_ >= 0);
  device_.observer.OnTokens(request_.id, tokens, device_.world.Now());
}

void DeviceSession::Report(DeviceOp op, int tokens, int context, const Span& span) {
  device_.observer.OnDeviceOp({request_.id, device_.device, op, tokens, context, span});
}

}  // namespace hat
