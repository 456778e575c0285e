#include "runtime/train/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <tuple>

#include "runtime/model/weights.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

const Compute kCompute = {Dtype::kFloat64, "cpu"};

// One matrix of one element and one vector of one.
Parameters Two(double matrix, double vector) {
  Parameters parameters({{"matrix", {1, 1}}, {"vector", {1}}}, kCompute);
  parameters.flat()[0] = matrix;
  parameters.flat()[1] = vector;
  return parameters;
}

void Backward(const Parameters& parameters, double matrix, double vector) {
  (parameters.Leaf("matrix").sum() * matrix + parameters.Leaf("vector").sum() * vector).backward();
}

TEST(OptimizerTest, TwoStepsOfAdamWEqualAHandCalculation) {
  Parameters parameters = Two(1, 2);
  OptimizerOptions options;
  options.clip_norm = 0;
  options.epsilon = 0.5;
  Optimizer optimizer(parameters, options);
  Backward(parameters, 3, -4);
  optimizer.Step(0.1);
  // First step: m^ = g, v^ = g^2. 1 * (1 - 0.1 * 0.1) - 0.1 * 3 / (3 + 0.5); 2 + 0.1 * 4 / (4 +
  // 0.5)
  const double first = 0.99 - 0.1 * 3 / 3.5;
  EXPECT_NEAR(parameters.flat()[0].item<double>(), first, 1e-15);
  EXPECT_NEAR(parameters.flat()[1].item<double>(), 2 + 0.1 * 4 / 4.5, 1e-15);
  Backward(parameters, 1, 0);
  optimizer.Step(0.2);
  const double mean = (0.9 * 0.1 * 3 + 0.1 * 1) / (1 - 0.9 * 0.9);
  const double square = (0.95 * 0.05 * 9 + 0.05 * 1) / (1 - 0.95 * 0.95);
  EXPECT_NEAR(parameters.flat()[0].item<double>(),
              first * (1 - 0.2 * 0.1) - 0.2 * mean / (std::sqrt(square) + 0.5), 1e-15);
}

TEST(OptimizerTest, GradientsAddUpAndALongOneIsClipped) {
  Parameters parameters = Two(0, 0);
  OptimizerOptions options;
  options.clip_norm = 1;
  options.epsilon = 1;  // so that a step shows the gradient's size
  Optimizer optimizer(parameters, options);
  Backward(parameters, 1, 1);
  Backward(parameters, 2, 3);
  EXPECT_DOUBLE_EQ(optimizer.Step(0.1), 5);  // 3-4-5
  EXPECT_NEAR(parameters.flat()[0].item<double>(), -0.1 * 0.6 / 1.6, 1e-15);
  EXPECT_NEAR(parameters.flat()[1].item<double>(), -0.1 * 0.8 / 1.8, 1e-15);
}

TEST(OptimizerTest, AGradientThatIsNotFiniteIsRefused) {
  Parameters parameters = Two(1, 2);
  Optimizer optimizer(parameters, {});
  Backward(parameters, std::numeric_limits<double>::quiet_NaN(), 0);
  EXPECT_RUN_ERROR(optimizer.Step(0.1), testing::HasSubstr("not finite"));
  EXPECT_DOUBLE_EQ(parameters.flat()[0].item<double>(), 1);
}

TEST(OptimizerTest, MuonsStepIsNearlyOrthogonalAndLeavesOthersToAdamW) {
  Parameters parameters({{"model.layers.0.matrix", {12, 8}}, {"embedding", {3, 2}}}, kCompute);
  OptimizerOptions options;
  options.muon_share = 10;
  options.weight_decay = 0;
  Optimizer optimizer(parameters, options);
  const at::Tensor direction = RandomTensor({12, 8}, 1, 3, "direction").to(at::kDouble);
  ((parameters.Leaf("model.layers.0.matrix") * direction).sum() +
   parameters.Leaf("embedding").sum())
      .backward();
  optimizer.Step(0.01);
  const auto values = parameters.Values();
  // -rate * share * sqrt(12 / 8) * a matrix whose singular values are about 1
  const at::Tensor step = values.at("model.layers.0.matrix") / (-0.01 * 10 * std::sqrt(1.5));
  const at::Tensor singular = std::get<1>(at::linalg_svd(step, false));
  EXPECT_GT(singular.min().item<double>(), 0.6);
  EXPECT_LT(singular.max().item<double>(), 1.3);
  EXPECT_GT((step * direction).sum().item<double>(), 0);
  EXPECT_NEAR(values.at("embedding")[0][0].item<double>(), -0.01, 1e-9);  // AdamW's first step
}

TEST(ParametersTest, LeavesOfBfloat16FollowValuesInFp32) {
  Parameters parameters({{"w", {4}}}, {Dtype::kBfloat16, "cpu"});
  EXPECT_EQ(parameters.flat().scalar_type(), at::kFloat);
  EXPECT_EQ(parameters.Leaf("w").scalar_type(), at::kBFloat16);
  parameters.Values().at("w").fill_(1.001953125);  // between two values of bf16
  parameters.Publish();
  EXPECT_EQ(parameters.Leaf("w")[0].item<float>(), 1);
  parameters.Leaf("w").sum().backward();
  EXPECT_EQ(parameters.gradient().scalar_type(), at::kFloat);
  EXPECT_EQ(parameters.gradient()[3].item<float>(), 1);
}

}  // namespace
}  // namespace hat
