#include "runtime/train/acceptance.h"

#include <gtest/gtest.h>

#include <vector>

namespace hat {
namespace {

std::vector<Guess> Guesses(const std::vector<bool>& right) {
  std::vector<Guess> guesses;
  for (const bool is_right : right) guesses.push_back({0.5f, is_right});
  return guesses;
}

TEST(AcceptanceTest, RoundsEndBehindTheFirstWrongGuess) {
  // From token 0: 1, 2 right, 3 wrong: 3 tokens. From 3: wrong: 1. From 4: right, then only the
  // target's own is left: 2.
  const AcceptLength length = PlayRounds(Guesses({true, true, false, false, true, true}), 0, 8);
  EXPECT_EQ(length.tokens, 6);
  EXPECT_EQ(length.rounds, 3);
  EXPECT_DOUBLE_EQ(length.Mean(), 2);
}

TEST(AcceptanceTest, AThresholdAboveAllConfidencesDraftsNothing) {
  EXPECT_DOUBLE_EQ(PlayRounds(Guesses(std::vector<bool>(20, true)), 0.6, 8).Mean(), 1);
}

TEST(AcceptanceTest, PerfectGuessesYieldTheLongestDraftAndOne) {
  EXPECT_DOUBLE_EQ(PlayRounds(Guesses(std::vector<bool>(90, true)), 0.5, 8).Mean(), 9);
}

TEST(AcceptanceTest, GuessesThatAreRightWithOneProbabilityYieldTheGeometricSum) {
  // Right twice, wrong once, for ever: drafts of at most 2 give 3 tokens a round from the start.
  std::vector<bool> right;
  for (int i = 0; i < 300; ++i) right.push_back(i % 3 != 2);
  EXPECT_DOUBLE_EQ(PlayRounds(Guesses(right), 0, 2).Mean(), 3);
  EXPECT_DOUBLE_EQ(PlayRounds(Guesses(right), 0, 1).Mean(), 1.5);
}

TEST(AcceptanceTest, AChainOfHeadsKeepsItsHitsAndTheTargetsToken) {
  // Token 0 is out. Two hits: 1, 2 and the target's 3; none: 4; four, of which only one finds room
  // before the target's last, 6.
  const std::vector<int> hits = {2, 0, 0, 0, 4, 0, 0};
  const AcceptLength length = PlayChain(hits);
  EXPECT_EQ(length.tokens, 6);
  EXPECT_EQ(length.rounds, 3);
}

TEST(AcceptanceTest, ReliabilityHoldsEveryGuessOnce) {
  const std::vector<Guess> guesses = {{0.05f, false}, {0.95f, true}, {1.0f, true}, {0.91f, false}};
  const std::vector<ReliabilityBin> bins = Reliability(guesses, 10);
  EXPECT_EQ(bins[0].count, 1);
  EXPECT_DOUBLE_EQ(bins[0].right, 0);
  EXPECT_EQ(bins[9].count, 3);
  EXPECT_NEAR(bins[9].confidence, (0.95 + 1 + 0.91) / 3, 1e-7);
  EXPECT_DOUBLE_EQ(bins[9].right, 2. / 3);
}

}  // namespace
}  // namespace hat
