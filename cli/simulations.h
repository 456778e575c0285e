// A plan on the command line: its runs by the 'hat simulate' of this build, how far they are and
// what failed on stderr.
#pragma once

#include "experiments/plan/plan.h"
#include "experiments/plan/run_plan.h"

namespace hat {

struct SimulationsOptions {
  PlanOptions plan;  // but for `program`
  bool is_quiet = false;
  bool stays = false;  // does the plan's folder, with what is done, until the next call?
};

// Returns when all cells are done. Throws RunError or InputError with the first cell that failed
// and why, or RunError "interrupted; ..."; the commands to run each failed cell alone are on stderr
// by then.
void RunSimulations(const Plan& plan, const SimulationsOptions& options);

}  // namespace hat
