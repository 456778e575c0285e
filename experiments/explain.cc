#include "experiments/explain.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

std::string Positions(int first, int count) {
  if (count == 1) return fmt::format("position {}", first);
  return fmt::format("positions {} to {}", first, first + count - 1);
}

std::string Count(size_t count, const char* what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

std::string OpText(const DeviceOpEvent& event) {
  if (event.op == DeviceOp::kInput) {
    return fmt::format("input, {}", Positions(event.context, event.tokens));
  }
  return fmt::format("{}, {}", Name(event.op), Count(static_cast<size_t>(event.tokens), "token"));
}

std::string FrameText(const FrameEvent& event) {
  return fmt::format("{}, {:.0f} bytes", Positions(event.header.first_position, event.header.count),
                     event.size.value());
}

const BatchPart* PartOf(const Batch& batch, int request) {
  for (const BatchPart& part : batch.parts) {
    if (part.session == static_cast<SessionId>(request)) return &part;
  }
  return nullptr;
}

}  // namespace

void Explain::Add(Seconds from, Seconds to, std::string who, std::string why) {
  if (to > from) lines_.push_back({from, to, std::move(who), std::move(why)});
}

void Explain::OnArrival(const Request& request) {
  last_seen_ = std::max(last_seen_, request.id);
  if (request.id != request_) return;
  life_ = request;
  path_.Begin(request.arrival);
}

void Explain::OnStart(const Request& request, Seconds at) {
  if (request.id == request_)
    Add(request.arrival, at, "queue", "waits for a session of its device");
}

void Explain::OnDeviceOp(const DeviceOpEvent& event) {
  if (event.request != request_) return;
  const Span& span = event.span;
  if (IsBeforeFirstToken()) {
    path_.AddOp(event);
    Add(span.requested, span.start, "queue", fmt::format("waits for the GPU: {}", Name(event.op)));
    Add(span.start, span.end, "device", OpText(event));
  } else if (event.op != DeviceOp::kDraftAhead) {
    current_.gpu_wait += span.start - span.requested;
    (event.op == DeviceOp::kHead ? current_.head : current_.device) += span.end - span.start;
  }
}

void Explain::OnFrame(const FrameEvent& event) {
  if (event.request != request_) return;
  const bool is_up = event.direction == Direction::kUp;
  if (!IsBeforeFirstToken()) {
    if (event.header.kind == FrameKind::kClose) return;
    if (is_up) {
      current_.uplink_wait += event.start - event.sent;
      current_.upload += event.arrived - event.start;
    } else {
      current_.download += event.arrived - event.sent;
      if (passages_.empty()) return;
      current_.cloud_wait += passages_.front().wait;
      current_.cloud += passages_.front().compute;
      passages_.pop_front();
    }
    return;
  }
  path_.AddFrame(event);
  if (is_up && !first_frame_) first_frame_ = event.arrived;
  const char* link = is_up ? "uplink" : "downlink";
  Add(event.sent, event.start, link, "waits behind other frames");
  Add(event.start, event.left, link, FrameText(event));
  Add(event.left, event.arrived, link, "under way");
}

void Explain::OnAdmitted(int request, int replica, Seconds at) {
  if (request != request_ || !first_frame_) return;
  Add(*first_frame_, at, "cloud",
      fmt::format("waits for room in a KV cache (replica {})", replica));
}

void Explain::OnStage(const StageEvent& event) {
  const BatchPart* part = PartOf(*event.batch, request_);
  if (part == nullptr) return;
  if (IsBeforeFirstToken() && part->kind != FrameKind::kVerify) {
    path_.AddStage(event, *part);
    AddStageLines(event, *part);
  } else {
    AddToPassage(event, *part);
  }
}

void Explain::AddStageLines(const StageEvent& event, const BatchPart& part) {
  const Batch& batch = *event.batch;
  const std::string stage = fmt::format("stage {}", event.stage);
  if (event.stage == 0) {
    Add(part.arrived, batch.formed, "cloud",
        fmt::format("{} waits for batch {}", Positions(part.first_position, part.tokens),
                    batch.ordinal));
  }
  Add(event.span.requested, event.span.start, stage,
      fmt::format("batch {} waits in the buffer", batch.ordinal));
  Add(event.span.start, event.span.end, stage,
      fmt::format("{} in batch {}: {} of {}", Positions(part.first_position, part.tokens),
                  batch.ordinal, Count(static_cast<size_t>(batch.tokens), "token"),
                  Count(batch.parts.size(), "request")));
  Add(event.span.end, event.linked, stage,
      fmt::format("batch {} on the stage link", batch.ordinal));
}

