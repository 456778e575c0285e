#include "runtime/model/likeliest.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include <ATen/ATen.h>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

// Tokens 1 and 4 tie for the best, 0 and 2 follow together, then 3.
at::Tensor Row() { return at::tensor({2.0F, 3.0F, 2.0F, 1.0F, 3.0F}).view({1, 5}); }

TEST(LikeliestTest, TiesGoToTheLowestId) {
  EXPECT_EQ(GreedyTokens(Row()), (std::vector<int32_t>{1}));
  std::vector<int32_t> order;
  const std::vector<std::vector<Likely>> rows = LikeliestTokens(Row(), 5);
  for (const Likely& likely : rows[0]) order.push_back(likely.token);
  EXPECT_EQ(order, (std::vector<int32_t>{1, 4, 0, 2, 3}));
}

TEST(LikeliestTest, ARankIsTheTokensPlaceInThatOrder) {
  const std::vector<int32_t> ranks = {3, 1, 4, 5, 2};
  for (int32_t token = 0; token < 5; ++token) {
    EXPECT_EQ(Ranks(Row(), {token}), (std::vector<int32_t>{ranks[token]}));
  }
}

TEST(LikeliestTest, RowsAreApart) {
  const at::Tensor rows = at::cat({Row(), Row().flip(1), -Row()});
  EXPECT_EQ(GreedyTokens(rows), (std::vector<int32_t>{1, 0, 3}));
  EXPECT_EQ(Ranks(rows, {1, 3, 0}), (std::vector<int32_t>{1, 2, 2}));
}

TEST(LikeliestTest, ConfidenceIsTheSoftmaxAtTheTemperature) {
  const double sum = 2 + 2 * std::exp(-1.0) + std::exp(-2.0);
  EXPECT_NEAR(Confidences(Row(), 1)[0], 1 / sum, 1e-7);
  const double sharper = 2 + 2 * std::exp(-2.0) + std::exp(-4.0);
  EXPECT_NEAR(Confidences(Row(), 0.5)[0], 1 / sharper, 1e-7);
}

TEST(LikeliestTest, HugeLogitsDoNotOverflow) {
  EXPECT_FLOAT_EQ(Confidences(Row() * 1e30F, 1)[0], 0.5F);
}

TEST(LikeliestTest, NanEndsTheRun) {
  at::Tensor row = Row();
  row[0][3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_RUN_ERROR(GreedyTokens(row), testing::HasSubstr("NaN"));
}

}  // namespace
}  // namespace hat
