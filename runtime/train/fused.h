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

// What a teacher says of each row: some tokens and their shares, which add up to 1. int64 and
// floating [rows, k], neither differentiated.
struct TokenShares {
  at::Tensor tokens;
  at::Tensor shares;
};

// Mean over the rows of the cross-entropy between a teacher's shares and softmax(output x), in
// nats. The gradient is zero where both agree; the value is then the teacher's entropy.
at::Tensor LinearSoftCrossEntropy(const at::Tensor& x, const at::Tensor& output,
                                  const TokenShares& teacher);

// The same up to chance, at the cost of fewer rows of `output`, which is not differentiated: all
// that the teacher names for any row, and of the others about `others`, evenly spread, each of
// which stands for as many as there are to one of them (sampled softmax, Jean et al. 2015). 0: all.
at::Tensor SampledSoftCrossEntropy(const at::Tensor& x, const at::Tensor& output,
                                   const TokenShares& teacher, int64_t others);

}  // namespace hat
