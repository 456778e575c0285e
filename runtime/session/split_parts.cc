#include "runtime/session/split_parts.h"

#include <algorithm>

#include <ATen/ATen.h>

#include "core/error.h"
#include "protocol/tree.h"

namespace hat {
namespace {

void CheckTree(const Tree& tree, const std::string& name, int vocabulary, int heads) {
  if (std::ranges::max(tree.ranks) > vocabulary) {
    throw InputError("the tree '" + name + "' needs a larger vocabulary than " +
                     std::to_string(vocabulary));
  }
  const int depth = tree.max_depth();
  if (depth > heads) {
    throw InputError("the tree '" + name + "' needs " + std::to_string(depth) +
                     " Medusa heads; there are " + std::to_string(heads));
  }
}

}  // namespace

int ExtraSlots(const SystemSpec& system) {
  const int draft = ReservedExtraTokens(system);
  return system.drafts_trees ? draft : draft * (1 + system.options.ahead_branches);
}

void CheckSplitSystem(const SystemSpec& system, const SplitPlan& plan, int stages,
                      const ModelConfig& config) {
  CheckSplit(plan, config);
  CheckSystem(system);
  if (!system.is_split()) {
    throw InputError("system '" + system.name + "' is not split between device and cloud");
  }
  const int cloud_layers = config.shape.layer_count() - plan.split;
  if (stages < 1 || stages > cloud_layers) {
    throw InputError("the cloud's " + std::to_string(cloud_layers) + " layers make 1 to " +
                     std::to_string(cloud_layers) + " stages, not " + std::to_string(stages));
  }
}

DeviceModel MakeDeviceModel(const Model& model, const SystemSpec& system, const SplitPlan& plan,
                            const std::string& adapter, const std::string& medusa,
                            int64_t state_bytes) {
  const Compute compute = plan.DeviceCompute();
  DeviceModel device(model, plan.split, compute, plan.wire, state_bytes);
  device.looks_up = system.uses_lookup();
  if (system.uses_adapter()) {
    device.adapter.emplace(model, LoadAdapter(adapter, model, plan.split), compute);
  }
  if (system.drafts_trees) {
    device.medusa.emplace(model, LoadMedusa(medusa, model), device.head, compute);
    CheckTree(FindTree(system.options.tree), system.options.tree, model.config.shape.vocabulary,
              device.medusa->size());
  }
  return device;
}

}  // namespace hat
