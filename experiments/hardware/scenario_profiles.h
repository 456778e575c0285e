// The latency profiles that a scenario names, and whether they cover its workload.
#pragma once

#include <optional>
#include <vector>

#include "experiments/scenario/scenario.h"
#include "experiments/scenario/workload.h"
#include "profiles/profile_reader.h"

namespace hat {

struct ScenarioProfiles {
  // Throws InputError: a file that is no profile, or one of another model or role.
  static ScenarioProfiles Read(const Scenario& scenario, ProfileReader& reader);

  // Throws InputError if a request that will come needs a longer context or a wider operation than
  // they cover, so that no run ends in its middle.
  void CheckCover(const Scenario& scenario, const Workload& workload) const;

  std::vector<ProfileInfo> infos() const;  // in the order below

  std::vector<std::vector<DeviceProfile>> devices;  // by class, then power mode
  std::optional<CloudProfile> cloud;                // where there is one
  std::optional<CloudProfile> draft;                // where it drafts
};

}  // namespace hat
