// u-sarathi, u-medusa, cloud-only, device-only; and a device's queue.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "protocol/tree.h"
#include "tests/protocol/fake_states.h"
#include "tests/protocol/rig.h"

namespace hat {
namespace {

using testing::ElementsAre;

RigOptions System(const std::string& name) {
  RigOptions options;
  options.system = FindSystem(name);
  return options;
}

TEST(USarathiTest, TheWholePromptIsSentAndTheCloudCutsIt) {
  RigOptions options = System("u-sarathi");
  options.system.options.cut_tokens = 100;
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 350, 2));
  rig.Run();
  EXPECT_EQ(rig.record.FramesOf(Direction::kUp, FrameKind::kPrefill).size(), 1u);
  std::vector<int> tokens;
  for (const Record::Stage& stage : rig.record.StagesAt(0)) tokens.push_back(stage.batch.tokens);
  EXPECT_THAT(tokens, ElementsAre(100, 100, 100, 50, 1));
}

std::vector<FrameEvent> TreeFrames(Rig& rig) {
  return rig.record.FramesOf(Direction::kUp, FrameKind::kVerify);
}

TEST(UMedusaTest, TheChainCommitsItsPathAndTellsItInTheNextFrame) {
  RigOptions options = System("u-medusa");
  // Heads 1 and 2 are right, head 3 is not.
  options.medusa = [](int, int, int head) { return head <= 2 ? 1 : 2; };
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 30, 12));
  rig.Run();
  // R = 11, 8, 5, 2: the last tree is cut to depth 1.
  EXPECT_EQ(RoundsOf(rig.record, 0), (std::vector<ExpectedRound>{{4, 2}, {4, 2}, {4, 2}, {1, 1}}));
  const auto frames = TreeFrames(rig);
  ASSERT_EQ(frames.size(), 4u);
  int position = 30;
  for (size_t i = 0; i < 4; ++i) {
    const FrameHeader& header = frames[i].header;
    const int nodes = i < 3 ? 5 : 2, kept = i == 0 ? 0 : 3;
    EXPECT_TRUE(header.flags & kFlagTree);
    EXPECT_EQ(header.first_position, position);
    EXPECT_EQ(header.count, nodes);
    EXPECT_EQ(header.kept_count, kept);
    EXPECT_EQ(frames[i].size, Bytes(64 + 4 * kept + 4 * nodes + 1024 * nodes));
    position += 3;
  }
}

TEST(UMedusaTest, OperationsOfARoundAreInputHeadAndTheHeadsUntilTheRequestEnds) {
  RigOptions options = System("u-medusa");
  options.medusa = [](int, int, int) { return 2; };
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 30, 3));
  rig.Run();
  std::vector<std::pair<std::string, int>> ops;
  for (const DeviceOpEvent& op : rig.record.OpsOf(0)) {
    ops.emplace_back(Name(op.op), op.tokens);
  }
  EXPECT_THAT(ops, ElementsAre(std::pair("input", 30), std::pair("head", 1), std::pair("medusa", 1),
                               std::pair("input", 2), std::pair("head", 2), std::pair("medusa", 1),
                               std::pair("input", 1), std::pair("head", 1)));
}

TEST(UMedusaTest, WithOneTokenToComeTheTreeIsItsRoot) {
  RigOptions options = System("u-medusa");
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 30, 2));
  rig.Run();
  const auto frames = TreeFrames(rig);
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.count, 1);
  EXPECT_TRUE(frames[0].header.flags & kFlagTree);
}

TEST(UMedusaTest, ATreeKeepsTheBranchThatTheTargetTakes) {
  RigOptions options = System("u-medusa");
  options.system.options.tree = "full-4-2";
  options.medusa = [](int, int, int head) { return head == 1 ? 3 : head == 2 ? 2 : 1; };
  Rig rig(options);  // the fake cloud checks that the kept nodes are a path of the tree
  rig.Arrive(MakeRequest(0, 30, 21));
  rig.Run();
  EXPECT_EQ(RoundsOf(rig.record, 0),
            (std::vector<ExpectedRound>{{28, 4}, {28, 4}, {28, 4}, {28, 4}}));
}

