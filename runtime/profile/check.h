// `hat profile check`: what a profile's composition says of whole steps, beside their real time.
// Free of torch, so that programs can hold it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/progress.h"
#include "profiles/profile.h"

namespace hat {

struct CheckJob {
  std::vector<std::string> profiles;  // files; of one dtype and number of threads
  std::string model;                  // as ProfileJob's; of the profiles' sizes
  std::string device = "cpu";
  int threads = 0;  // 0: as the profiles say, or all cores
  int split = 0;    // layers on the device; 0: as the profile says, or 2
  int layers = 0;   // of the real steps; 0: on a device those in front of the split, else after it
  int rounds = 7;   // every round times every step once or more, in an order of its own
};

struct CheckedStep {
  std::string name;  // "decode", "prefill", ...
  std::vector<BatchedSequence> parts;
  double measured_ms = 0;  // median
  double composed_ms = 0;

  int tokens() const;        // of all sequences
  int most_context() const;  // of a sequence
  double error() const { return composed_ms / measured_ms - 1; }
};

struct CheckReport {
  std::string profile;  // its id
  Role role = Role::kDevice;
  int layers = 0;
  std::vector<CheckedStep> steps;
  // A fixed product of matrices, how fast the machine is: as the profile's measurement has it
  // ("": it says nothing), and between the rounds of the check.
  std::string reference_then, reference_now;

  double MedianError() const;  // of the errors' sizes, as a fraction
  double LargestError() const;
};

// The steps of a role that a profile covers: of a device one sequence through its layers and the
// head, and draft steps; of a cloud batches through its layers. Exposed for tests.
std::vector<CheckedStep> StepsFor(const DeviceProfile& profile);
std::vector<CheckedStep> StepsFor(const CloudProfile& profile);

// What a device's step takes: draft(1, context), else input(tokens, context) and the head of what
// is verified, or of one row.
Seconds ComposedStep(const DeviceProfile& profile, const CheckedStep& step, int layers);

// CloudProfile::Layers, all alike: what the runtime runs.
Seconds ComposedStep(const CloudProfile& profile, const CheckedStep& step, int layers);

// `on_progress` is told of the share of all steps. Throws InputError: profiles of another model, of
// several dtypes, memory that does not suffice.
std::vector<CheckReport> CheckProfiles(const CheckJob& job,
                                       const std::function<void(const Progress&)>& on_progress);

}  // namespace hat
