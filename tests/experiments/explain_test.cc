#include "experiments/watch/explain.h"

#include <gmock/gmock.h>

#include "tests/core/expect_error.h"
#include "tests/experiments/event_log.h"

namespace hat {
namespace {

using testing::HasSubstr;

TEST(ExplainTest, TellsWhoHeldTheRequestFromWhenToWhen) {
  Explain explain(0);
  Play(LifeOfOneRequest(), explain);
  EXPECT_EQ(explain.Text(),
            R"(Request 0 on device 0: 3 prompt tokens (prompt row 7), 3 output tokens.
It arrives at 0.000000 s; all times below are in ms since then.

     from        to      took  who      why
    0.000    10.000    10.000  device   input, positions 0 to 1
   10.000    14.000     4.000  uplink   positions 0 to 1, 80 bytes
   10.000    18.000     8.000  device   input, position 2
   14.000    16.000     2.000  uplink   under way
   16.000    24.000     8.000  stage 0  positions 0 to 1 in batch 0: 2 tokens of
                                        1 request
   18.000    19.000     1.000  device   adapter, 3 tokens
   18.000    20.000     2.000  uplink   position 2, 72 bytes
   20.000    22.000     2.000  uplink   under way
   22.000    25.000     3.000  cloud    position 2 waits for batch 1
   24.000    25.000     1.000  stage 0  batch 0 on the stage link
   25.000    31.000     6.000  stage 0  position 2 in batch 1: 1 token of 1
                                        request
   25.000    33.000     8.000  stage 1  positions 0 to 1 in batch 0
   31.000    32.000     1.000  stage 0  batch 1 on the stage link
   32.000    33.000     1.000  stage 1  batch 1 waits in the buffer
   33.000    39.000     6.000  stage 1  position 2 in batch 1
   39.000    40.000     1.000  downlink position 2, 72 bytes
   40.000    42.000     2.000  downlink under way
   42.000    44.000     2.000  device   head, 1 token

TTFT 44.000 ms
    0.000  queue
   18.000  device_compute
    0.000  uplink_wait
    4.000  upload
    2.000  cloud_wait
   15.000  cloud_compute
    3.000  download
    2.000  head

round    from      to  tokens  drafted  accepted  ahead steps  wasted
    1  44.000  63.000       2        1         1            0       0

Where each round's time went; the columns add up to what it took. "ahead": the
answer waits for the session's own draft-ahead step.
             device device device device uplink uplink cloud cloud down-
round   took   wait  steps  ahead   head   wait   sent  wait  work  link
    1 19.000  0.000  4.000  0.000  1.000  0.000  4.000 0.000 7.000 3.000

63.000 ms: completed.
)");
}

TEST(ExplainTest, NamesWaits) {
  EventLog log = LifeOfOneRequest();
  Nth<StartTold>(log, 0).at = Ms(0.5);
  Nth<DeviceOpEvent>(log, 0).span = SpanMs(0.5, 1, 10);
  Nth<FrameEvent>(log, 1).sent = Ms(17.5);
  Nth<AdmittedTold>(log, 0).at = Ms(16.5);
  Explain explain(0);
  Play(log, explain);
  const std::string text = explain.Text();
  EXPECT_THAT(text, HasSubstr("0.500  queue    waits for a session of its device"));
  EXPECT_THAT(text, HasSubstr("0.500  queue    waits for the GPU: input"));
  EXPECT_THAT(text, HasSubstr("0.500  uplink   waits behind other frames"));
  EXPECT_THAT(text, HasSubstr("0.500  cloud    waits for room in a KV cache (replica"));
}

// The cloud takes 5 ms in one round and 9 in the next.
TEST(ExplainTest, EachRoundHasItsOwnTimeInTheCloud) {
  Explain explain(0);
  Play({ArrivalTold{{0, 0, 0, Seconds(), 1, 3}}, TokensTold{0, 1, Ms(10)},
        OnStage(0, 0, {VerifyPart(0, 1, 1, 11)}, 12, SpanMs(12, 12, 17), 17),
        FrameOf(0, Direction::kDown, FrameKind::kVerify, 1, 1, {17, 17, 18, 19}),
        TokensTold{0, 1, Ms(19)},
        OnStage(1, 0, {VerifyPart(0, 2, 1, 20)}, 22, SpanMs(22, 22, 31), 31),
        FrameOf(0, Direction::kDown, FrameKind::kVerify, 2, 1, {31, 31, 32, 33}),
        TokensTold{0, 1, Ms(33)}},
       explain);
  EXPECT_THAT(explain.Text(), HasSubstr(" 1.000 5.000 2.000\n"));
  EXPECT_THAT(explain.Text(), HasSubstr(" 2.000 9.000 2.000\n"));
}

// The answer comes at 29 ms; its session's draft-ahead step ends at 31, another's head at 32.
TEST(ExplainTest, AnAnswerWaitsForItsSessionsOwnStepAheadThenForTheGpu) {
  Explain explain(0);
  Play({ArrivalTold{{0, 0, 0, Seconds(), 1, 3}}, TokensTold{0, 1, Ms(10)},
        Op(0, DeviceOp::kDraft, 1, 1, SpanMs(10, 11, 13)),
        FrameOf(0, Direction::kUp, FrameKind::kVerify, 1, 1, {13, 14, 16, 17}),
        OnStage(0, 0, {VerifyPart(0, 1, 1, 17)}, 18, SpanMs(18, 18, 26), 26),
        FrameOf(0, Direction::kDown, FrameKind::kVerify, 1, 1, {26, 26, 28, 29}),
        Op(0, DeviceOp::kDraftAhead, 4, 2, SpanMs(25, 25, 31)),
        Op(0, DeviceOp::kHead, 1, 0, SpanMs(31, 32, 33)), TokensTold{0, 1, Ms(33)}},
       explain);
  EXPECT_THAT(explain.Text(), HasSubstr("\n    1 23.000  2.000  2.000  2.000  1.000  1.000  3.000 "
                                        "1.000 8.000 3.000\n"));
}

// cloud-only: the second token's way begins in the cloud at 14 ms, before the first is out at 19;
// both take 5 ms down.
TEST(ExplainTest, ARoundOfACloudThatReturnsTokensBeginsInTheCloud) {
  Explain explain(0);
  Play({ArrivalTold{{0, 0, 0, Seconds(), 1, 3}},
        OnStage(1, 0, {VerifyPart(0, 1, 1, 14)}, 15, SpanMs(15, 15, 21), 21),
        TokensTold{0, 1, Ms(19)},
        FrameOf(0, Direction::kDown, FrameKind::kRawToken, 1, 1, {21, 22, 23, 26}),
        TokensTold{0, 1, Ms(26)}},
       explain);
  EXPECT_THAT(explain.Text(), HasSubstr(" 7.000  0.000  0.000  0.000  0.000  0.000  0.000 1.000 "
                                        "6.000 0.000\n"));
}

// cloud-sd: the cloud has made two rounds before the first one's tokens are out.
TEST(ExplainTest, ARoundsCountsWaitForItsTokens) {
  Explain explain(0);
  Play({ArrivalTold{{0, 0, 0, Seconds(), 1, 7}}, RoundEvent{0, 3, 2, 0, 0, Ms(20)},
        TokensTold{0, 1, Ms(21)}, RoundEvent{0, 5, 2, 0, 0, Ms(22)}, TokensTold{0, 3, Ms(23)},
        TokensTold{0, 3, Ms(25)}},
       explain);
  EXPECT_THAT(explain.Text(),
              HasSubstr("    1  21.000  23.000       3        3         2            0       0\n"
                        "    2  23.000  25.000       3        5         2            0       0\n"));
}

TEST(ExplainTest, OtherRequestsAreLeftOut) {
  Explain explain(0);
  const EventLog log = LifeOfOneRequest();
  Play(log, explain);
  const std::string alone = explain.Text();
  Explain crowded(0);
  for (const Told& told : log) {
    Play({told}, crowded);
    crowded.OnDeviceOp(Op(1, DeviceOp::kDraft, 1, 3, SpanMs(0, 0, 1)));
    crowded.OnTokens(1, 1, Ms(5));
  }
  EXPECT_EQ(crowded.Text(), alone);
}

TEST(ExplainTest, RequestInFlightIsToldSoFar) {
  EventLog log = LifeOfOneRequest();
  log.resize(9);
  Explain explain(0);
  Play(log, explain);
  EXPECT_THAT(explain.Text(), HasSubstr("The first token has not come."));
  EXPECT_THAT(explain.Text(), HasSubstr("It is still in flight."));
}

TEST(ExplainTest, UnknownRequestSaysWhichThereAre) {
  Explain explain(8);
  EXPECT_INPUT_ERROR(explain.Text(), HasSubstr("no request arrived"));
  Play(LifeOfOneRequest(), explain);
  EXPECT_INPUT_ERROR(explain.Text(), HasSubstr("the run had requests 0 to 0"));
}

}  // namespace
}  // namespace hat
