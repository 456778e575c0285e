#include "experiments/watch/ttft_parts.h"

#include <gtest/gtest.h>

#include "tests/experiments/event_log.h"

namespace hat {
namespace {

// Expected parts in ms, in the order of TtftPartFields.
struct PartsMs {
  double queue = 0, device_compute = 0, uplink_wait = 0, upload = 0;
  double cloud_wait = 0, cloud_compute = 0, download = 0, head = 0;
};

void ExpectParts(const TtftParts& parts, const PartsMs& ms, Seconds ttft) {
  const double expected[] = {ms.queue,      ms.device_compute, ms.uplink_wait, ms.upload,
                             ms.cloud_wait, ms.cloud_compute,  ms.download,    ms.head};
  for (int i = 0; i < kTtftParts; ++i) {
    const TtftPartField& part = TtftPartFields()[static_cast<size_t>(i)];
    EXPECT_NEAR(ToMilliseconds(parts.*part.field), expected[i], 1e-12 * 100) << part.name;
  }
  EXPECT_NEAR(Sum(parts) / ttft, 1, 1e-12);
}

DeviceOpEvent Input(int context, int tokens, const Span& span) {
  return Op(0, DeviceOp::kInput, tokens, context, span);
}
FrameEvent Up(int first, int count, const double (&times_ms)[4]) {
  return FrameOf(0, Direction::kUp, FrameKind::kPrefill, first, count, times_ms);
}
FrameEvent Down(const double (&times_ms)[4]) {
  return FrameOf(0, Direction::kDown, FrameKind::kFirst, 3, 1, times_ms);
}

// A path from the uplink's side: all after the last frame's arrival at 50 ms is fixed.
// 50 formed and computed by one stage until 60, answer until 65, head until 66.
void AddFixedEnd(TtftPath& path) {
  const StageTold stage =
      OnStage(0, 0, {PrefillPart(0, 0, 4, true, 50)}, 50, SpanMs(50, 50, 60), 60);
  path.AddStage({&stage.batch, 0, stage.span, stage.linked}, stage.batch.parts[0]);
  path.AddFrame(Down({60, 60, 63, 65}));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(65, 65, 66)));
}

void AddStage(TtftPath& path, const StageTold& told) {
  path.AddStage({&told.batch, told.stage, told.span, told.linked}, told.batch.parts[0]);
}

TEST(TtftPartsTest, OneFrameWithoutContentionHasNoWaits) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 4, SpanMs(0, 0, 20)));
  path.AddFrame(Up(0, 4, {20, 20, 45, 50}));
  AddFixedEnd(path);
  ExpectParts(path.Walk(Ms(66)),
              {.device_compute = 20, .upload = 30, .cloud_compute = 10, .download = 5, .head = 1},
              Ms(66));
}

TEST(TtftPartsTest, SessionLimitAndGpuWaitsAreQueue) {
  TtftPath path;
  path.Begin(Ms(-100));  // starts at 0: 100 ms for a session
  path.AddOp(Input(0, 4, SpanMs(0, 8, 20)));
  path.AddFrame(Up(0, 4, {20, 20, 45, 50}));
  const StageTold stage =
      OnStage(0, 0, {PrefillPart(0, 0, 4, true, 50)}, 50, SpanMs(50, 50, 60), 60);
  AddStage(path, stage);
  path.AddFrame(Down({60, 60, 63, 65}));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(65, 69, 70)));  // 4 ms for the GPU
  ExpectParts(path.Walk(Ms(70)),
              {.queue = 112,
               .device_compute = 12,
               .upload = 30,
               .cloud_compute = 10,
               .download = 5,
               .head = 1},
              Ms(170));
}

TEST(TtftPartsTest, BackToBackFramesAreOneUpload) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 2, SpanMs(0, 0, 5)));
  path.AddOp(Input(2, 2, SpanMs(5, 5, 10)));
  path.AddFrame(Up(0, 2, {5, 5, 30, 35}));
  path.AddFrame(Up(2, 2, {10, 30, 45, 50}));  // starts when the one before has left
  AddFixedEnd(path);
  ExpectParts(path.Walk(Ms(66)),
              {.device_compute = 5, .upload = 45, .cloud_compute = 10, .download = 5, .head = 1},
              Ms(66));
}

TEST(TtftPartsTest, ComputeBoundChunksAreDeviceCompute) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 2, SpanMs(0, 0, 20)));
  path.AddOp(Input(2, 2, SpanMs(20, 22, 40)));  // 2 ms behind another session's operation
  path.AddFrame(Up(0, 2, {20, 20, 25, 30}));
  path.AddFrame(Up(2, 2, {40, 40, 45, 50}));
  AddFixedEnd(path);
  ExpectParts(path.Walk(Ms(66)),
              {.queue = 2,
               .device_compute = 38,
               .upload = 10,
               .cloud_compute = 10,
               .download = 5,
               .head = 1},
              Ms(66));
}

