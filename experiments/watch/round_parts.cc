#include "experiments/watch/round_parts.h"

namespace hat {

const std::array<RoundPartField, kRoundParts>& RoundPartFields() {
  static constexpr std::array<RoundPartField, kRoundParts> kFields = {{
      {"queue", &RoundParts::queue},
      {"draft", &RoundParts::draft},
      {"device_compute", &RoundParts::device_compute},
      {"uplink_wait", &RoundParts::uplink_wait},
      {"upload", &RoundParts::upload},
      {"cloud_wait", &RoundParts::cloud_wait},
      {"cloud_compute", &RoundParts::cloud_compute},
      {"download", &RoundParts::download},
      {"ahead_wait", &RoundParts::ahead_wait},
      {"head", &RoundParts::head},
  }};
  return kFields;
}

Seconds Sum(const RoundParts& parts) {
  Seconds sum;
  for (const RoundPartField& part : RoundPartFields()) sum += parts.*part.field;
  return sum;
}

void RoundPath::Clear() {
  parts_ = RoundParts();
  stays_.clear();
}

void RoundPath::GoTo(Seconds later, Seconds RoundParts::*part) {
  if (later <= at_) return;
  parts_.*part += later - at_;
  at_ = later;
}

// Drafting ahead goes on beside the answer's way: of it only what the answer waits for counts, the
// time until the head is asked for.
void RoundPath::AddOp(const DeviceOpEvent& event) {
  const Span& span = event.span;
  Seconds RoundParts::*part = &RoundParts::draft;
  switch (event.op) {
    case DeviceOp::kDraftAhead:
      return;
    case DeviceOp::kHead:
      GoTo(span.requested, &RoundParts::ahead_wait);
      part = &RoundParts::head;
      break;
    case DeviceOp::kInput:
      part = &RoundParts::device_compute;
      break;
    default:
      break;
  }
  GoTo(span.start, &RoundParts::queue);
  GoTo(span.end, part);
}

void RoundPath::AddFrame(const FrameEvent& event) {
  if (event.header.kind == FrameKind::kClose) return;
  if (event.direction == Direction::kUp) {
    GoTo(event.start, &RoundParts::uplink_wait);
    GoTo(event.arrived, &RoundParts::upload);
    return;
  }
  if (event.header.kind == FrameKind::kRawToken) GoBackIntoCloud();
  PassCloud();
  GoTo(event.sent, &RoundParts::cloud_wait);
  GoTo(event.arrived, &RoundParts::download);
}

void RoundPath::AddStage(const StageEvent& event, const BatchPart& part) {
  stays_.push_back({event.batch->ordinal, part.arrived, event.span.start, event.linked});
}

// A cloud that returns tokens begins a round when it has sent the tokens before, which are not out
// yet: what the two ways down have in common is no time of either's, and the download what this one
// takes longer.
void RoundPath::GoBackIntoCloud() {
  if (stays_.empty() || stays_.front().arrived >= at_) return;
  parts_.download -= at_ - stays_.front().arrived;
  at_ = stays_.front().arrived;
}

// The answer is that of the first batch whose stays are left.
void RoundPath::PassCloud() {
  auto stay = stays_.begin();
  for (; stay != stays_.end() && stay->ordinal == stays_.front().ordinal; ++stay) {
    GoTo(stay->arrived, &RoundParts::upload);
    GoTo(stay->start, &RoundParts::cloud_wait);
    GoTo(stay->linked, &RoundParts::cloud_compute);
  }
  stays_.erase(stays_.begin(), stay);
}

}  // namespace hat
