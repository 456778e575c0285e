// The pace of a scenario's hardware: what a simulated operation would last, real work lasts at
// least. Work that takes longer lasts as long as it takes, and is told to the tally. Free of torch.
#pragma once

#include "experiments/hardware/profiled_device.h"
#include "experiments/hardware/profiled_replica.h"
#include "runtime/pace/pace.h"
#include "runtime/pace/pace_tally.h"
#include "world/world.h"

namespace hat {

class HardwareDevicePace : public DevicePace {
 public:
  // References outlive this. `world`: whose time operations are told in.
  HardwareDevicePace(const World& world, const ProfiledDevice& hardware, PaceTally& tally)
      : world_(world), hardware_(hardware), tally_(tally) {}

  Seconds Run(const DeviceOperation& operation, Seconds start,
              const std::function<void()>& work) override;

 private:
  const World& world_;
  const ProfiledDevice& hardware_;
  PaceTally& tally_;
};

class HardwareStagePace : public StagePace {
 public:
  HardwareStagePace(const World& world, ProfiledReplica& hardware, PaceTally& tally)
      : world_(world), hardware_(hardware), tally_(tally) {}

  Seconds Run(int stage, const Batch& batch, Seconds start,
              const std::function<void()>& work) override;
  Seconds CrossStageLink(Seconds now, const Batch& batch) override {
    return hardware_.CrossStageLink(now, batch);
  }

 private:
  const World& world_;
  ProfiledReplica& hardware_;
  PaceTally& tally_;
};

}  // namespace hat
