// The files that a run reads: beside its scenario and its profiles, for the manifest; and all.
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

// The paths of all files that a run of this scenario reads, its profiles first, but for the
// scenario's own; they need not exist.
std::vector<std::string> InputPathsOf(const Scenario& scenario);

}  // namespace hat
