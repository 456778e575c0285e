#include "runtime/model/adapter.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include <ATen/ATen.h>

#include "core/error.h"
#include "runtime/model/layer_stack.h"
#include "runtime/model/tensor_file.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

constexpr const char* kKind = "hat-adapter";

// The matrices' names in a file.
std::vector<std::pair<const char*, at::Tensor AttentionWeights::*>> Matrices() {
  return {{"q", &AttentionWeights::q},
          {"k", &AttentionWeights::k},
          {"v", &AttentionWeights::v},
          {"o", &AttentionWeights::o}};
}

AdapterFile RandomAdapter(uint64_t seed, int64_t hidden, int split) {
  AdapterFile file;
  file.split = split;
  file.weights.norm = at::ones({hidden}, at::kFloat);
  for (const auto& [name, matrix] : Matrices()) {
    file.weights.*matrix = RandomTensor({hidden, hidden}, std::sqrt(3.0 / double(hidden)), seed,
                                        std::string("adapter.") + name);
  }
  return file;
}

}  // namespace

AttentionShape AdapterShape(const ModelConfig& config) {
  const int hidden = config.shape.hidden;
  int heads = std::min(config.shape.every_layer().heads, hidden / 2);
  while (hidden % (2 * heads) != 0) --heads;
  return {heads, heads, hidden / heads, config.norm_eps};
}

AdapterFile LoadAdapter(const std::string& file_or_random, const Model& model, int split) {
  const int64_t hidden = model.config.shape.hidden;
  if (const auto seed = RandomSeed(file_or_random)) return RandomAdapter(*seed, hidden, split);
  const TaggedTensors file(file_or_random, kKind, model.id);
  AdapterFile adapter;
  adapter.model_id = model.id;
  adapter.split = file.Integer("split");
  if (adapter.split != split) {
    throw InputError(file_or_random + ": trained for a split of " + std::to_string(adapter.split) +
                     ", not " + std::to_string(split));
  }
  adapter.draft_temperature = file.Positive("draft_temperature");
  adapter.weights.norm = file.Tensor("norm", {hidden});
  for (const auto& [name, matrix] : Matrices()) {
    adapter.weights.*matrix = file.Tensor(name, {hidden, hidden});
  }
  file.RefuseOthers();
  return adapter;
}

void SaveAdapter(const std::string& path, const AdapterFile& adapter, Dtype dtype) {
  TensorFile file;
  file.metadata = {{"kind", kKind},
                   {"model", adapter.model_id},
                   {"split", std::to_string(adapter.split)},
                   {"draft_temperature", ExactText(adapter.draft_temperature)}};
  const auto type = ScalarTypeOf(dtype);
  file.tensors["norm"] = adapter.weights.norm.detach().to(type);
  for (const auto& [name, matrix] : Matrices()) {
    file.tensors[name] = (adapter.weights.*matrix).detach().to(type);
  }
  WriteTensorFile(path, file);
}

Adapter::Adapter(const Model& model, const AdapterFile& file, const Compute& compute)
    : draft_temperature_(file.draft_temperature) {
  CheckCompute(compute);
  AttentionWeights weights = file.weights;
  weights.norm = weights.norm.detach().to(OptionsOf(compute));
  for (const auto& [name, matrix] : Matrices()) {
    weights.*matrix = (weights.*matrix).detach().to(OptionsOf(compute));
  }
  PackedLayer layer = Pack(weights);
  if (compute.has_int8_weights) Quantise(layer);
  stack_ = std::make_unique<LayerStack>(std::vector<PackedLayer>{std::move(layer)},
                                        AdapterShape(model.config), model.config, compute);
}
Adapter::~Adapter() = default;
Adapter::Adapter(Adapter&&) noexcept = default;

KvCache Adapter::MakeCache(int capacity) const { return stack_->MakeCache(capacity); }

at::Tensor Adapter::Forward(const at::Tensor& shallow, std::span<const SequencePart> parts) const {
  return stack_->Forward(shallow, parts);
}

}  // namespace hat
