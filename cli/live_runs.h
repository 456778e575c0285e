// What 'hat replay' leaves, as folders: a run's files, or a folder SYSTEM for each system; and in
// place of either a folder seed-N for each of several seeds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/validate/receipt.h"
#include "experiments/validate/settings.h"

namespace hat {

// Results are moved to their place whole: what is there has ended.
bool IsRun(const std::string& folder);

struct LiveRun {
  std::string folder;
  Manifest manifest;
  std::optional<Receipt> receipt;
  bool is_of_seeds = false;  // in a folder seed-N

  std::string File(const char* name) const { return folder + "/" + name; }
  bool Has(const char* name) const;
};

// Throws InputError: a file is missing or unreadable, or it is a simulation's.
LiveRun OpenRun(const std::string& folder);

struct LiveSystem {
  std::string system;
  std::vector<LiveRun> runs;  // one at least, ascending by seed
};

// The runs in `live`, in the order of the table of systems, or of `systems`, those to take (none:
// all). Throws InputError: there is none, a wanted one is missing, a run is not of the folder's
// system or seed.
std::vector<LiveSystem> OpenLive(const std::string& live, const std::vector<std::string>& systems);

}  // namespace hat
