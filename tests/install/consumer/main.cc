// Reads a scenario and a profile, and prints what a link of the scenario takes for a megabyte.
#include <cstdio>

#include "core/units.h"
#include "experiments/scenario/scenario.h"
#include "profiles/profile.h"
#include "protocol/frame.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const hat::Scenario scenario = hat::LoadScenario(argv[1], {});
  const hat::CloudProfile profile = hat::CloudProfile::Load(argv[2]);
  std::printf("%s: %d tokens, %.3f s\n", scenario.name.c_str(), profile.max_tokens(),
              (hat::Bytes(1e6) / hat::MegabitsPerSecond(80)).value());
  return 0;
}
