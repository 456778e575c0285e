// The cloud's pipeline against timelines calculated by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>
#include <utility>
#include <vector>

#include "protocol/cloud_server.h"
#include "tests/protocol/fake_cloud.h"
#include "tests/protocol/record.h"
#include "world/memory_world.h"

namespace hat {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Answers, with the time (ms) and session of each.
class RecordingDownlinks : public Downlinks {
 public:
  explicit RecordingDownlinks(World& world) : world_(world) {}
  void Send(int, Frame frame) override {
    answers.emplace_back(ToMilliseconds(world_.Now()), frame.header.session);
    headers.push_back(frame.header);
  }
  std::vector<std::pair<double, SessionId>> answers;
  std::vector<FrameHeader> headers;

 private:
  World& world_;
};

struct Cloud {
  Cloud(CloudConfig config, const std::string& system, std::vector<double> stage_ms,
        double link_ms = 0, int first_tokens_ms = 0, int max_sessions = 100)
      : downlinks(world) {
    const auto latency = [stage_ms, first_tokens_ms](int stage, const Batch& batch) {
      return Milliseconds(stage_ms[static_cast<size_t>(stage)] + first_tokens_ms * batch.tokens);
    };
    std::vector<CloudCompute*> ports;
    for (int i = 0; i < config.replicas; ++i) {
      computes.push_back(std::make_unique<FakeCloudCompute>(world, config.stages, latency, 0,
                                                            Milliseconds(link_ms)));
      ports.push_back(computes.back().get());
    }
    const SystemSpec spec = FindSystem(system);
    server = std::make_unique<CloudServer>(CloudServer::Setup{
        .world = world,
        .config = config,
        .system = spec,
        .limits = {.returns_tokens = spec.returns_tokens, .hidden = 4, .carries_states = false},
        .max_sessions = max_sessions,
        .replicas = ports,
        .downlinks = downlinks,
        .observer = record});
    server->Start();
  }

  void ArriveAt(double ms, Frame frame, int device = 0) {
    world.CallAt(Milliseconds(ms), [this, device, frame] { server->OnFrame(device, frame); });
  }

  void Run() {
    world.Run();
    server->Stop();
    world.Run();
    EXPECT_THAT(world.stuck(), IsEmpty());
  }

  // (start, end, linked) in ms of the stage's batches.
  std::vector<std::tuple<double, double, double>> Timeline(int stage) const {
    std::vector<std::tuple<double, double, double>> rows;
    for (const Record::Stage& s : record.StagesAt(stage)) {
      rows.emplace_back(ToMilliseconds(s.span.start), ToMilliseconds(s.span.end),
                        ToMilliseconds(s.linked));
    }
    return rows;
  }
  std::vector<std::vector<SessionId>> Batches() const {
    std::vector<std::vector<SessionId>> batches;
    for (const Record::Stage& s : record.StagesAt(0)) {
      batches.emplace_back();
      for (const BatchPart& part : s.batch.parts) batches.back().push_back(part.session.number);
    }
    return batches;
  }

