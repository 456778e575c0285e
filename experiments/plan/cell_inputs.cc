#include "experiments/plan/cell_inputs.h"

#include <fmt/format.h>

#include "core/error.h"
#include "core/files.h"
#include "experiments/scenario/input_files.h"
#include "experiments/scenario/scenario.h"

namespace hat {

CellInputs::CellInputs(const std::vector<std::string>& program) {
  HAT_CHECK(!program.empty());
  try {
    program_ = Sha256Hex(ReadFile(program.front()));
  } catch (const InputError& error) {
    throw RunError(fmt::format("cannot start 'hat simulate': {}", error.what()));
  }
  for (size_t i = 1; i < program.size(); ++i) program_ += "\n" + program[i];
}

const std::string& CellInputs::FileDigest(const std::string& path) {
  const auto known = known_.find(path);
  if (known != known_.end()) return known->second;
  return known_[path] = Sha256Hex(ReadFile(path));
}

std::string CellInputs::DigestOf(const Plan& plan, const Cell& cell) {
  std::vector<std::string> overrides = cell.overrides;
  overrides.push_back(fmt::format("seed={}", cell.seed));
  const Scenario scenario = LoadScenario(cell.scenario, overrides);
  std::string all = program_ + "\n";
  for (const std::string& argument : plan.arguments) all += argument + "\n";
  for (const std::string& path : InputPathsOf(scenario)) all += FileDigest(path) + "\n";
  return Sha256Hex(all + scenario.resolved);
}

}  // namespace hat
