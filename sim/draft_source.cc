#include "sim/draft_source.h"

#include "core/error.h"
#include "sim/calibrated_drafter.h"
#include "sim/trace_drafter.h"

namespace hat {

std::unique_ptr<DraftSource> MakeDraftSource(const Scenario& scenario, const Workload& workload) {
  const std::string& path = scenario.acceptance.trace_path;
  if (path.empty()) return std::make_unique<CalibratedDrafter>(scenario.acceptance, scenario.seed);
  DraftTrace trace = DraftTrace::Load(path);
  CheckTraceFits(trace, path, scenario, workload);
  return std::make_unique<TraceDrafter>(std::move(trace));
}

}  // namespace hat
