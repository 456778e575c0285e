// Service-level objectives: bounds on figures of a run that users feel, and whether the runs of one
// rate, a seed each, meet them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/results/comparison.h"

namespace hat {

// "ttft_p90_ms=1500": the 90th percentile of the requests' TTFT is at most 1500 ms, so nine
// requests in ten see their first token within 1.5 s.
struct Objective {
  std::string name;    // METRIC_STATISTIC_UNIT: "ttft_p90_ms"
  std::string metric;  // its path in summary.json: "ttft_ms.p90"
  double bound = 0;    // > 0
};

// The times of a request in ComparedMetrics(), by their mean and percentiles.
std::vector<std::string> ObjectiveNames();

// "NAME=BOUND,NAME=BOUND,...". Throws InputError for a name that is unknown (the known ones are
// listed) or named twice, and for a bound that is no number above 0.
std::vector<Objective> ParseObjectives(const std::string& text);

// What the seeds of one rate say.
struct RateFigures {
  int runs = 0;
  int saturated_runs = 0;
  std::vector<std::optional<Estimate>> values;  // by objective: mean over seeds, with its interval
  bool holds = false;
  // No objective's 95% interval has its bound inside, and the seeds agree on saturation.
  bool is_sure = false;
  // If it does not hold: the objective whose mean is furthest above its bound, by ratio; nothing if
  // all means are within theirs, and saturation alone speaks.
  std::optional<size_t> worst;
};

// The rate holds if the mean over the seeds of every objective's figure is at most its bound, and
// no run is saturated: such a run's times depend on its length. A figure that some seed has not
// measured (no TBT, where requests have one token) fails. `runs`: possible ones, at least one; one
// alone has no interval and counts as sure. Throws InputError if a run is partial.
RateFigures Judge(const std::vector<Objective>& objectives, const std::vector<RunFigures>& runs);

}  // namespace hat
