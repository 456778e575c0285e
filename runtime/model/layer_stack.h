// Consecutive layers with their weights, packed for inference, and the ragged forward pass through
// them. What the submodels are made of.
#pragma once

#include <span>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/model/batch_plan.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/layer_math.h"
#include "runtime/model/submodels.h"
#include "runtime/model/weight_matrix.h"

namespace hat {

// A layer's weights with those that read the same input in one matrix.
struct PackedLayer {
  at::Tensor attention_norm;  // [hidden]
  WeightMatrix qkv;           // [(heads + 2 kv_heads) * head_dim, hidden]
  WeightMatrix o;             // [hidden, heads * head_dim]
  // Undefined in Llama, see AttentionWeights:
  at::Tensor qkv_bias;        // [(heads + 2 kv_heads) * head_dim]
  at::Tensor q_norm, k_norm;  // [head_dim]
  bool is_rotated = true;
  // Undefined in an adapter without an MLP:
  at::Tensor mlp_norm;   // [hidden]
  WeightMatrix gate_up;  // [2 ffn, hidden]
  WeightMatrix down;     // [hidden, ffn]
};
PackedLayer Pack(const AttentionWeights& weights);
PackedLayer Pack(const LayerWeights& weights);

// Its matrices as int8.
void Quantise(PackedLayer& layer);

class LayerStack {
 public:
  LayerStack(std::vector<PackedLayer> layers, const AttentionShape& shape,
             const ModelConfig& config, const Compute& compute);

  KvCache MakeCache(int capacity) const;  // as MiddleModel::MakeCache
  at::Tensor Forward(const at::Tensor& states, std::span<const SequencePart> parts) const;

 private:
  at::Tensor CpuLayer(int layer, const at::Tensor& x, const BatchPlan& plan) const;
  at::Tensor Layer(int layer, const at::Tensor& x, const BatchPlan& plan) const;
  at::Tensor Attention(int layer, const at::Tensor& normed, const BatchPlan& plan) const;
  // The norms of `layer`, where it has them, of heads in qkv [rows, (heads + 2 kv_heads) *
  // head_dim].
  void NormHeads(const PackedLayer& layer, at::Tensor& qkv) const;

  std::vector<PackedLayer> layers_;
  AttentionShape shape_;
  int max_positions_;
  Compute compute_;
  RotaryTable rotary_;     // [max_positions, head_dim / 2]
  RotaryTable unrotated_;  // the same of angle 0; undefined where all layers are rotated
};

}  // namespace hat
