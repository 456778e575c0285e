// What keys of a scenario must hold together.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "experiments/scenario/limits.h"
#include "experiments/scenario/scenario.h"
#include "protocol/tree.h"

namespace hat {
namespace {

constexpr double kUsableMemory = 0.9;  // the rest: activations, the framework, fragmentation

[[noreturn]] void Refuse(const Scenario& scenario, const std::string& problem) {
  throw InputError(fmt::format("{}: {}", scenario.path, problem));
}

void CheckStages(const Scenario& scenario) {
  if (scenario.has_cloud() && scenario.scheduler.stages > scenario.cloud_layers())
    Refuse(scenario, fmt::format("'cloud.stages' must be 1 to {}, the cloud's layers, got {}",
                                 scenario.cloud_layers(), scenario.scheduler.stages));
}

void CheckPolicies(const Scenario& scenario) {
  const PolicyOptions& options = scenario.system.options;
  if (options.chunk_min > options.chunk_max)
    Refuse(scenario, fmt::format("'policy.chunk_min' must be at most policy.chunk_max = {}, got {}",
                                 options.chunk_max, options.chunk_min));
  if (options.chunk_initial < options.chunk_min || options.chunk_initial > options.chunk_max)
    Refuse(scenario, fmt::format("'policy.chunk_initial' must lie from policy.chunk_min = {} to "
                                 "policy.chunk_max = {}, got {}",
                                 options.chunk_min, options.chunk_max, options.chunk_initial));
  if (scenario.system.drafting == "fixed" && options.draft_fixed > options.max_draft)
    Refuse(scenario,
           fmt::format("'policy.draft_fixed' must be at most policy.max_draft = {}, got {}",
                       options.max_draft, options.draft_fixed));
  try {
    CheckSystem(scenario.system);
  } catch (const InputError& error) {
    Refuse(scenario, error.what());
  }
}

// A verification that does not fit a batch would wait for ever.
void CheckBudget(const Scenario& scenario) {
  if (!scenario.has_cloud()) return;
  const int needed = LargestVerification(scenario.system);
  if (scenario.scheduler.token_budget < needed)
    Refuse(scenario,
           fmt::format("'cloud.token_budget' must be at least {}, the tokens of the largest "
                       "verification of {}, got {}",
                       needed, scenario.system.name, scenario.scheduler.token_budget));
}

void CheckAcceptance(const Scenario& scenario) {
  const AcceptanceConfig& acceptance = scenario.acceptance;
  if (!acceptance.trace_path.empty()) return;
  const PolicyOptions& reference = acceptance.reference;
  const bool is_fixed = acceptance.policy == "fixed";
  const int longest =
      1 + (is_fixed ? std::min(reference.draft_fixed, reference.max_draft) : reference.max_draft);
  if (acceptance.accept_length > longest)
    Refuse(
        scenario,
        fmt::format("'acceptance.accept_length' must be 1 to {}: a draft of the reference policy "
                    "(acceptance.{}) plus one, got {}",
                    longest, is_fixed ? "draft_fixed" : "max_draft", acceptance.accept_length));
  const int path = 1 + FindTree(reference.tree).max_depth();
  if (acceptance.medusa_accept_length > path)
    Refuse(scenario,
           fmt::format("'acceptance.medusa_accept_length' must be 1 to {}, the longest path of "
                       "tree '{}', got {}",
                       path, reference.tree, acceptance.medusa_accept_length));
  const double sum =
      std::accumulate(acceptance.rank_curve.begin(), acceptance.rank_curve.end(), 0.0);
  if (sum > 1 + 1e-9)
    Refuse(scenario,
           fmt::format("'acceptance.rank_curve' must add up to at most 1, got {:g}", sum));
}

void CheckRole(const ProfileInfo& profile, Role role) {
  if (profile.role != role)
    throw InputError(fmt::format("{}: a {} profile is needed here, this is a {} profile ('{}')",
                                 profile.path, Name(role), Name(profile.role), profile.id));
}

}  // namespace

void CheckScenario(const Scenario& scenario) {
  if (scenario.devices() > kMostDevices)
    Refuse(scenario, fmt::format("'fleet.scale' makes {} devices; at most {} are allowed",
                                 scenario.devices(), kMostDevices));
  CheckPolicies(scenario);
  CheckStages(scenario);
  CheckBudget(scenario);
  CheckAcceptance(scenario);
}

int64_t KvTokensThatFit(const ModelShape& model, int cloud_layers, int stages, Bytes memory) {
  if (cloud_layers < 1) return 0;
  const int bytes = BytesPerValue(Dtype::kFloat16);
  double fewest = std::numeric_limits<double>::infinity();
  int first = model.layer_count() - cloud_layers;
  for (const int layers : LayersOfStages(cloud_layers, stages)) {
    if (layers == 0) continue;
    const Bytes room =
        memory * kUsableMemory - Bytes(model.LayerWeights(first, first + layers) * bytes);
    if (room <= Bytes(0)) return 0;
    fewest = std::min(fewest, room / model.KvBytesPerToken(first, first + layers, bytes));
    first += layers;
  }
  return static_cast<int64_t>(std::floor(fewest));
}

void CheckProfileFits(const ProfileInfo& profile, Role role, const Scenario& scenario) {
  CheckRole(profile, role);
  if (!profile.model.HasSameSizes(scenario.model))
    throw InputError(fmt::format("{}: a profile of {} ({}), but {} runs {} ({})", profile.path,
                                 profile.model.name, Describe(profile.model), scenario.path,
                                 scenario.model.name, Describe(scenario.model)));
}

void CheckDraftProfileFits(const ProfileInfo& profile, const Scenario& scenario) {
  CheckRole(profile, Role::kCloud);
  if (profile.model.vocabulary != scenario.model.vocabulary)
    throw InputError(
        fmt::format("{}: 'cloud.draft_profile' must be of a model with the vocabulary of {}, {}; "
                    "{} has {} of {}",
                    scenario.path, scenario.model.name, scenario.model.vocabulary, profile.path,
                    profile.model.vocabulary, profile.model.name));
}

}  // namespace hat
