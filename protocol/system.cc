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
// for the prefill cut.
const std::vector<SystemSpec>& Systems() {
  using Kind = SystemSpec::Kind;
  static const std::vector<SystemSpec> kSystems = {
      // name, kind, chunking, drafting, draft ahead, prefill cut
      {"hat", Kind::kSplit, "monitor", "threshold", true, "split", false, {}},
      {"u-shape", Kind::kSplit, "none", "none", false, "whole", false, {}},
      {"u-sarathi", Kind::kSplit, "none", "none", false, "fixed", false, {}},
      {"u-medusa", Kind::kMedusa, "none", "none", false, "whole", false, {}},
      {"cloud-only", Kind::kCloudOnly, "none", "none", false, "split", false, {}},
      {"device-only", Kind::kDeviceOnly, "none", "none", false, "whole", false, {}},
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

void CheckSystem(const SystemSpec& system) {
  const bool drafts = system.drafting != "none";
  MakeChunkingPolicy(system.chunking, system.options);
  if (drafts) MakeDraftingPolicy(system.drafting, system.options);
  MakePrefillCut(system.prefill_cut, system.options);
  FindTree(system.options.tree);
  if (system.draft_ahead && !drafts) {
    throw InputError(
        "drafting ahead needs a drafting policy other than 'none' (or switch it off: "
        "system.draft_ahead = false)");
  }
  if (system.kind != SystemSpec::Kind::kSplit && (drafts || system.chunking != "none")) {
    throw InputError(
        fmt::format("system '{}' takes chunking 'none' and drafting 'none'; hat, u-shape and "
                    "u-sarathi take others",
                    system.name));
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

int ReservedExtraTokens(const SystemSpec& system) {
  return system.kind == SystemSpec::Kind::kMedusa ? FindTree(system.options.tree).size()
                                                  : system.options.max_draft + 1;
}

}  // namespace hat
