// What has to be equal request by request, and what excuses a difference.
#include "experiments/validate/equality.h"

#include <gmock/gmock.h>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf, testing::HasSubstr;

RunRequest Completed(int id) {
  RunRequest request;
  request.request = id;
  request.outcome = "completed";
  request.is_after_warmup = true;
  request.tokens = 20;
  request.rounds = 9;
  request.drafted = 15;
  request.accepted = 10;
  return request;
}

class EqualityTest : public testing::Test {
 protected:
  EqualityTest() {
    for (int id = 0; id < 200; ++id) simulated_.push_back(Completed(id));
    live_ = simulated_;
  }

  // Requests 0, 1, ... differ; near-ties are listed of the first so many of them.
  Equality WithDifferent(int different, int listed) {
    for (int id = 0; id < different; ++id) live_[static_cast<size_t>(id)].rounds = 10;
    for (int id = 0; id < listed; ++id) receipt_.near_ties.push_back({id, "token", 3, 2e-5});
    return Compare(&receipt_);
  }
  Equality Compare(const Receipt* receipt) {
    return CompareRequests(PairRequests(simulated_, live_, "live.csv"), receipt, 1);
  }

  std::vector<RunRequest> simulated_, live_;
  Receipt receipt_;
};

TEST_F(EqualityTest, WhatIsEqualHolds) {
  const Equality equality = Compare(nullptr);
  EXPECT_TRUE(equality.holds());
  EXPECT_EQ(equality.compared, 200);
  EXPECT_TRUE(equality.unequal.empty());
}

TEST_F(EqualityTest, OneInAHundredMayBeExcused) {
  const Equality equality = WithDifferent(2, 2);
  EXPECT_TRUE(equality.holds());
  EXPECT_EQ(equality.excused(), 2);
  EXPECT_EQ(WhatDiffers(equality.unequal[0]),
            "rounds 9 simulated, 10 live; excused: a near-tie of the token at output 3, gap 2e-05");
}

TEST_F(EqualityTest, MoreThanOneInAHundredMayNot) { EXPECT_FALSE(WithDifferent(3, 3).holds()); }

TEST_F(EqualityTest, NothingMayBeUnexplained) {
  const Equality equality = WithDifferent(2, 1);
  EXPECT_FALSE(equality.holds());
  EXPECT_EQ(equality.unexplained(), 1);
  EXPECT_EQ(WhatDiffers(equality.unequal[1]), "rounds 9 simulated, 10 live; unexplained");
}

TEST_F(EqualityTest, WithoutAReceiptNothingIsExcused) {
  live_[5].drafted = 16;
  EXPECT_EQ(Compare(nullptr).unexplained(), 1);
}

TEST_F(EqualityTest, EqualRequestsNeedNoExcuse) { EXPECT_EQ(WithDifferent(0, 50).excused(), 0); }

TEST_F(EqualityTest, EachCountMatters) {
  live_[0].tokens = 21;
  live_[1].rounds = 8;
  live_[2].drafted = 14;
  live_[3].accepted = 9;
  const Equality equality = Compare(nullptr);
  ASSERT_EQ(equality.unequal.size(), 4u);
  EXPECT_EQ(equality.unequal[0].counts[0].name, "tokens");
  EXPECT_EQ(equality.unequal[3].counts[0].name, "accepted");
  EXPECT_EQ(equality.unequal[3].counts[0].live, 9);
}

TEST_F(EqualityTest, TokensOtherThanTheWholeModelsAreADifference) {
  const std::string digest = OutputDigest({1, 2}), other = OutputDigest({1, 3});
  receipt_.outputs = {{0, digest, digest}, {1, digest, ""}, {4, digest, other}};
  const Equality equality = Compare(&receipt_);
  ASSERT_EQ(equality.unequal.size(), 1u);
  EXPECT_EQ(equality.unequal[0].request, 4);
  EXPECT_THAT(WhatDiffers(equality.unequal[0]), HasSubstr("other than the whole model's"));
  EXPECT_FALSE(equality.holds());
}

TEST_F(EqualityTest, WhatCompletedInOneWorldAloneIsSaidAndFails) {
  live_[3].outcome = "failed";
  live_.pop_back();
  const Equality equality = Compare(nullptr);
  EXPECT_EQ(equality.compared, 198);
  ASSERT_EQ(equality.unended.size(), 2u);
  EXPECT_EQ(equality.unended[0].live, "failed");
  EXPECT_EQ(equality.unended[1].live, "never came");
  EXPECT_FALSE(equality.holds());
}

TEST_F(EqualityTest, WhatFailedInBothWorldsIsSaidAlone) {
  simulated_[3].outcome = live_[3].outcome = "failed";
  const Equality equality = Compare(nullptr);
  EXPECT_EQ(equality.unended.size(), 1u);
  EXPECT_TRUE(equality.holds());
}

TEST_F(EqualityTest, AnotherRequestOfThatNumberIsRefused) {
  live_[7].prompt_tokens = 5;
  EXPECT_INPUT_ERROR(Compare(nullptr), AllOf(HasSubstr("live.csv: request 7 is another one"),
                                             HasSubstr("'prompt_tokens' is 5 there and 0 here")));
}

}  // namespace
}  // namespace hat
