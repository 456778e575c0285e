// What a profile is of: whose work, and which operations of it.
#pragma once

#include <compare>
#include <string>
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
  kAttentionBase,  // once per layer and batch
  kAttention,      // of one sequence, a layer
};
std::string Name(Operation operation);  // as files have it: "embedding", ..., "a0" for the base

// Where a profile has an operation. A model's layers are of one class or, where they differ, of
// several (ModelShape::LayerClasses), each with its own costs; what is no layer's is of class 0.
struct OperationKey {
  OperationKey(Operation the_operation, int the_layer_class = 0)  // NOLINT: an operation is a key
      : operation(the_operation), layer_class(the_layer_class) {}

  Operation operation;
  int layer_class;
  auto operator<=>(const OperationKey&) const = default;
};
std::string Name(OperationKey key);  // "layer", of class 1 "layer/1"
bool IsOfLayers(Operation operation);

// The operations that a role must and may have, in the order in which they are written.
struct RoleOperations {
  std::vector<OperationKey> required;
  std::vector<OperationKey> optional;

  std::vector<OperationKey> all() const;
};
// Of a model whose layers are of so many classes.
RoleOperations OperationsOf(Role role, int layer_classes = 1);

// "embedding, layer, head": for messages and lists of allowed keys.
std::vector<std::string> NamesOf(const std::vector<OperationKey>& keys);

}  // namespace hat
