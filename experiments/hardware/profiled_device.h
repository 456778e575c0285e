// How long the operations of a scenario's device last: what its profile says of the power mode that
// is in force, at the device's speed. A simulator takes it for the time; a testbed that imitates
// the hardware paces real work to it.
#pragma once

#include <atomic>
#include <span>

#include "core/random.h"
#include "experiments/hardware/device_operation.h"
#include "experiments/scenario/scenario.h"
#include "profiles/profile.h"

namespace hat {

// Layers on a device: all of the model's where there is no cloud.
int LayersOnDevice(const Scenario& scenario);

class ProfiledDevice {
 public:
  // `modes`: profiles by power mode, not empty, of which the first is in force. They outlive this.
  ProfiledDevice(const Scenario& scenario, const DeviceClass& device_class,
                 std::span<const DeviceProfile> modes);

  // For operations that start from now on; any thread may.
  void SetPowerMode(int mode) {
    profile_.store(&modes_[static_cast<size_t>(mode)], std::memory_order_relaxed);
  }

  // Of an operation that starts now. Where the scenario has jitter it is drawn from the stream
  // "device jitter", keyed by (request, op, position, ahead or not). Throws InputError outside the
  // profile's grid.
  Seconds Latency(const DeviceOperation& operation) const;

  int max_draft_width() const { return profile().max_draft_width(layers_); }

 private:
  const DeviceProfile& profile() const { return *profile_.load(std::memory_order_relaxed); }

  std::span<const DeviceProfile> modes_;
  std::atomic<const DeviceProfile*> profile_;
  double speed_;
  int layers_;
  bool has_jitter_;
  RngStream jitter_;
};

}  // namespace hat
