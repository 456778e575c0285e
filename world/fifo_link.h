// One direction of a link in closed form: frames go in order, one at a time. A frame of `size`
// bytes starts at max(now, link free), its last byte has left at start + size / (rate * efficiency)
// and arrives a latency later. Worked number: 1 MB at 1 MB/s, efficiency 1, latency 10 ms, on an
// idle link: it arrives after 1.010 s.
#pragma once

#include <algorithm>
#include <optional>

#include "core/units.h"
#include "world/radio_delay.h"

namespace hat {

// A rate that changes over time.
class RateCurve {
 public:
  virtual ~RateCurve() = default;
  // When the last of `size` bytes has left if the first leaves at `start`.
  virtual Seconds FinishTime(Seconds start, Bytes size) const = 0;
};

class FifoLink {
 public:
  struct Transit {
    Seconds start;
    Seconds left;
    Seconds arrived;
    bool is_back_to_back = false;  // it waited for the frame before it
  };

  // `curve`, where given, stands in for `rate`; not owned.
  FifoLink(BytesPerSecond rate, Seconds latency, double efficiency,
           const RateCurve* curve = nullptr, std::optional<RadioDelay> radio = {})
      : rate_(rate), latency_(latency), efficiency_(efficiency), curve_(curve), radio_(radio) {}

  Transit Send(Seconds now, Bytes size) {
    Transit transit;
    transit.is_back_to_back = free_ > now;
    transit.start = std::max(now, free_);
    transit.left = LeftAt(transit.start, size);
    transit.arrived = transit.left + latency_;
    if (radio_) transit.arrived = radio_->Arrival(transit.arrived);
    free_ = transit.left;
    return transit;
  }

  // When the last of `size` bytes has left if the first leaves at `start`.
  Seconds LeftAt(Seconds start, Bytes size) const {
    const Bytes on_wire = size / efficiency_;
    return curve_ ? curve_->FinishTime(start, on_wire) : start + on_wire / rate_;
  }

 private:
  BytesPerSecond rate_;
  Seconds latency_;
  double efficiency_;
  const RateCurve* curve_;
  Seconds free_;
  std::optional<RadioDelay> radio_;
};

}  // namespace hat
