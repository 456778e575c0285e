#include "cli/trace_compare.h"

#include <gmock/gmock.h>

namespace hat {
namespace {

using testing::HasSubstr;

RoundEvent Round(int drafted, int accepted) {
  RoundEvent round;
  round.drafted = drafted;
  round.accepted = accepted;
  return round;
}

NearTie Tie(NearTie::Decision decision, int output_index) { return {decision, output_index, 1e-5}; }

// Three rounds, after tokens 1, 3 and 7; the live run may end the third otherwise.
class TraceCompareTest : public testing::Test {
 protected:
  std::optional<TraceDifference> Compare() const {
    return CompareRounds(5, live_, replayed_, simulated_);
  }
  // Whether this tie of the live run explains that its third round kept one token less.
  bool Explains(const NearTie& tie) {
    live_.rounds[2].accepted = 1;
    live_.near_ties = {tie};
    const auto difference = Compare();
    EXPECT_TRUE(difference.has_value());
    return difference && difference->near_tie == tie;
  }

  Generation live_ = {{}, {Round(2, 1), Round(3, 3), Round(2, 2)}, {}};
  const std::vector<TraceRound> replayed_ = {{1, 2, 1}, {3, 3, 3}, {7, 2, 2}};
  ReplayedRequest simulated_ = {3, 7, 6, 0, 0};
};

TEST_F(TraceCompareTest, EqualRoundsDoNotDiffer) { EXPECT_FALSE(Compare().has_value()); }

TEST_F(TraceCompareTest, TheFirstRoundThatDiffersIsNamed) {
  live_.rounds[1].drafted = 2;
  live_.rounds[1].accepted = 2;
  const auto difference = Compare();
  ASSERT_TRUE(difference.has_value());
  EXPECT_EQ(difference->row, 5);
  EXPECT_EQ(difference->text,
            "round 2, after output token 3: live 2 drafted, 2 kept; replayed 3, 3");
  EXPECT_FALSE(difference->near_tie.has_value());
}

TEST_F(TraceCompareTest, EqualSumsOfOtherRoundsDiffer) {
  std::swap(live_.rounds[0], live_.rounds[1]);
  EXPECT_TRUE(Compare().has_value());
}

// Output index 7 is the first token after output token 7.
TEST_F(TraceCompareTest, ANearTieExplainsItsOwnRoundAndATokenAllThatFollow) {
  using enum NearTie::Decision;
  EXPECT_TRUE(Explains(Tie(kToken, 0)));
  EXPECT_TRUE(Explains(Tie(kToken, 8)));
  EXPECT_FALSE(Explains(Tie(kToken, 9)));
  EXPECT_FALSE(Explains(Tie(kProposal, 6)));
  EXPECT_TRUE(Explains(Tie(kProposal, 7)));
  EXPECT_TRUE(Explains(Tie(kConfidence, 9)));
  EXPECT_FALSE(Explains(Tie(kConfidence, 10)));
  EXPECT_FALSE(Explains(Tie(kBranch, 7)));
}

TEST_F(TraceCompareTest, ASimulatorThatLeavesTheTraceIsAFailureWhateverTheTies) {
  live_.near_ties = {Tie(NearTie::Decision::kToken, 0)};
  simulated_.drafted = 6;
  const auto difference = Compare();
  ASSERT_TRUE(difference.has_value());
  EXPECT_THAT(difference->text, HasSubstr("simulated 3 rounds, 6 drafted"));
  EXPECT_FALSE(difference->near_tie.has_value());
}

}  // namespace
}  // namespace hat
