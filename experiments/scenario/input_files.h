// The files that a run reads beside its scenario and its profiles, for the manifest.
#pragma once

#include <string>
#include <vector>

#include "experiments/scenario/scenario.h"

namespace hat {

struct InputFile {
  std::string role;    // "model-shape", "prompts", "outputs", "arrivals", "uplink-rates",
                       // "downlink-rates" or "draft-trace"
  std::string name;    // relative to the scenario file, unless the scenario has an absolute path
  std::string sha256;  // of the file's bytes
};

// In the order of the roles above; only what this scenario reads. Throws InputError if a file
// cannot be read.
std::vector<InputFile> InputFilesOf(const Scenario& scenario);

}  // namespace hat
