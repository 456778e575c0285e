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

std::optional<Operation> FindOperation(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Operation::kAttention); ++i) {
    if (name == kNames[i]) return static_cast<Operation>(i);
  }
  return std::nullopt;
}

std::vector<Operation> RoleOperations::all() const {
  std::vector<Operation> both = required;
  both.insert(both.end(), optional.begin(), optional.end());
  return both;
}

const RoleOperations& OperationsOf(Role role) {
  static const RoleOperations kDevice = {
      {Operation::kEmbedding, Operation::kLayer, Operation::kHead},
      {Operation::kAdapter, Operation::kMedusa, Operation::kDraft}};
  static const RoleOperations kCloud = {
      {Operation::kLinear, Operation::kAttentionBase, Operation::kAttention},
      {Operation::kEmbedding, Operation::kHead}};
  return role == Role::kDevice ? kDevice : kCloud;
}

std::vector<std::string> NamesOf(const std::vector<Operation>& operations) {
  std::vector<std::string> names;
  for (const Operation operation : operations) names.push_back(Name(operation));
  return names;
}

}  // namespace hat
