#include "runtime/train/fused.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "runtime/model/checkpoint.h"
#include "runtime/train/base.h"
#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

at::Tensor Leaf(const at::Tensor& values) {
  return values.detach().clone().set_requires_grad(true);
}

at::Tensor RandomLeaf(std::vector<int64_t> shape, const std::string& name) {
  return Leaf(RandomTensor(shape, 1, 7, name).to(at::kDouble));
}

std::vector<at::Tensor*> All(LayerWeights& weights) {
  AttentionWeights& attention = weights.attention;
  return {&attention.norm,   &attention.q,  &attention.k, &attention.v, &attention.o,
          &weights.mlp_norm, &weights.gate, &weights.up,  &weights.down};
}

TEST(FusedTest, LayerAndItsGradientsEqualThePlainLayer) {
  for (const uint64_t seed : {1, 2, 3, 4, 5}) {
    const Model model = TinyModel(seed);
    const AttentionShape shape = AttentionShapeOf(model.config);
    for (const int64_t length : {3, 128, 150}) {
      if (length > model.config.max_positions) continue;
      LayerWeights weights = LoadLayer(model, 0, kExact);
      std::vector<at::Tensor> inputs = {RandomLeaf({2, length, model.config.shape.hidden}, "x")};
      for (at::Tensor* weight : All(weights)) {
        *weight = Leaf(*weight);
        inputs.push_back(*weight);
      }
      const RotaryTable rotary =
          MakeRotaryTable(model.config, shape.head_dim, model.config.max_positions, kExact);
      const at::Tensor plain = LayerForward(inputs[0], weights, shape, rotary);
      const at::Tensor fused = FusedLayer(inputs[0], weights, shape, rotary);
      EXPECT_LT(Distance(fused, plain), kSame) << "seed " << seed << ", length " << length;
      const at::Tensor direction = RandomTensor(plain.sizes().vec(), 1, 8, "direction");
      const auto wanted = torch::autograd::grad({plain}, inputs, {direction.to(at::kDouble)});
      const auto got = torch::autograd::grad({fused}, inputs, {direction.to(at::kDouble)});
      for (size_t i = 0; i < inputs.size(); ++i) {
        EXPECT_LT(Distance(got[i], wanted[i]), 1e-11) << "seed " << seed << ", input " << i;
      }
    }
  }
}

TEST(FusedTest, GradientOfAWholeModelWithExitEqualsFiniteDifferences) {
  ModelConfig config = TinyConfig(3);
  BaseTrainee trainee(config, {1, 0.5}, 4, kExact);
  Parameters& parameters = trainee.parameters();
  const std::vector<int32_t> ids = RandomIds(5, 24, config.shape.vocabulary);
  const at::Tensor windows = at::tensor(std::vector<int64_t>(ids.begin(), ids.end())).view({2, 12});
  trainee.Loss(windows).total.backward();
  const at::Tensor gradient = parameters.gradient().clone();
  for (const char* name : {"first", "second", "third"}) {
    at::NoGradGuard no_gradient;
    const at::Tensor step = RandomTensor({parameters.size()}, 1, 6, name).to(at::kDouble) * 1e-6;
    const auto loss_at = [&](double steps) {
      parameters.flat().add_(step, steps);
      const double loss = trainee.Loss(windows).total.item<double>();
      parameters.flat().sub_(step, steps);
      return loss;
    };
    const double wanted = (loss_at(1) - loss_at(-1)) / 2;
    EXPECT_NEAR((gradient * step).sum().item<double>() / wanted, 1, 1e-6) << name;
  }
}

TEST(FusedTest, CrossEntropyOfTokensAndItsGradientsEqualTorchs) {
  const at::Tensor x = RandomLeaf({6, 5}, "x"), output = RandomLeaf({9, 5}, "output");
  const at::Tensor targets = at::tensor(std::vector<int64_t>{0, 8, 3, 3, 1, 7});
  const at::Tensor plain = at::cross_entropy_loss(at::mm(x, output.t()), targets);
  const at::Tensor fused = LinearCrossEntropy(x, output, targets);
  EXPECT_NEAR(fused.item<double>(), plain.item<double>(), kSame);
  const auto wanted = torch::autograd::grad({plain * 3}, {x, output});
  const auto got = torch::autograd::grad({fused * 3}, {x, output});
  EXPECT_LT(Distance(got[0], wanted[0]), kSame);
  EXPECT_LT(Distance(got[1], wanted[1]), kSame);
}

