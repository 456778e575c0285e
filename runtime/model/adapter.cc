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

int MlpWidth(const TaggedTensors& file) {
  const std::vector<int64_t> gate = file.Shape("gate");
  return gate.empty() ? 0 : static_cast<int>(gate[0]);
}

// visit(name in a file, tensor) of all that there are; an MLP's where `has_mlp`.
template <typename Weights, typename Visit>
void ForEachTensor(Weights& weights, bool has_mlp, const Visit& visit) {
  visit("norm", weights.attention.norm);
  visit("q", weights.attention.q);
  visit("k", weights.attention.k);
  visit("v", weights.attention.v);
  visit("o", weights.attention.o);
  if (!has_mlp) return;
  visit("mlp_norm", weights.mlp_norm);
  visit("gate", weights.gate);
  visit("up", weights.up);
  visit("down", weights.down);
}

AdapterFile RandomAdapter(uint64_t seed, int64_t hidden, int split) {
  AdapterFile file;
  file.split = split;
  ForEachTensor(file.weights, false, [&](const std::string& name, at::Tensor& tensor) {
    tensor = name == "norm" ? at::ones({hidden}, at::kFloat)
                            : RandomTensor({hidden, hidden}, std::sqrt(3.0 / double(hidden)), seed,
                                           "adapter." + name);
  });
  return file;
}

}  // namespace

std::map<std::string, std::vector<int64_t>> AdapterTensorShapes(int hidden, int mlp_width) {
  const int64_t d = hidden, width = mlp_width;
  std::map<std::string, std::vector<int64_t>> shapes = {
      {"norm", {d}}, {"q", {d, d}}, {"k", {d, d}}, {"v", {d, d}}, {"o", {d, d}}};
  if (mlp_width == 0) return shapes;
  shapes.merge(std::map<std::string, std::vector<int64_t>>{
      {"mlp_norm", {d}}, {"gate", {width, d}}, {"up", {width, d}}, {"down", {d, width}}});
  return shapes;
}

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
  const int mlp_width = MlpWidth(file);
  const auto shapes = AdapterTensorShapes(static_cast<int>(hidden), mlp_width);
  ForEachTensor(adapter.weights, mlp_width > 0, [&](const char* name, at::Tensor& tensor) {
    tensor = file.Tensor(name, shapes.at(name));
  });
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
  ForEachTensor(adapter.weights, adapter.weights.gate.defined(),
                [&](const char* name, const at::Tensor& tensor) {
                  file.tensors[name] = tensor.detach().to(type);
                });
  WriteTensorFile(path, file);
}

Adapter::Adapter(const Model& model, const AdapterFile& file, const Compute& compute)
    : draft_temperature_(file.draft_temperature) {
  CheckCompute(compute);
  LayerWeights weights = file.weights;
  const bool has_mlp = weights.gate.defined();
  ForEachTensor(weights, has_mlp, [&](const char*, at::Tensor& tensor) {
    tensor = tensor.detach().to(OptionsOf(compute));
  });
  PackedLayer layer = has_mlp ? Pack(weights) : Pack(weights.attention);
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
