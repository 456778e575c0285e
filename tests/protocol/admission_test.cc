#include "protocol/admission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace hat {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Pairs = std::vector<std::pair<SessionId, int>>;

SessionKey Key(SessionId number) { return {0, number}; }

Pairs Plain(const std::vector<Admission::Admitted>& admitted) {
  Pairs pairs;
  for (const auto& [session, replica] : admitted) pairs.emplace_back(session.number, replica);
  return pairs;
}

TEST(AdmissionTest, GoesToTheReplicaWithMostFreeTokensTheLowestOnTies) {
  Admission admission(3, 100);
  EXPECT_THAT(Plain(admission.Enqueue(Key(1), 10)), ElementsAre(std::pair(1, 0)));
  EXPECT_THAT(Plain(admission.Enqueue(Key(2), 30)), ElementsAre(std::pair(2, 1)));
  EXPECT_THAT(Plain(admission.Enqueue(Key(3), 20)), ElementsAre(std::pair(3, 2)));
  EXPECT_THAT(Plain(admission.Enqueue(Key(4), 10)), ElementsAre(std::pair(4, 0)));  // 90, 70, 80
  EXPECT_THAT(Plain(admission.Enqueue(Key(5), 5)), ElementsAre(std::pair(5, 0)));   // 80, 70, 80
  EXPECT_EQ(admission.free_tokens(0), 75);
}

TEST(AdmissionTest, AnExactFitIsAdmittedOneTokenMoreIsNot) {
  Admission admission(1, 100);
  EXPECT_THAT(Plain(admission.Enqueue(Key(1), 100)), ElementsAre(std::pair(1, 0)));
  Admission other(1, 100);
  EXPECT_THAT(Plain(other.Enqueue(Key(1), 101)), IsEmpty());
}

TEST(AdmissionTest, ABigRequestAtTheHeadBlocksSmallOnesBehindIt) {
  Admission admission(1, 100);
  admission.Enqueue(Key(1), 60);
  EXPECT_THAT(Plain(admission.Enqueue(Key(2), 50)), IsEmpty());
  EXPECT_THAT(Plain(admission.Enqueue(Key(3), 1)), IsEmpty())
      << "40 tokens are free, but 2 is first";
  EXPECT_THAT(Plain(admission.Free(Key(1))), ElementsAre(std::pair(2, 0), std::pair(3, 0)));
  EXPECT_EQ(admission.free_tokens(0), 49);
}

TEST(AdmissionTest, FreeAdmitsInOrderAsLongAsTheHeadFits) {
  Admission admission(2, 100);
  admission.Enqueue(Key(1), 100);
  admission.Enqueue(Key(2), 100);
  admission.Enqueue(Key(3), 40);
  admission.Enqueue(Key(4), 70);
  admission.Enqueue(Key(5), 10);
  EXPECT_THAT(Plain(admission.Free(Key(2))), ElementsAre(std::pair(3, 1)));
  EXPECT_THAT(Plain(admission.Free(Key(1))), ElementsAre(std::pair(4, 0), std::pair(5, 1)));
}

TEST(AdmissionTest, WhoWaitsNoLongerHoldsUpNobody) {
  Admission admission(1, 100);
  admission.Enqueue(Key(1), 60);
  admission.Enqueue(Key(2), 50);
  admission.Enqueue(Key(3), 40);
  EXPECT_EQ(admission.waiting(), 2u);
  EXPECT_THAT(Plain(admission.Free(Key(2))), ElementsAre(std::pair(3, 0)));
  EXPECT_EQ(admission.waiting(), 0u);
  EXPECT_EQ(admission.free_tokens(0), 0);
}

TEST(AdmissionTest, DevicesMayUseTheSameNumber) {
  Admission admission(1, 100);
  admission.Enqueue({0, 7}, 30);
  admission.Enqueue({1, 7}, 20);
  admission.Free({0, 7});
  EXPECT_EQ(admission.free_tokens(0), 80);
}

}  // namespace
}  // namespace hat
