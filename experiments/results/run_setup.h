// What the recorder, the laws and the results of a run have to know of its scenario, in either
// world.
#pragma once

#include <string>
#include <vector>

#include "experiments/laws/laws.h"
#include "experiments/results/results.h"
#include "experiments/scenario/fleet.h"
#include "experiments/scenario/scenario.h"
#include "experiments/watch/recorder.h"

namespace hat {

LawOptions LawOptionsOf(const Scenario& scenario);

RecorderOptions RecorderOptionsOf(const Scenario& scenario, const Fleet& fleet);

// `engine`: what plays it. Reads the scenario's inputs, for their hashes. Throws InputError.
RunInfo RunInfoOf(const Scenario& scenario, std::vector<ProfileInfo> profiles,
                  const std::string& engine);

}  // namespace hat
