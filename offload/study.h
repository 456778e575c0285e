// Every decider at every load, over seeds: played, beside what the formula expects.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "experiments/results/statistics.h"
#include "offload/actors.h"
#include "offload/spec.h"

namespace hat {

struct OffloadRun {
  double load = 0;  // of the fullest stage, under the fixed thresholds
  std::string decider;
  uint64_t seed = 0;
  Played played;
  double expected_s = 0;   // delay by the formula, at the start
  double load_factor = 0;  // under its own thresholds: from 1 on no plan can carry the tasks
  std::vector<double> thresholds;
};

struct OffloadCell {
  double load = 0;
  std::string decider;
  // Over seeds; error: expected / played - 1.
  Estimate delay_ms = {}, p90_ms = {}, accuracy = {}, formula_error = {};
  // 1 - dto-ee's delay / this one's, seed by seed; none for dto-ee itself.
  std::optional<Estimate> saved = {};
  double load_factor = 0;  // the largest
};

struct OffloadStudy {
  std::vector<OffloadRun> runs;  // by load, then decider, then seed
  std::vector<OffloadCell> cells;
  ActorRun actors;  // of the first seed at the last load
};

// `watch` may be empty; false: stop (then nothing is returned).
using StudyWatch = std::function<bool(const Progress&)>;
std::optional<OffloadStudy> StudyOffloading(const OffloadSpec& spec, const ExitTable& table,
                                            const StudyWatch& watch);

}  // namespace hat
