// What a radio adds to a link's latency: jitter with a long tail, and moments in which nothing
// arrives (a scan for networks, a handover). Order stays: what comes behind a late frame is as
// late.
#pragma once

#include "core/random.h"
#include "core/units.h"

namespace hat {

class RadioDelay {
 public:
  struct Shape {
    Seconds jitter;  // mean of an exponential distribution, of each frame; 0: none
    Seconds
        stall_every;  // mean time between the end of a stall and the next one, exponential; 0: none
    Seconds stall;    // mean of how long one lasts, exponential
  };

  // `stream`: of one direction of one link. Stalls are the same whatever is sent.
  RadioDelay(const Shape& shape, RngStream stream);

  // When a frame arrives that would arrive at `t`. Frames come in their order. Never before `t`,
  // nor before the frame in front of it.
  Seconds Arrival(Seconds t);

 private:
  void NextStall();

  Shape shape_;
  RngStream jitter_;
  RngStream stalls_;
  Seconds last_;  // arrival
  Seconds stall_begin_ = Seconds::Infinity();
  Seconds stall_end_;  // of the newest that has been drawn
};

}  // namespace hat
