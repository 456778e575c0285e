#include "runtime/profile/compose.h"

#include <gmock/gmock.h>

#include "profiles/profile.h"
#include "runtime/profile/timed_operations.h"

namespace hat {
namespace {

using testing::ElementsAre;

TEST(ProfileComposeTest, ADevicesOperationsAreTheirSamples) {
  const auto operations =
      OperationsFrom(Role::kDevice, {{Operation::kLayer, 1, 0}, {Operation::kLayer, 1, 64}},
                     {{3, 1.5}, {2, 2.25}});
  ASSERT_EQ(operations.size(), 1U);
  const auto& layer = operations.at(Operation::kLayer);
  ASSERT_EQ(layer.size(), 2U);
  EXPECT_THAT(layer[0].samples_us, ElementsAre(3, 1.5));
  EXPECT_EQ(layer[1].context, 64);
  EXPECT_THAT(layer[1].samples_us, ElementsAre(2, 2.25));
}

// A layer of 100 us, of which attention has 10 (the median of 8, 10 and 30): the rest is linear.
TEST(ProfileComposeTest, LinearAndAttentionAddUpToTheLayerThatWasTimed) {
  const auto operations = OperationsFrom(Role::kCloud,
                                         {{Operation::kAttention, 4, 0},
                                          {Operation::kAttention, 4, 64},
                                          {Operation::kLayer, 4, 0},
                                          {Operation::kLayer, 8, 0}},
                                         {{30, 8, 10}, {15}, {100, 102}, {200}});
  EXPECT_THAT(operations.at(Operation::kLinear)[0].samples_us, ElementsAre(90, 92));
  EXPECT_THAT(operations.at(Operation::kLinear)[1].samples_us,
              ElementsAre(180));  // two sequences of 4
  EXPECT_THAT(operations.at(Operation::kAttentionBase)[0].samples_us, ElementsAre(0));
  EXPECT_THAT(operations.at(Operation::kAttention)[1].samples_us, ElementsAre(15));
  EXPECT_EQ(operations.count(Operation::kLayer), 0U);
}

TEST(ProfileComposeTest, NoLatencyIsZeroButAttentions) {
  const auto operations = OperationsFrom(
      Role::kCloud, {{Operation::kAttention, 1, 0}, {Operation::kLayer, 1, 0}}, {{-1}, {-2}});
  EXPECT_THAT(operations.at(Operation::kAttention)[0].samples_us, ElementsAre(0));
  EXPECT_GT(operations.at(Operation::kLinear)[0].samples_us[0], 0);
}

// Without a sequence a call takes 2 x 10 - 15 us per layer and 2 x 4 - 6 us of plan; of the plan's
// other 10 us each of 4 layers has a quarter.
TEST(ProfileComposeTest, OneMoreSequenceIsACallLessACallWithoutIt) {
  EXPECT_EQ(OneMoreSequenceUs({30, 12}, {10, 4}, {15, 6}, 4), 25 + 2.5);
  EXPECT_EQ(OneMoreSequenceUs({30, 12}, {10, 4}, {15, 6}, 2), 25 + 5);
  EXPECT_EQ(OneMoreSequenceUs({4, 2}, {10, 4}, {15, 6}, 4), 0);
}

TEST(ProfileComposeTest, AReferenceIsItsEndsAndItsRange) {
  EXPECT_EQ(ReferenceText({410, 400, 550, 420}), "0.410 ms first, 0.420 last, 0.400 to 0.550");
}

TEST(ProfileComposeTest, TheMedianOfAnEvenNumberIsTheMiddlesMean) {
  EXPECT_EQ(MedianOf({4, 1, 3, 2}), 2.5);
  EXPECT_EQ(MedianOf({9, 1, 2}), 2);
}

TEST(RingTest, HasAsManyCopiesAsFillItWithinItsBounds) {
  EXPECT_EQ(CopiesInRing(Bytes(64), 10, 1, 100), 7);
  EXPECT_EQ(CopiesInRing(Bytes(64), 10, 1, 6), 6);    // no more layers than the model has
  EXPECT_EQ(CopiesInRing(Bytes(64), 1000, 1, 6), 1);  // one is larger than the ring
  EXPECT_EQ(CopiesInRing(Bytes(64), 1000, 4, 6), 4);
}

}  // namespace
}  // namespace hat
