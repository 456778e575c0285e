#include "protocol/work_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "core/random.h"
#include "tests/protocol/fake_states.h"

namespace hat {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int kPrompt = 1000;
constexpr size_t kBytesEach = 4;

Frame MakeFrame(FrameKind kind, SessionId session, int first, int count, int prompt = kPrompt) {
  Frame frame;
  frame.header.session = session;
  frame.header.kind = kind;
  frame.header.first_position = first;
  frame.header.count = count;
  frame.header.prompt_tokens = prompt;
  frame.header.output_tokens = 10;
  frame.states = MakeStates(Consecutive(first, count), kBytesEach);
  return frame;
}
Frame Prefill(SessionId session, int first, int count, int prompt = kPrompt) {
  return MakeFrame(FrameKind::kPrefill, session, first, count, prompt);
}
Frame Verification(SessionId session, int count) {
  return MakeFrame(FrameKind::kVerify, session, kPrompt, count);
}

using Part = std::tuple<SessionId, int, int>;  // session, first position, tokens

// Also checks that each part's states are those of its positions.
std::vector<Part> PartsOf(const Batch& batch) {
  std::vector<Part> parts;
  int tokens = 0;
  for (const BatchPart& part : batch.parts) {
    parts.emplace_back(part.session.number, part.first_position, part.tokens);
    tokens += part.tokens;
    EXPECT_EQ(PositionsOf(part.states, kBytesEach), Consecutive(part.first_position, part.tokens));
  }
  EXPECT_EQ(batch.tokens, tokens);
  return parts;
}

std::unique_ptr<PrefillCut> Cut(const std::string& name, int cut_tokens = 256) {
  PolicyOptions options;
  options.cut_tokens = cut_tokens;
  return MakePrefillCut(name, options);
}

TEST(WorkQueueTest, VerificationsGoFirstThenPrefillsEachInOrderOfArrival) {
  WorkQueue queue;
  queue.Add(Seconds(1), 0, Prefill(1, 0, 10));
  queue.Add(Seconds(2), 0, Verification(2, 3));
  queue.Add(Seconds(3), 0, Prefill(3, 0, 10));
  queue.Add(Seconds(4), 0, Verification(4, 3));
  EXPECT_THAT(PartsOf(queue.Form(100, *Cut("split")).batch),
              ElementsAre(Part(2, 1000, 3), Part(4, 1000, 3), Part(1, 0, 10), Part(3, 0, 10)));
  EXPECT_TRUE(queue.empty());
}

TEST(WorkQueueTest, TiesAreOrderedBySession) {
  WorkQueue queue;
  for (const SessionId session : {5, 2, 9}) queue.Add(Seconds(1), 0, Verification(session, 1));
  queue.Add(Seconds(0.5), 0, Verification(7, 1));  // held for admission: an earlier arrival
  EXPECT_THAT(PartsOf(queue.Form(100, *Cut("split")).batch),
              ElementsAre(Part(7, 1000, 1), Part(2, 1000, 1), Part(5, 1000, 1), Part(9, 1000, 1)));
}

TEST(WorkQueueTest, AVerificationThatDoesNotFitEndsTheWalk) {
  WorkQueue queue;
  queue.Add(Seconds(1), 0, Verification(1, 6));
  queue.Add(Seconds(2), 0, Verification(2, 5));
  queue.Add(Seconds(3), 0, Verification(3, 1));
  queue.Add(Seconds(0), 0, Prefill(4, 0, 2));
  EXPECT_THAT(PartsOf(queue.Form(10, *Cut("whole")).batch), ElementsAre(Part(1, 1000, 6)));
  EXPECT_THAT(PartsOf(queue.Form(10, *Cut("whole")).batch),
              ElementsAre(Part(2, 1000, 5), Part(3, 1000, 1), Part(4, 0, 2)));
}

TEST(WorkQueueTest, VerificationsThatFillTheBudgetLeaveNoRoomForAPrefill) {
  WorkQueue queue;
  queue.Add(Seconds(1), 0, Verification(1, 10));
  queue.Add(Seconds(1), 0, Prefill(2, 0, 2));
  EXPECT_THAT(PartsOf(queue.Form(10, *Cut("whole")).batch), ElementsAre(Part(1, 1000, 10)));
}

TEST(WorkQueueTest, SplitCutsToWhatIsLeftAndTheRestKeepsItsPlace) {
  WorkQueue queue;
  queue.Add(Seconds(1), 0, Prefill(1, 0, 25));
  queue.Add(Seconds(2), 0, Prefill(2, 0, 5));
  EXPECT_THAT(PartsOf(queue.Form(10, *Cut("split")).batch), ElementsAre(Part(1, 0, 10)));
  queue.Add(Seconds(0), 0, Verification(3, 4));
  EXPECT_THAT(PartsOf(queue.Form(10, *Cut("split")).batch),
              ElementsAre(Part(3, 1000, 4), Part(1, 10, 6)));
  EXPECT_THAT(PartsOf(queue.Form(10, *Cut("split")).batch),
              ElementsAre(Part(1, 16, 9), Part(2, 0, 1)));
  EXPECT_THAT(PartsOf(queue.Form(10, *Cut("split")).batch), ElementsAre(Part(2, 1, 4)));
}

TEST(WorkQueueTest, SplitMergesTheFramesOfOneSession) {
  WorkQueue queue;
  queue.Add(Seconds(1), 0, Prefill(1, 0, 4, 20));
  queue.Add(Seconds(2), 0, Prefill(2, 0, 4));
  queue.Add(Seconds(3), 0, Prefill(1, 4, 16, 20));
  Batch batch = queue.Form(16, *Cut("split")).batch;
  EXPECT_THAT(PartsOf(batch), ElementsAre(Part(1, 0, 12), Part(2, 0, 4)));
  EXPECT_FALSE(batch.parts[0].completes_prompt);
  EXPECT_EQ(batch.parts[0].arrived, Seconds(1));
  batch = queue.Form(16, *Cut("split")).batch;
  EXPECT_THAT(PartsOf(batch), ElementsAre(Part(1, 12, 8)));
  EXPECT_TRUE(batch.parts[0].completes_prompt);
}

TEST(WorkQueueTest, OnlyThePartWithTheLastPositionCompletesThePrompt) {
  WorkQueue queue;
  queue.Add(Seconds(1), 0, Prefill(1, 0, 20, 20));
  EXPECT_FALSE(queue.Form(19, *Cut("split")).batch.parts[0].completes_prompt);
  EXPECT_TRUE(queue.Form(19, *Cut("split")).batch.parts[0].completes_prompt);
}

TEST(WorkQueueTest, FixedTakesAtMostCTokensASessionAndBatch) {
  WorkQueue queue;
  queue.Add(Seconds(1), 0, Prefill(1, 0, 20));
  queue.Add(Seconds(1), 0, Prefill(1, 20, 3));
  queue.Add(Seconds(2), 0, Prefill(2, 0, 20));
  EXPECT_THAT(PartsOf(queue.Form(14, *Cut("fixed", 8)).batch),
              ElementsAre(Part(1, 0, 8), Part(2, 0, 6)));
  EXPECT_THAT(PartsOf(queue.Form(14, *Cut("fixed", 8)).batch),
              ElementsAre(Part(1, 8, 8), Part(2, 6, 6)));
  // The last 4 of the first frame, not merged with the second frame: that waits.
  EXPECT_THAT(PartsOf(queue.Form(14, *Cut("fixed", 8)).batch),
              ElementsAre(Part(1, 16, 4), Part(2, 12, 8)));
  EXPECT_THAT(PartsOf(queue.Form(14, *Cut("fixed", 8)).batch), ElementsAre(Part(1, 20, 3)));
}

TEST(WorkQueueTest, WholeGoesBeyondTheBudgetButOnlyOnceAndNeverTwiceASession) {
  WorkQueue queue;
  queue.Add(Seconds(1), 0, Prefill(1, 0, 8));
  queue.Add(Seconds(2), 0, Prefill(1, 8, 500));
  queue.Add(Seconds(3), 0, Prefill(2, 0, 900));
  queue.Add(Seconds(4), 0, Prefill(3, 0, 1));
  EXPECT_THAT(PartsOf(queue.Form(10, *Cut("whole")).batch),
              ElementsAre(Part(1, 0, 8), Part(2, 0, 900)));
  EXPECT_THAT(PartsOf(queue.Form(10, *Cut("whole")).batch), ElementsAre(Part(1, 8, 500)));
  EXPECT_THAT(PartsOf(queue.Form(10, *Cut("whole")).batch), ElementsAre(Part(3, 0, 1)));
}

TEST(WorkQueueTest, AFramesWaitingIsToldOnceWhenItsFirstTokenEnters) {
  WorkQueue queue;
  queue.Add(Seconds(1), 0, Prefill(1, 0, 15));
  queue.Add(Seconds(2), 0, Prefill(2, 0, 5));
  EXPECT_THAT(queue.Form(10, *Cut("split")).prefill_arrivals, ElementsAre(Seconds(1)));
  EXPECT_THAT(queue.Form(10, *Cut("split")).prefill_arrivals, ElementsAre(Seconds(2)));
  EXPECT_THAT(queue.Form(10, *Cut("split")).prefill_arrivals, IsEmpty());
}

// A user's policy that merges parts but does not take all it could.
class HalfCut : public PrefillCut {
 public:
  int TokensToTake(int tokens_left, int budget_left) const override {
    return std::max(1, std::min(tokens_left, budget_left) / 2);
  }
  bool MergesParts() const override { return true; }
};

TEST(WorkQueueTest, NoPolicyCanLeaveAHoleInASession) {
  RngStream draw(3, "cuts");
  for (int trial = 0; trial < 200; ++trial) {
    WorkQueue queue;
    std::vector<int> sent(4), taken(4);
    for (int frame = 0; frame < 12; ++frame) {
      const auto session = static_cast<size_t>(draw.UniformInt(4));
      const int count = 1 + draw.UniformInt(30);
      queue.Add(Seconds(frame), 0, Prefill(session, sent[session], count, 10'000));
      sent[session] += count;
    }
    while (!queue.empty()) {
      for (const auto& [session, first, tokens] : PartsOf(queue.Form(20, HalfCut()).batch)) {
        ASSERT_EQ(first, taken[session]);
        taken[session] += tokens;
      }
    }
    EXPECT_EQ(taken, sent);
  }
}

TEST(WorkQueueTest, ATreesIndicesTravelWithItsPart) {
  WorkQueue queue;
  Frame frame = Verification(1, 3);
  frame.header.flags = kFlagTree;
  frame.kept = {0, 2};
  frame.parents = {-1, 0, 0};
  queue.Add(Seconds(1), 4, frame);
  const Batch batch = queue.Form(10, *Cut("split")).batch;
  ASSERT_EQ(batch.parts.size(), 1u);
  EXPECT_EQ(batch.parts[0].kept, frame.kept);
  EXPECT_EQ(batch.parts[0].parents, frame.parents);
  EXPECT_EQ(batch.parts[0].session.device, 4);
}

}  // namespace
}  // namespace hat
