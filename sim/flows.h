// Links that contend, as the simulator's own code sees those who play them.
#pragma once

#include <functional>
#include <vector>

#include "core/units.h"
#include "protocol/observer.h"

namespace hat {

// Bandwidths of the links of which devices share some (shared_links.h).
struct SharedPlatform {
  struct DeviceLinks {
    BytesPerSecond up;  // at their highest; > 0
    BytesPerSecond down;
  };
  std::vector<DeviceLinks> devices;
  BytesPerSecond cell, ingress, egress;  // infinite: absent
};

// Transfers over a SharedPlatform: max-min fair shares of every link on the way.
class Flows {
 public:
  virtual ~Flows() = default;

  // Blocks the calling activity while `size` bytes travel as a flow from a device to the cloud, or
  // back. `on_start` is called when the flow has begun.
  virtual void Transfer(Direction direction, int device, Bytes size,
                        const std::function<void()>& on_start = {}) = 0;

  // Changes the bandwidth of a device's link from now on; 0 stops its flow. A flow is bound by the
  // lowest bandwidth on its way when it begins, for as long as it lasts (SimGrid never lifts this
  // bound): so let flows begin at a link's highest rate and lower it in `on_start`.
  virtual void SetBandwidth(Direction direction, int device, BytesPerSecond rate) = 0;
};

}  // namespace hat
