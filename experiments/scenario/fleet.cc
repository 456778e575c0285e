#include "experiments/scenario/fleet.h"

#include <algorithm>

#include "core/random.h"

namespace hat {
namespace {

std::vector<LinkRate> DrawRates(const RateConfig& config, RngStream stream, int devices) {
  std::shared_ptr<const RateTrace> trace;
  if (config.kind == RateConfig::Kind::kTrace)
    trace = std::make_shared<const RateTrace>(RateTrace::Load(config.trace_path));
  std::vector<LinkRate> rates;
  rates.reserve(static_cast<size_t>(devices));
  for (int device = 0; device < devices; ++device) {
    RngStream own = stream.At(static_cast<uint64_t>(device));
    if (trace)
      rates.emplace_back(trace, trace->period() * own.Uniform());
    else if (config.kind == RateConfig::Kind::kUniform)
      rates.emplace_back(BytesPerSecond(own.Uniform(config.low.value(), config.high.value())));
    else
      rates.emplace_back(config.low);
  }
  return rates;
}

}  // namespace

Seconds LinkRate::FinishTime(Seconds start, Bytes size) const {
  if (!trace_) return start + size / rate_;
  return trace_->FinishTime(start + offset_, size) - offset_;
}

RateTrace::Hold LinkRate::HoldAt(Seconds t) const {
  if (!trace_) return {rate_, Seconds::Infinity()};
  const RateTrace::Hold hold = trace_->HoldAt(t + offset_);
  return {hold.rate, hold.until - offset_};
}

Fleet::Fleet(const Scenario& scenario)
    : power_mode_requests_(scenario.fleet.power_mode_requests),
      uplinks_(DrawRates(scenario.link.up, RngStream(scenario.seed, "uplink"), scenario.devices())),
      downlinks_(
          DrawRates(scenario.link.down, RngStream(scenario.seed, "downlink"), scenario.devices())) {
  int end = 0;
  for (const DeviceClass& device_class : scenario.fleet.classes) {
    class_ends_.push_back(end += device_class.count);
    modes_.push_back(static_cast<int>(device_class.profile_paths.size()));
  }
}

int Fleet::class_of(int device) const {
  return static_cast<int>(std::upper_bound(class_ends_.begin(), class_ends_.end(), device) -
                          class_ends_.begin());
}

int Fleet::PowerMode(int device, int64_t requests_started) const {
  const int modes = modes_[static_cast<size_t>(class_of(device))];
  return static_cast<int>(requests_started / power_mode_requests_ % modes);
}

}  // namespace hat
