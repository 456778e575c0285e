#include "runtime/model/layer_math.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/runtime/model/tiny_model.h"

namespace hat {
namespace {

TEST(LayerMathTest, RmsNormMatchesItsFormula) {
  const at::Tensor x = at::tensor({3.0, 4.0}, at::kDouble);  // mean of squares 12.5
  const at::Tensor weight = at::tensor({1.0, 2.0}, at::kDouble);
  const at::Tensor normed = RmsNorm(x, weight, 0.5);
  EXPECT_NEAR(normed[0].item<double>(), 3 / std::sqrt(13.0), 1e-15);
  EXPECT_NEAR(normed[1].item<double>(), 8 / std::sqrt(13.0), 1e-15);
}

TEST(LayerMathTest, RotatingTurnsPairsByPositionTimesFrequency) {
  ModelConfig config;
  config.rope_theta = 100;
  const RotaryTable table = MakeRotaryTable(config, 4, 8, kExact);  // frequencies 1, 0.1
  const at::Tensor x = at::tensor({1.0, 0.0, 0.0, 1.0}, at::kDouble).view({1, 4});
  const at::Tensor y = ApplyRotary(x, table.cos[3], table.sin[3])[0];
  EXPECT_NEAR(y[0].item<double>(), std::cos(3.0), 1e-7);
  EXPECT_NEAR(y[2].item<double>(), std::sin(3.0), 1e-7);
  EXPECT_NEAR(y[1].item<double>(), -std::sin(0.3), 1e-7);
  EXPECT_NEAR(y[3].item<double>(), std::cos(0.3), 1e-7);
}

TEST(LayerMathTest, AQueryTakesTheMeanOfWhatItSeesWhereKeysAreEqual) {
  const at::Tensor q = at::ones({1, 2, 4}, at::kDouble);
  const at::Tensor k = at::ones({1, 3, 4}, at::kDouble);
  const at::Tensor v = at::arange(12, at::kDouble).view({1, 3, 4});
  const at::Tensor all = Attend(q, k, v, {});
  EXPECT_NEAR(all[0][0][0].item<double>(), 4.0, 1e-12);
  const at::Tensor causal = Attend(q, k, v, CausalMask(2, 3, q.options()));
  EXPECT_NEAR(causal[0][0][0].item<double>(), 2.0, 1e-12);
  EXPECT_NEAR(causal[0][1][0].item<double>(), 4.0, 1e-12);
}

// What training differentiates is what inference runs.
TEST(LayerMathTest, LayersWithoutACacheEqualTheCachedForward) {
  for (const uint64_t seed : {1, 2, 3, 4}) {
    const Model model = TinyModel(seed);
    const ModelConfig& config = model.config;
    const InputModel whole(model, config.shape.layer_count(), kExact);
    const RotaryTable rotary =
        MakeRotaryTable(config, config.shape.every_layer().head_dim, 64, kExact);
    const std::vector<int32_t> a = RandomIds(1, 23, config.shape.vocabulary);
    const std::vector<int32_t> b = RandomIds(2, 23, config.shape.vocabulary);
    const auto embed = [&](const std::vector<int32_t>& ids) {
      return whole.embedding().values.index_select(0, at::tensor(ids).to(at::kLong));
    };
    at::Tensor x = at::stack({embed(a), embed(b)});  // [2, 23, hidden]
    for (int layer = 0; layer < config.shape.layer_count(); ++layer) {
      x = LayerForward(x, LoadLayer(model, layer, kExact), AttentionShapeOf(config), rotary);
    }
    EXPECT_LT(Distance(x[0], RunAlone(whole, a)), kSame);
    EXPECT_LT(Distance(x[1], RunAlone(whole, b)), kSame);
  }
}

// Each gradient against a central difference along a random direction.
TEST(LayerMathTest, GradientsAreRight) {
  const Model model = TinyModel(2);
  const ModelConfig& config = model.config;
  const RotaryTable rotary =
      MakeRotaryTable(config, config.shape.every_layer().head_dim, 8, kExact);
  LayerWeights weights = LoadLayer(model, 0, kExact);
  const at::Tensor x = RandomTensor({2, 5, config.shape.hidden}, 1, 1, "x").to(at::kDouble);
  const at::Tensor out = RandomTensor({2, 5, config.shape.hidden}, 1, 1, "out").to(at::kDouble);
  const auto loss = [&] {
    return (LayerForward(x, weights, AttentionShapeOf(config), rotary) * out).sum();
  };
  for (at::Tensor* weight :
       {&weights.attention.norm, &weights.attention.q, &weights.attention.k, &weights.attention.v,
        &weights.attention.o, &weights.mlp_norm, &weights.gate, &weights.up, &weights.down}) {
    const at::Tensor at_point = weight->detach().clone();
    const at::Tensor direction =
        RandomTensor(at_point.sizes().vec(), 1, 3, "direction").to(at::kDouble);
    *weight = at_point.clone().requires_grad_(true);
    loss().backward();
    const double slope = (weight->grad() * direction).sum().item<double>();
    constexpr double kStep = 1e-5;
    *weight = at_point + kStep * direction;
    const double above = loss().item<double>();
    *weight = at_point - kStep * direction;
    const double below = loss().item<double>();
    *weight = at_point;
    EXPECT_NEAR(slope, (above - below) / (2 * kStep), 1e-6 * (1 + std::abs(slope)));
    EXPECT_GT(std::abs(slope), 1e-3);
  }
}

}  // namespace
}  // namespace hat
