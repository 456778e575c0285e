#include "profiles/profile.h"

#include <algorithm>
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
LatencyGrid GridOf(const ProfileData& data, OperationKey key, bool may_be_zero = false) {
  const auto found = data.operations.find(key);
  if (found != data.operations.end()) {
    return {fmt::format("{}: 'operations.{}'", NameOf(data.info), Name(key)), found->second,
            data.allow_extrapolation, may_be_zero};
  }
  const std::vector<OperationKey> required = OperationsOf(data.info).required;
  if (std::find(required.begin(), required.end(), key) != required.end()) {
    throw InputError(fmt::format("{}: 'operations.{}' is missing", NameOf(data.info), Name(key)));
  }
  return {};
}

// Of each of the model's classes of layers.
std::vector<LatencyGrid> GridsOf(const ProfileData& data, Operation operation,
                                 bool may_be_zero = false) {
  std::vector<LatencyGrid> grids;
  const size_t classes = std::max<size_t>(1, data.info.model.LayerClasses().size());
  for (size_t c = 0; c < classes; ++c) {
    grids.push_back(GridOf(data, {operation, static_cast<int>(c)}, may_be_zero));
  }
  return grids;
}

const LatencyGrid& Need(const LatencyGrid& grid, const ProfileInfo& info, Operation operation) {
  if (grid.empty()) [[unlikely]] {
    throw InputError(fmt::format("{}: has no 'operations.{}', which this run needs", NameOf(info),
                                 Name(operation)));
  }
  return grid;
}

bool AnyHasSpread(const std::vector<LatencyGrid>& grids) {
  return std::ranges::any_of(grids, &LatencyGrid::has_spread);
}

// The last point of an axis that all grids reach.
int LastOf(const GridAxis& axis) { return axis.points().back(); }
int LastOf(const std::vector<LatencyGrid>& grids, const GridAxis& (LatencyGrid::*axis)() const) {
  int last = kNoLimit;
  for (const LatencyGrid& grid : grids) last = std::min(last, LastOf((grid.*axis)()));
  return last;
}

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
  layer_ = GridsOf(data, Operation::kLayer);
  adapter_ = GridOf(data, Operation::kAdapter);
  head_ = GridOf(data, Operation::kHead);
  medusa_ = GridOf(data, Operation::kMedusa);
  draft_ = GridOf(data, Operation::kDraft);
  has_spread_ = AnyHasSpread(layer_) || embedding_.has_spread() || adapter_.has_spread() ||
                head_.has_spread() || medusa_.has_spread() || draft_.has_spread();
}

Seconds DeviceProfile::Embedding(int tokens, double quantile) const {
  return embedding_.At(tokens, 0, quantile);
}

Seconds DeviceProfile::Layer(int tokens, int context, double quantile, int layer_class) const {
  return layer_[static_cast<size_t>(layer_class)].At(tokens, context, quantile);
}

Seconds DeviceProfile::Input(int tokens, int context, int layers, double quantile) const {
  const Seconds embedding = Embedding(tokens, quantile);
  if (layer_.size() == 1) return embedding + layers * Layer(tokens, context, quantile);
  const std::vector<int> of_classes = info_.model.LayersOfClasses(0, layers);
  Seconds all = embedding;
  for (int c = 0; c < static_cast<int>(of_classes.size()); ++c) {
    const int count = of_classes[static_cast<size_t>(c)];
    if (count > 0) all += count * Layer(tokens, context, quantile, c);
  }
  return all;
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

int DeviceProfile::max_context() const {
  if (allows_extrapolation_) return kNoLimit;
  const int layer = LastOf(layer_, &LatencyGrid::contexts);
  return has_adapter() ? std::min(layer, LastOf(adapter_.contexts())) : layer;
}

int DeviceProfile::max_tokens() const {
  if (allows_extrapolation_) return kNoLimit;
  const int input = std::min(LastOf(embedding_.tokens()), LastOf(layer_, &LatencyGrid::tokens));
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
  linear_ = GridsOf(data, Operation::kLinear);
  a0_ = GridsOf(data, Operation::kAttentionBase, true);
  attention_ = GridsOf(data, Operation::kAttention, true);
  embedding_ = GridOf(data, Operation::kEmbedding);
  head_ = GridOf(data, Operation::kHead);
  for (int c = 0; c < static_cast<int>(a0_.size()); ++c) {
    const LatencyGrid& a0 = a0_[static_cast<size_t>(c)];
    if (a0.tokens().Covers(1) && a0.contexts().Covers(0)) continue;
    throw InputError(fmt::format("{}: 'operations.{}' must have the point tokens 1, context 0",
                                 NameOf(info_), Name({Operation::kAttentionBase, c})));
  }
}

Seconds CloudProfile::Linear(int tokens, double quantile, int layer_class) const {
  return linear_[static_cast<size_t>(layer_class)].At(tokens, 0, quantile);
}

Seconds CloudProfile::AttentionBase(double quantile, int layer_class) const {
  return a0_[static_cast<size_t>(layer_class)].At(1, 0, quantile);
}

Seconds CloudProfile::Attention(int tokens, int context, double quantile, int layer_class) const {
  return attention_[static_cast<size_t>(layer_class)].At(tokens, context, quantile);
}

Seconds CloudProfile::Embedding(int tokens, double quantile) const {
  return Need(embedding_, info_, Operation::kEmbedding).At(tokens, 0, quantile);
}

Seconds CloudProfile::Head(int tokens, double quantile) const {
  return Need(head_, info_, Operation::kHead).At(tokens, 0, quantile);
}

bool CloudProfile::has_spread() const {
  return AnyHasSpread(linear_) || AnyHasSpread(a0_) || AnyHasSpread(attention_) ||
         embedding_.has_spread() || head_.has_spread();
}

int CloudProfile::max_context() const {
  return allows_extrapolation_ ? kNoLimit : LastOf(attention_, &LatencyGrid::contexts);
}

int CloudProfile::max_tokens() const {
  return allows_extrapolation_ ? kNoLimit : LastOf(linear_, &LatencyGrid::tokens);
}

int CloudProfile::max_sequence_tokens() const {
  return allows_extrapolation_ ? kNoLimit : LastOf(attention_, &LatencyGrid::tokens);
}

int CloudProfile::max_head_rows() const {
  if (!has_embedding_and_head()) return 0;
  return allows_extrapolation_ ? kNoLimit : LastOf(head_.tokens());
}

}  // namespace hat
