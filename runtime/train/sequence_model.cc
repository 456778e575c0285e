#include "runtime/train/sequence_model.h"

#include <ATen/ATen.h>

#include <cmath>

#include "core/error.h"
#include "runtime/model/checkpoint.h"
#include "runtime/train/fused.h"

namespace hat {
namespace {

constexpr char kAdapterPrefix[] = "adapter.";

TensorMap LoadAll(const Model& model, const Compute& compute) {
  TensorMap tensors;
  for (const auto& [name, shape] : TensorShapes(model.config)) {
    tensors[name] = model.weights->Load(name, shape, compute);
  }
  return tensors;
}

const at::Tensor& Named(const TensorMap& tensors, const std::string& name) {
  const auto found = tensors.find(name);
  HAT_CHECK(found != tensors.end(), name);
  return found->second;
}

}  // namespace

SequenceModel::SequenceModel(const ModelConfig& config, const TensorMap& tensors,
                             const Compute& compute)
    : config_(config),
      shape_(AttentionShapeOf(config)),
      adapter_shape_(AdapterShape(config)),
      rotary_(MakeRotaryTable(config, shape_.head_dim, config.max_positions, compute)),
      adapter_rotary_(
          MakeRotaryTable(config, adapter_shape_.head_dim, config.max_positions, compute)),
      embedding_(Named(tensors, "model.embed_tokens.weight")),
      final_norm_(Named(tensors, "model.norm.weight")),
      output_(config.shape.tied_embeddings ? embedding_ : Named(tensors, "lm_head.weight")) {
  const auto find = [&](const std::string& name) { return Named(tensors, name); };
  for (int i = 0; i < config.shape.layer_count(); ++i) {
    layers_.push_back(LayerOf(config, i, find));
  }
}

SequenceModel::SequenceModel(const Model& model, const Compute& compute)
    : SequenceModel(model.config, LoadAll(model, compute), compute) {}

at::Tensor SequenceModel::Embed(const at::Tensor& ids) const {
  return at::embedding(embedding_, ids.to(embedding_.device()));
}

at::Tensor SequenceModel::Layers(at::Tensor states, int first, int last) const {
  for (int i = first; i < last; ++i) states = FusedLayer(states, layers_[i], shape_, rotary_);
  return states;
}

at::Tensor SequenceModel::Normed(const at::Tensor& states) const {
  return FusedRmsNorm(states.reshape({-1, config_.shape.hidden}), final_norm_, config_.norm_eps);
}

at::Tensor SequenceModel::Adapted(const at::Tensor& shallow,
                                  const AttentionWeights& adapter) const {
  return FusedAttentionBlock(shallow, adapter, adapter_shape_, adapter_rotary_);
}

std::map<std::string, std::vector<int64_t>> AdapterTensorShapes(const ModelConfig& config) {
  const int64_t hidden = config.shape.hidden;
  std::map<std::string, std::vector<int64_t>> shapes = {{"adapter.norm", {hidden}}};
  for (const char* matrix : {"q", "k", "v", "o"}) {
    shapes[std::string(kAdapterPrefix) + matrix] = {hidden, hidden};
  }
  return shapes;
}

AttentionWeights AdapterOf(const TensorMap& tensors) {
  const auto get = [&](const std::string& name) { return Named(tensors, kAdapterPrefix + name); };
  AttentionWeights weights;
  weights.norm = get("norm");
  weights.q = get("q");
  weights.k = get("k");
  weights.v = get("v");
  weights.o = get("o");
  return weights;
}

void CopyAdapter(const AttentionWeights& from, const AttentionWeights& to) {
  to.norm.copy_(from.norm);
  to.q.copy_(from.q);
  to.k.copy_(from.k);
  to.v.copy_(from.v);
  to.o.copy_(from.o);
}

void InitialiseAdapter(const TensorMap& values, uint64_t seed) {
  const AttentionWeights adapter = AdapterOf(values);
  adapter.norm.fill_(1);
  const auto hidden = static_cast<double>(adapter.norm.size(0));
  const auto fill = [&](const at::Tensor& matrix, const std::string& name, double deviation) {
    matrix.copy_(RandomTensor(matrix.sizes().vec(), std::sqrt(3.0) * deviation, seed,
                              kAdapterPrefix + name));
  };
  fill(adapter.q, "q", 1 / std::sqrt(hidden));
  fill(adapter.k, "k", 1 / std::sqrt(hidden));
  fill(adapter.v, "v", 1 / std::sqrt(hidden));
  fill(adapter.o, "o", 0.1 / std::sqrt(hidden));
}

TensorMap Leaves(const Parameters& parameters) {
  TensorMap leaves;
  for (const Parameters::Slot& slot : parameters.slots()) {
    leaves[slot.name] = parameters.Leaf(slot.name);
  }
  return leaves;
}

TensorMap Filtered(const TensorMap& all, const std::string& prefix, bool has_it) {
  TensorMap result;
  for (const auto& [name, value] : all) {
    if (name.starts_with(prefix) == has_it) result[name] = value;
  }
  return result;
}

}  // namespace hat
