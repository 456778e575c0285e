#include "sim/cloud_compute.h"

#include <algorithm>
#include <ranges>

namespace hat {

Seconds StageLatency(const CloudProfile& profile, const Batch& batch,
                     const std::vector<int>& layers_of_classes, double quantile) {
  const auto sequences = batch.parts | std::views::transform([](const BatchPart& part) {
                           return BatchedSequence{part.tokens, part.first_position};
                         });
  return profile.Layers(layers_of_classes, sequences, quantile);
}

SimCloudCompute::SimCloudCompute(World& world, const Scenario& scenario,
                                 const CloudProfile& profile, int replica)
    : world_(world),
      scenario_(scenario),
      profile_(profile),
      replica_(replica),
      layers_(scenario.LayersOfCloudStages()),
      jitter_(scenario.seed, "cloud jitter"),
      has_jitter_(scenario.fleet.jitter && profile.has_spread()),
      link_mutex_(world),
      stage_link_(scenario.cloud.stage_link_rate, scenario.cloud.stage_link_latency, 1) {}

void SimCloudCompute::RunStage(int stage, Batch& batch) {
  world_.SleepUntil(world_.Now() + Latency(stage, batch));
}

Seconds SimCloudCompute::Latency(int stage, const Batch& batch) const {
  double quantile = kMedian;
  if (has_jitter_) {
    quantile = jitter_
                   .At(static_cast<uint64_t>(replica_), static_cast<uint64_t>(batch.ordinal),
                       static_cast<uint64_t>(stage))
                   .Uniform();
  }
  Seconds latency = StageLatency(profile_, batch, layers_[static_cast<size_t>(stage)], quantile);
  if (scenario_.system.kind == SystemSpec::Kind::kCloudOnly) {
    if (stage == 0) latency += profile_.Embedding(batch.tokens, quantile);
    if (stage + 1 == scenario_.scheduler.stages) {
      const auto yields_token = [](const BatchPart& part) {
        return part.kind == FrameKind::kVerify || part.completes_prompt;
      };
      const auto rows = std::count_if(batch.parts.begin(), batch.parts.end(), yields_token);
      if (rows > 0) latency += profile_.Head(static_cast<int>(rows), quantile);
    }
  }
  return latency;
}

Seconds SimCloudCompute::CrossStageLink(int /*stage*/, const Batch& batch) {
  const double state_bytes =
      static_cast<double>(scenario_.model.hidden) * BytesPerValue(scenario_.wire_dtype);
  const std::lock_guard lock(link_mutex_);
  return stage_link_.Send(world_.Now(), Bytes(batch.tokens * state_bytes)).arrived;
}

}  // namespace hat
