// What 'hat offload' is asked: a TOML file, every key in docs/formats.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "offload/decide.h"

namespace hat {

// Capacities that move and nodes that fail; every_s 0: nothing changes.
struct Changes {
  double every_s = 0;
  double spread = 0.3;  // capacity x uniform in 1 - spread .. 1 + spread
  double fail_share =
      0.0;  // of the nodes, drawn anew each time: they serve nothing until the next change
};

struct OffloadSpec {
  std::string path, name;
  std::string resolved;  // all keys with the values that they got, TOML
  uint64_t seed = 1;     // of the first run; others follow
  std::string table_path;
  DrawnNetwork network;
  DecideOptions decide;
  Changes changes;
  double seconds = 600, warm_up_s = 60;
  std::vector<double> loads = {0.3, 0.5, 0.7, 0.9};
  std::vector<std::string> deciders = DeciderNames();
  int seeds = 5;
};

// Throws InputError. `is_quick`: at most two loads and seeds and a fifth of the time, for a first
// look.
OffloadSpec LoadOffloadSpec(const std::string& path, const std::vector<std::string>& overrides,
                            bool is_quick);

}  // namespace hat
