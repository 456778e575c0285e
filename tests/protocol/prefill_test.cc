// Prefill: chunks, the adapter, the first token.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/protocol/rig.h"

namespace hat {
namespace {

using testing::ElementsAre;
using testing::Pointwise;

// hat with fixed chunks of 10 tokens and without drafting, on links without latency.
RigOptions Chunked(double compute_ms, double upload_ms) {
  RigOptions options;
  options.system = FindSystem("hat");
  options.system.chunking = "fixed";
  options.system.options.chunk_fixed = 10;
  options.system.drafting = "none";
  options.system.draft_ahead = false;
  options.latency = Seconds(0);
  options.up = Bytes(64 + 10 * 1024) / Milliseconds(upload_ms);
  options.device_latency = [compute_ms](DeviceOp op, int, int) {
    return op == DeviceOp::kInput ? Milliseconds(compute_ms) : Milliseconds(1);
  };
  return options;
}

TEST(PrefillTest, ChunksThroughATwoStageLineTakeAsLongAsTheSlowerStageAllows) {
  for (const auto& [c, u] : {std::pair(3.0, 7.0), std::pair(7.0, 3.0), std::pair(4.0, 4.0)}) {
    for (int n = 1; n <= 6; ++n) {
      Rig rig(Chunked(c, u));
      rig.Arrive(MakeRequest(0, 10 * n, 1));
      rig.Run();
      const auto sent = rig.record.FramesOf(Direction::kUp, FrameKind::kPrefill);
      ASSERT_EQ(sent.size(), static_cast<size_t>(n));
      EXPECT_NEAR(ToMilliseconds(sent.back().arrived), c + u + (n - 1) * std::max(c, u), 1e-9);
    }
  }
}

TEST(PrefillTest, AChunkIsComputedAtOnceAndSentWhenFewerThanTwoAreUnsent) {
  Rig rig(Chunked(3, 7));
  rig.Arrive(MakeRequest(0, 50, 1));
  rig.Run();
  std::vector<double> starts, sent;
  for (const auto& op : rig.record.OpsOf(0, DeviceOp::kInput)) {
    starts.push_back(ToMilliseconds(op.span.start));
  }
  for (const auto& frame : rig.record.FramesOf(Direction::kUp, FrameKind::kPrefill)) {
    sent.push_back(ToMilliseconds(frame.sent));
  }
  // Chunks leave at 10, 17, 24, ...: the third, ready at 9, is sent at 10, then the fourth begins.
  EXPECT_THAT(starts, Pointwise(testing::DoubleNear(1e-9), {0.0, 3.0, 6.0, 10.0, 17.0}));
  EXPECT_THAT(sent, Pointwise(testing::DoubleNear(1e-9), {3.0, 6.0, 10.0, 17.0, 24.0}));
}

std::vector<std::string> OpNames(const Record& record, int request) {
  std::vector<std::string> names;
  for (const DeviceOpEvent& op : record.OpsOf(request)) {
    names.push_back(std::string(Name(op.op)) + "(" + std::to_string(op.tokens) + ", " +
                    std::to_string(op.context) + ")");
  }
  return names;
}

TEST(PrefillTest, TheAdapterFollowsTheLastSendAndTheHeadMakesTheFirstToken) {
  RigOptions options = Chunked(3, 7);
  options.system.drafting = "threshold";
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 25, 1));
  rig.Run();
  EXPECT_THAT(OpNames(rig.record, 0), ElementsAre("input(10, 0)", "input(10, 10)", "input(5, 20)",
                                                  "adapter(25, 0)", "head(1, 0)"));
  const DeviceOpEvent adapter = rig.record.OpsOf(0, DeviceOp::kAdapter)[0];
  EXPECT_EQ(adapter.span.requested,
            rig.record.FramesOf(Direction::kUp, FrameKind::kPrefill).back().sent);
}

TEST(PrefillTest, ARequestOfOneTokenEndsWithoutARound) {
  for (const char* name : {"hat", "u-shape", "u-sarathi", "u-medusa"}) {
    RigOptions options;
    options.system = FindSystem(name);
    Rig rig(options);
    rig.Arrive(MakeRequest(0, 200, 1));
    rig.Run();
    EXPECT_TRUE(rig.record.rounds.empty()) << name;
    EXPECT_TRUE(rig.record.FramesOf(Direction::kUp, FrameKind::kVerify).empty()) << name;
    EXPECT_TRUE(rig.record.OpsOf(0, DeviceOp::kDraft).empty()) << name;
    EXPECT_TRUE(rig.record.OpsOf(0, DeviceOp::kMedusa).empty()) << name;
    EXPECT_EQ(rig.record.FramesOf(Direction::kUp, FrameKind::kClose).size(), 1u) << name;
    EXPECT_EQ(rig.record.tokens[0].size(), 1u) << name;
    EXPECT_EQ(rig.record.tokens[0][0].second, rig.record.OpsOf(0, DeviceOp::kHead)[0].span.end);
  }
}

TEST(PrefillTest, OnlyTheLastPositionComesBack) {
  RigOptions options = Chunked(3, 7);
  options.cloud.token_budget = 7;
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 30, 1));
  rig.Run();
  const auto answers = rig.record.FramesOf(Direction::kDown, FrameKind::kFirst);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].header.first_position, 29);
  EXPECT_EQ(answers[0].size, Bytes(64 + 1024));
  EXPECT_EQ(answers[0].header.flags, 0);
}

TEST(PrefillTest, ReturnAllPositionsSendsEveryPartsStatesDown) {
  RigOptions options = Chunked(3, 7);
  options.system.return_all_positions = true;
  options.cloud.token_budget = 7;
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 30, 3));
  rig.Run();
  int positions = 0;
  for (const FrameEvent& answer : rig.record.FramesOf(Direction::kDown, FrameKind::kFirst)) {
    EXPECT_EQ(answer.header.first_position, positions);
    EXPECT_TRUE(answer.header.flags & kFlagAllPositions);
    positions += answer.header.count;
  }
  EXPECT_EQ(positions, 30);
}

TEST(PrefillTest, TheMonitorsChunkTakesOverFromTheInitialSize) {
  RigOptions options;
  options.system = FindSystem("hat");
  options.device_latency = [](DeviceOp op, int tokens, int) {
    return op == DeviceOp::kInput ? Milliseconds(20) + Milliseconds(0.5) * tokens : Milliseconds(1);
  };
  options.stage_latency = [](int, const Batch& batch) {
    return Milliseconds(1) + Milliseconds(0.01) * batch.tokens;
  };
  Rig rig(options);
  for (int i = 0; i < 4; ++i) rig.Arrive(MakeRequest(i, 400, 2, Seconds(10 * i)));
  rig.Run();
  std::vector<int> first, last;
  for (const auto& frame : rig.record.FramesOf(Direction::kUp, FrameKind::kPrefill)) {
    if (frame.header.session == 0) first.push_back(frame.header.count);
    if (frame.header.session == 3) last.push_back(frame.header.count);
  }
  EXPECT_THAT(first, ElementsAre(64, 64, 64, 64, 64, 64, 16));
  // 1.024 ms per position: X >= 20 / (1.024 - 0.5) = 38.2; the line is exact from two sizes on.
  EXPECT_THAT(last, ElementsAre(39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 10));
}

}  // namespace
}  // namespace hat
