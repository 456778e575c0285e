// What a device computes at once, as far as its time and the key of its jitter depend on it.
#pragma once

#include "protocol/observer.h"

namespace hat {

struct DeviceOperation {
  int request = 0;
  DeviceOp op = DeviceOp::kInput;
  int tokens = 0;    // as DeviceOpEvent
  int context = 0;   // likewise
  int position = 0;  // of the first state that goes in: the context, but for heads, which have none

  bool operator==(const DeviceOperation&) const = default;
};

}  // namespace hat
