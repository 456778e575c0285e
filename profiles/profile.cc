#include "profiles/profile.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include <fmt/format.h>

#include "core/error.h"

namespace hat {
namespace {

constexpr int kNoLimit = std::numeric_limits<int>::max();

std::string NameOf(const ProfileInfo& info) { return info.path.empty() ? info.id : info.path; }

void CheckRole(const ProfileInfo& info, Role role) {
  if (info.role == role) return;
  throw InputError(fmt::format("{}: 'role' must be {} where a {}'s profile is wanted, got {}",
                               NameOf(info), Name(role), Name(role), Name(info.role)));
}

// Empty if the profile does not have the operation.
LatencyGrid GridOf(const ProfileData& data, Operation operation, bool may_be_zero = false) {
  const auto found = data.operations.find(operation);
  if (found != data.operations.end()) {
    return {fmt::format("{}: 'operations.{}'", NameOf(data.info), Name(operation)), found->second,
            data.allow_extrapolation, may_be_zero};
  }
  const std::vector<Operation>& required = OperationsOf(data.info.role).required;
  if (std::find(required.begin(), required.end(), operation) != required.end()) {
    throw InputError(
        fmt::format("{}: 'operations.{}' is missing", NameOf(data.info), Name(operation)));
  }
  return {};
}

const LatencyGrid& Need(const LatencyGrid& grid, const ProfileInfo& info, Operation operation) {
  if (grid.empty()) [[unlikely]] {
    throw InputError(fmt::format("{}: has no 'operations.{}', which this run needs", NameOf(info),
                                 Name(operation)));
  }
  return grid;
}

bool AnyHasSpread(std::initializer_list<const LatencyGrid*> grids) {
  return std::any_of(grids.begin(), grids.end(),
                     [](const LatencyGrid* grid) { return grid->has_spread(); });
}

int LastOf(const GridAxis& axis) { return axis.points().back(); }

}  // namespace

DeviceProfile DeviceProfile::Load(const std::string& path) {
  return DeviceProfile(ReadProfile(path));
}

DeviceProfile::DeviceProfile(const ProfileData& data)
    : info_(data.info),
      allows_extrapolation_(data.allow_extrapolation),
      draft_layers_(data.draft_layers) {
  CheckRole(info_, Role::kDevice);
  embedding_ = GridOf(data, Operation::kEmbedding);
  layer_ = GridOf(data, Operation::kLayer);
  adapter_ = GridOf(data, Operation::kAdapter);
  head_ = GridOf(data, Operation::kHead);
  medusa_ = GridOf(data, Operation::kMedusa);
  draft_ = GridOf(data, Operation::kDraft);
}

Seconds DeviceProfile::Embedding(int tokens, double quantile) const {
  return embedding_.At(tokens, 0, quantile);
}

Seconds DeviceProfile::Layer(int tokens, int context, double quantile) const {
  return layer_.At(tokens, context, quantile);
}

Seconds DeviceProfile::Input(int tokens, int context, int layers, double quantile) const {
  return Embedding(tokens, quantile) + layers * Layer(tokens, context, quantile);
}

Seconds DeviceProfile::Adapter(int tokens, int context, double quantile) const {
  return Need(adapter_, info_, Operation::kAdapter).At(tokens, context, quantile);
}

Seconds DeviceProfile::Head(int tokens, double quantile) const {
  return head_.At(tokens, 0, quantile);
}

Seconds DeviceProfile::Medusa(int tokens, double quantile) const {
  return Need(medusa_, info_, Operation::kMedusa).At(tokens, 0, quantile);
}

Seconds DeviceProfile::Draft(int width, int context, int layers, double quantile) const {
  if (draft_layers_ == layers) return draft_.At(width, context, quantile);
  return Input(width, context, layers, quantile) + Adapter(width, context, quantile) +
         Head(width, quantile);
}

bool DeviceProfile::has_spread() const {
  return AnyHasSpread({&embedding_, &layer_, &adapter_, &head_, &medusa_, &draft_});
}

int DeviceProfile::max_context() const {
  if (allows_extrapolation_) return kNoLimit;
  const int layer = LastOf(layer_.contexts());
  return has_adapter() ? std::min(layer, LastOf(adapter_.contexts())) : layer;
}

int DeviceProfile::max_tokens() const {
  if (allows_extrapolation_) return kNoLimit;
  const int input = std::min(LastOf(embedding_.tokens()), LastOf(layer_.tokens()));
  return has_adapter() ? std::min(input, LastOf(adapter_.tokens())) : input;
}

int DeviceProfile::max_draft_width(int layers) const {
  if (allows_extrapolation_) return kNoLimit;
  if (draft_layers_ == layers) return LastOf(draft_.tokens());
  return std::min(max_tokens(), LastOf(head_.tokens()));
}

CloudProfile CloudProfile::Load(const std::string& path) { return CloudProfile(ReadProfile(path)); }

CloudProfile::CloudProfile(const ProfileData& data)
    : info_(data.info), allows_extrapolation_(data.allow_extrapolation) {
  CheckRole(info_, Role::kCloud);
  linear_ = GridOf(data, Operation::kLinear);
  a0_ = GridOf(data, Operation::kAttentionBase, true);
  attention_ = GridOf(data, Operation::kAttention, true);
  embedding_ = GridOf(data, Operation::kEmbedding);
  head_ = GridOf(data, Operation::kHead);
  if (!a0_.tokens().Covers(1) || !a0_.contexts().Covers(0)) {
    throw InputError(
        fmt::format("{}: 'operations.a0' must have the point tokens 1, context 0", NameOf(info_)));
  }
}

Seconds CloudProfile::Linear(int tokens, double quantile) const {
  return linear_.At(tokens, 0, quantile);
}

Seconds CloudProfile::AttentionBase(double quantile) const { return a0_.At(1, 0, quantile); }

Seconds CloudProfile::Attention(int tokens, int context, double quantile) const {
  return attention_.At(tokens, context, quantile);
}

Seconds CloudProfile::Embedding(int tokens, double quantile) const {
  return Need(embedding_, info_, Operation::kEmbedding).At(tokens, 0, quantile);
}

Seconds CloudProfile::Head(int tokens, double quantile) const {
  return Need(head_, info_, Operation::kHead).At(tokens, 0, quantile);
}

bool CloudProfile::has_spread() const {
  return AnyHasSpread({&linear_, &a0_, &attention_, &embedding_, &head_});
}

int CloudProfile::max_context() const {
  return allows_extrapolation_ ? kNoLimit : LastOf(attention_.contexts());
}

int CloudProfile::max_tokens() const {
  return allows_extrapolation_ ? kNoLimit : LastOf(linear_.tokens());
}

int CloudProfile::max_sequence_tokens() const {
  return allows_extrapolation_ ? kNoLimit : LastOf(attention_.tokens());
}

}  // namespace hat
