// A plan of `hat figures` that asks for capacities: one with a table [capacity] in place of
// [figure]. Every key: docs/formats.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace hat {

struct CapacityPlan {
  std::string name;  // of the file, without .toml
  std::string question;
  std::string scenario;              // its path
  std::vector<std::string> systems;  // none: the scenario's
  int seeds = 1;
  std::vector<std::string> set;  // "key=value", for every run
  std::string objectives;        // as `hat capacity --slo`
  std::string over;              // as --over; empty: no swept key
  bool grows_fleet = false;
};

// Nothing if the plan at `path` has no table [capacity]. `is_quick`: with its quick_set and
// quick_seeds. Throws InputError (file, line, key).
std::optional<CapacityPlan> LoadCapacityPlan(const std::string& path, bool is_quick);

}  // namespace hat
