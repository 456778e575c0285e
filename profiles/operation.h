// What a profile is of: whose work, and which operations of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hat {

enum class Role { kDevice, kCloud };
std::string Name(Role role);  // "device", "cloud"
// Throws InputError, with `what` (a flag) in front, for any other word.
Role ParseRole(const std::string& name, const std::string& what);

enum class Operation {
  kEmbedding,
  kLayer,  // of a device: a whole one
  kHead,
  kAdapter,
  kMedusa,
  kDraft,
  kLinear,         // of a cloud's layer: all but attention
  kAttentionBase,  // once a layer and batch
  kAttention,      // of one sequence, a layer
};
std::string Name(Operation operation);  // as files have it: "embedding", ..., "a0" for the base
std::optional<Operation> FindOperation(std::string_view name);

// The operations that a role must and may have, in the order in which they are written.
struct RoleOperations {
  std::vector<Operation> required;
  std::vector<Operation> optional;

  std::vector<Operation> all() const;
};
const RoleOperations& OperationsOf(Role role);

// "embedding, layer, head": for messages and lists of allowed keys.
std::vector<std::string> NamesOf(const std::vector<Operation>& operations);

}  // namespace hat
