#include "experiments/results/run_setup.h"

#include <utility>

#include "experiments/scenario/input_files.h"
#include "protocol/tree.h"

namespace hat {

LawOptions LawOptionsOf(const Scenario& scenario) {
  LawOptions options;
  options.system = scenario.system;
  options.hidden = scenario.model.hidden;
  options.devices = scenario.devices();
  options.replicas = scenario.scheduler.replicas;
  options.stages = scenario.has_cloud() ? scenario.scheduler.stages : 0;
  options.token_budget =
      scenario.system.prefill_cut == "whole" ? 0 : scenario.scheduler.token_budget;
  return options;
}

RecorderOptions RecorderOptionsOf(const Scenario& scenario, const Fleet& fleet) {
  RecorderOptions options;
  for (const DeviceClass& device_class : scenario.fleet.classes) {
    options.classes.push_back(device_class.name);
  }
  for (int d = 0; d < fleet.size(); ++d) options.class_of_device.push_back(fleet.class_of(d));
  options.replicas = scenario.scheduler.replicas;
  options.stages = scenario.has_cloud() ? scenario.scheduler.stages : 0;
  options.warmup_requests = scenario.workload.warmup_requests;
  if (scenario.system.drafts_trees) {
    options.draft_depths = FindTree(scenario.system.options.tree).depths;
  }
  return options;
}

RunInfo RunInfoOf(const Scenario& scenario, std::vector<ProfileInfo> profiles,
                  const std::string& engine) {
  RunInfo info;
  info.engine = engine;
  info.scenario = scenario.name;
  info.system = scenario.system.name;
  info.model = scenario.model.name;
  const double rate_per_s = scenario.workload.arrivals.rate_per_s;
  if (rate_per_s > 0) info.rate_per_s = rate_per_s;
  info.seed = scenario.seed;
  info.config = scenario.resolved;
  info.profiles = std::move(profiles);
  info.inputs = InputFilesOf(scenario);
  return info;
}

}  // namespace hat
