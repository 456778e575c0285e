#include "experiments/hardware/scenario_profiles.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"
#include "experiments/hardware/profiled_device.h"
#include "profiles/modelled_profile.h"
#include "protocol/policies/batching.h"

namespace hat {
namespace {

// The most new tokens that an operation of a device surely sees: the adapter runs over the whole
// prompt, the input too where the prompt is not cut into chunks.
int PrefillTokensOnDevice(const SystemSpec& system, int prompt_tokens) {
  if (!system.has_device_layers) return 0;
  return system.uses_adapter() || system.chunking == "none" ? prompt_tokens : 1;
}

// What to do about a profile that covers too little. `options`: of the program that makes one which
// covers enough, "--max-tokens 9000"; `needed`: the number in them that was too large.
std::string HowToCover(const ProfileInfo& info, const std::string& options, int needed) {
  const std::string program = needed > ModelledLimits::kMost             ? ""
                              : info.provenance == Provenance::kModelled ? "model"
                              : info.provenance == Provenance::kMeasured ? Name(info.role)
                                                                         : "";
  return fmt::format(
      "ask for less, take a profile that covers it{}, or let this one extrapolate "
      "(\"allow_extrapolation\": true in it)",
      program.empty() ? "" : fmt::format(" (hat profile {} {})", program, options));
}

void CheckDraftWidth(const DeviceProfile& profile, const Scenario& scenario) {
  const int branches = scenario.system.options.ahead_branches;
  const int most = profile.max_draft_width(LayersOnDevice(scenario));
  if (!scenario.system.draft_ahead || branches <= most) return;
  throw InputError(
      fmt::format("{}: the profile covers draft steps of up to {} branches, but drafting ahead has "
                  "{}; lower policy.ahead_branches",
                  profile.info().path, most, branches));
}

// A cloud that drafts has `rows` of a batch go through the head, in the middle of a run.
void CheckHead(const CloudProfile& profile, const Scenario& scenario, int64_t rows) {
  if (profile.max_head_rows() >= rows) return;
  const std::string& path = profile.info().path;
  if (profile.max_head_rows() == 0) {
    throw InputError(
        fmt::format("{}: {} needs a profile with embedding and head", path, scenario.system.name));
  }
  throw InputError(
      fmt::format("{}: the profile covers heads of up to {} rows, but a batch may have {}; lower "
                  "cloud.token_budget, take a profile that covers it, or let this one extrapolate "
                  "(\"allow_extrapolation\": true in it)",
                  path, profile.max_head_rows(), rows));
}

}  // namespace

ScenarioProfiles ScenarioProfiles::Read(const Scenario& scenario, ProfileReader& reader) {
  ScenarioProfiles profiles;
  for (const DeviceClass& device_class : scenario.fleet.classes) {
    auto& modes = profiles.devices.emplace_back();
    for (const std::string& path : device_class.profile_paths) {
      modes.push_back(reader.Device(path));
      CheckProfileFits(modes.back().info(), Role::kDevice, scenario);
    }
  }
  if (!scenario.has_cloud()) return profiles;
  profiles.cloud = reader.Cloud(scenario.cloud.profile_path);
  CheckProfileFits(profiles.cloud->info(), Role::kCloud, scenario);
  if (!scenario.system.drafts_in_cloud() || scenario.cloud.draft_profile_path.empty())
    return profiles;
  profiles.draft = reader.Cloud(scenario.cloud.draft_profile_path);
  CheckDraftProfileFits(profiles.draft->info(), scenario);
  return profiles;
}

void ScenarioProfiles::CheckCover(const Scenario& scenario, const Workload& workload) const {
  const Request& most = workload.longest().by_sum;
  const Request& prompt = workload.longest().by_prompt;
  // Draft steps run up to max_draft + 1 positions after the last token's, a tree's nodes likewise.
  const SystemSpec& system = scenario.system;
  const int drafted = system.drafts() ? ReservedExtraTokens(system) : 0;
  const int context = most.prompt_tokens + most.output_tokens + drafted;
  const auto check = [&](const ProfileInfo& info, int max_context, int max_tokens, int tokens) {
    const bool has_few_tokens = max_tokens < tokens;
    const std::string with_context = fmt::format("--max-context {}", context);
    const std::string with_tokens = fmt::format("--max-tokens {}", tokens);
    if (max_context < context) {
      throw InputError(fmt::format(
          "{}: the profile covers contexts up to {}, but {} needs {}: {} prompt + {} output + {} "
          "draft; {}",
          info.path, max_context, workload.Describe(most), context, most.prompt_tokens,
          most.output_tokens, drafted,
          HowToCover(info, with_context + (has_few_tokens ? " " + with_tokens : ""), context)));
    }
    if (has_few_tokens) {
      throw InputError(fmt::format(
          "{}: the profile covers up to {} new tokens, but {} puts {} of its prompt into one "
          "operation; {}",
          info.path, max_tokens, workload.Describe(prompt), tokens,
          HowToCover(info, with_tokens, tokens)));
    }
  };
  const int on_device = PrefillTokensOnDevice(scenario.system, prompt.prompt_tokens);
  for (const auto& modes : devices) {
    for (const DeviceProfile& profile : modes) {
      if (system.has_device_layers)
        check(profile.info(), profile.max_context(), profile.max_tokens(), on_device);
      CheckDraftWidth(profile, scenario);
    }
  }
  if (!cloud) return;
  const int in_cloud = MakePrefillCut(scenario.system.prefill_cut, scenario.system.options)
                           ->TokensToTake(prompt.prompt_tokens, scenario.scheduler.token_budget);
  for (const std::optional<CloudProfile>* profile : {&cloud, &draft}) {
    if (!*profile) continue;
    check((*profile)->info(), (*profile)->max_context(),
          std::min((*profile)->max_tokens(), (*profile)->max_sequence_tokens()), in_cloud);
  }
  if (!draft) return;
  const int64_t sessions = workload.is_closed_loop()
                               ? scenario.devices()
                               : workload.expected_requests().value_or(INT32_MAX);
  const int64_t budget = scenario.scheduler.token_budget;
  CheckHead(*cloud, scenario, std::min(budget, sessions * LargestVerification(system)));
  CheckHead(*draft, scenario, std::min(budget, sessions));
}

std::vector<ProfileInfo> ScenarioProfiles::infos() const {
  std::vector<ProfileInfo> all;
  for (const auto& modes : devices) {
    for (const DeviceProfile& profile : modes) all.push_back(profile.info());
  }
  if (cloud) all.push_back(cloud->info());
  if (draft) all.push_back(draft->info());
  return all;
}

}  // namespace hat
