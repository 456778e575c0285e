#include "runtime/train/temperature.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/random.h"

namespace hat {
namespace {

// `rows` guesses between two tokens, the first ahead by `lead`; `right` of them are right.
double FitTwo(double lead, int rows, int right) {
  const at::Tensor logits = at::tensor({lead, 0.0}).repeat({rows, 1});
  at::Tensor targets = at::zeros({rows}, at::kLong);
  targets.narrow(0, right, rows - right).fill_(1);
  return FitTemperature(logits, targets);
}

TEST(TemperatureTest, BetweenTwoTokensItMakesTheConfidenceTheShareOfRightOnes) {
  // softmax(lead / T) = 3/4 where lead / T = ln 3.
  EXPECT_NEAR(FitTwo(2, 100, 75), 2 / std::log(3.0), 1e-5);
  EXPECT_NEAR(FitTwo(0.5, 10, 9), 0.5 / std::log(9.0), 1e-5);
}

TEST(TemperatureTest, OneThatIsAlwaysRightGetsTheColdest) {
  EXPECT_NEAR(FitTwo(1, 10, 10), 0.05, 1e-6);
  EXPECT_NEAR(FitTwo(1, 10, 3), 20, 1e-4);  // mostly wrong: the hottest
}

TEST(TemperatureTest, FindsTheTemperatureThatTargetsWereDrawnAt) {
  const int rows = 4000, vocabulary = 6;
  RngStream stream(1, "temperature");
  at::Tensor logits = at::empty({rows, vocabulary}), targets = at::empty({rows}, at::kLong);
  for (int row = 0; row < rows; ++row) {
    for (int i = 0; i < vocabulary; ++i) logits[row][i] = 2 * stream.Normal();
  }
  const at::Tensor drawn_from = (logits / 0.7).softmax(1).cumsum(1);
  for (int row = 0; row < rows; ++row) {
    targets[row] = (drawn_from[row] < stream.Uniform()).sum().clamp_max(vocabulary - 1);
  }
  EXPECT_NEAR(FitTemperature(logits, targets), 0.7, 0.03);
}

}  // namespace
}  // namespace hat
