// `hat profile device` and `hat profile cloud`: a profile of this machine, measured. Free of torch,
// so that programs can hold it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/progress.h"
#include "core/units.h"
#include "profiles/profile_file.h"
#include "runtime/model/compute.h"
#include "runtime/profile/grid.h"

namespace hat {

struct ProfileJob {
  Role role = Role::kDevice;
  std::string model;     // a checkpoint's folder, a named shape, or a config.json
  std::string out;       // the file; its name without .json becomes the profile's id
  std::string hardware;  // empty: as the machine names itself
  Compute compute;
  int threads = 0;  // of the CPU; 0: all cores
  int split = 2;    // layers on the device
  GridLimits limits;
  double budget_s = 180;
  Seconds pause;      // idle, before each call that is timed
  uint64_t seed = 1;  // of the order
  bool resume = false;
  bool replace = false;  // an existing file
};

struct ProfileWatch {
  std::function<void(const ProfilePlan&, int points, bool resumed)> on_plan;
  std::function<void(const Progress&)> on_progress;  // in visits
  std::function<bool()> is_interrupted;
};

// Measures, keeping every sample in `out`.journal until it is done, then writes `out` atomically
// and removes the journal. Throws InputError: no such device or model, `out` or a journal exists
// already and neither `replace` nor `resume` was said, the journal is of another measurement, the
// memory or the budget does not suffice. Throws RunError after an interrupt; the journal stays.
ProfileData MeasureProfile(const ProfileJob& job, const ProfileWatch& watch);

}  // namespace hat
