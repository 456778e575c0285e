#include "runtime/train/ngram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.h"

namespace hat {
namespace {

double Sum(const NgramModel& model, const std::vector<int32_t>& context, int vocabulary) {
  double sum = 0;
  for (int32_t token = 0; token < vocabulary; ++token) sum += model.Probability(context, token);
  return sum;
}

TEST(NgramTest, ProbabilitiesSumToOneBehindContextsSeenAndUnseen) {
  RngStream stream(1, "ngram");
  std::vector<int32_t> tokens;
  for (int i = 0; i < 2000; ++i) tokens.push_back(stream.UniformInt(4) * stream.UniformInt(4));
  const NgramModel model(tokens, 5, 12);
  EXPECT_NEAR(Sum(model, {}, 12), 1, 1e-12);
  EXPECT_NEAR(Sum(model, {11}, 12), 1, 1e-12);  // never seen
  EXPECT_NEAR(Sum(model, {0, 0, 0, 0}, 12), 1, 1e-12);
  EXPECT_NEAR(Sum(model, {9, 9, 6, 9, 4, 9}, 12), 1, 1e-12);
  for (size_t start = 0; start < 40; ++start) {
    const std::vector<int32_t> context(tokens.begin() + start, tokens.begin() + start + 4);
    EXPECT_NEAR(Sum(model, context, 12), 1, 1e-12);
  }
}

TEST(NgramTest, BigramsOfAShortTextEqualAHandCalculation) {
  const std::vector<int32_t> tokens = {0, 1, 0, 1, 0, 2};
  const NgramModel model(tokens, 2, 4);
  // Bigrams 01 x2, 10 x2, 02 x1: D2 = 1 / (1 + 2 * 2) = 0.2. Unigrams count what stands before
  // them: 0 follows nothing at the start and then 1: 2; 1 follows 0: 1; 2 follows 0: 1. D1 = 2 / (2
  // + 2 * 1) = 0.5.
  const double unigram_1 = (1 - 0.5) / 4 + 0.5 * 3 / 4 * 0.25;
  EXPECT_NEAR(model.Probability({}, 1), unigram_1, 1e-12);
  const std::vector<int32_t> context = {0};
  EXPECT_NEAR(model.Probability(context, 1), (2 - 0.2) / 3 + 0.2 * 2 / 3 * unigram_1, 1e-12);
}

TEST(NgramTest, TextThatRepeatsIsHardlyASurprise) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < 3000; ++i) tokens.push_back(i % 7);
  const NgramModel model(tokens, 3, 50);
  EXPECT_LT(model.Perplexity(std::vector<int32_t>(tokens.begin() + 7, tokens.begin() + 100)), 1.1);
  EXPECT_GT(model.Perplexity(std::vector<int32_t>{3, 1, 5, 0, 2}), 5);
}

}  // namespace
}  // namespace hat
