#include "experiments/watch/round_parts.h"

#include <gtest/gtest.h>

#include "tests/experiments/event_log.h"

namespace hat {
namespace {

// Expected parts in ms, in the order of RoundPartFields.
struct PartsMs {
  double queue = 0, draft = 0, device_compute = 0, uplink_wait = 0, upload = 0;
  double cloud_wait = 0, cloud_compute = 0, download = 0, ahead_wait = 0, head = 0;
};

void ExpectParts(const RoundParts& parts, const PartsMs& ms, double round_ms) {
  const double expected[] = {ms.queue,      ms.draft,      ms.device_compute, ms.uplink_wait,
                             ms.upload,     ms.cloud_wait, ms.cloud_compute,  ms.download,
                             ms.ahead_wait, ms.head};
  for (int i = 0; i < kRoundParts; ++i) {
    const RoundPartField& part = RoundPartFields()[static_cast<size_t>(i)];
    EXPECT_NEAR(ToMilliseconds(parts.*part.field), expected[i], 1e-10) << part.name;
  }
  EXPECT_NEAR(ToMilliseconds(Sum(parts)), round_ms, 1e-10);
}

FrameEvent Up(const double (&times_ms)[4]) {
  return FrameOf(0, Direction::kUp, FrameKind::kVerify, 3, 1, times_ms);
}
FrameEvent Down(const double (&times_ms)[4]) {
  return FrameOf(0, Direction::kDown, FrameKind::kVerify, 3, 1, times_ms);
}

void AddStage(RoundPath& path, int ordinal, int stage, double arrived_ms, const Span& span,
              double linked_ms) {
  const StageTold told = OnStage(ordinal, stage, {VerifyPart(0, 3, 1, arrived_ms)},
                                 ToMilliseconds(span.start), span, linked_ms);
  path.AddStage({&told.batch, told.stage, told.span, told.linked}, told.batch.parts[0]);
}

RoundParts RoundUntil(RoundPath& path, Seconds tokens_out) {
  path.Reach(tokens_out);
  return path.Take();
}

// Each wait is there once: the GPU before the draft (1) and the head (2), the uplink (3), the cloud
// before its stages (4, 1), the answer for the session's own step ahead (2).
TEST(RoundPartsTest, EveryPartIsTheTimeSinceTheOneBefore) {
  RoundPath path;
  path.Begin(Ms(10));
  path.AddOp(Op(0, DeviceOp::kDraft, 1, 3, SpanMs(10, 11, 14)));
  path.AddOp(Op(0, DeviceOp::kInput, 1, 3, SpanMs(14, 14, 19)));
  path.AddFrame(Up({19, 22, 24, 27}));
  AddStage(path, 7, 0, 27, SpanMs(31, 31, 37), 38);
  AddStage(path, 7, 1, 27, SpanMs(38, 39, 45), 45);
  path.AddFrame(Down({45, 46, 47, 50}));
  path.AddOp(Op(0, DeviceOp::kDraftAhead, 4, 5, SpanMs(44, 44, 52)));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(52, 54, 57)));
  ExpectParts(RoundUntil(path, Ms(57)),
              {.queue = 3,
               .draft = 3,
               .device_compute = 5,
               .uplink_wait = 3,
               .upload = 5,
               .cloud_wait = 5,
               .cloud_compute = 13,
               .download = 5,
               .ahead_wait = 2,
               .head = 3},
              47);
}

TEST(RoundPartsTest, ARoundBeginsWhereTheOneBeforeHasEnded) {
  RoundPath path;
  path.Begin(Ms(10));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(10, 12, 15)));
  RoundUntil(path, Ms(15));
  path.AddOp(Op(0, DeviceOp::kMedusa, 1, 0, SpanMs(15, 15, 16)));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(16, 16, 20)));
  ExpectParts(RoundUntil(path, Ms(20)), {.draft = 1, .head = 4}, 5);
}

// The cloud makes the second token from 14 ms on, before the first is out at 19, and the third from
// 25 ms on, before the second is: ways down of 5, 7 and 6 ms.
TEST(RoundPartsTest, ACloudThatGoesOnAtOnceSpendsItsTimeOnTokensAndNotOnTheirWayDown) {
  RoundPath path;
  path.Clear();
  AddStage(path, 1, 0, 14, SpanMs(15, 15, 21), 22);
  path.Begin(Ms(19));
  AddStage(path, 1, 1, 14, SpanMs(22, 23, 25), 25);
  AddStage(path, 2, 0, 25, SpanMs(25, 26, 28), 29);
  path.AddFrame(FrameOf(0, Direction::kDown, FrameKind::kRawToken, 3, 1, {25, 25, 26, 32}));
  ExpectParts(RoundUntil(path, Ms(32)), {.cloud_wait = 2, .cloud_compute = 9, .download = 2}, 13);
  AddStage(path, 2, 1, 25, SpanMs(29, 31, 34), 34);
  path.AddFrame(FrameOf(0, Direction::kDown, FrameKind::kRawToken, 4, 1, {34, 34, 35, 40}));
  ExpectParts(RoundUntil(path, Ms(40)), {.cloud_wait = 3, .cloud_compute = 6, .download = -1}, 8);
}

// Stamps of two machines: the cloud had the frame "before" it was sent, and the answer ends late.
TEST(RoundPartsTest, ClocksThatDisagreeStillAddUp) {
  RoundPath path;
  path.Begin(Ms(10));
  path.AddFrame(Up({11, 11, 18, 20}));
  AddStage(path, 0, 0, 9, SpanMs(12, 12, 16), 16);
  path.AddFrame(Down({14, 14, 15, 30}));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(28, 28, 29)));
  ExpectParts(RoundUntil(path, Ms(31)), {.uplink_wait = 1, .upload = 9, .download = 10, .head = 1},
              21);
}

TEST(RoundPartsTest, PathIsCleanAfterClear) {
  RoundPath path;
  path.Begin(Seconds());
  path.AddFrame(Up({0, 0, 18, 20}));
  AddStage(path, 0, 0, 20, SpanMs(25, 25, 40), 40);
  path.Clear();
  path.Begin(Ms(20));
  path.AddFrame(Down({50, 50, 51, 52}));
  ExpectParts(RoundUntil(path, Ms(52)), {.cloud_wait = 30, .download = 2}, 32);
}

}  // namespace
}  // namespace hat
