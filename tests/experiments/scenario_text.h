// A small valid scenario for tests, to be changed with overrides.
#pragma once

#include <string>
#include <vector>

#include "experiments/scenario/scenario.h"

namespace hat {

inline const std::string& SmallScenarioText() {
  static const std::string kText = R"(
name = "small"
[model]
shape = "vicuna-7b"
device_layers = 2
[[fleet.class]]
name = "a"
count = 20
profiles = ["a-fast.json", "a-slow.json"]
[[fleet.class]]
name = "b"
count = 10
profiles = ["b.json"]
[link.up]
rate_mbps = 60
[link.down]
rate_mbps = 100
[cloud]
profile = "cloud.json"
stages = 4
[workload]
rate_per_s = 6
requests = 1000
[workload.prompts]
kind = "constant"
tokens = 100
)";
  return kText;
}

// `folder`: what relative paths in the scenario are relative to.
inline Scenario SmallScenario(const std::vector<std::string>& overrides = {},
                              const std::string& folder = "folder") {
  return ParseScenario(SmallScenarioText(), folder + "/small.toml", overrides);
}

}  // namespace hat
