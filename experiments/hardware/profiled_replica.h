// How long the pipeline stages of one of a scenario's cloud replicas last, and the link between
// them: what the cloud's profile says, and the scenario's overheads. For a simulator and for a
// testbed, as profiled_device.h.
#pragma once

#include <vector>

#include "core/random.h"
#include "experiments/scenario/scenario.h"
#include "profiles/profile.h"
#include "protocol/observer.h"
#include "world/fifo_link.h"
#include "world/world.h"
#include "world/world_mutex.h"

namespace hat {

// One stage's time for one batch: CloudProfile::Layers at `quantile`.
Seconds StageLatency(const CloudProfile& profile, const Batch& batch,
                     const std::vector<int>& layers_of_classes, double quantile = kMedian);

class ProfiledReplica {
 public:
  // References outlive this. Where activities are threads, stages may ask at once.
  ProfiledReplica(const World& world, const Scenario& scenario, const CloudProfile& profile,
                  int replica);

  // Of a batch that enters the stage: its layers and overheads; where systems return tokens, with
  // the embedding on the first stage and the head on the last. Jitter and drawn overheads come from
  // the streams "cloud jitter" and "stage overhead", keyed by (replica, batch ordinal, stage).
  // Throws InputError outside the profile's grid.
  Seconds Latency(int stage, const Batch& batch);

  // When a batch that leaves a stage now, at `now`, has crossed the server's link: a FIFO, so in
  // the order of the calls.
  Seconds CrossStageLink(Seconds now, const Batch& batch);

 private:
  // What a layer of each class takes for a batch: the same on each of its stages.
  struct LayerTimes {
    int ordinal = -1;  // of the batch
    int tokens = 0;
    std::vector<Seconds> of_classes;
  };
  double Quantile(int stage, const Batch& batch) const;
  Seconds Layers(int stage, const Batch& batch, double quantile);
  Seconds Overhead(int stage, const Batch& batch) const;

  const Scenario& scenario_;
  const CloudProfile& profile_;
  int replica_;
  std::vector<std::vector<int>> layers_;  // by stage, then class
  std::vector<int> classes_;              // that it holds layers of
  RngStream jitter_, overheads_;
  bool has_jitter_;
  // Of the newest batches; none where they are no use: one stage, stages that are threads or draw a
  // quantile each.
  std::vector<LayerTimes> layer_times_;
  WorldMutex link_mutex_;  // of the link
  FifoLink stage_link_;
};

}  // namespace hat
