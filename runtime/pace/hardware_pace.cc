#include "runtime/pace/hardware_pace.h"

#include <string>

namespace hat {

Seconds HardwareDevicePace::Run(const DeviceOperation& operation, Seconds start,
                                const std::function<void()>& work) {
  const Seconds pace = hardware_.Latency(operation);  // of the power mode at its start
  work();
  tally_.Add(std::string(Name(operation.op)), pace, world_.Now() - start);
  return pace;
}

Seconds HardwareStagePace::Run(int stage, const Batch& batch, Seconds start,
                               const std::function<void()>& work) {
  const Seconds pace = hardware_.Latency(stage, batch);
  work();
  tally_.Add("stage " + std::to_string(stage), pace, world_.Now() - start);
  return pace;
}

}  // namespace hat
