#include "sim/cell_runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

Scenario ScenarioOf(const Cell& cell) {
  std::vector<std::string> overrides = cell.overrides;
  overrides.push_back(fmt::format("seed={}", cell.seed));
  return LoadScenario(cell.scenario, overrides);
}

void ReadProfilesOf(const Scenario& scenario, ProfileReader& profiles) {
  for (const DeviceClass& device_class : scenario.fleet.classes) {
    for (const std::string& path : device_class.profile_paths) profiles.Device(path);
  }
  if (scenario.has_cloud()) profiles.Cloud(scenario.cloud.profile_path);
}

}  // namespace

void CellRunner::Prepare(const Cell& cell) {
  scenario_.reset();
  try {
    scenario_ = ScenarioOf(cell);
    ReadProfilesOf(*scenario_, profiles_);
  } catch (const InputError&) {
  }
}

void CellRunner::Run(const Cell& cell, const std::string& key, const std::string& results) {
  RunOptions options;
  options.out = results;
  options.profiles = &profiles_;
  const RunResult result = hat::Run(scenario_ ? *scenario_ : ScenarioOf(cell), options);
  const auto is_as_it_was_read = [this](const ProfileInfo& profile) {
    return inputs_.files().at(profile.path) == profile.sha256;
  };
  if (inputs_.DigestOf(plan_, cell) == key &&
      std::ranges::all_of(result.info.profiles, is_as_it_was_read)) {
    return;
  }
  throw RunError("its scenario, or a file that it names, changed while the sweep ran");
}

}  // namespace hat
