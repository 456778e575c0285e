// Where the time after the first token went: ten parts of each round. Its events are met one after
// the other, and each takes the time since the one before, so that the parts add up to what the
// round took, from the tokens before it to its own, whatever the events were. Which interval is
// which part: docs/model.md. Without rounds (cloud-only, device-only) a token is a round of its
// own.
#pragma once

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "core/units.h"
#include "protocol/observer.h"

namespace hat {

struct RoundParts {
  Seconds queue;           // waiting for the device's GPU
  Seconds draft;           // draft steps, Medusa heads
  Seconds device_compute;  // input
  Seconds uplink_wait;     // behind other frames
  Seconds upload;          // with the latency
  Seconds cloud_wait;      // for a batch, and in buffers between the stages
  Seconds cloud_compute;   // stages, with the links between them
  Seconds download;        // the answer, with its latency and its wait for the downlink; of a cloud
                           // that returns tokens what it takes longer than the one before, or < 0
  Seconds ahead_wait;      // from the answer's arrival to the end of the session's own ahead step
  Seconds head;            // which verifies
};

inline constexpr int kRoundParts = 10;
struct RoundPartField {
  std::string_view name;  // as in summary.json
  Seconds RoundParts::*field;
};
const std::array<RoundPartField, kRoundParts>& RoundPartFields();  // in the order of a round
Seconds Sum(const RoundParts& parts);

// What happens to one request after its first token, round by round.
class RoundPath {
 public:
  // Forgets everything, keeps the memory.
  void Clear();
  // The first token is out. Only AddStage may come before: a cloud that returns tokens goes on at
  // once.
  void Begin(Seconds first_token) { at_ = first_token; }
  void AddOp(const DeviceOpEvent& event);
  void AddFrame(const FrameEvent& event);
  void AddStage(const StageEvent& event, const BatchPart& part);  // a verification, or a raw token

  // The tokens of a round are out.
  void Reach(Seconds tokens_out) { GoTo(tokens_out, &RoundParts::head); }
  // The parts of the time since Begin() or the last Take(), up to Reach(). Their sum is that time
  // up to rounding. Clocks that disagree (live runtime) shorten an interval to 0, never below.
  RoundParts Take() { return std::exchange(parts_, RoundParts()); }

 private:
  // A batch with this request on a stage; its answer has not come yet.
  struct Stay {
    int ordinal;      // the batch's
    Seconds arrived;  // in the cloud
    Seconds start, linked;
  };

  // What lies between here and `later` goes to a part.
  void GoTo(Seconds later, Seconds RoundParts::*part);
  void GoBackIntoCloud();
  void PassCloud();

  Seconds at_;
  RoundParts parts_;
  std::vector<Stay> stays_;
};

}  // namespace hat
