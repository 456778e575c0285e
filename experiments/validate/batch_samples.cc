#include "experiments/validate/batch_samples.h"

#include <algorithm>

namespace hat {
namespace {

Seconds Last(const std::vector<TimedSample>& samples) {
  Seconds last;
  for (const TimedSample& sample : samples) last = std::max(last, sample.since);
  return last;
}

std::vector<UnitSample> InStretches(const std::vector<TimedSample>& samples, Seconds end) {
  std::vector<UnitSample> in_stretches;
  for (const TimedSample& sample : samples) {
    const double share = end > Seconds() ? sample.since / end : 0;
    const int stretch = std::min(static_cast<int>(share * kStretches), kStretches - 1);
    in_stretches.push_back({stretch, sample.value});
  }
  return in_stretches;
}

}  // namespace

void BatchSamples::OnArrival(const Request& request) {
  if (request.id >= warmup_requests_) window_start_ = std::min(window_start_, request.arrival);
}

void BatchSamples::OnStage(const StageEvent& event) {
  if (event.span.start < window_start_) return;
  const Seconds since = event.span.start - window_start_;
  stage_ms_.push_back({since, ToMilliseconds(event.span.end - event.span.start)});
  if (event.stage == 0) {
    batch_tokens_.push_back({since, static_cast<double>(event.batch->tokens)});
  }
}

PairedSamples PairedByStretch(const std::vector<TimedSample>& simulated,
                              const std::vector<TimedSample>& live) {
  const Seconds end = std::max(Last(simulated), Last(live));
  return {kStretches, InStretches(simulated, end), InStretches(live, end)};
}

}  // namespace hat
