// One direction of a link in closed form: frames go in order, one at a time. A frame of `size`
// bytes starts at max(now, link free), its last byte has left at start + size / (rate * efficiency)
// and arrives a latency later. Worked number: 1 MB at 1 MB/s, efficiency 1, latency 10 ms, on an
// idle link: it arrives after 1.010 s.
#pragma once

#include <algorithm>
#include <optional>

#include "core/units.h"
#include "world/radio_delay.h"
#include "world/tcp_window.h"

namespace hat {

// A rate that changes over time.
class RateCurve {
 public:
  virtual ~RateCurve() = default;
  // When the last of `size` bytes has left if the first leaves at `start`.
  virtual Seconds FinishTime(Seconds start, Bytes size) const = 0;
};

// What a link may have beside a constant rate.
struct LinkEffects {
  const RateCurve* curve = nullptr;  // stands in for the rate; not owned
  std::optional<RadioDelay> radio = {};
  std::optional<TcpWindow> window = {};  // of bytes on the wire
};

class FifoLink {
 public:
  struct Transit {
    Seconds start;
    Seconds left;
    Seconds arrived;
    bool is_back_to_back = false;  // it waited for the frame before it
  };

  FifoLink(BytesPerSecond rate, Seconds latency, double efficiency, const LinkEffects& effects = {})
      : rate_(rate),
        latency_(latency),
        efficiency_(efficiency),
        curve_(effects.curve),
        radio_(effects.radio),
        window_(effects.window) {}

  Transit Send(Seconds now, Bytes size) {
    Transit transit;
    transit.is_back_to_back = free_ > now;
    transit.start = start_ = std::max(now, free_);
    before_ = window_;
    transit.left = LeftAt(window_, size);
    transit.arrived = transit.left + latency_;
    if (radio_) transit.arrived = radio_->Arrival(transit.arrived);
    free_ = transit.left;
    return transit;
  }

  // When the first `size` bytes of the newest frame have left.
  Seconds LeftAt(Bytes size) const {
    std::optional<TcpWindow> window = before_;
    return LeftAt(window, size);
  }

 private:
  Seconds LeftAt(std::optional<TcpWindow>& window, Bytes size) const {
    const Bytes on_wire = size / efficiency_;
    if (!window) return Passed(start_, on_wire);
    return window->Send(start_, on_wire, [this](Seconds t, Bytes part) { return Passed(t, part); });
  }

  // When the last of so many bytes on the wire has left a line that is free, the first at `start`.
  Seconds Passed(Seconds start, Bytes on_wire) const {
    return curve_ ? curve_->FinishTime(start, on_wire) : start + on_wire / rate_;
  }

  BytesPerSecond rate_;
  Seconds latency_;
  double efficiency_;
  const RateCurve* curve_;
  Seconds free_;
  std::optional<RadioDelay> radio_;
  std::optional<TcpWindow> window_;
  // Of the newest frame: when its first byte leaves, and the window that it finds.
  Seconds start_;
  std::optional<TcpWindow> before_;
};

}  // namespace hat
