#include "protocol/session/split_session.h"

#include <utility>

#include "core/error.h"

namespace hat {

bool SplitSession::Run() {
  if (!Prefill()) return false;
  if (remaining_ > 0) OnFirst();
  while (remaining_ > 0) {
    if (!RunRound()) return false;
  }
  return true;
}

bool SplitSession::Prefill() {
  const int prompt = request_.prompt_tokens;
  for (int first = 0; first < prompt;) {
    if (IsToldToStop()) return false;
    const int tokens = NextChunk(first);
    InputCompute::Result input = compute_.input().RunPrompt(first, tokens);
    Report(DeviceOp::kInput, tokens, first, input.span);
    device_.monitor.OnInput(tokens, input.span.end - input.span.start);
    device_.uplink.WaitForRoom(static_cast<SessionId>(request_.id));
    Send(MakeFrame(FrameKind::kPrefill, first, tokens, std::move(input.states)));
    first += tokens;
  }
  OnPromptSent();
  const std::optional<Delivery> answer = AwaitFirst();
  if (!answer) return false;
  const Verifier::First first = compute_.verifier().CommitFirst(answer->frame.states);
  Report(DeviceOp::kHead, 1, 0, first.span);
  Commit(1, first.ends_text);
  return true;
}

// Before the prompt is sent nothing else can have come, unless each part of it is answered.
bool SplitSession::IsToldToStop() {
  if (device_.system.return_all_positions) return inbox_.is_closed() && !Fail(inbox_.end());
  if (!inbox_.WaitUntil(Seconds(0))) return false;
  const int prompt = request_.prompt_tokens;
  return !AwaitAnswer(FrameKind::kFirst, prompt - 1, Just(1)) ||
         !Fail({Outcome::kFailed, "an answer before the prompt was sent"});
}

// With return_all_positions earlier parts come back too, in order; only position L - 1 makes a
// token.
std::optional<Delivery> SplitSession::AwaitFirst() {
  const int prompt = request_.prompt_tokens;
  if (!device_.system.return_all_positions)
    return AwaitAnswer(FrameKind::kFirst, prompt - 1, Just(1));
  for (int next = 0;;) {
    std::optional<Delivery> part = AwaitAnswer(FrameKind::kFirst, next, {1, prompt - next});
    if (!part) return part;
    next += part->frame.header.count;
    if (next == prompt) return part;
  }
}

int SplitSession::NextChunk(int first_position) const {
  ChunkObservation seen;
  seen.prompt_tokens_left = request_.prompt_tokens - first_position;
  seen.state_size = Bytes(static_cast<double>(device_.hidden) * BytesPerValue(device_.dtype));
  seen.stages = device_.stages;
  seen.estimate = device_.monitor.Chunk();
  const int tokens = device_.chunking.NextChunk(seen);
  HAT_CHECK(tokens >= 1 && tokens <= seen.prompt_tokens_left, "a chunking policy left its range");
  return tokens;
}

}  // namespace hat
