#include "experiments/laws/request_laws.h"

#include <fmt/format.h>

namespace hat {

RequestLaws::Count& RequestLaws::Of(int request) {
  const auto i = static_cast<size_t>(request);
  if (i >= counts_.size()) counts_.resize(i + 1);
  return counts_[i];
}

void RequestLaws::Conservation(int request, const std::string& what) {
  violations_.Add("conservation", fmt::format("request {} {}", request, what));
}

RequestLaws::Count& RequestLaws::Running(int request, std::string_view what) {
  Count& count = Of(request);
  if (count.state != State::kStarted) {
    Conservation(request,
                 fmt::format("has {} {}", what,
                             count.state >= State::kEnded ? "after its end" : "before its start"));
  }
  return count;
}

void RequestLaws::OnArrival(const Request& request) {
  Count& count = Of(request.id);
  if (count.state != State::kUnseen) Conservation(request.id, "arrives twice");
  count.state = State::kArrived;
  count.wanted = request.output_tokens;
  ++arrived_;
}

void RequestLaws::OnStart(const Request& request, Seconds) {
  Count& count = Of(request.id);
  if (count.state == State::kUnseen) Conservation(request.id, "starts before its arrival");
  if (count.state > State::kArrived) Conservation(request.id, "starts twice");
  count.state = State::kStarted;
}

void RequestLaws::OnDeviceOp(const DeviceOpEvent& event) {
  Count& count = Running(event.request, Name(event.op));
  if (event.op == DeviceOp::kDraft) ++count.draft_steps;
  if (event.op == DeviceOp::kDraftAhead) ++count.ahead_steps;
}

void RequestLaws::OnFrame(const FrameEvent& event) {
  const FrameKind kind = event.header.kind;
  if (kind == FrameKind::kClose || kind == FrameKind::kAbort) return;  // may arrive after the end
  if (Of(event.request).state == State::kFailed) return;  // still on its way when it failed
  Count& count = Running(event.request, "a frame");
  const bool is_up = event.direction == Direction::kUp;
  if (is_up && event.header.kind == FrameKind::kVerify) {
    count.verify_positions = event.header.count;
  }
}

void RequestLaws::OnStage(const StageEvent& event) {
  if (is_split_ || event.stage > 0) return;
  for (const BatchPart& part : event.batch->parts) {
    if (part.kind == FrameKind::kVerify) Of(part.request()).verify_positions = part.tokens;
  }
}

void RequestLaws::OnRound(const RoundEvent& event) {
  // Rounds in the cloud go on until it knows of the failure.
  if (!is_split_ && Of(event.request).state == State::kFailed) return;
  Count& count = Running(event.request, "a round");
  ++count.rounds;
  count.accepted += event.accepted;
  const auto broken = [&](const std::string& what) {
    violations_.Add("tokens",
                    fmt::format("request {}, round {}: {}", event.request, count.rounds, what));
  };
  if (event.accepted < 0 || event.accepted > event.drafted) {
    broken(fmt::format("{} accepted of {} drafted", event.accepted, event.drafted));
  }
  if (event.wasted_steps < 0 || event.wasted_steps > event.ahead_steps) {
    broken(fmt::format("{} wasted of {} ahead steps", event.wasted_steps, event.ahead_steps));
  }
  if (event.drafted + 1 != count.verify_positions) {
    broken(fmt::format("{} drafted, but {} positions verified", event.drafted,
                       count.verify_positions));
  }
  CheckSteps(event, count);
}

void RequestLaws::CheckSteps(const RoundEvent& event, Count& count) {
  const int steps = count.draft_steps + count.kept_steps;
  if (steps > 0 && steps != event.drafted + 1) {
    violations_.Add("tokens", fmt::format("request {}, round {}: {} steps for a draft of {}",
                                          event.request, count.rounds, steps, event.drafted));
  }
  if (event.ahead_steps != count.ahead_steps) {
    violations_.Add("tokens",
                    fmt::format("request {}, round {}: {} ahead steps done, {} told", event.request,
                                count.rounds, count.ahead_steps, event.ahead_steps));
  }
  count.draft_steps = 0;
  count.ahead_steps = 0;
  count.kept_steps = event.ahead_steps - event.wasted_steps;
}

void RequestLaws::OnTokens(int request, int tokens, Seconds) {
  Count& count = Running(request, "tokens");
  if (tokens < 1) {
    violations_.Add("tokens", fmt::format("request {} has {} tokens out", request, tokens));
  }
  count.tokens += tokens;
}

void RequestLaws::OnEnd(int request, Outcome outcome, Seconds) {
  if (outcome != Outcome::kCompleted) return OnFailed(request);
  Count& count = Running(request, "an end");
  count.state = State::kEnded;
  ++completed_;
  const bool may_be_short = ends_at_end_of_text_ && count.tokens < count.wanted;
  if (count.tokens != count.wanted && !may_be_short) {
    violations_.Add("tokens", fmt::format("request {} ends with {} of {} tokens", request,
                                          count.tokens, count.wanted));
  }
  if (has_rounds_ && 1 + count.rounds + count.accepted != count.tokens) {
    violations_.Add("tokens",
                    fmt::format("request {}: 1 + {} rounds + {} accepted is not {} tokens", request,
                                count.rounds, count.accepted, count.tokens));
  }
}

// One may fail before it starts.
void RequestLaws::OnFailed(int request) {
  Count& count = Of(request);
  if (count.state != State::kArrived && count.state != State::kStarted) {
    Conservation(request, "fails while it does not run");
  }
  count.state = State::kFailed;
  ++failed_;
}

void RequestLaws::Finish(bool is_partial) {
  int64_t in_flight = 0;
  for (const Count& count : counts_) {
    in_flight += count.state == State::kArrived || count.state == State::kStarted;
  }
  if (arrived_ != completed_ + failed_ + in_flight) {
    violations_.Add("conservation",
                    fmt::format("{} requests arrived, but {} completed, {} failed, {} in flight",
                                arrived_, completed_, failed_, in_flight));
  }
  if (!is_partial && in_flight > 0) {
    violations_.Add("conservation", fmt::format("{} requests are in flight at the end", in_flight));
  }
}

}  // namespace hat
