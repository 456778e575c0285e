// The layer arithmetic of runtime/model/layer_math.h once more, with derivatives by hand: fewer
// passes over memory than separate differentiable operations, and half of the attention products
// (nothing above the diagonal is computed). Same values up to rounding; the tests hold both beside
// each other.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/model/layer_math.h"

namespace hat {

// RmsNorm() of layer_math.h. x [..., hidden]; weight [hidden]
at::Tensor FusedRmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

// LayerForward() and AttentionBlock() of layer_math.h. x [batch, seq, hidden]
at::Tensor FusedLayer(const at::Tensor& x, const LayerWeights& weights, const AttentionShape& shape,
                      const RotaryTable& rotary);
at::Tensor FusedAttentionBlock(const at::Tensor& x, const AttentionWeights& weights,
                               const AttentionShape& shape, const RotaryTable& rotary);

// Mean over the rows of -log softmax(output x)[target], without keeping the logits: in nats, a
// scalar in fp32 at least. x [rows, hidden]; output [vocabulary, hidden]; targets int64 [rows].
at::Tensor LinearCrossEntropy(const at::Tensor& x, const at::Tensor& output,
                              const at::Tensor& targets);

// Mean over the rows of the cross-entropy between softmax(teacher) and softmax(output x), in nats.
// teacher [rows, vocabulary], not differentiated. The gradient is zero where both agree; the value
// is then the teacher's entropy.
at::Tensor LinearSoftCrossEntropy(const at::Tensor& x, const at::Tensor& output,
                                  const at::Tensor& teacher);

}  // namespace hat
