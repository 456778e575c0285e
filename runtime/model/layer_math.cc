#include "runtime/model/layer_math.h"

#include <cmath>
#include <limits>

#include <ATen/ATen.h>

#include "core/error.h"
#include "runtime/model/checkpoint.h"
#include "runtime/model/torch_compute.h"

namespace hat {
namespace {

// The type of sums and exponentials: fp32 for narrower types.
at::ScalarType Wide(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

// x [batch, seq, heads * head_dim] -> [batch, heads, seq, head_dim]
at::Tensor SplitHeads(const at::Tensor& x, int heads, int head_dim) {
  return x.view({x.size(0), x.size(1), heads, head_dim}).transpose(1, 2);
}

}  // namespace

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  const at::Tensor wide = x.to(Wide(x.scalar_type()));                     // [..., hidden]
  const at::Tensor scale = at::rsqrt(wide.square().mean(-1, true) + eps);  // [..., 1]
  return (wide * scale).to(x.scalar_type()) * weight;
}

RotaryTable MakeRotaryTable(const ModelConfig& config, int head_dim, int positions,
                            const Compute& compute) {
  const std::vector<float> frequencies = RotaryFrequencies(config, head_dim);
  const auto pairs = static_cast<int64_t>(frequencies.size());
  const at::Tensor cos = at::empty({positions, pairs}, at::kDouble);
  const at::Tensor sin = at::empty({positions, pairs}, at::kDouble);
  auto* const cosines = cos.data_ptr<double>();
  auto* const sines = sin.data_ptr<double>();
  for (int64_t position = 0; position < positions; ++position) {
    for (int64_t i = 0; i < pairs; ++i) {
      const float angle = static_cast<float>(position) * frequencies[i];  // fp32, as transformers
      cosines[position * pairs + i] = std::cos(double{angle});
      sines[position * pairs + i] = std::sin(double{angle});
    }
  }
  const auto options = OptionsOf(compute).dtype(Wide(ScalarTypeOf(compute.dtype)));
  return {cos.to(options), sin.to(options)};
}

at::Tensor ApplyRotary(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin) {
  const int64_t pairs = x.size(-1) / 2;
  const at::Tensor first = x.narrow(-1, 0, pairs);       // [..., heads, head_dim / 2]
  const at::Tensor second = x.narrow(-1, pairs, pairs);  // the same
  const at::Tensor turned = at::cat({first * cos - second * sin, second * cos + first * sin}, -1);
  return turned.to(x.scalar_type());
}

at::Tensor Attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const at::Tensor& mask) {
  // Query heads that share a key head become rows of one product.
  const int64_t n = q.size(-2);
  const int64_t head_dim = q.size(-1);
  const int64_t group = q.size(-3) / k.size(-3);
  std::vector<int64_t> grouped = q.sizes().vec();
  grouped[grouped.size() - 3] = k.size(-3);
  grouped[grouped.size() - 2] = group * n;
  const at::Tensor rows = (q * (1 / std::sqrt(double(head_dim)))).reshape(grouped);
  at::Tensor scores = at::matmul(rows, k.transpose(-2, -1));  // [..., kv_heads, group * n, m]
  if (mask.defined()) {
    std::vector<int64_t> apart = scores.sizes().vec();
    apart.back() = n;
    apart[apart.size() - 2] = group;
    apart.push_back(k.size(-2));
    scores = (scores.reshape(apart) + mask).reshape(scores.sizes());
  }
  const at::Tensor weights =
      at::softmax(scores, -1, Wide(q.scalar_type())).to(q.scalar_type());  // as scores
  return at::matmul(weights, v).reshape(q.sizes());
}

at::Tensor CausalMask(int64_t n, int64_t m, const at::TensorOptions& like) {
  const at::Tensor hidden = at::full({n, m}, -std::numeric_limits<double>::infinity(), like);
  return hidden.triu(m - n + 1);
}

at::Tensor SwiGlu(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& up,
                  const at::Tensor& down) {
  return at::linear(at::silu(at::linear(x, gate)) * at::linear(x, up), down);
}