TEST(TtftPartsTest, WaitBehindAnotherSessionsFrameIsUplinkWait) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 4, SpanMs(0, 0, 20)));
  path.AddFrame(Up(0, 4, {20, 33, 45, 50}));
  AddFixedEnd(path);
  ExpectParts(path.Walk(Ms(66)),
              {.device_compute = 20,
               .uplink_wait = 13,
               .upload = 17,
               .cloud_compute = 10,
               .download = 5,
               .head = 1},
              Ms(66));
}

// Own frame until 30, another session's until 36, own frame: sent while the first was under way.
TEST(TtftPartsTest, ForeignFrameBetweenOwnOnesSplitsTheUpload) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 2, SpanMs(0, 0, 5)));
  path.AddOp(Input(2, 2, SpanMs(5, 5, 10)));
  path.AddFrame(Up(0, 2, {5, 5, 30, 35}));
  path.AddFrame(Up(2, 2, {10, 36, 45, 50}));
  AddFixedEnd(path);
  ExpectParts(path.Walk(Ms(66)),
              {.device_compute = 5,
               .uplink_wait = 6,
               .upload = 39,
               .cloud_compute = 10,
               .download = 5,
               .head = 1},
              Ms(66));
}

TEST(TtftPartsTest, WaitForRoomIsUplinkWait) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 4, SpanMs(0, 0, 17)));
  path.AddFrame(Up(0, 4, {20, 20, 45, 50}));
  AddFixedEnd(path);
  ExpectParts(path.Walk(Ms(66)),
              {.device_compute = 17,
               .uplink_wait = 3,
               .upload = 30,
               .cloud_compute = 10,
               .download = 5,
               .head = 1},
              Ms(66));
}

// The last frame arrives at 22; stage 0 holds an earlier part until 24 and forms the batch at 25,
// when stage 1 has room; stage 1 is busy from 32 to 33.
TEST(TtftPartsTest, CloudSplitsIntoOwnComputeAndWaits) {
  TtftPath path;
  path.Begin(Seconds());
  for (const Told& told : LifeOfOneRequest()) {
    if (const auto* op = std::get_if<DeviceOpEvent>(&told)) {
      if (op->span.end <= Ms(44)) path.AddOp(*op);
    } else if (const auto* frame = std::get_if<FrameEvent>(&told)) {
      if (frame->arrived <= Ms(44)) path.AddFrame(*frame);
    } else if (const auto* stage = std::get_if<StageTold>(&told)) {
      if (stage->span.end <= Ms(44)) AddStage(path, *stage);
    }
  }
  ExpectParts(path.Walk(Ms(44)),
              {.device_compute = 18,
               .upload = 4,
               .cloud_wait = 2,
               .cloud_compute = 15,
               .download = 3,
               .head = 2},
              Ms(44));
}

TEST(TtftPartsTest, EarlierPartsThatLeftBeforeTheLastFrameCameDoNotCount) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 4, SpanMs(0, 0, 20)));
  path.AddFrame(Up(0, 4, {20, 20, 25, 30}));
  AddStage(path, OnStage(0, 0, {PrefillPart(0, 0, 2, false, 30)}, 21, SpanMs(21, 21, 29), 29));
  AddStage(path, OnStage(1, 0, {PrefillPart(0, 2, 1, false, 30)}, 32, SpanMs(32, 32, 40), 40));
  AddStage(path, OnStage(2, 0, {PrefillPart(0, 3, 1, true, 30)}, 45, SpanMs(45, 45, 60), 60));
  path.AddFrame(Down({60, 60, 63, 65}));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(65, 65, 66)));
  ExpectParts(path.Walk(Ms(66)),
              {.device_compute = 20,
               .upload = 10,
               .cloud_wait = 7,
               .cloud_compute = 23,
               .download = 5,
               .head = 1},
              Ms(66));
}

// While the last part waits for stage 0, an earlier one of the same prompt is on stage 1: that is
// no work on the way to the first token.
TEST(TtftPartsTest, EarlierPartsOnLaterStagesDoNotCount) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 4, SpanMs(0, 0, 20)));
  path.AddFrame(Up(0, 4, {20, 20, 25, 30}));
  AddStage(path, OnStage(0, 1, {PrefillPart(0, 0, 3, false, 30)}, 25, SpanMs(31, 31, 39), 39));
  AddStage(path, OnStage(1, 0, {PrefillPart(0, 3, 1, true, 30)}, 45, SpanMs(45, 45, 60), 60));
  path.AddFrame(Down({60, 60, 63, 65}));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(65, 65, 66)));
  ExpectParts(path.Walk(Ms(66)),
              {.device_compute = 20,
               .upload = 10,
               .cloud_wait = 15,
               .cloud_compute = 15,
               .download = 5,
               .head = 1},
              Ms(66));
}