TEST(UMedusaTest, OnlyItsVerificationsCarryATree) {
  for (const std::string& name : SystemNames()) {
    Rig rig(System(name));
    rig.Arrive(MakeRequest(0, 30, 10));
    rig.Run();
    for (const FrameEvent& frame : rig.record.frames) {
      const bool is_tree = name == "u-medusa" && frame.direction == Direction::kUp &&
                           frame.header.kind == FrameKind::kVerify;
      EXPECT_EQ((frame.header.flags & kFlagTree) != 0, is_tree) << name;
    }
  }
}

TEST(CloudOnlyTest, SendsFourBytesATokenAndDecodesWithoutLeavingTheCloud) {
  RigOptions options = System("cloud-only");
  options.cloud.stages = 2;
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 100, 5));
  rig.Run();
  ASSERT_EQ(rig.record.frames.size(), 1u + 5 + 1);
  EXPECT_EQ(rig.record.frames[0].size, Bytes(64 + 4 * 100));
  EXPECT_EQ(rig.record.frames[0].sent, Seconds(0));
  for (const FrameEvent& token : rig.record.FramesOf(Direction::kDown, FrameKind::kRawToken)) {
    EXPECT_EQ(token.size, Bytes(68));
  }
  EXPECT_EQ(rig.record.FramesOf(Direction::kUp, FrameKind::kClose).size(), 1u);
  EXPECT_TRUE(rig.record.ops.empty());
  // Token i + 1 enters stage 0 when token i leaves the last stage.
  const auto first = rig.record.StagesAt(0), last = rig.record.StagesAt(1);
  ASSERT_EQ(first.size(), 5u);
  for (size_t i = 1; i < 5; ++i) EXPECT_EQ(first[i].span.start, last[i - 1].span.end);
  const double prefill = 464 / 1e6 + 2e-3 + 2 * (2e-3 + 100 * 0.05e-3) + 68 / 2e6 + 2e-3;
  const auto& tokens = rig.record.tokens[0];
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(tokens[i].second.value(), prefill + static_cast<double>(i) * 2 * 2.05e-3, 1e-9);
  }
}

TEST(CloudOnlyTest, APromptIsCutToTheBudget) {
  RigOptions options = System("cloud-only");
  options.cloud.token_budget = 40;
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 100, 3));
  rig.Run();
  std::vector<int> tokens;
  for (const Record::Stage& stage : rig.record.StagesAt(0)) tokens.push_back(stage.batch.tokens);
  EXPECT_THAT(tokens, ElementsAre(40, 40, 20, 1, 1));
}

TEST(CloudSdTest, ItsRoundsAreHatsAndTheirTokensComeTogether) {
  RigOptions options = System("cloud-sd");
  options.cloud.stages = 2;
  Rig rig(options);
  const Request request = MakeRequest(0, 100, 40);
  rig.Arrive(request);
  rig.Run();
  const std::vector<ExpectedRound> rounds = ExpectedRounds(options, request);
  EXPECT_EQ(RoundsOf(rig.record, 0), rounds);
  const auto frames = rig.record.FramesOf(Direction::kDown, FrameKind::kRawToken);
  ASSERT_EQ(frames.size(), 1 + rounds.size());
  int position = 99;
  for (size_t i = 0; i < frames.size(); ++i) {
    const int tokens = i == 0 ? 1 : rounds[i - 1].accepted + 1;
    EXPECT_EQ(frames[i].header.count, tokens);
    EXPECT_EQ(frames[i].header.first_position, position);
    EXPECT_EQ(frames[i].size, Bytes(64 + 4 * tokens));
    position += tokens;
  }
  EXPECT_TRUE(rig.record.ops.empty());
  // A verification enters stage 0 with all its positions when the round before leaves the last.
  const auto first = rig.record.StagesAt(0), last = rig.record.StagesAt(1);
  ASSERT_EQ(first.size(), 1 + rounds.size());
  for (size_t i = 1; i < first.size(); ++i) {
    EXPECT_EQ(first[i].batch.tokens, rounds[i - 1].drafted + 1);
    EXPECT_EQ(first[i].span.start, last[i - 1].span.end);
  }
}

TEST(CloudSdTest, NeverDraftsMoreThanIsStillToCome) {
  RigOptions options = System("cloud-sd");
  options.system.drafting = "fixed";
  options.drafter = [](int, int, int) { return Proposal{1, 1}; };
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 10, 8));
  rig.Run();
  // Outputs 1; 2 to 6; then R = 2: one proposal.
  EXPECT_EQ(RoundsOf(rig.record, 0), (std::vector<ExpectedRound>{{4, 4}, {1, 1}}));
}