LayerWeights LayerOf(const ModelConfig& config, int layer, const TensorByName& find) {
  HAT_CHECK(0 <= layer && layer < config.shape.layer_count());
  const std::string prefix = "model.layers." + std::to_string(layer) + ".";
  const auto get = [&](const char* name) { return find(prefix + name); };
  LayerWeights weights;
  weights.attention.norm = get("input_layernorm.weight");
  weights.attention.q = get("self_attn.q_proj.weight");
  weights.attention.k = get("self_attn.k_proj.weight");
  weights.attention.v = get("self_attn.v_proj.weight");
  weights.attention.o = get("self_attn.o_proj.weight");
  if (config.has_qkv_bias) {
    weights.attention.q_bias = get("self_attn.q_proj.bias");
    weights.attention.k_bias = get("self_attn.k_proj.bias");
    weights.attention.v_bias = get("self_attn.v_proj.bias");
  }
  if (config.has_qk_norm) {
    weights.attention.q_norm = get("self_attn.q_norm.weight");
    weights.attention.k_norm = get("self_attn.k_norm.weight");
  }
  weights.attention.is_rotated = config.IsRotated(layer);
  weights.mlp_norm = get("post_attention_layernorm.weight");
  weights.gate = get("mlp.gate_proj.weight");
  weights.up = get("mlp.up_proj.weight");
  weights.down = get("mlp.down_proj.weight");
  return weights;
}

LayerWeights LoadLayer(const Model& model, int layer, const Compute& compute) {
  const auto shapes = TensorShapes(model.config);
  return LayerOf(model.config, layer, [&](const std::string& name) {
    return model.weights->Load(name, shapes.at(name), compute);
  });
}

AttentionShape AttentionShapeOf(const ModelConfig& config) {
  const LayerShape& shape = config.shape.every_layer();
  return {shape.heads, shape.kv_heads, shape.head_dim, config.norm_eps};
}

at::Tensor AttentionBlock(const at::Tensor& x, const AttentionWeights& weights,
                          const AttentionShape& shape, const RotaryTable& rotary) {
  const int64_t seq = x.size(1);
  const at::Tensor cos = rotary.cos.narrow(0, 0, seq);                 // [seq, head_dim / 2]
  const at::Tensor sin = rotary.sin.narrow(0, 0, seq);                 // the same
  const at::Tensor normed = RmsNorm(x, weights.norm, shape.norm_eps);  // [batch, seq, hidden]
  const auto heads_of = [&](const at::Tensor& weight, const at::Tensor& bias, int count) {
    return SplitHeads(at::linear(normed, weight, bias), count, shape.head_dim);
  };
  const auto placed = [&](const at::Tensor& heads, const at::Tensor& norm) {
    const at::Tensor scaled = norm.defined() ? RmsNorm(heads, norm, shape.norm_eps) : heads;
    return weights.is_rotated ? ApplyRotary(scaled, cos, sin) : scaled;
  };
  const at::Tensor q = placed(heads_of(weights.q, weights.q_bias, shape.heads), weights.q_norm);
  const at::Tensor k = placed(heads_of(weights.k, weights.k_bias, shape.kv_heads), weights.k_norm);
  const at::Tensor v = heads_of(weights.v, weights.v_bias, shape.kv_heads);
  const at::Tensor mask = CausalMask(seq, seq, x.options().dtype(x.scalar_type()));  // [seq, seq]
  const at::Tensor heads = Attend(q, k, v, mask);  // [batch, heads, seq, head_dim]
  return x + at::linear(heads.transpose(1, 2).flatten(2), weights.o);
}

at::Tensor LayerForward(const at::Tensor& x, const LayerWeights& weights,
                        const AttentionShape& shape, const RotaryTable& rotary) {
  const at::Tensor attended = AttentionBlock(x, weights.attention, shape, rotary);
  const at::Tensor normed = RmsNorm(attended, weights.mlp_norm, shape.norm_eps);
  return attended + SwiGlu(normed, weights.gate, weights.up, weights.down);
}

}  // namespace hat
