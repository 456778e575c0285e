#include "experiments/hardware/profiled_replica.h"

#include <algorithm>
#include <mutex>
#include <ranges>
#include <utility>

namespace hat {
namespace {

auto SequencesOf(const Batch& batch) {
  return batch.parts | std::views::transform([](const BatchPart& part) {
           return BatchedSequence{part.tokens, part.first_position};
         });
}

// Those that some stage has layers of.
std::vector<int> ClassesOf(const std::vector<std::vector<int>>& layers_of_stages) {
  std::vector<int> classes;
  for (size_t c = 0; c < layers_of_stages.front().size(); ++c) {
    const auto has = [c](const std::vector<int>& layers) { return layers[c] > 0; };
    if (std::ranges::any_of(layers_of_stages, has)) classes.push_back(static_cast<int>(c));
  }
  return classes;
}

}  // namespace

Seconds StageLatency(const CloudProfile& profile, const Batch& batch,
                     const std::vector<int>& layers_of_classes, double quantile) {
  return profile.Layers(layers_of_classes, SequencesOf(batch), quantile);
}

ProfiledReplica::ProfiledReplica(const World& world, const Scenario& scenario,
                                 const CloudProfile& profile, int replica)
    : scenario_(scenario),
      profile_(profile),
      replica_(replica),
      layers_(scenario.LayersOfCloudStages()),
      classes_(ClassesOf(layers_)),
      jitter_(scenario.seed, "cloud jitter"),
      overheads_(scenario.seed, "stage overhead"),
      has_jitter_(scenario.fleet.jitter && profile.has_spread()),
      layer_times_(world.is_concurrent() || has_jitter_ || scenario.scheduler.stages == 1
                       ? 0
                       : 2 * static_cast<size_t>(scenario.scheduler.stages)),
      link_mutex_(world),
      stage_link_(scenario.cloud.stage_link_rate, scenario.cloud.stage_link_latency, 1) {}

double ProfiledReplica::Quantile(int stage, const Batch& batch) const {
  if (!has_jitter_) return kMedian;
  return jitter_
      .At(static_cast<uint64_t>(replica_), static_cast<uint64_t>(batch.ordinal),
          static_cast<uint64_t>(stage))
      .Uniform();
}

Seconds ProfiledReplica::Layers(int stage, const Batch& batch, double quantile) {
  const std::vector<int>& layers = layers_[static_cast<size_t>(stage)];
  if (layer_times_.empty()) return StageLatency(profile_, batch, layers, quantile);
  LayerTimes& times = layer_times_[static_cast<size_t>(batch.ordinal) % layer_times_.size()];
  if (times.ordinal != batch.ordinal || times.tokens != batch.tokens) {
    times = {batch.ordinal, batch.tokens, std::move(times.of_classes)};
    times.of_classes.resize(layers.size());
    for (const int c : classes_) {
      times.of_classes[static_cast<size_t>(c)] = profile_.Layer(SequencesOf(batch), kMedian, c);
    }
  }
  return SumOfLayers(layers, [&](int c) { return times.of_classes[static_cast<size_t>(c)]; });
}

Seconds ProfiledReplica::Overhead(int stage, const Batch& batch) const {
  const CloudHardware& cloud = scenario_.cloud;
  const Seconds of_tokens = cloud.stage_overhead_per_token * batch.tokens;
  if (!cloud.is_overhead_drawn) return cloud.stage_overhead + of_tokens;
  RngStream own = overheads_.At(static_cast<uint64_t>(replica_),
                                static_cast<uint64_t>(batch.ordinal), static_cast<uint64_t>(stage));
  return Seconds(own.Exponential(cloud.stage_overhead.value())) + of_tokens;
}

Seconds ProfiledReplica::Latency(int stage, const Batch& batch) {
  const double quantile = Quantile(stage, batch);
  Seconds latency = Layers(stage, batch, quantile) + Overhead(stage, batch);
  if (scenario_.system.returns_tokens) {
    if (stage == 0) latency += profile_.Embedding(batch.tokens, quantile);
    if (stage + 1 == scenario_.scheduler.stages) {
      int rows = 0;  // that yield a token, or verify one
      for (const BatchPart& part : batch.parts) {
        rows += part.kind == FrameKind::kVerify ? part.tokens : part.completes_prompt;
      }
      if (rows > 0) latency += profile_.Head(rows, quantile);
    }
  }
  return latency;
}

Seconds ProfiledReplica::CrossStageLink(Seconds now, const Batch& batch) {
  const double state_bytes =
      static_cast<double>(scenario_.model.hidden) * BytesPerValue(scenario_.wire_dtype);
  const std::lock_guard lock(link_mutex_);
  return stage_link_.Send(now, Bytes(batch.tokens * state_bytes)).arrived;
}

}  // namespace hat
