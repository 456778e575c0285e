#include "runtime/pace/pace_tally.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>
#include <vector>

namespace hat {
namespace {

TEST(PaceTallyTest, CountsByKindWhatTookLongerThanItsPace) {
  PaceTally tally;
  tally.Add("input", Milliseconds(5), Milliseconds(2));
  tally.Add("input", Milliseconds(5), Milliseconds(5));
  tally.Add("input", Milliseconds(5), Milliseconds(6));
  tally.Add("input", Milliseconds(5), Milliseconds(9));
  tally.Add("head", Milliseconds(1), Milliseconds(3));
  const PaceTally::Kind input = tally.kinds().at("input");
  EXPECT_EQ(input.operations, 4);
  EXPECT_EQ(input.overruns, 2);
  EXPECT_NEAR(ToMilliseconds(input.largest), 4, 1e-9);
  EXPECT_NEAR(ToMilliseconds(input.all), 5, 1e-9);
  const PaceTally::Kind total = tally.total();
  EXPECT_EQ(total.operations, 5);
  EXPECT_EQ(total.overruns, 3);
  EXPECT_NEAR(ToMilliseconds(total.all), 7, 1e-9);
}

// Of 100 operations one takes 4 times its pace and two 1.9 times: 16 log2(1.9) = 14.8, so 15/16 of
// an octave.
TEST(PaceTallyTest, SaysWhichSlowdownWouldDo) {
  PaceTally tally;
  for (int i = 0; i < 97; ++i) tally.Add("draft", Milliseconds(10), Milliseconds(9));
  for (int i = 0; i < 2; ++i) tally.Add("draft", Milliseconds(10), Milliseconds(19));
  tally.Add("draft", Milliseconds(10), Milliseconds(40));
  const PaceTally::Kind draft = tally.total();
  EXPECT_DOUBLE_EQ(draft.SlowdownFor(0), 4);
  EXPECT_DOUBLE_EQ(draft.SlowdownFor(0.01), std::exp2(15.0 / 16));
  EXPECT_DOUBLE_EQ(draft.SlowdownFor(0.03), 1);
  EXPECT_DOUBLE_EQ(PaceTally().total().SlowdownFor(0), 1);
}

TEST(PaceTallyTest, AnyThreadMayTell) {
  PaceTally tally;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) tally.Add("head", Milliseconds(1), Milliseconds(i % 2 * 2));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(tally.total().operations, 4000);
  EXPECT_EQ(tally.total().overruns, 2000);
}

}  // namespace
}  // namespace hat
