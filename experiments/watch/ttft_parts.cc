#include "experiments/watch/ttft_parts.h"

#include <algorithm>

namespace hat {

const std::array<TtftPartField, kTtftParts>& TtftPartFields() {
  static constexpr std::array<TtftPartField, kTtftParts> kFields = {{
      {"queue", &TtftParts::queue},
      {"device_compute", &TtftParts::device_compute},
      {"uplink_wait", &TtftParts::uplink_wait},
      {"upload", &TtftParts::upload},
      {"cloud_wait", &TtftParts::cloud_wait},
      {"cloud_compute", &TtftParts::cloud_compute},
      {"download", &TtftParts::download},
      {"head", &TtftParts::head},
  }};
  return kFields;
}

Seconds Sum(const TtftParts& parts) {
  Seconds sum;
  for (const TtftPartField& part : TtftPartFields()) sum += parts.*part.field;
  return sum;
}

// A point on the way back in time. What lies between it and an earlier one goes to a part.
class TtftPath::Cursor {
 public:
  explicit Cursor(Seconds at) : at_(at) {}

  Seconds at() const { return at_; }
  const TtftParts& parts() const { return parts_; }

  void BackTo(Seconds earlier, Seconds TtftParts::*part) {
    if (earlier >= at_) return;
    parts_.*part += at_ - earlier;
    at_ = earlier;
  }

  // Back to `earlier`; what overlaps with `busy` (disjoint, in order) goes to `inside`.
  void BackThrough(Seconds earlier, const std::vector<Interval>& busy, Seconds TtftParts::*inside,
                   Seconds TtftParts::*outside) {
    for (auto interval = busy.rbegin(); interval != busy.rend(); ++interval) {
      if (interval->end <= earlier) break;
      BackTo(std::max(interval->end, earlier), outside);
      BackTo(std::max(interval->start, earlier), inside);
    }
    BackTo(earlier, outside);
  }

 private:
  Seconds at_;
  TtftParts parts_;
};

void TtftPath::Begin(Seconds arrival) {
  arrival_ = arrival;
  inputs_.clear();
  uploads_.clear();
  earlier_.clear();
  last_.clear();
  has_adapter_ = has_head_ = has_answer_ = false;
}

void TtftPath::AddOp(const DeviceOpEvent& event) {
  if (event.op == DeviceOp::kInput) {
    inputs_.push_back(event.span);
  } else if (event.op == DeviceOp::kAdapter) {
    adapter_ = event.span;
    has_adapter_ = true;
  } else if (event.op == DeviceOp::kHead) {
    head_ = event.span;
    has_head_ = true;
  }
}

void TtftPath::AddFrame(const FrameEvent& event) {
  if (event.direction == Direction::kUp) {
    uploads_.push_back({event.sent, event.start, event.left, event.arrived});
  } else {
    answer_sent_ = event.sent;
    answer_arrived_ = event.arrived;
    has_answer_ = true;
  }
}

void TtftPath::AddStage(const StageEvent& event, const BatchPart& part) {
  if (part.completes_prompt) {
    last_.push_back({event.span, event.linked});
  } else if (event.stage == 0) {
    earlier_.push_back({event.span.start, event.span.end});
  }
}

TtftParts TtftPath::Walk(Seconds first_token) const {
  Cursor cursor(first_token);
  WalkHead(cursor);
  if (has_answer_) {
    WalkAnswer(cursor);
    WalkCloud(cursor);
    WalkUploads(cursor);
  } else {  // device-only
    WalkInputs(cursor);
  }
  cursor.BackTo(arrival_, &TtftParts::queue);
  return cursor.parts();
}

void TtftPath::WalkHead(Cursor& cursor) const {
  if (!has_head_) return;  // the cloud returns tokens
  cursor.BackTo(head_.start, &TtftParts::head);
  cursor.BackTo(head_.requested, &TtftParts::queue);
}

void TtftPath::WalkAnswer(Cursor& cursor) const {
  std::vector<Interval> own_adapter;
  if (has_adapter_) own_adapter.push_back({adapter_.start, adapter_.end});
  cursor.BackThrough(answer_arrived_, own_adapter, &TtftParts::device_compute, &TtftParts::queue);
  cursor.BackTo(answer_sent_, &TtftParts::download);
}

void TtftPath::WalkCloud(Cursor& cursor) const {
  for (auto stage = last_.rbegin(); stage != last_.rend(); ++stage) {
    cursor.BackTo(stage->linked, &TtftParts::cloud_wait);
    cursor.BackTo(stage->span.start, &TtftParts::cloud_compute);
  }
  if (uploads_.empty()) return;
  cursor.BackThrough(uploads_.back().arrived, earlier_, &TtftParts::cloud_compute,
                     &TtftParts::cloud_wait);
}

// A frame that was sent before the session's previous one had left waited for that one: the path
// goes on through it.
void TtftPath::WalkUploads(Cursor& cursor) const {
  if (uploads_.empty()) return;
  size_t i = uploads_.size() - 1;
  cursor.BackTo(uploads_[i].start, &TtftParts::upload);
  while (i > 0 && uploads_[i - 1].left >= uploads_[i].sent) {
    cursor.BackTo(uploads_[i - 1].left, &TtftParts::uplink_wait);
    --i;
    cursor.BackTo(uploads_[i].start, &TtftParts::upload);
  }
  cursor.BackTo(uploads_[i].sent, &TtftParts::uplink_wait);
  WalkInputs(cursor);
}

// Inputs behind the frame that the path came through lie behind the cursor: they take nothing.
void TtftPath::WalkInputs(Cursor& cursor) const {
  for (auto input = inputs_.rbegin(); input != inputs_.rend(); ++input) {
    cursor.BackTo(input->end, has_answer_ ? &TtftParts::uplink_wait : &TtftParts::queue);
    cursor.BackTo(input->start, &TtftParts::device_compute);
    cursor.BackTo(input->requested, &TtftParts::queue);
  }
}

}  // namespace hat
