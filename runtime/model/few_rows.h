// A layer's operations on the CPU for a few rows (decoding, drafting, verifying), through
// cpu_kernels.h: there separate tensor operations would take longer than reading the weights. Many
// rows, and GPUs, go through layer_math.h.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/model/batch_plan.h"
#include "runtime/model/layer_math.h"

namespace hat {

inline constexpr int kFewRows = 8;

// Whether these kernels serve this type on this device.
bool ServesFewRows(const Compute& compute);

// As RmsNorm. x [rows, hidden].
at::Tensor FewRowsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

// x weight^T (+ residual). x [rows, in], weight [out, in], residual [rows, out] or undefined.
// `wide`: the result is fp32 (fp64 for fp64) without rounding, else x's type.
at::Tensor FewRowsLinear(const at::Tensor& x, const at::Tensor& weight,
                         const at::Tensor& residual = {}, bool wide = false);

// qkv [rows, (heads + 2 kv_heads) * head_dim] -> [rows, heads * head_dim]: rotates queries (in qkv
// itself) and keys, writes keys and values into the caches, attends.
at::Tensor FewRowsAttention(at::Tensor& qkv, const AttentionShape& shape, const BatchPlan& plan,
                            int layer);

// silu(gate) * up. gate_up [rows, 2 ffn] -> [rows, ffn].
at::Tensor FewRowsGate(const at::Tensor& gate_up);

}  // namespace hat
