// The worked numbers of docs/model.md and docs/defaults.md that no other test checks.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "experiments/hardware/profiled_replica.h"
#include "experiments/scenario/scenario.h"
#include "profiles/profile.h"
#include "sim/calibrated_drafter.h"
#include "world/compute_queue.h"
#include "world/fifo_link.h"
#include "world/memory_world.h"

namespace hat {
namespace {

// 3 ms asked for at 0, 5 ms at 1 ms: the second starts at 3 and ends at 8.
TEST(ModelPageTest, ADevicesOperationsQueueForItsGpu) {
  MemoryWorld world;
  ComputeQueue gpu(world);
  std::vector<Span> spans(2);
  for (int i = 0; i < 2; ++i) {
    world.CallAt(Milliseconds(i), [&, i] {
      world.Start("session", [&, i] {
        spans[static_cast<size_t>(i)] = gpu.Run([i] { return Milliseconds(i == 0 ? 3 : 5); });
      });
    });
  }
  world.Run();
  EXPECT_NEAR(ToMilliseconds(spans[0].end), 3, 1e-12);
  EXPECT_NEAR(ToMilliseconds(spans[1].requested), 1, 1e-12);
  EXPECT_NEAR(ToMilliseconds(spans[1].start), 3, 1e-12);
  EXPECT_NEAR(ToMilliseconds(spans[1].end), 8, 1e-12);
}

// 64 + 346 x 8192 B at 7.5 MB/s and 2 ms: 379.9 ms.
TEST(ModelPageTest, TheMeanPromptOfSpecBenchUploads) {
  const double frame = 64 + 346 * 8192;
  FifoLink link(BytesPerSecond(7.5e6), Milliseconds(2), 1);
  EXPECT_NEAR(ToMilliseconds(link.Send(Seconds(0), Bytes(frame)).arrived), 379.9, 0.05);
}

TEST(ModelPageTest, LayersSpreadEvenlyTheFirstStagesTakeTheRemainder) {
  EXPECT_EQ(LayersOfStages(30, 4), (std::vector<int>{8, 8, 7, 7}));
  EXPECT_EQ(LayersOfStages(37, 4), (std::vector<int>{10, 9, 9, 9}));
}

// A prompt of 346 tokens and nine decodes at context 400, eight layers of Vicuna-7B on an A6000.
TEST(ModelPageTest, AStageTakesItsLayersTimesLinearAndAttention) {
  const auto profile = CloudProfile::Load("profiles/data/a6000_vicuna-7b_cloud.json");
  Batch batch;
  const auto add = [&](int first, int tokens) {
    batch.parts.emplace_back();
    batch.parts.back().first_position = first;
    batch.parts.back().tokens = tokens;
    batch.tokens += tokens;
  };
  add(0, 346);
  for (int i = 0; i < 9; ++i) add(400, 1);
  const double linear = ToMicroseconds(profile.Linear(355));
  const double prompt = ToMicroseconds(profile.Attention(346, 0));
  const double decode = ToMicroseconds(profile.Attention(1, 400));
  EXPECT_NEAR(linear, 1795, 1);
  EXPECT_NEAR(prompt, 77.5, 0.5);
  EXPECT_NEAR(decode, 11.4, 0.1);
  const double stage = ToMicroseconds(StageLatency(profile, batch, {8}));
  EXPECT_NEAR(stage, 8 * (linear + 5 + prompt + 9 * decode), 1e-6);
  EXPECT_NEAR(stage / 1e3, 15.84, 0.01);
}

// 512 states of 8192 B at 4 GB/s, and 4 us: 1.0526 ms.
TEST(ModelPageTest, AFullBatchCrossesTheStageLink) {
  const CloudHardware cloud;
  FifoLink link(cloud.stage_link_rate, cloud.stage_link_latency, 1);
  EXPECT_NEAR(ToMilliseconds(link.Send(Seconds(0), Bytes(512 * 8192)).arrived), 1.0526, 1e-4);
}

// Keys and values of two layers and the adapter, fp16.
TEST(ModelPageTest, ASessionsCacheOnTheDeviceIsSmall) {
  const ModelShape model = FindModelShape("vicuna-7b");
  const double a_token = model.KvBytesPerToken(0, 2 + 1, 2).value();
  EXPECT_EQ(a_token, 3 * 16384);
  EXPECT_NEAR(a_token * 4096 / 1e9, 0.2, 0.002);
  EXPECT_NEAR(32 * a_token * 4096 / 1e9, 6.4, 0.05);
}

TEST(ModelPageTest, TheDrafterIsSolvedForItsAcceptLength) {
  AcceptanceConfig config;
  config.reference.draft_threshold = 0;
  config.reference.max_draft = 2;
  EXPECT_NEAR(ExpectedAcceptLength(config, 0.5), 1.75, 1e-12);
  config.accept_length = 1.75;
  EXPECT_NEAR(CalibratedDrafter(config, 1).mean_confidence(), 0.5, 1e-9);
}

// 1 + q + ... + q^8 = 2.06 with q = 0.5158 = E[c; c >= 0.6]; a Beta of a + b = 2 with mean 0.6520
// has that.
TEST(ModelPageTest, ThePublishedAcceptLengthTakesThisMeanConfidence) {
  const AcceptanceConfig config;
  const CalibratedDrafter drafter(config, 1);
  double length = 0;
  for (int n = 0; n <= 8; ++n) length += std::pow(0.5158, n);
  EXPECT_NEAR(length, 2.06, 1e-3);
  EXPECT_NEAR(drafter.mean_confidence(), 0.6520, 1e-4);
}

// 1 + p + p^2 r + p^3 r^3 + p^4 r^6 = 1.89 with r = 0.8: p = 0.5455.
TEST(ModelPageTest, TheMedusaHeadsAreSolvedForTheirAcceptLength) {
  const AcceptanceConfig config;
  const double p = 0.5455, r = 0.8;
  EXPECT_NEAR(1 + p + p * p * r + std::pow(p * r, 3) + std::pow(p, 4) * std::pow(r, 6), 1.89, 1e-3);
  EXPECT_NEAR(CalibratedDrafter(config, 1).medusa_hit(), p, 1e-4);
}

}  // namespace
}  // namespace hat
