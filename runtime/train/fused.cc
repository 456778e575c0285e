#include "runtime/train/fused.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <vector>

namespace hat {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Queries that attention takes at once: the products above the diagonal that are computed in vain
// shrink with it, the calls grow.
constexpr int64_t kQueryBlock = 128;

at::ScalarType AtLeastFloat(at::ScalarType type) {
  return type == at::kDouble ? at::kDouble : at::kFloat;
}

class RmsNormFunction : public torch::autograd::Function<RmsNormFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight,
                        double eps) {
    const Tensor wide = x.to(AtLeastFloat(x.scalar_type()));
    const Tensor inverse_rms = (wide * wide).mean(-1, /*keepdim=*/true).add_(eps).rsqrt_();
    context->save_for_backward({x, weight, inverse_rms});
    return (wide * inverse_rms).to(x.scalar_type()).mul_(weight);
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor& x = saved[0];
    const Tensor& inverse_rms = saved[2];
    const Tensor normed = x.to(inverse_rms.scalar_type()) * inverse_rms;
    const Tensor gradient = gradients[0].to(inverse_rms.scalar_type());
    Tensor product = gradient * normed;
    const int64_t hidden = x.size(-1);
    const Tensor weight_gradient = product.reshape({-1, hidden}).sum(0);
    const Tensor mean = product.mul_(saved[1]).mean(-1, /*keepdim=*/true);
    Tensor x_gradient = gradient * saved[1];
    x_gradient.sub_(product.copy_(normed).mul_(mean)).mul_(inverse_rms);
    return {x_gradient.to(x.scalar_type()), weight_gradient.to(x.scalar_type()), Tensor()};
  }
};

// silu(gate) * up of a tensor that holds both side by side: [..., 2 ffn] -> [..., ffn].
class SiluProductFunction : public torch::autograd::Function<SiluProductFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& both) {
    context->save_for_backward({both});
    const auto halves = both.chunk(2, -1);
    return at::silu(halves[0]).mul_(halves[1]);
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const Tensor both = context->get_saved_variables()[0];
    const auto halves = both.chunk(2, -1);
    const Tensor sigmoid = halves[0].sigmoid();
    Tensor result = at::empty_like(both);
    auto parts = result.chunk(2, -1);
    // silu' = sigmoid (1 + gate (1 - sigmoid))
    const Tensor silu = sigmoid * halves[0];
    at::mul_out(parts[1], gradients[0], silu);
    Tensor slope = silu.neg().add_(1).mul_(sigmoid).add_(silu);
    at::mul_out(parts[0], slope.mul_(halves[1]), gradients[0]);
    return {result};
  }
};

// Rotates x [..., seq, heads, head_dim] into `out` of the same shape (any strides); `direction` -1
// undoes it, which is also the derivative.
void Rotate(const Tensor& x, const Tensor& cos, const Tensor& sin, double direction,
            const Tensor& out) {
  const int64_t half = x.size(-1) / 2;
  const Tensor first = x.narrow(-1, 0, half), second = x.narrow(-1, half, half);
  Tensor out_first = out.narrow(-1, 0, half), out_second = out.narrow(-1, half, half);
  at::mul_out(out_first, first, cos).addcmul_(second, sin, -direction);
  at::mul_out(out_second, second, cos).addcmul_(first, sin, direction);
}

// Where q, k and v lie in the packed rows [batch, seq, (heads + 2 kv_heads) head_dim], as
// [batch, seq, heads, head_dim].
struct Packed {
  Tensor q, k, v;
};
Packed Unpack(const Tensor& packed, int64_t heads, int64_t kv_heads) {
  const Tensor rows = packed.unflatten(-1, {heads + 2 * kv_heads, -1});
  return {rows.narrow(2, 0, heads), rows.narrow(2, heads, kv_heads),
          rows.narrow(2, heads + kv_heads, kv_heads)};
}

// Room for [batch, seq, heads, head_dim] that lies in memory as [batch, heads, seq, head_dim].
Tensor HeadMajor(const Tensor& like) {
  return at::empty({like.size(0), like.size(2), like.size(1), like.size(3)}, like.options())
      .transpose(1, 2);
}

// The probabilities of query block [start, start + count), [batch * kv_heads, group * count,
// start + count].
Tensor BlockProbabilities(const Tensor& q, const Tensor& k, int64_t start, int64_t count,
                          const Tensor& diagonal) {
  const int64_t visible = start + count;
  Tensor scores = at::bmm(q, k.narrow(1, 0, visible).transpose(1, 2));
  scores.unflatten(1, {-1, count})
      .narrow(3, start, count)
      .add_(diagonal.narrow(0, 0, count).narrow(1, 0, count));
  return at::softmax(scores, -1, AtLeastFloat(q.scalar_type())).to(q.scalar_type());
}