void Explain::AddToPassage(const StageEvent& event, const BatchPart& part) {
  if (event.stage == 0) {
    passages_.push_back({event.batch->ordinal, {}, {}, part.arrived});
  }
  const auto is_this = [&](const Passage& p) { return p.ordinal == event.batch->ordinal; };
  const auto passage = std::find_if(passages_.begin(), passages_.end(), is_this);
  if (passage == passages_.end()) return;
  passage->wait += event.span.start - passage->last;
  passage->compute += event.linked - event.span.start;
  passage->last = event.linked;
}

void Explain::OnRound(const RoundEvent& event) {
  if (event.request != request_) return;
  current_.counts = event;
}

void Explain::OnTokens(int request, int count, Seconds at) {
  if (request != request_) return;
  if (!first_token_) {
    first_token_ = at;
    parts_ = path_.Walk(at);
  } else {
    current_.to = at;
    current_.tokens = count;
    rounds_.push_back(current_);
  }
  current_ = Round();
  current_.from = at;
}

void Explain::OnEnd(int request, Outcome outcome, Seconds at) {
  if (request != request_) return;
  ended_ = at;
  outcome_ = outcome;
}

std::string Explain::Text() const {
  if (!has_arrived()) {
    throw InputError(last_seen_ < 0 ? fmt::format("--explain {}: no request arrived", request_)
                                    : fmt::format("--explain {}: the run had requests 0 to {}",
                                                  request_, last_seen_));
  }
  return Head() + Lines() + Rounds() + Tail();
}

std::string Explain::Head() const {
  return fmt::format(
      "Request {} on device {}: {} prompt tokens (prompt row {}), {} output tokens.\n"
      "It arrives at {:.6f} s; all times below are in ms since then.\n",
      life_->id, life_->device, life_->prompt_tokens, life_->prompt_row, life_->output_tokens,
      life_->arrival.value());
}

std::string Explain::Lines() const {
  std::vector<Line> lines = lines_;
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.from < b.from; });
  std::string text =
      fmt::format("\n{:>12} {:>12} {:>10}  {:<9} {}\n", "from", "to", "took", "who", "why");
  for (const Line& line : lines) {
    text += fmt::format("{:>12.3f} {:>12.3f} {:>10.3f}  {:<9} {}\n",
                        ToMilliseconds(line.from - life_->arrival),
                        ToMilliseconds(line.to - life_->arrival),
                        ToMilliseconds(line.to - line.from), line.who, line.why);
  }
  if (!first_token_) return text + "The first token has not come.\n";
  text += fmt::format("\nTTFT {:.3f} ms\n", ToMilliseconds(*first_token_ - life_->arrival));
  for (const TtftPartField& part : TtftPartFields()) {
    text += fmt::format("{:>12.3f}  {}\n", ToMilliseconds(parts_.*part.field), part.name);
  }
  return text;
}

std::string Explain::Rounds() const {
  if (rounds_.empty()) return "";
  std::string text = fmt::format(
      "\n{:>5} {:>12} {:>12} {:>9} {:>6} {:>7} {:>8} {:>5} {:>6} {:>9} {:>9} {:>9} {:>9} {:>9} "
      "{:>9} "
      "{:>9} {:>9}\n",
      "round", "from", "to", "took", "tokens", "drafted", "accepted", "ahead", "wasted", "gpu wait",
      "device", "up wait", "upload", "cl. wait", "cloud", "download", "head");
  int number = 0;
  for (const Round& round : rounds_) {
    const RoundEvent& counts = round.counts;
    text += fmt::format(
        "{:>5} {:>12.3f} {:>12.3f} {:>9.3f} {:>6} {:>7} {:>8} {:>5} {:>6} {:>9.3f} {:>9.3f} "
        "{:>9.3f} "
        "{:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f} {:>9.3f}\n",
        ++number, ToMilliseconds(round.from - life_->arrival),
        ToMilliseconds(round.to - life_->arrival), ToMilliseconds(round.to - round.from),
        round.tokens, counts.drafted, counts.accepted, counts.ahead_steps, counts.wasted_steps,
        ToMilliseconds(round.gpu_wait), ToMilliseconds(round.device),
        ToMilliseconds(round.uplink_wait), ToMilliseconds(round.upload),
        ToMilliseconds(round.cloud_wait), ToMilliseconds(round.cloud),
        ToMilliseconds(round.download), ToMilliseconds(round.head));
  }
  return text;
}

std::string Explain::Tail() const {
  if (!ended_) return "\nIt is still in flight.\n";
  const char* how = outcome_ == Outcome::kCompleted ? "completed" : "failed";
  return fmt::format("\n{:.3f} ms: {}.\n", ToMilliseconds(*ended_ - life_->arrival), how);
}

}  // namespace hat
