// The CloudCompute port in the simulator: one replica's pipeline, latencies from the cloud's
// profile.
#pragma once

#include "experiments/hardware/profiled_replica.h"
#include "protocol/ports.h"

namespace hat {

class SimCloudCompute : public CloudCompute {
 public:
  SimCloudCompute(World& world, const Scenario& scenario, const CloudProfile& profile, int replica)
      : world_(world), hardware_(world, scenario, profile, replica) {}

  void RunStage(int stage, Batch& batch) override {
    world_.SleepUntil(world_.Now() + Latency(stage, batch));
  }
  void Forget(const SessionKey&) override {}
  Seconds CrossStageLink(int /*stage*/, const Batch& batch) override {
    return hardware_.CrossStageLink(world_.Now(), batch);
  }

 protected:
  virtual Seconds Latency(int stage, const Batch& batch) { return hardware_.Latency(stage, batch); }

 private:
  World& world_;
  ProfiledReplica hardware_;
};

}  // namespace hat
