// Where the time to the first token went: eight parts, found by walking the critical path of the
// first token backwards from the moment it is out to the request's arrival. Each step back takes
// the time since the last one, so that the parts add up to the TTFT whatever the events were. Which
// interval is which part: docs/model.md.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "core/units.h"
#include "protocol/observer.h"

namespace hat {

struct TtftParts {
  Seconds queue;           // max_sessions and waiting for the device's GPU
  Seconds device_compute;  // input operations; an adapter that the answer had to wait for
  Seconds uplink_wait;     // behind other sessions' frames, and for room in the link's queue
  Seconds upload;          // own frames, with the latency of the last one
  Seconds cloud_wait;      // admission, batching, buffers between stages
  Seconds cloud_compute;   // stages, with the links between them
  Seconds download;        // the answer, with its latency and its wait for the downlink
  Seconds head;
};

inline constexpr int kTtftParts = 8;
struct TtftPartField {
  std::string_view name;  // as in summary.json
  Seconds TtftParts::*field;
};
const std::array<TtftPartField, kTtftParts>& TtftPartFields();  // in the order of a request's life
Seconds Sum(const TtftParts& parts);

// What happened to one request before its first token.
class TtftPath {
 public:
  // Forgets everything, keeps the memory.
  void Begin(Seconds arrival);
  void AddOp(const DeviceOpEvent& event);
  void AddFrame(const FrameEvent& event);
  void AddStage(const StageEvent& event, const BatchPart& part);

  // The parts of the TTFT of a first token that is out at `first_token`. Their sum is first_token -
  // arrival up to rounding (1e-12 relative). Clocks that disagree (live runtime) shorten an
  // interval to 0, never below.
  TtftParts Walk(Seconds first_token) const;

 private:
  class Cursor;
  struct Upload {
    Seconds sent, start, left, arrived;
  };
  struct Interval {
    Seconds start, end;
  };
  struct StageSpan {
    Span span;
    Seconds linked;
  };

  void WalkHead(Cursor& cursor) const;
  void WalkAnswer(Cursor& cursor) const;
  void WalkCloud(Cursor& cursor) const;
  void WalkUploads(Cursor& cursor) const;
  void WalkInputs(Cursor& cursor) const;

  Seconds arrival_;
  std::vector<Span> inputs_;
  std::vector<Upload> uploads_;
  std::vector<Interval> earlier_;  // stage 0 was busy with an earlier part of the prompt
  std::vector<StageSpan> last_;    // a stage: the batch with the last prompt position
  bool has_adapter_ = false, has_head_ = false, has_answer_ = false;
  Span adapter_, head_;
  Seconds answer_sent_, answer_arrived_;
};

}  // namespace hat