  MemoryWorld world;
  Record record;
  RecordingDownlinks downlinks;
  std::vector<std::unique_ptr<FakeCloudCompute>> computes;
  std::unique_ptr<CloudServer> server;
};

Frame Prefill(SessionId session, int tokens, int first = 0, int prompt = 0) {
  Frame frame;
  frame.header.session = session;
  frame.header.first_position = first;
  frame.header.count = tokens;
  frame.header.prompt_tokens = prompt ? prompt : tokens;
  frame.header.output_tokens = 10;
  return frame;
}
// The session's first: it begins after the prompt.
Frame Verification(SessionId session, int prompt, int count = 1) {
  Frame frame = Prefill(session, count, prompt, prompt);
  frame.header.kind = FrameKind::kVerify;
  return frame;
}
Frame Close(SessionId session) {
  Frame frame = Prefill(session, 0, 0, 10);
  frame.header.kind = FrameKind::kClose;
  return frame;
}

CloudConfig Config(int stages, int budget = 10, int replicas = 1, int64_t kv = 100'000) {
  return {.replicas = replicas, .stages = stages, .token_budget = budget, .kv_tokens = kv};
}

auto Row(double start, double end, double linked) {
  using testing::DoubleNear;
  return testing::FieldsAre(DoubleNear(start, 1e-9), DoubleNear(end, 1e-9),
                            DoubleNear(linked, 1e-9));
}

TEST(PipelineTest, ThreeBatchesThroughThreeUnequalStagesFollowTheHandTimeline) {
  Cloud cloud(Config(3), "u-shape", {5, 9, 4}, 2);
  for (const SessionId session : {1, 2, 3}) cloud.ArriveAt(0, Prefill(session, 10));
  cloud.Run();
  // Stage 0 starts batch 2 when stage 1 has taken batch 1 out of its buffer (7), and batch 3 when
  // it has taken batch 2 (18), which waits for room in front of stage 2 until batch 1 is out (18).
  EXPECT_THAT(cloud.Timeline(0), ElementsAre(Row(0, 5, 7), Row(7, 12, 14), Row(18, 23, 25)));
  EXPECT_THAT(cloud.Timeline(1), ElementsAre(Row(7, 16, 18), Row(18, 27, 29), Row(29, 38, 40)));
  EXPECT_THAT(cloud.Timeline(2), ElementsAre(Row(18, 22, 22), Row(29, 33, 33), Row(40, 44, 44)));
  EXPECT_THAT(cloud.downlinks.answers,
              ElementsAre(testing::FieldsAre(testing::DoubleNear(22, 1e-9), 1),
                          testing::FieldsAre(testing::DoubleNear(33, 1e-9), 2),
                          testing::FieldsAre(testing::DoubleNear(44, 1e-9), 3)));
}

TEST(PipelineTest, ABatchesWaitInItsBufferStartsWhenItHasCrossedTheLink) {
  Cloud cloud(Config(3), "u-shape", {5, 9, 4}, 2);
  for (const SessionId session : {1, 2, 3}) cloud.ArriveAt(0, Prefill(session, 10));
  cloud.Run();
  std::vector<double> since;
  for (const Record::Stage& s : cloud.record.StagesAt(1)) {
    since.push_back(ToMilliseconds(s.span.requested));
  }
  EXPECT_THAT(since, testing::Pointwise(testing::DoubleNear(1e-9), {7.0, 14.0, 25.0}));
}

// The frame at 5 ms is queued before stage 0's end is, the one at 5 ms of session 4 after it.
TEST(PipelineTest, AFrameThatArrivesWhenStageZeroGetsFreeIsInTheBatch) {
  Cloud cloud(Config(1, 100), "u-shape", {5});
  cloud.ArriveAt(5, Prefill(3, 1));
  cloud.ArriveAt(0, Prefill(1, 1));
  cloud.ArriveAt(3, Prefill(2, 1));
  cloud.world.CallAt(Milliseconds(4.9), [&] { cloud.ArriveAt(5, Prefill(4, 1)); });
  cloud.ArriveAt(5.1, Prefill(5, 1));
  cloud.Run();
  EXPECT_THAT(cloud.Batches(), ElementsAre(ElementsAre(1), ElementsAre(2, 3, 4), ElementsAre(5)));
}

TEST(PipelineTest, FramesThatArriveTogetherAtAnIdleCloudShareABatch) {
  Cloud cloud(Config(2, 100), "u-shape", {5, 5});
  for (const SessionId session : {3, 1, 2}) cloud.ArriveAt(1, Prefill(session, 1));
  cloud.Run();
  EXPECT_THAT(cloud.Batches(), ElementsAre(ElementsAre(1, 2, 3)));
}

TEST(PipelineTest, ATokenThatLeavesTheLastStageIsInABatchFormedAtThatInstant) {
  // Stage 0 gets free at 5 + 5 k, as the last stage does: cloud-only's re-entry joins that batch.
  Cloud cloud(Config(2, 100), "cloud-only", {5, 5});
  Frame prompt = Prefill(1, 8);
  prompt.header.kind = FrameKind::kRawPrompt;
  prompt.header.output_tokens = 2;
  cloud.ArriveAt(0, prompt);
  prompt.header.session = 2;
  cloud.ArriveAt(10, prompt);
  cloud.Run();
  EXPECT_THAT(cloud.Batches(), ElementsAre(ElementsAre(1), ElementsAre(1, 2), ElementsAre(2)));
}

TEST(PipelineTest, ASessionsNextPartEntersWhileItsPreviousIsInALaterStage) {
  Cloud cloud(Config(2), "hat", {5, 5});
  cloud.ArriveAt(0, Prefill(1, 20));
  cloud.Run();
  EXPECT_THAT(cloud.Timeline(0), ElementsAre(Row(0, 5, 5), Row(5, 10, 10)));
  EXPECT_THAT(cloud.Timeline(1), ElementsAre(Row(5, 10, 10), Row(10, 15, 15)));
  ASSERT_EQ(cloud.downlinks.headers.size(), 1u) << "only position L - 1 comes back";
  EXPECT_EQ(cloud.downlinks.headers[0].first_position, 19);
  EXPECT_EQ(cloud.downlinks.headers[0].count, 1);
}

TEST(PipelineTest, StopLosesNoBatchOnTheServersLink) {
  Cloud cloud(Config(4), "u-shape", {5, 5, 5, 5}, 20);
  for (const SessionId session : {1, 2, 3}) cloud.ArriveAt(0, Prefill(session, 10));
  cloud.world.CallAt(Milliseconds(1), [&] { cloud.server->Stop(); });
  cloud.Run();
  EXPECT_EQ(cloud.downlinks.answers.size(), 3u);
}

TEST(PipelineTest, WaitingRequestsKeepTheirFramesUntilACloseMakesRoom) {
  // A request reserves 10 + 10 + 9 KV tokens; one too few are there for two.
  Cloud cloud(Config(1, 100, 1, 57), "hat", {5});
  cloud.ArriveAt(0, Prefill(1, 10));
  cloud.ArriveAt(1, Prefill(2, 4, 0, 10), 1);
  cloud.ArriveAt(2, Prefill(2, 6, 4, 10), 1);
  cloud.ArriveAt(8, Verification(1, 10));
  cloud.ArriveAt(20, Close(1));
  cloud.Run();
  EXPECT_THAT(cloud.Batches(), ElementsAre(ElementsAre(1), ElementsAre(1), ElementsAre(2)));
  EXPECT_THAT(cloud.Timeline(0), ElementsAre(Row(0, 5, 5), Row(8, 13, 13), Row(20, 25, 25)));
  const Batch last = cloud.record.StagesAt(0)[2].batch;
  EXPECT_EQ(last.tokens, 10) << "both frames, merged";
  EXPECT_EQ(last.parts[0].arrived, Milliseconds(1)) << "not when it was admitted";
  ASSERT_EQ(cloud.record.admitted.size(), 2u);
  EXPECT_EQ(cloud.record.admitted[1].request, 2);
  EXPECT_NEAR(ToMilliseconds(cloud.record.admitted[1].at), 20, 1e-9);
  EXPECT_THAT(cloud.computes[0]->forgotten(), ElementsAre(1));
}

TEST(PipelineTest, WhatThereIsNoRoomForIsToldSo) {
  Cloud cloud(Config(1, 100, 1, 57), "hat", {5});
  cloud.ArriveAt(0, Prefill(1, 40));  // reserves 40 + 10 + 9
  cloud.Run();
  ASSERT_EQ(cloud.downlinks.headers.size(), 1u);
  EXPECT_EQ(cloud.downlinks.headers[0].kind, FrameKind::kAbort);
  EXPECT_EQ(cloud.downlinks.headers[0].first_position, static_cast<int>(AbortReason::kNoRoom));
  EXPECT_THAT(cloud.record.refused, ElementsAre("it needs 59 KV tokens; a replica has 57"));
}

TEST(PipelineTest, ASessionThatIsEndingTakesNoPlaceOfItsDevice) {
  Cloud cloud(Config(1, 100), "u-shape", {5}, 0, 0, 1);
  cloud.ArriveAt(0, Prefill(1, 10));
  cloud.ArriveAt(1, Prefill(2, 10));  // one too many
  cloud.ArriveAt(2, Close(1));        // while it is computed
  cloud.ArriveAt(3, Prefill(3, 10));
  cloud.Run();
  EXPECT_THAT(cloud.record.refused, ElementsAre("1 sessions of this device are open; at most 1"));
  EXPECT_THAT(cloud.Batches(), ElementsAre(ElementsAre(1), ElementsAre(3)));
}

// A device that comes back counts from the same number while a part of its old session is in the
// pipeline.
TEST(PipelineTest, ADroppedDeviceMayUseItsNumbersAgainAtOnce) {
  Cloud cloud(Config(2), "u-shape", {5, 5});
  cloud.ArriveAt(0, Prefill(1, 10));
  cloud.world.CallAt(Milliseconds(3), [&] { cloud.server->Drop(0); });
  cloud.ArriveAt(4, Prefill(1, 10));
  cloud.Run();
  EXPECT_THAT(cloud.downlinks.answers,
              ElementsAre(testing::FieldsAre(testing::DoubleNear(15, 1e-9), 1)));
  EXPECT_EQ(cloud.downlinks.headers.at(0).kind, FrameKind::kFirst);
  EXPECT_THAT(cloud.record.refused, IsEmpty());
}

TEST(PipelineTest, ASessionStaysOnItsReplica) {
  Cloud cloud(Config(1, 100, 2), "u-shape", {5});
  cloud.ArriveAt(0, Prefill(1, 100));
  cloud.ArriveAt(1, Prefill(2, 10));
  cloud.ArriveAt(20, Verification(1, 100));
  cloud.ArriveAt(20, Verification(2, 10));
  cloud.Run();
  for (const Record::Stage& stage : cloud.record.StagesAt(0)) {
    EXPECT_EQ(stage.batch.replica, stage.batch.parts[0].request() == 1 ? 0 : 1);
  }
  EXPECT_THAT(cloud.Batches(),
              ElementsAre(ElementsAre(1), ElementsAre(2), ElementsAre(1), ElementsAre(2)));
}

TEST(PipelineTest, AnswersCarryWhatTheCloudHasMeasured) {
  // g = 2 ms + 1 ms tokens.
  Cloud cloud(Config(1, 100), "u-shape", {2}, 0, 1);
  cloud.ArriveAt(0, Prefill(1, 10));
  cloud.ArriveAt(100, Prefill(2, 20));
  cloud.ArriveAt(100.5, Prefill(3, 6));  // waits until 122 ms for stage 0 to get free
  cloud.Run();
  const FrameHeader& last = cloud.downlinks.headers.back();
  EXPECT_NEAR(last.cloud_fixed_s, 2e-3, 1e-6);
  EXPECT_NEAR(last.cloud_s_per_token, 1e-3, 1e-6);
  EXPECT_NEAR(last.prefill_wait_s, 0.2 * 21.5e-3, 1e-6) << "the past, twice 0 ms, weighs 0.8";
}

}  // namespace
}  // namespace hat
