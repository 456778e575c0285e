#include "offload/play.h"

#include <gmock/gmock.h>

#include <sstream>

#include "offload/objective.h"
#include "tests/core/expect_error.h"
#include "tests/offload/networks.h"

namespace hat {
namespace {

using testing::HasSubstr;

// 1,000 samples, exits after `exits` stages: sure of what is right, by turns.
ExitTable Table(int exits) {
  std::ostringstream text;
  for (int exit = 1; exit <= exits; ++exit)
    text << (exit > 1 ? "," : "") << "confidence_" << exit << ",right_" << exit;
  text << "\n";
  for (int sample = 0; sample < 1000; ++sample) {
    for (int exit = 1; exit <= exits; ++exit) {
      const double confidence = (sample * 7 % 1000) / 1000.0;
      text << (exit > 1 ? "," : "") << confidence << ","
           << (exit == exits || confidence > 0.4 ? 1 : 0);
    }
    text << "\n";
  }
  return ExitTable::FromCsv(CsvFile::Parse(text.str(), "table"));
}

TEST(ExitTableTest, SharesAndAccuracyByHand) {
  const ExitTable table = ExitTable::FromCsv(CsvFile::Parse(
      "confidence_1,right_1,confidence_2,right_2\n0.9,1,0,1\n0.9,0,0,1\n0.2,0,0,1\n0.1,0,0,0\n",
      "t"));
  EXPECT_EQ(table.exits(), 2);
  const ExitShares half = SharesAt(table, {0.5});
  EXPECT_EQ(half.going_on, (GoingOn{1, 0.5, 0}));
  EXPECT_EQ(half.accuracy, 0.5);  // right: the first at exit 1, the third at 2
  EXPECT_EQ(SharesAt(table, {kNoExit}).accuracy, 0.75);
  EXPECT_EQ(SharesAt(table, {0.0}).going_on, (GoingOn{1, 0, 0}));
  EXPECT_INPUT_ERROR(ExitTable::FromCsv(CsvFile::Parse("confidence_1,right_1\n2,1\n", "t")),
                     HasSubstr("confidence_1"));
  EXPECT_INPUT_ERROR(ExitTable::FromCsv(CsvFile::Parse("a,b\n1,1\n", "t")),
                     HasSubstr("confidence_1"));
  EXPECT_INPUT_ERROR(ExitTable::FromCsv(CsvFile::Parse("confidence_1,right_1\n", "t")),
                     HasSubstr("no samples"));
}

// A single queue with Poisson arrivals is what the formula is about.
TEST(PlayTest, OneQueueTakesWhatPollaczekAndKhinchineSay) {
  const OffloadNetwork network = JoinedNetwork(3, 0.5, {{2}});
  const ExitTable table = Table(1);
  Player player(network, table, 1);
  const Decisions decisions{EvenPlan(network), {}};
  player.Run(200'000, decisions);
  player.Finish(decisions);
  const Played played = player.Result(1000, 200'000);
  EXPECT_NEAR(played.delay_mean_s / Expect(network, decisions.plan, {1, 0}, {}).delay_s, 1, 0.025);
  EXPECT_EQ(played.accuracy, 1);
}

TEST(PlayTest, EveryTaskEndsWhereItsSampleSays) {
  const OffloadNetwork network = JoinedNetwork(3, 0.4, {{2, 2}, {2, 2}, {2}});
  const ExitTable table = Table(3);
  Player player(network, table, 2);
  const Decisions decisions{EvenPlan(network), {0.8, 0.5}};
  player.Run(20'000, decisions);
  player.Finish(decisions);
  const Played played = player.Result(0, 20'000);
  EXPECT_EQ(played.tasks, player.arisen());
  const ExitShares shares = SharesAt(table, decisions.thresholds);
  EXPECT_NEAR(played.exits[0], 1 - shares.going_on[1], 0.01);
  EXPECT_NEAR(played.accuracy, shares.accuracy, 0.01);
}

// Other decisions, the same tasks.
TEST(PlayTest, TasksAreTheSameUnderOtherDecisions) {
  const OffloadNetwork network = JoinedNetwork(3, 0.4, {{2, 2}});
  const ExitTable table = Table(1);
  std::vector<double> means;
  for (const double share : {0.5, 0.5, 0.9}) {
    Player player(network, table, 3);
    Decisions decisions{EvenPlan(network), {}};
    for (auto& shares : decisions.plan[0]) shares = {share, 1 - share};
    player.Run(5000, decisions);
    player.Finish(decisions);
    EXPECT_EQ(player.Result(0, 5000).tasks, player.arisen());
    means.push_back(player.Result(0, 5000).delay_mean_s);
  }
  EXPECT_EQ(means[0], means[1]);
  EXPECT_GT(means[2], means[0]);
}

TEST(PlayTest, ANodeThatFailsServesNothingUntilItReturns) {
  const OffloadNetwork network = JoinedNetwork(1, 1, {{2}});
  const ExitTable table = Table(1);
  Player player(network, table, 4);
  const Decisions decisions{EvenPlan(network), {}};
  player.Run(100, decisions);
  player.SetCapacity(1, 0, 0);
  player.Run(150, decisions);
  EXPECT_ANY_THROW(player.Result(102, 150));
  player.SetCapacity(1, 0, 2);
  player.Run(300, decisions);
  player.Finish(decisions);
  EXPECT_EQ(player.Result(0, 300).tasks, player.arisen());
  EXPECT_GT(player.Result(100, 150).delay_mean_s, 10);
}

}  // namespace
}  // namespace hat
