// What the cloud's batches were, one by one: the samples behind batch_tokens and stage_ms of a
// summary.json, which keep only their moments. An observer, for a simulation and for the merged
// events of a replay alike.
#pragma once

#include <vector>

#include "core/units.h"
#include "experiments/validate/bootstrap.h"
#include "protocol/observer.h"

namespace hat {

// `since`: of its start, after the window's.
struct TimedSample {
  Seconds since;
  double value = 0;
};

class BatchSamples : public Observer {
 public:
  // `warmup_requests`: the window begins with the arrival of the first request after them, as the
  // recorder's.
  explicit BatchSamples(int warmup_requests) : warmup_requests_(warmup_requests) {}

  void OnArrival(const Request& request) override;
  void OnStage(const StageEvent& event) override;

  // Of the window, in the order of telling.
  const std::vector<TimedSample>& batch_tokens() const { return batch_tokens_; }
  const std::vector<TimedSample>& stage_ms() const { return stage_ms_; }

 private:
  int warmup_requests_;
  Seconds window_start_ = Seconds::Infinity();
  std::vector<TimedSample> batch_tokens_, stage_ms_;
};

inline constexpr int kStretches = 50;

// Batches have no partner in the other world, but stretches of the run do: the same requests came
// in them. So kStretches equal ones, from the window's start to the last batch of either side, are
// the units. (Batches of one stretch are alike; an interval from single batches would be too
// narrow.)
PairedSamples PairedByStretch(const std::vector<TimedSample>& simulated,
                              const std::vector<TimedSample>& live);

}  // namespace hat
