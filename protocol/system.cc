#include "protocol/system.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/error.h"
#include "protocol/policies/batching.h"
#include "protocol/policies/chunking.h"
#include "protocol/policies/drafting.h"
#include "protocol/tree.h"

namespace hat {
namespace {

// The systems under comparison. u-shape is hat with chunking, drafting and drafting ahead off, but
// for the prefill cut; cloud-only is cloud-sd with drafting off.
const std::vector<SystemSpec>& Systems() {
  static const std::vector<SystemSpec> kSystems = {
      {.name = "hat",
       .chunking = "monitor",
       .drafting = "threshold",
       .draft_ahead = true,
       .prefill_cut = "split"},
      {.name = "u-shape"},
      {.name = "u-sarathi", .prefill_cut = "fixed"},
      {.name = "u-medusa", .session = SessionKind::kTree, .drafts_trees = true},
      {.name = "cloud-only",
       .session = SessionKind::kRaw,
       .has_device_layers = false,
       .returns_tokens = true,
       .prefill_cut = "split"},
      {.name = "cloud-sd",
       .session = SessionKind::kRaw,
       .has_device_layers = false,
       .returns_tokens = true,
       .drafting = "threshold",
       .prefill_cut = "split"},
      {.name = "device-only", .session = SessionKind::kLocal, .has_cloud = false},
  };
  return kSystems;
}

}  // namespace

SystemSpec FindSystem(const std::string& name) {
  for (const SystemSpec& system : Systems()) {
    if (system.name == name) return system;
  }
  throw InputError(
      fmt::format("unknown system '{}'; known: {}", name, fmt::join(SystemNames(), ", ")));
}

std::vector<std::string> SystemNames() {
  std::vector<std::string> names;
  for (const SystemSpec& system : Systems()) names.push_back(system.name);
  return names;
}

std::vector<std::string> DrafterNames() { return {"adapter", "lookup", "adapter+lookup"}; }

void CheckSystem(const SystemSpec& system) {
  MakeChunkingPolicy(system.chunking, system.options);
  if (system.drafts_chains()) MakeDraftingPolicy(system.drafting, system.options);
  MakePrefillCut(system.prefill_cut, system.options);
  FindTree(system.options.tree);
  const bool is_chain = system.session == SessionKind::kChain;
  if (system.draft_ahead && !is_chain) {
    throw InputError(fmt::format("system '{}' never drafts ahead: system.draft_ahead must be false",
                                 system.name));
  }
  if (system.draft_ahead && !system.drafts_chains()) {
    throw InputError(
        "drafting ahead needs a drafting policy other than 'none' (or switch it off: "
        "system.draft_ahead = false)");
  }
  if (system.chunking != "none" && !is_chain) {
    throw InputError(fmt::format(
        "system '{}' takes chunking 'none'; hat, u-shape and u-sarathi take others", system.name));
  }
  if (system.drafts_chains() && !is_chain && !system.returns_tokens) {
    throw InputError(
        fmt::format("system '{}' takes drafting 'none'; hat, u-shape, u-sarathi, cloud-only and "
                    "cloud-sd take others",
                    system.name));
  }
  const std::vector<std::string> drafters = DrafterNames();
  if (std::ranges::find(drafters, system.drafter) == drafters.end()) {
    throw InputError(
        fmt::format("unknown drafter '{}'; known: {}", system.drafter, fmt::join(drafters, ", ")));
  }
  if (system.drafter != "adapter" && !(is_chain && system.drafts_chains())) {
    throw InputError(
        fmt::format("system '{}' drafts no chains on devices: system.drafter must be "
                    "adapter, got {}",
                    system.name, system.drafter));
  }
  if (system.options.chunk_min > system.options.chunk_max) {
    throw InputError(fmt::format("chunk_min {} is above chunk_max {}", system.options.chunk_min,
                                 system.options.chunk_max));
  }
}

std::vector<int> LayersOfStages(int layers, int stages) {
  std::vector<int> of_stage(static_cast<size_t>(stages), layers / stages);
  std::fill_n(of_stage.begin(), layers % stages, layers / stages + 1);
  return of_stage;
}

int LargestVerification(const SystemSpec& system) {
  if (system.drafts_trees) return FindTree(system.options.tree).size();
  return system.drafts_chains() ? system.options.max_draft + 1 : 1;
}

int ReservedExtraTokens(const SystemSpec& system) {
  return system.drafts_trees ? FindTree(system.options.tree).size() : system.options.max_draft + 1;
}

}  // namespace hat
