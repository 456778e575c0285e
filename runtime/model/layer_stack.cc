#include "runtime/model/layer_stack.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <ATen/ATen.h>

#include "core/error.h"
#include "runtime/model/cpu_operations.h"
#include "runtime/model/cuda_attention.h"
#include "runtime/model/torch_compute.h"

namespace hat {

PackedLayer Pack(const AttentionWeights& weights) {
  PackedLayer packed;
  packed.attention_norm = weights.norm;
  packed.qkv = at::cat({weights.q, weights.k, weights.v});
  packed.o = weights.o;
  if (weights.q_bias.defined()) {
    packed.qkv_bias = at::cat({weights.q_bias, weights.k_bias, weights.v_bias});
  }
  packed.q_norm = weights.q_norm;
  packed.k_norm = weights.k_norm;
  packed.is_rotated = weights.is_rotated;
  return packed;
}

PackedLayer Pack(const LayerWeights& weights) {
  PackedLayer packed = Pack(weights.attention);
  packed.mlp_norm = weights.mlp_norm;
  packed.gate_up = at::cat({weights.gate, weights.up});
  packed.down = weights.down;
  return packed;
}

void Quantise(PackedLayer& layer) {
  for (WeightMatrix* matrix : {&layer.qkv, &layer.o, &layer.gate_up, &layer.down}) {
    if (matrix->defined()) *matrix = Quantised(matrix->values);
  }
}

LayerStack::LayerStack(std::vector<PackedLayer> layers, const AttentionShape& shape,
                       const ModelConfig& config, const Compute& compute)
    : layers_(std::move(layers)),
      shape_(shape),
      max_positions_(config.max_positions),
      compute_(compute),
      rotary_(MakeRotaryTable(config, shape.head_dim, config.max_positions, compute)) {
  if (std::ranges::all_of(layers_, &PackedLayer::is_rotated)) return;
  unrotated_ = {at::ones_like(rotary_.cos), at::zeros_like(rotary_.sin)};
}

KvCache LayerStack::MakeCache(int capacity) const {
  constexpr int kBesidePositions = 64;  // slots for a tree's or branches' tokens
  const CacheShape shape = {static_cast<int>(layers_.size()), shape_.kv_heads, shape_.head_dim};
  return WithMemoryErrors([&] {
    return KvCache(shape, capacity > 0 ? capacity : max_positions_ + kBesidePositions, compute_);
  });
}

at::Tensor LayerStack::Forward(const at::Tensor& states,
                               std::span<const SequencePart> parts) const {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  return WithMemoryErrors([&] {
    const BatchPlan plan = PlanBatch(parts, shape_, rotary_, max_positions_, compute_);
    HAT_CHECK(states.dim() == 2 && states.size(0) == plan.rows, "a row of states a token");
    std::optional<BatchPlan> still;  // of the layers that are not rotated, where there are some
    if (unrotated_.cos.defined()) {
      still = plan;
      if (plan.cos.defined()) {
        still->cos = at::ones_like(plan.cos);
        still->sin = at::zeros_like(plan.sin);
      }
    }
    at::Tensor x = states.to(OptionsOf(compute_)).contiguous();  // [rows, hidden]
    for (int layer = 0; layer < static_cast<int>(layers_.size()); ++layer) {
      const BatchPlan& its = layers_[layer].is_rotated ? plan : *still;
      x = plan.on_cpu ? CpuLayer(layer, x, its) : Layer(layer, x, its);
    }
    return x;
  });
}

at::Tensor LayerStack::CpuLayer(int layer, const at::Tensor& x, const BatchPlan& plan) const {
  const PackedLayer& weights = layers_[layer];
  at::Tensor qkv = CpuLinear(CpuNorm(x, weights.attention_norm, shape_.norm_eps), weights.qkv);
  if (weights.qkv_bias.defined()) qkv.add_(weights.qkv_bias);
  NormHeads(weights, qkv);
  const at::Tensor heads = CpuAttention(qkv, shape_, plan, layer);
  const at::Tensor sum = CpuLinear(heads, weights.o, x);  // [rows, hidden]
  if (!weights.gate_up.defined()) return sum;
  const at::Tensor both =
      CpuLinear(CpuNorm(sum, weights.mlp_norm, shape_.norm_eps), weights.gate_up);
  return CpuLinear(CpuGate(both), weights.down, sum);
}

at::Tensor LayerStack::Layer(int layer, const at::Tensor& x, const BatchPlan& plan) const {
  const PackedLayer& weights = layers_[layer];
  const at::Tensor heads =
      Attention(layer, RmsNorm(x, weights.attention_norm, shape_.norm_eps), plan);
  at::Tensor sum = x + at::linear(heads, weights.o.values);  // [rows, hidden]
  if (!weights.gate_up.defined()) return sum;
  const at::Tensor normed = RmsNorm(sum, weights.mlp_norm, shape_.norm_eps);
  const at::Tensor both = at::linear(normed, weights.gate_up.values);  // [rows, 2 ffn]
  const int64_t ffn = both.size(1) / 2;
  const at::Tensor product = at::silu(both.narrow(1, 0, ffn)) * both.narrow(1, ffn, ffn);
  return sum + at::linear(product, weights.down.values);
}

void LayerStack::NormHeads(const PackedLayer& layer, at::Tensor& qkv) const {
  if (!layer.q_norm.defined()) return;
  const at::Tensor heads = qkv.view({qkv.size(0), -1, shape_.head_dim});
  const auto norm = [&](int64_t first, int64_t count, const at::Tensor& weight) {
    const at::Tensor these = heads.narrow(1, first, count);
    these.copy_(RmsNorm(these, weight, shape_.norm_eps));
  };
  norm(0, shape_.heads, layer.q_norm);
  norm(shape_.heads, shape_.kv_heads, layer.k_norm);
}

// normed [rows, hidden] -> [rows, heads * head_dim]
at::Tensor LayerStack::Attention(int layer, const at::Tensor& normed, const BatchPlan& plan) const {
  const int64_t q_heads = shape_.heads;
  const int64_t kv_heads = shape_.kv_heads;
  const PackedLayer& weights = layers_[layer];
  at::Tensor together = at::linear(normed, weights.qkv.values, weights.qkv_bias);
  NormHeads(weights, together);
#ifdef HAT_HAS_CUDA
  if (plan.ragged.memory.defined()) {
    const RotaryTable& rotary = weights.is_rotated ? rotary_ : unrotated_;
    return CudaAttention(together, shape_, rotary, plan.ragged.batch, layer);
  }
#endif
  const at::Tensor qkv = together.view({plan.rows, -1, shape_.head_dim});
  const at::Tensor turned =
      ApplyRotary(qkv.narrow(1, 0, q_heads + kv_heads), plan.cos, plan.sin).transpose(0, 1);
  const at::Tensor q = turned.narrow(0, 0, q_heads);         // [heads, rows, head_dim]
  const at::Tensor k = turned.narrow(0, q_heads, kv_heads);  // [kv_heads, rows, head_dim]
  const at::Tensor v = qkv.narrow(1, q_heads + kv_heads, kv_heads).transpose(0, 1);
  std::vector<at::Tensor> outputs;  // of each block: [rows, heads * head_dim]
  for (const PlannedPart& part : plan.parts) {
    const at::Tensor& keys = part.cache->keys(layer);
    const at::Tensor& values = part.cache->values(layer);
    keys.narrow(1, part.first_slot, part.rows).copy_(k.narrow(1, part.first_row, part.rows));
    values.narrow(1, part.first_slot, part.rows).copy_(v.narrow(1, part.first_row, part.rows));
    for (const QueryBlock& block : part.blocks) {
      const at::Tensor attended =
          Attend(q.narrow(1, block.first_row, block.rows), keys.narrow(1, 0, block.slots),
                 values.narrow(1, 0, block.slots), block.mask);  // [heads, rows, head_dim]
      outputs.push_back(attended.transpose(0, 1).flatten(1));
    }
  }
  return outputs.size() == 1 ? outputs[0] : at::cat(outputs);
}

}  // namespace hat
