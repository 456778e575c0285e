// A layer's operations on the CPU, for decoding, drafting, verifying and prefill alike. For a few
// rows separate tensor operations would take longer than reading the weights: all but large
// products go through cpu_kernels.h and cpu_attention.h. GPUs go through layer_math.h.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/model/batch_plan.h"
#include "runtime/model/layer_math.h"
#include "runtime/model/weight_matrix.h"

namespace hat {

// Whether these operations serve this type on this device.
bool HasCpuOperations(const Compute& compute);

// As RmsNorm. x [rows, hidden].
at::Tensor CpuNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

// x weight^T (+ residual). x [rows, in], weight [out, in] (int8: not for fp64), residual [rows,
// out] or undefined. `wide`: the result is fp32 (fp64 for fp64) without rounding, else x's type.
at::Tensor CpuLinear(const at::Tensor& x, const WeightMatrix& weight,
                     const at::Tensor& residual = {}, bool wide = false);

// qkv [rows, (heads + 2 kv_heads) * head_dim] -> [rows, heads * head_dim]: rotates queries (in qkv
// itself) and keys, writes keys and values into the caches, attends, each part by itself.
at::Tensor CpuAttention(at::Tensor& qkv, const AttentionShape& shape, const BatchPlan& plan,
                        int layer);

// silu(gate) * up. gate_up [rows, 2 ffn] -> [rows, ffn].
at::Tensor CpuGate(const at::Tensor& gate_up);

}  // namespace hat
