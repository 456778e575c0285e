// The CloudCompute port in the simulator: one replica's pipeline, latencies from the cloud's
// profile.
#pragma once

#include <vector>

#include "core/random.h"
#include "experiments/scenario/scenario.h"
#include "profiles/profile.h"
#include "protocol/ports.h"
#include "world/fifo_link.h"
#include "world/world_mutex.h"

namespace hat {

// One stage's time for one batch: CloudProfile::Layers at `quantile`.
Seconds StageLatency(const CloudProfile& profile, const Batch& batch,
                     const std::vector<int>& layers_of_classes, double quantile = kMedian);

class SimCloudCompute : public CloudCompute {
 public:
  SimCloudCompute(World& world, const Scenario& scenario, const CloudProfile& profile, int replica);

  void RunStage(int stage, Batch& batch) override;
  void Forget(const SessionKey&) override {}
  Seconds CrossStageLink(int stage, const Batch& batch) override;

 protected:
  virtual Seconds Latency(int stage, const Batch& batch);
  Seconds Overhead(int stage, const Batch& batch) const;
  double Quantile(int stage, const Batch& batch) const;

 private:
  // What a layer of each class takes for a batch: the same on each of its stages.
  struct LayerTimes {
    int ordinal = -1;  // of the batch
    int tokens = 0;
    std::vector<Seconds> of_classes;
  };
  Seconds Layers(int stage, const Batch& batch, double quantile);

  World& world_;
  const Scenario& scenario_;
  const CloudProfile& profile_;
  int replica_;
  std::vector<std::vector<int>> layers_;  // by stage, then class
  std::vector<int> classes_;              // that it holds layers of
  // Both keyed by (replica, batch ordinal, stage).
  RngStream jitter_, overheads_;
  bool has_jitter_;
  // Of the newest batches; none where they are no use: one stage, stages that are threads or draw a
  // quantile each.
  std::vector<LayerTimes> layer_times_;
  WorldMutex link_mutex_;  // of the link
  FifoLink stage_link_;
};

}  // namespace hat