// Causal attention with rotary embedding on packed rows; the result is [batch, seq, heads *
// head_dim].
class AttentionFunction : public torch::autograd::Function<AttentionFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& packed, const Tensor& cos,
                        const Tensor& sin, int64_t heads, int64_t kv_heads) {
    const Packed in = Unpack(packed, heads, kv_heads);
    const int64_t batch = packed.size(0), seq = packed.size(1), head_dim = in.q.size(3);
    const int64_t group = heads / kv_heads;
    Tensor q = HeadMajor(in.q), k = HeadMajor(in.k);
    Rotate(in.q, cos, sin, 1, q);
    Rotate(in.k, cos, sin, 1, k);
    q.mul_(1 / std::sqrt(static_cast<double>(head_dim)));
    q = q.transpose(1, 2).reshape({batch * kv_heads, group, seq, head_dim});
    k = k.transpose(1, 2).reshape({batch * kv_heads, seq, head_dim});
    const Tensor v = in.v.transpose(1, 2).reshape({batch * kv_heads, seq, head_dim});
    const Tensor diagonal =
        at::full({kQueryBlock, kQueryBlock}, -std::numeric_limits<double>::infinity(), q.options())
            .triu_(1);
    Tensor out = at::empty({batch, seq, heads, head_dim}, packed.options());
    const Tensor out_heads = out.transpose(1, 2).unflatten(1, {kv_heads, group});
    std::vector<Tensor> saved = {q, k, v, cos, sin};
    for (int64_t start = 0; start < seq; start += kQueryBlock) {
      const int64_t count = std::min(kQueryBlock, seq - start);
      const Tensor block = q.narrow(2, start, count).reshape({-1, group * count, head_dim});
      const Tensor probabilities = BlockProbabilities(block, k, start, count, diagonal);
      out_heads.narrow(3, start, count)
          .copy_(at::bmm(probabilities, v.narrow(1, 0, start + count))
                     .view({batch, kv_heads, group, count, head_dim}));
      if (packed.requires_grad()) saved.push_back(probabilities);
    }
    context->save_for_backward(saved);
    context->saved_data["heads"] = heads;
    context->saved_data["kv_heads"] = kv_heads;
    return out.flatten(2);
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &q = saved[0], &k = saved[1], &v = saved[2], &cos = saved[3], &sin = saved[4];
    const int64_t heads = context->saved_data["heads"].toInt();
    const int64_t kv_heads = context->saved_data["kv_heads"].toInt();
    const int64_t batch = gradients[0].size(0), seq = k.size(1), head_dim = k.size(2);
    const int64_t group = heads / kv_heads;
    const Tensor out_gradient = gradients[0]
                                    .view({batch, seq, kv_heads, group, head_dim})
                                    .permute({0, 2, 3, 1, 4})
                                    .reshape({batch * kv_heads, group, seq, head_dim});
    Tensor q_gradient = at::empty_like(q), k_gradient = at::zeros_like(k),
           v_gradient = at::zeros_like(v);
    for (int64_t start = 0, i = 5; start < seq; start += kQueryBlock, ++i) {
      const int64_t count = std::min(kQueryBlock, seq - start), visible = start + count;
      const auto rows = [&](const Tensor& all) {
        return all.narrow(2, start, count).reshape({-1, group * count, head_dim});
      };
      const Tensor &probabilities = saved[i], d_out = rows(out_gradient);
      const Tensor d_probabilities = at::bmm(d_out, v.narrow(1, 0, visible).transpose(1, 2));
      const Tensor d_scores =
          at::_softmax_backward_data(d_probabilities, probabilities, -1, q.scalar_type());
      v_gradient.narrow(1, 0, visible).add_(at::bmm(probabilities.transpose(1, 2), d_out));
      k_gradient.narrow(1, 0, visible).add_(at::bmm(d_scores.transpose(1, 2), rows(q)));
      q_gradient.narrow(2, start, count)
          .copy_(at::bmm(d_scores, k.narrow(1, 0, visible)).view({-1, group, count, head_dim}));
    }
    q_gradient.mul_(1 / std::sqrt(static_cast<double>(head_dim)));
    Tensor packed = at::empty({batch, seq, (heads + 2 * kv_heads) * head_dim}, q.options());
    const Packed out = Unpack(packed, heads, kv_heads);
    const auto by_position = [&](const Tensor& gradient, int64_t count) {
      return gradient.view({batch, count, seq, head_dim}).transpose(1, 2);
    };
    Rotate(by_position(q_gradient, heads), cos, sin, -1, out.q);
    Rotate(by_position(k_gradient, kv_heads), cos, sin, -1, out.k);
    out.v.copy_(by_position(v_gradient, kv_heads));
    return {packed, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

// The loss of logits = output x + offsets; with it, its derivatives by x and output are computed at
// once, so that the logits need not be kept. offsets [vocabulary], or none.
class CrossEntropyFunction : public torch::autograd::Function<CrossEntropyFunction> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& output,
                        const Tensor& tokens, const Tensor& shares,
                        const c10::optional<Tensor>& offsets, bool is_differentiated) {
    Tensor logits = at::mm(x, output.t()).to(AtLeastFloat(x.scalar_type()));
    if (offsets) logits.add_(*offsets);
    const Tensor log_sum = logits.logsumexp(1, /*keepdim=*/true);
    const auto rows = static_cast<double>(x.size(0));
    const Tensor wanted = shares.to(logits.scalar_type());
    const Tensor loss = (log_sum.sum() - (wanted * logits.gather(1, tokens)).sum()) / rows;
    if (!is_differentiated) return loss;
    const Tensor gradient =
        logits.sub_(log_sum).exp_().scatter_add_(1, tokens, wanted.neg()).to(x.scalar_type());
    context->save_for_backward(
        {x.requires_grad() ? at::mm(gradient, output).div_(rows) : Tensor(),
         output.requires_grad() ? at::mm(gradient.t(), x).div_(rows) : Tensor()});
    return loss;
  }

  static tensor_list backward(AutogradContext* context, tensor_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto scaled = [&](const Tensor& gradient) {
      return gradient.defined() ? gradient * gradients[0].to(gradient.scalar_type()) : Tensor();
    };
    return {scaled(saved[0]), scaled(saved[1]), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor FusedRmsNorm(const Tensor& x, const Tensor& weight, double eps) {
  return RmsNormFunction::apply(x, weight, eps);
}

Tensor FusedAttentionBlock(const Tensor& x, const AttentionWeights& weights,
                           const AttentionShape& shape, const RotaryTable& rotary) {
  if (weights.q_bias.defined() || weights.q_norm.defined() || !weights.is_rotated) {
    return AttentionBlock(x, weights, shape, rotary);  // not Llama's: as it is, at its own speed
  }
  const Tensor projection = at::cat({weights.q, weights.k, weights.v});
  const Tensor packed = at::linear(FusedRmsNorm(x, weights.norm, shape.norm_eps), projection);
  const auto positions = [&](const Tensor& table) {
    return table.narrow(0, 0, x.size(1)).unsqueeze(1).to(x.scalar_type());
  };
  const Tensor mixed =
      AttentionFunction::apply(packed, positions(rotary.cos), positions(rotary.sin),
                               int64_t{shape.heads}, int64_t{shape.kv_heads});
  return x + at::linear(mixed, weights.o);
}

Tensor FusedLayer(const Tensor& x, const LayerWeights& weights, const AttentionShape& shape,
                  const RotaryTable& rotary) {
  const Tensor attended = FusedAttentionBlock(x, weights.attention, shape, rotary);
  const Tensor normed = FusedRmsNorm(attended, weights.mlp_norm, shape.norm_eps);
  const Tensor both = at::linear(normed, at::cat({weights.gate, weights.up}));
  return attended + at::linear(SiluProductFunction::apply(both), weights.down);
}

Tensor LinearCrossEntropy(const Tensor& x, const Tensor& output, const Tensor& targets) {
  const Tensor tokens = targets.unsqueeze(1);
  return LinearSoftCrossEntropy(x, output, {tokens, at::ones(tokens.sizes(), x.options())});
}

Tensor LinearSoftCrossEntropy(const Tensor& x, const Tensor& output, const TokenShares& teacher) {
  return CrossEntropyFunction::apply(x, output, teacher.tokens, teacher.shares,
                                     c10::optional<Tensor>(), at::GradMode::is_enabled());
}

Tensor SampledSoftCrossEntropy(const Tensor& x, const Tensor& output, const TokenShares& teacher,
                               int64_t others) {
  const auto [named, places, counts] = at::_unique2(teacher.tokens, true, /*return_inverse=*/true);
  const int64_t unnamed = output.size(0) - named.size(0);
  if (others == 0 || others >= unnamed) return LinearSoftCrossEntropy(x, output, teacher);
  Tensor is_unnamed = at::ones({output.size(0)}, teacher.tokens.options().dtype(at::kBool));
  is_unnamed.index_fill_(0, named, false);
  // Which of them: every stride-th, from a place that other tokens change.
  const int64_t stride = (unnamed + others - 1) / others;
  const int64_t start = teacher.tokens.sum().item<int64_t>() % stride;
  const Tensor sample = is_unnamed.nonzero().flatten().slice(0, start, unnamed, stride);
  const double each = static_cast<double>(unnamed) / static_cast<double>(sample.size(0));
  const Tensor offsets = at::cat({at::zeros(named.sizes(), x.options()),
                                  at::full(sample.sizes(), std::log(each), x.options())});
  return CrossEntropyFunction::apply(x, output.index_select(0, at::cat({named, sample})), places,
                                     teacher.shares, c10::optional<Tensor>(offsets),
                                     at::GradMode::is_enabled());
}

}  // namespace hat
