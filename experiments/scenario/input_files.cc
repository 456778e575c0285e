#include "experiments/scenario/input_files.h"

#include <filesystem>

#include "core/files.h"

namespace hat {

std::vector<InputFile> InputFilesOf(const Scenario& scenario) {
  const std::filesystem::path folder = std::filesystem::path(scenario.path).parent_path();
  std::vector<InputFile> files;
  const auto add = [&](const std::string& role, const std::string& path) {
    if (path.empty()) return;
    const std::string relative = std::filesystem::path(path).lexically_relative(folder);
    const std::string& name = relative.empty() || folder.empty() ? path : relative;
    files.push_back({role, name, Sha256Hex(ReadFile(path))});
  };
  add("model-shape", scenario.model_path);
  add("prompts", scenario.workload.prompts.path);
  add("outputs", scenario.workload.outputs.path);
  add("arrivals", scenario.workload.arrivals.replay_path);
  if (scenario.has_cloud()) {
    add("uplink-rates", scenario.link.up.trace_path);
    add("downlink-rates", scenario.link.down.trace_path);
    add("draft-trace", scenario.acceptance.trace_path);
  }
  return files;
}

}  // namespace hat
