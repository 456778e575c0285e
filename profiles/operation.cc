#include "profiles/operation.h"

#include <fmt/format.h>

#include "core/error.h"

namespace hat {
namespace {

// In the order of the enum.
constexpr const char* kNames[] = {"embedding", "layer",  "head", "adapter",  "medusa",
                                  "draft",     "linear", "a0",   "attention"};

}  // namespace

std::string Name(Role role) { return role == Role::kDevice ? "device" : "cloud"; }

Role ParseRole(const std::string& name, const std::string& what) {
  for (const Role role : {Role::kDevice, Role::kCloud}) {
    if (name == Name(role)) return role;
  }
  throw InputError(fmt::format("{} must be device or cloud, got '{}'", what, name));
}

std::string Name(Operation operation) { return kNames[static_cast<int>(operation)]; }

std::string Name(OperationKey key) {
  const std::string name = Name(key.operation);
  return key.layer_class == 0 ? name : fmt::format("{}/{}", name, key.layer_class);
}

bool IsOfLayers(Operation operation) {
  return operation == Operation::kLayer || operation == Operation::kLinear ||
         operation == Operation::kAttentionBase || operation == Operation::kAttention;
}

std::vector<OperationKey> RoleOperations::all() const {
  std::vector<OperationKey> both = required;
  both.insert(both.end(), optional.begin(), optional.end());
  return both;
}

RoleOperations OperationsOf(Role role, int layer_classes) {
  using enum Operation;
  RoleOperations operations;
  if (role == Role::kDevice) {
    operations = {{kEmbedding, kLayer, kHead}, {kAdapter, kMedusa, kDraft}};
  } else {
    operations = {{kLinear, kAttentionBase, kAttention}, {kEmbedding, kHead}};
  }
  const std::vector<OperationKey> once = operations.required;
  for (int layer_class = 1; layer_class < layer_classes; ++layer_class) {
    for (const OperationKey& key : once) {
      if (IsOfLayers(key.operation)) operations.required.emplace_back(key.operation, layer_class);
    }
  }
  return operations;
}

std::vector<std::string> NamesOf(const std::vector<OperationKey>& keys) {
  std::vector<std::string> names;
  for (const OperationKey& key : keys) names.push_back(Name(key));
  return names;
}

}  // namespace hat
