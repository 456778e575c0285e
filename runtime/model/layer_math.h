// The arithmetic of a Llama layer as plain functions of tensors: what training differentiates and
// inference on a device without kernels of its own runs. Nothing is changed in place. Leading
// dimensions "..." are free ([batch, seq] in training, [tokens] in a ragged batch).
#pragma once

#include <functional>
#include <string>

#include <ATen/core/Tensor.h>

#include "runtime/model/config.h"
#include "runtime/model/weights.h"

namespace hat {

// x / rms(x) * weight, the mean of squares in fp32 at least (Zhang, Sennrich 2019). x [...,
// hidden], weight [hidden].
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

// cos and sin of position x frequency, [positions, head_dim / 2] each, in fp32 (fp64 compute:
// fp64).
struct RotaryTable {
  at::Tensor cos;
  at::Tensor sin;
};
RotaryTable MakeRotaryTable(const ModelConfig& config, int head_dim, int positions,
                            const Compute& compute);

// Rotates pairs (i, i + head_dim / 2) (Su et al. 2021, in transformers' layout). x [...,
// head_dim]; cos, sin of a shape that broadcasts, [seq, head_dim / 2] for x [..., seq, head_dim].
at::Tensor ApplyRotary(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);

// softmax(q k^T / sqrt(head_dim) + mask) v, softmax in fp32 at least. q [..., heads, n, head_dim];
// k, v [..., kv_heads, m, head_dim] with kv_heads dividing heads; mask [n, m] of 0 and -inf, or
// undefined: all of m is visible. Result [..., heads, n, head_dim].
at::Tensor Attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const at::Tensor& mask);

// [n, m]: query i of the last n of m positions sees keys 0..m - n + i. `like` gives dtype, device.
at::Tensor CausalMask(int64_t n, int64_t m, const at::TensorOptions& like);

// down (silu(gate x) * up x). x [..., hidden]; gate, up [ffn, hidden]; down [hidden, ffn].
at::Tensor SwiGlu(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& up,
                  const at::Tensor& down);

struct AttentionWeights {
  at::Tensor norm;  // [hidden]
  at::Tensor q;     // [heads * head_dim, hidden]
  at::Tensor k;     // [kv_heads * head_dim, hidden]
  at::Tensor v;     // [kv_heads * head_dim, hidden]
  at::Tensor o;     // [hidden, heads * head_dim]
  // What other families have (ModelConfig), undefined in Llama:
  at::Tensor q_bias, k_bias, v_bias;  // [heads * head_dim], [kv_heads * head_dim]
  at::Tensor q_norm, k_norm;          // [head_dim], of each head before it is rotated
  bool is_rotated = true;
};
struct LayerWeights {
  AttentionWeights attention;
  at::Tensor mlp_norm;  // [hidden]
  at::Tensor gate;      // [ffn, hidden]
  at::Tensor up;        // [ffn, hidden]
  at::Tensor down;      // [hidden, ffn]
};
// Of tensors by their Hugging Face names.
using TensorByName = std::function<at::Tensor(const std::string& name)>;
LayerWeights LayerOf(const ModelConfig& config, int layer, const TensorByName& find);
LayerWeights LoadLayer(const Model& model, int layer, const Compute& compute);

// What attention needs to know beside its weights.
struct AttentionShape {
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  double norm_eps = 0;
};
AttentionShape AttentionShapeOf(const ModelConfig& config);

// x + attention(norm(x)) over whole causal sequences without a cache: position = index in seq.
// x [batch, seq, hidden]; rotary of at least seq positions. The paper's adapter is exactly this
// block.
at::Tensor AttentionBlock(const at::Tensor& x, const AttentionWeights& weights,
                          const AttentionShape& shape, const RotaryTable& rotary);

// One decoder layer, likewise: AttentionBlock, then x + swiglu(norm(x)).
at::Tensor LayerForward(const at::Tensor& x, const LayerWeights& weights,
                        const AttentionShape& shape, const RotaryTable& rotary);

}  // namespace hat
