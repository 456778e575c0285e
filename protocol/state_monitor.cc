#include "protocol/state_monitor.h"

#include <algorithm>
#include <cmath>

namespace hat {

void DeviceMonitor::OnInput(int tokens, Seconds duration) {
  const std::lock_guard lock(mutex_);
  input_.Add(tokens, duration);
}

void DeviceMonitor::OnDraftStep(Seconds duration) {
  const std::lock_guard lock(mutex_);
  draft_step_.Add(duration.value());
}

void DeviceMonitor::OnAnswer(Seconds delay) {
  const std::lock_guard lock(mutex_);
  answer_delay_.Add(delay.value());
}

void DeviceMonitor::OnHeader(const FrameHeader& header) {
  const std::lock_guard lock(mutex_);
  newest_ = header;
}

std::optional<ChunkEstimate> DeviceMonitor::Chunk() const {
  const std::lock_guard lock(mutex_);
  const bool cloud_is_known = newest_.cloud_fixed_s > 0 || newest_.cloud_s_per_token > 0;
  if (!input_.has_value() || !(newest_.uplink_bytes_per_s > 0) || !cloud_is_known) {
    return std::nullopt;
  }
  return ChunkEstimate{BytesPerSecond(newest_.uplink_bytes_per_s),
                       Seconds(newest_.prefill_wait_s),
                       {Seconds(newest_.cloud_fixed_s), Seconds(newest_.cloud_s_per_token)},
                       input_.value()};
}

int DeviceMonitor::AheadSteps() const {
  const std::lock_guard lock(mutex_);
  if (!draft_step_.has_value() || !answer_delay_.has_value()) return 0;
  return static_cast<int>(std::min(1e6, answer_delay_.value() / draft_step_.value()));
}

void UplinkMonitor::OnFrame(int device, const FrameHeader& header, Bytes size, Seconds now) {
  Uplink& uplink = uplinks_[device];
  if ((header.flags & kFlagBackToBack) && now > uplink.last_arrival) {
    uplink.bytes_per_s.Add((size / (now - uplink.last_arrival)).value());
  }
  uplink.last_arrival = now;
}

BytesPerSecond UplinkMonitor::Rate(int device) const {
  const auto uplink = uplinks_.find(device);
  return BytesPerSecond(uplink == uplinks_.end() ? 0 : uplink->second.bytes_per_s.value());
}

void CloudMonitor::OnPrefillWait(Seconds wait) { prefill_wait_.Add(wait.value()); }

void CloudMonitor::OnBatch(int tokens, Seconds time_in_pipeline) {
  batches_.Add(tokens, time_in_pipeline);
}

void CloudMonitor::FillHeader(FrameHeader* header) const {
  header->prefill_wait_s = static_cast<float>(prefill_wait_.value());
  const LinearTime fit = batches_.has_value() ? batches_.value() : LinearTime{};
  header->cloud_fixed_s = static_cast<float>(fit.fixed.value());
  header->cloud_s_per_token = static_cast<float>(fit.per_token.value());
}

}  // namespace hat
