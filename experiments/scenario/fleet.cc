#include "experiments/scenario/fleet.h"

#include <algorithm>
#include <cmath>

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

// The two-dimensional low-discrepancy sequence's steps: 1/g and 1/g^2, g the root of g^3 = g + 1.
constexpr double kR2First = 0.7548776662466927;
constexpr double kR2Second = 0.5698402909980532;

// The last end is 1; a weight of 0 has an empty share.
std::vector<double> EndsOfShares(const std::vector<double>& weights) {
  std::vector<double> ends;
  double sum = 0;
  for (const double weight : weights) ends.push_back(sum += weight);
  for (double& end : ends) end = end == sum ? 1 : end / sum;
  return ends;
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
      seed_(scenario.seed),
      link_(scenario.link),
      uplinks_(DrawRates(scenario.link.up, RngStream(scenario.seed, "uplink"), scenario.devices())),
      downlinks_(
          DrawRates(scenario.link.down, RngStream(scenario.seed, "downlink"), scenario.devices())) {
  int end = 0;
  for (const DeviceClass& device_class : scenario.fleet.classes) {
    class_ends_.push_back(end += device_class.count);
    modes_.push_back(static_cast<int>(device_class.profile_paths.size()));
    mode_ends_.push_back(EndsOfShares(device_class.mode_weights));
  }
}

FifoLink Fleet::MakeLink(Direction direction, int device) const {
  const bool is_up = direction == Direction::kUp;
  const LinkRate& rate = is_up ? uplink(device) : downlink(device);
  LinkEffects effects{.curve = rate.curve()};
  if (link_.radio) {
    const RngStream stream(seed_, is_up ? "uplink radio" : "downlink radio");
    effects.radio.emplace(*link_.radio, stream.At(static_cast<uint64_t>(device)));
  }
  if (link_.tcp) effects.window.emplace(*link_.tcp);
  return FifoLink(rate.Mean(), link_.latency, link_.efficiency, effects);
}

int Fleet::class_of(int device) const {
  return static_cast<int>(std::upper_bound(class_ends_.begin(), class_ends_.end(), device) -
                          class_ends_.begin());
}

int Fleet::PowerMode(int device, int64_t requests_started) const {
  const auto c = static_cast<size_t>(class_of(device));
  const int64_t block = requests_started / power_mode_requests_;
  const std::vector<double>& ends = mode_ends_[c];
  if (ends.empty()) return static_cast<int>(block % modes_[c]);
  double whole = 0;
  const double at = std::modf(static_cast<double>(block) * kR2First + device * kR2Second, &whole);
  return static_cast<int>(std::ranges::upper_bound(ends, at) - ends.begin());
}

}  // namespace hat
