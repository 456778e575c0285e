// Attention of all sequences of a forward call in one kernel per layer, after one that rotates and
// stores keys. What it does not serve (fp64, other head sizes) goes through layer_math.h.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/model/layer_math.h"
#include "runtime/model/ragged_plan.h"

namespace hat {

#ifdef HAT_HAS_CUDA

// Whether the kernels serve this.
bool ServesCudaAttention(const Compute& compute, int head_dim);

// qkv [rows, (heads + 2 kv_heads) * head_dim] -> [rows, heads * head_dim]: rotates queries (in qkv
// itself) and keys, writes keys and values into the caches, attends. rotary: of all positions.
at::Tensor CudaAttention(at::Tensor& qkv, const AttentionShape& shape, const RotaryTable& rotary,
                         const RaggedBatch& batch, int layer);

#else

inline bool ServesCudaAttention(const Compute&, int) { return false; }

#endif

}  // namespace hat
