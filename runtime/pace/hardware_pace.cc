#include "runtime/pace/hardware_pace.h"

#include <algorithm>
#include <string>

namespace hat {
namespace {

constexpr int kMostInPipeline = 1000;  // batches

}  // namespace

Seconds HardwareDevicePace::Run(const DeviceOperation& operation, Seconds start,
                                const std::function<void()>& work) {
  const Seconds began = ended_ <= start && start - ended_ < at_once_ ? ended_ : start;
  const Seconds pace = hardware_.Latency(operation);  // of the power mode at its start
  work();
  const Seconds worked = world_.Now();
  tally_.Add(std::string(Name(operation.op)), pace, worked - began);
  ended_ = std::max(began + pace, worked);
  return ended_ - start;
}

Seconds HardwareStagePace::Begin(size_t stage, const Batch& batch, Seconds start) {
  const std::lock_guard lock(mutex_);
  if (stages_.size() < stage + 2) stages_.resize(stage + 2);
  Seconds began = std::max(stages_[stage].ended, stages_[stage + 1].began);
  if (stage > 0) {
    const auto left = left_.find(batch.ordinal);
    began = left == left_.end() ? start : std::max(began, left->second);
  }
  if (stage == 0) {
    for (const BatchPart& part : batch.parts) began = std::max(began, part.arrived);
  }
  return stages_[stage].began = std::min(began, start);
}

Seconds HardwareStagePace::Run(int stage, const Batch& batch, Seconds start,
                               const std::function<void()>& work) {
  const auto s = static_cast<size_t>(stage);
  const Seconds began = Begin(s, batch, start);
  const Seconds pace = hardware_.Latency(stage, batch);
  work();
  const Seconds worked = world_.Now();
  tally_.Add("stage " + std::to_string(stage), pace, worked - began);
  const std::lock_guard lock(mutex_);
  const Seconds ended = std::max(began + pace, worked);
  stages_[s].ended = left_[batch.ordinal] = ended;
  left_.erase(left_.begin(), left_.lower_bound(batch.ordinal - kMostInPipeline));
  return ended - start;
}

Seconds HardwareStagePace::CrossStageLink(Seconds now, const Batch& batch) {
  const std::lock_guard lock(mutex_);
  const auto left = left_.find(batch.ordinal);
  const Seconds linked =
      hardware_.CrossStageLink(left == left_.end() ? now : std::min(left->second, now), batch);
  left_[batch.ordinal] = linked;
  return std::max(linked, now);
}

}  // namespace hat
