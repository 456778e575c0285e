// Whether a live run and a simulation are of one scenario, in all that it decides: a gap between
// worlds that were set up differently says nothing. (A KV cache of another size alone has cost
// other tools 20% of a TTFT.)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/scenario/scenario.h"
#include "experiments/validate/receipt.h"

namespace hat {

// A file that a run read, by what the manifest calls it.
struct NamedDigest {
  std::string name;  // "profile 0 (epyc_small_device)", "draft-trace"
  std::string sha256;
};

// The manifest.json of a run.
struct Manifest {
  std::string world;  // "simulated", "emulated", "measured"
  std::string commit;
  std::string system;
  uint64_t seed = 0;
  bool is_partial = false;
  std::string config;              // the resolved scenario
  std::vector<NamedDigest> files;  // profiles, then inputs
};
// Throws InputError that names `name` if the text is no manifest of a run.
Manifest ParseManifest(const std::string& text, const std::string& name);

struct SettingDifference {
  std::string key;              // of the scenario, the manifest or the receipt
  std::string simulated, live;  // values as text; "none"
};

// Key by key of two resolved scenarios (Scenario::resolved, Manifest::config), but for the
// scenario's name, which decides nothing. Throws InputError, which names `live_name`, if the live
// one is no TOML.
std::vector<SettingDifference> ConfigDifferences(const std::string& simulated,
                                                 const std::string& live,
                                                 const std::string& live_name);
// Of the content of the files that they name.
std::vector<SettingDifference> FileDifferences(const Manifest& simulated, const Manifest& live);

// Of what cloud and devices say they ran with: KV tokens, token budget, replicas, stages, sessions
// a device, layers on the device, the wire's dtype; and the model that drafted, where
// `trace_model_sha256` (of the draft trace; empty without one) names it.
std::vector<SettingDifference> ReceiptDifferences(const Scenario& simulated,
                                                  const std::string& trace_model_sha256,
                                                  const Receipt& live);

// Throws InputError, "DIR: not a run of this scenario: 'key' is 5 there and 2 here, ...", if there
// are any.
void RefuseDifferences(const std::vector<SettingDifference>& differences, const std::string& name);

}  // namespace hat
