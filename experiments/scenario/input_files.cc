#include "experiments/scenario/input_files.h"

#include <filesystem>
#include <map>

#include "core/files.h"

namespace hat {

namespace {

struct RoleAndPath {
  const char* role;
  std::string path;
};

// In the order of the roles; only what this scenario reads.
std::vector<RoleAndPath> FilesBesideProfiles(const Scenario& scenario) {
  std::vector<RoleAndPath> files = {
      {"model-shape", scenario.model_path},
      {"prompts", scenario.workload.prompts.path},
      {"outputs", scenario.workload.outputs.path},
      {"arrivals", scenario.workload.arrivals.replay_path},
  };
  if (scenario.has_cloud()) {
    files.push_back({"uplink-rates", scenario.link.up.trace_path});
    files.push_back({"downlink-rates", scenario.link.down.trace_path});
    files.push_back({"draft-trace", scenario.acceptance.trace_path});
  }
  std::erase_if(files, [](const RoleAndPath& file) { return file.path.empty(); });
  return files;
}

}  // namespace

std::vector<InputFile> InputFilesOf(const Scenario& scenario) {
  const std::filesystem::path folder = std::filesystem::path(scenario.path).parent_path();
  std::vector<InputFile> files;
  std::map<std::string, std::string> sha256;  // a path's; one file may have several roles
  for (const auto& [role, path] : FilesBesideProfiles(scenario)) {
    const std::string relative = std::filesystem::path(path).lexically_relative(folder);
    const std::string& name = relative.empty() || folder.empty() ? path : relative;
    if (!sha256.contains(path)) sha256[path] = Sha256Hex(ReadFile(path));
    files.push_back({role, name, sha256[path]});
  }
  return files;
}

std::vector<std::string> InputPathsOf(const Scenario& scenario) {
  std::vector<std::string> paths;
  for (const DeviceClass& device_class : scenario.fleet.classes) {
    paths.insert(paths.end(), device_class.profile_paths.begin(), device_class.profile_paths.end());
  }
  if (scenario.has_cloud()) paths.push_back(scenario.cloud.profile_path);
  if (scenario.system.drafts_in_cloud() && !scenario.cloud.draft_profile_path.empty())
    paths.push_back(scenario.cloud.draft_profile_path);
  for (const auto& [role, path] : FilesBesideProfiles(scenario)) paths.push_back(path);
  return paths;
}

}  // namespace hat
