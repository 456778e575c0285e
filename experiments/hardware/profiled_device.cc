#include "experiments/hardware/profiled_device.h"

#include "core/error.h"

namespace hat {
namespace {

Seconds LatencyOf(const DeviceProfile& profile, const DeviceOperation& operation, int layers,
                  double quantile) {
  const auto& [request, op, tokens, context, position] = operation;
  switch (op) {
    case DeviceOp::kInput:
      return profile.Input(tokens, context, layers, quantile);
    case DeviceOp::kAdapter:
      return profile.Adapter(tokens, context, quantile);
    case DeviceOp::kHead:
      return profile.Head(tokens, quantile);
    case DeviceOp::kMedusa:
      return profile.Medusa(tokens, quantile);
    case DeviceOp::kDraft:
    case DeviceOp::kDraftAhead:
      return profile.Draft(tokens, context, layers, quantile);
  }
  HAT_CHECK(false);
}

}  // namespace

int LayersOnDevice(const Scenario& scenario) {
  return scenario.has_cloud() ? scenario.fleet.device_layers : scenario.model.layer_count();
}

ProfiledDevice::ProfiledDevice(const Scenario& scenario, const DeviceClass& device_class,
                               std::span<const DeviceProfile> modes)
    : modes_(modes),
      profile_(&modes.front()),
      speed_(device_class.speed),
      layers_(LayersOnDevice(scenario)),
      has_jitter_(scenario.fleet.jitter),
      jitter_(scenario.seed, "device jitter") {}

Seconds ProfiledDevice::Latency(const DeviceOperation& operation) const {
  const DeviceProfile& in_force = profile();
  double quantile = kMedian;
  if (has_jitter_ && in_force.has_spread()) {
    quantile =
        jitter_
            .At(static_cast<uint64_t>(operation.request), static_cast<uint64_t>(operation.op),
                static_cast<uint64_t>(operation.position), operation.op == DeviceOp::kDraftAhead)
            .Uniform();
  }
  return LatencyOf(in_force, operation, layers_, quantile) / speed_;
}

}  // namespace hat
