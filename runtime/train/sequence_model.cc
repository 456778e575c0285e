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

at::Tensor SequenceModel::Adapted(const at::Tensor& shallow, const LayerWeights& adapter) const {
  return adapter.gate.defined()
             ? FusedLayer(shallow, adapter, adapter_shape_, adapter_rotary_)
             : FusedAttentionBlock(shallow, adapter.attention, adapter_shape_, adapter_rotary_);
}

std::map<std::string, std::vector<int64_t>> AdapterParameters(const ModelConfig& config,
                                                              int mlp_width) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (auto& [name, shape] : AdapterTensorShapes(config.shape.hidden, mlp_width)) {
    shapes[kAdapterPrefix + name] = shape;
  }
  return shapes;
}

LayerWeights AdapterOf(const TensorMap& tensors) {
  const auto get = [&](const std::string& name) { return Named(tensors, kAdapterPrefix + name); };
  LayerWeights weights;
  AttentionWeights& attention = weights.attention;
  attention.norm = get("norm");
  attention.q = get("q");
  attention.k = get("k");
  attention.v = get("v");
  attention.o = get("o");
  if (!tensors.contains(std::string(kAdapterPrefix) + "gate")) return weights;
  weights.mlp_norm = get("mlp_norm");
  weights.gate = get("gate");
  weights.up = get("up");
  weights.down = get("down");
  return weights;
}

void CopyAdapter(const LayerWeights& from, const LayerWeights& to) {
  const auto width = [](const LayerWeights& weights) {
    return weights.gate.defined() ? weights.gate.size(0) : 0;
  };
  if (width(from) != width(to)) {
    throw InputError("the adapter to start from has an MLP of width " +
                     std::to_string(width(from)) + ", not " + std::to_string(width(to)));
  }
  to.attention.norm.copy_(from.attention.norm);
  to.attention.q.copy_(from.attention.q);
  to.attention.k.copy_(from.attention.k);
  to.attention.v.copy_(from.attention.v);
  to.attention.o.copy_(from.attention.o);
  if (width(to) == 0) return;
  to.mlp_norm.copy_(from.mlp_norm);
  to.gate.copy_(from.gate);
  to.up.copy_(from.up);
  to.down.copy_(from.down);
}

void InitialiseAdapter(const TensorMap& values, uint64_t seed) {
  const LayerWeights adapter = AdapterOf(values);
  adapter.attention.norm.fill_(1);
  const auto fill = [&](const at::Tensor& matrix, const std::string& name, double share) {
    const double deviation = share / std::sqrt(static_cast<double>(matrix.size(1)));
    matrix.copy_(RandomTensor(matrix.sizes().vec(), std::sqrt(3.0) * deviation, seed,
                              kAdapterPrefix + name));
  };
  fill(adapter.attention.q, "q", 1);
  fill(adapter.attention.k, "k", 1);
  fill(adapter.attention.v, "v", 1);
  fill(adapter.attention.o, "o", 0.1);
  if (!adapter.gate.defined()) return;
  adapter.mlp_norm.fill_(1);
  fill(adapter.gate, "gate", 1);
  fill(adapter.up, "up", 1);
  fill(adapter.down, "down", 0.1);
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