TEST(DeviceOnlyTest, SendsNothing) {
  Rig rig(System("device-only"));
  rig.Arrive(MakeRequest(0, 100, 3));
  rig.Run();
  EXPECT_TRUE(rig.record.frames.empty());
  std::vector<std::tuple<std::string, int, int>> ops;
  for (const DeviceOpEvent& op : rig.record.OpsOf(0)) {
    ops.emplace_back(Name(op.op), op.tokens, op.context);
  }
  using Op = std::tuple<std::string, int, int>;
  EXPECT_THAT(ops, ElementsAre(Op("input", 100, 0), Op("head", 1, 0), Op("input", 1, 100),
                               Op("head", 1, 0), Op("input", 1, 101), Op("head", 1, 0)));
  EXPECT_NEAR(rig.record.tokens[0].back().second.value(), 11e-3 + 5 * 1.1e-3, 1e-12);
}

TEST(DeviceTest, RunsAtMostMaxSessionsAtOnceAndTheRestInOrderOfArrival) {
  for (const std::string& name : SystemNames()) {
    RigOptions options = System(name);
    options.max_sessions = 2;
    Rig rig(options);
    // Ids against the order of arrival, so that only arrivals can order the starts.
    for (int i = 0; i < 8; ++i) rig.Arrive(MakeRequest(i, 20, 5 + i, Milliseconds(8.0 - i)));
    rig.Run();
    std::vector<std::pair<Seconds, int>> starts;
    for (const auto& [id, at] : rig.record.started) starts.emplace_back(at, id);
    std::sort(starts.begin(), starts.end());
    for (size_t i = 0; i < 8; ++i) EXPECT_EQ(starts[i].second, 7 - static_cast<int>(i)) << name;
    for (const auto& [at, id] : starts) {
      int running = 0;
      for (const auto& [other, start] : rig.record.started) {
        running += start <= at && rig.record.ended[other] > at;
      }
      EXPECT_LE(running, 2) << name;
    }
  }
}

TEST(DeviceTest, CountsTheRequestsThatItHasStarted) {
  RigOptions options = System("u-shape");
  options.devices = 2;
  options.max_sessions = 1;
  Rig rig(options);
  for (int i = 0; i < 6; ++i) rig.Arrive(MakeRequest(i, 20, 2, Milliseconds(6.0 - i), i % 2));
  rig.Run();
  using Counts = std::map<int, int>;
  EXPECT_EQ(rig.started_before, (Counts{{5, 0}, {3, 1}, {1, 2}, {4, 0}, {2, 1}, {0, 2}}));
}

TEST(DeviceTest, MonitorFieldsCountFromTheirArrivalWhicheverSessionReadsThemFirst) {
  MemoryWorld world;
  Record record;
  DeviceMonitor monitor(world);
  const SystemSpec system = FindSystem("hat");
  const auto chunking = MakeChunkingPolicy("monitor", {});
  DedicatedUplink uplink(
      world, std::make_unique<DedicatedPipe>(world, record, Direction::kUp, 0, 512,
                                             FifoLink(BytesPerSecond(1e6), Seconds(0), 1),
                                             [](int, Frame) {}));
  ComputeQueue gpu(world);
  const FakeDeviceModel model{
      [](DeviceOp, int, int) { return Seconds(1); }, SeededDrafter(1, 0.5), {}, 1024, false};
  Device device(
      {.world = world,
       .system = system,
       .chunking = *chunking,
       .monitor = monitor,
       .uplink = uplink,
       .observer = record,
       .hidden = 512},
      8,
      [&](const Request& request, int) {
        return std::make_unique<FakeDeviceCompute>(gpu, model, request);
      },
      [](const Request&, const SessionEnd&) {});
  device.OnArrival(MakeRequest(0, 30, 1));
  world.CallAt(Seconds(1.5), [&] {
    Frame answer;
    answer.header.kind = FrameKind::kFirst;
    answer.header.prompt_tokens = 30;
    answer.header.output_tokens = 1;
    answer.header.first_position = 29;
    answer.header.count = 1;
    answer.header.uplink_bytes_per_s = 1e6f;
    answer.header.cloud_fixed_s = 1e-3f;
    answer.states = MakeStates({29 + kDeep}, 1024);
    device.OnFrame(answer);
    EXPECT_TRUE(monitor.Chunk()) << "known at once, though the session has not read the frame";
  });
  world.Run();
}

}  // namespace
}  // namespace hat