// All tokens of a vocabulary, likeliest first.
TokenShares SharesOf(const at::Tensor& logits) {
  const auto [sorted, tokens] = logits.sort(1, /*descending=*/true);
  return {tokens, sorted.softmax(1)};
}

TEST(FusedTest, CrossEntropyWithATeacherIsItsEntropyAndFlatWhereBothAgree) {
  const at::Tensor x = RandomLeaf({6, 5}, "x"), output = RandomLeaf({9, 5}, "output");
  const at::Tensor logits = at::mm(x, output.t()).detach();
  const at::Tensor loss = LinearSoftCrossEntropy(x, output, SharesOf(logits));
  const at::Tensor probabilities = logits.softmax(1);
  EXPECT_NEAR(loss.item<double>(),
              -(probabilities * probabilities.log()).sum(1).mean().item<double>(), kSame);
  EXPECT_LT(torch::autograd::grad({loss}, {x})[0].abs().max().item<double>(), kSame);
}

TEST(FusedTest, CrossEntropyWithAFewTokensOfATeacherEqualsTorchs) {
  const at::Tensor x = RandomLeaf({6, 5}, "x"), output = RandomLeaf({9, 5}, "output");
  const auto [logits, tokens] = RandomLeaf({6, 9}, "teacher").detach().topk(3, 1);
  const at::Tensor shares = logits.softmax(1);
  const at::Tensor dense = at::zeros({6, 9}, shares.options()).scatter(1, tokens, shares);
  const at::Tensor plain = -(dense * at::mm(x, output.t()).log_softmax(1)).sum(1).mean();
  const at::Tensor fused = LinearSoftCrossEntropy(x, output, {tokens, shares});
  EXPECT_NEAR(fused.item<double>(), plain.item<double>(), kSame);
  const auto wanted = torch::autograd::grad({plain}, {x, output});
  const auto got = torch::autograd::grad({fused}, {x, output});
  EXPECT_LT(Distance(got[0], wanted[0]), kSame);
  EXPECT_LT(Distance(got[1], wanted[1]), kSame);
}

// 2,000 tokens of which the teacher names at most 4 a row: loss and gradient of a tenth of the
// others are those of all, up to chance; those of all others are equal.
TEST(FusedTest, AFewOtherTokensStandForAll) {
  const at::Tensor x = RandomLeaf({8, 5}, "x");
  const at::Tensor output = RandomLeaf({2000, 5}, "output").detach();
  const auto [logits, tokens] = RandomLeaf({8, 2000}, "teacher").detach().topk(4, 1);
  const TokenShares teacher{tokens, logits.softmax(1)};
  const at::Tensor all = LinearSoftCrossEntropy(x, output, teacher);
  const at::Tensor gradient = torch::autograd::grad({all}, {x})[0];
  for (const int64_t others : {0, 1, 200, 5000}) {
    const at::Tensor some = SampledSoftCrossEntropy(x, output, teacher, others);
    const double off = Distance(torch::autograd::grad({some}, {x})[0], gradient);
    const bool is_sampled = others == 1 || others == 200;
    EXPECT_NEAR(some.item<double>(), all.item<double>(),
                others == 200 ? 0.05
                : is_sampled  ? 3
                              : kSame);
    EXPECT_LT(off, others == 200 ? 0.15 : is_sampled ? 3 : kSame) << others;
    EXPECT_EQ(off > kSame, is_sampled);
  }
}

TEST(FusedTest, WithoutGradientsNothingIsDifferentiated) {
  const at::Tensor x = RandomLeaf({6, 5}, "x"), output = RandomLeaf({9, 5}, "output");
  at::NoGradGuard no_gradient;
  EXPECT_FALSE(LinearCrossEntropy(x, output, at::zeros({6}, at::kLong)).requires_grad());
}

}  // namespace
}  // namespace hat