TEST(TtftPartsTest, AdapterThatTheAnswerWaitsForIsDeviceCompute) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 4, SpanMs(0, 0, 20)));
  path.AddOp(Op(0, DeviceOp::kAdapter, 4, 0, SpanMs(20, 60, 68)));
  path.AddFrame(Up(0, 4, {20, 20, 45, 50}));
  AddFixedEnd(path);
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(68, 70, 71)));  // the answer lies since 65
  ExpectParts(path.Walk(Ms(71)),
              {.queue = 2,
               .device_compute = 23,
               .upload = 30,
               .cloud_compute = 10,
               .download = 5,
               .head = 1},
              Ms(71));
}

TEST(TtftPartsTest, CloudOnlyHasNeitherDeviceComputeNorHead) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddFrame(FrameOf(0, Direction::kUp, FrameKind::kRawPrompt, 0, 4, {3, 7, 9, 14}));
  BatchPart part = PrefillPart(0, 0, 4, true, 14);
  part.kind = FrameKind::kRawPrompt;
  AddStage(path, OnStage(0, 0, {part}, 20, SpanMs(20, 20, 30), 31));
  AddStage(path, OnStage(0, 1, {part}, 20, SpanMs(31, 32, 40), 40));
  path.AddFrame(FrameOf(0, Direction::kDown, FrameKind::kRawToken, 3, 1, {40, 42, 43, 48}));
  ExpectParts(path.Walk(Ms(48)),
              {.queue = 3,
               .uplink_wait = 4,
               .upload = 7,
               .cloud_wait = 7,
               .cloud_compute = 19,
               .download = 8},
              Ms(48));
}

TEST(TtftPartsTest, DeviceOnlyHasQueueComputeAndHead) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 4, SpanMs(1, 3, 20)));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(20, 26, 27)));
  ExpectParts(path.Walk(Ms(27)), {.queue = 9, .device_compute = 17, .head = 1}, Ms(27));
}

TEST(TtftPartsTest, ReturnedPositionsOfEarlierPartsAreNotTheAnswer) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 4, SpanMs(0, 0, 20)));
  path.AddFrame(Up(0, 4, {20, 20, 45, 50}));
  path.AddFrame(Down({30, 30, 33, 35}));  // of an earlier part
  AddFixedEnd(path);
  ExpectParts(path.Walk(Ms(66)),
              {.device_compute = 20, .upload = 30, .cloud_compute = 10, .download = 5, .head = 1},
              Ms(66));
}

// Stamps of two machines: the answer "was sent" before the last stage ended.
TEST(TtftPartsTest, ClocksThatDisagreeStillAddUp) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 4, SpanMs(0, 0, 20)));
  path.AddFrame(Up(0, 4, {20, 20, 45, 50}));
  AddStage(path, OnStage(0, 0, {PrefillPart(0, 0, 4, true, 49)}, 49, SpanMs(49, 49, 62), 62));
  path.AddFrame(Down({60, 60, 63, 65}));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(65, 65, 66)));
  const TtftParts parts = path.Walk(Ms(66));
  EXPECT_NEAR(Sum(parts) / Ms(66), 1, 1e-12);
  for (const TtftPartField& part : TtftPartFields()) {
    EXPECT_GE(parts.*part.field, Seconds()) << part.name;
  }
}

// A life with everything, then one at the same times with next to nothing.
TEST(TtftPartsTest, PathIsCleanAfterBegin) {
  TtftPath path;
  path.Begin(Seconds());
  path.AddOp(Input(0, 9, SpanMs(0, 0, 20)));
  path.AddOp(Op(0, DeviceOp::kAdapter, 9, 0, SpanMs(65, 65, 68)));
  path.AddFrame(Up(0, 9, {20, 20, 45, 50}));
  AddStage(path, OnStage(0, 0, {PrefillPart(0, 0, 2, false, 5)}, 5, SpanMs(50, 50, 59), 59));
  AddFixedEnd(path);

  path.Begin(Seconds());
  path.AddOp(Input(0, 4, SpanMs(0, 0, 20)));
  path.AddFrame(Up(0, 4, {20, 20, 45, 50}));
  AddStage(path, OnStage(0, 0, {PrefillPart(0, 0, 4, true, 50)}, 59, SpanMs(59, 59, 60), 60));
  path.AddFrame(Down({60, 60, 63, 65}));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(68, 68, 69)));
  ExpectParts(path.Walk(Ms(69)),
              {.queue = 3,
               .device_compute = 20,
               .upload = 30,
               .cloud_wait = 9,
               .cloud_compute = 1,
               .download = 5,
               .head = 1},
              Ms(69));

  path.Begin(Ms(100));
  path.AddOp(Input(0, 4, SpanMs(100, 100, 120)));
  path.AddOp(Op(0, DeviceOp::kHead, 1, 0, SpanMs(120, 120, 121)));
  ExpectParts(path.Walk(Ms(121)), {.device_compute = 20, .head = 1}, Ms(21));
}

}  // namespace
}  // namespace hat
