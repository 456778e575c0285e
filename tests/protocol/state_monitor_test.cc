#include "protocol/state_monitor.h"

#include <gtest/gtest.h>

#include "core/random.h"
#include "world/fifo_link.h"

#include "world/memory_world.h"

namespace hat {
namespace {

TEST(MovingAverageTest, ThePastWeighsFourFifths) {
  MovingAverage average;
  EXPECT_FALSE(average.has_value());
  average.Add(10);
  EXPECT_EQ(average.value(), 10);
  average.Add(20);
  EXPECT_DOUBLE_EQ(average.value(), 12);
  average.Add(7);
  EXPECT_DOUBLE_EQ(average.value(), 11);
}

TEST(LinearFitTest, RecoversAnExactLine) {
  RngStream draw(1, "line");
  LinearFit fit;
  for (int i = 0; i < 200; ++i) {
    const int tokens = 1 + draw.UniformInt(500);
    fit.Add(tokens, Milliseconds(8) + Milliseconds(0.4) * tokens);
  }
  EXPECT_NEAR(fit.value().fixed.value(), 8e-3, 1e-9);
  EXPECT_NEAR(fit.value().per_token.value(), 4e-4, 1e-11);
  EXPECT_NEAR(fit.value().At(100).value(), 48e-3, 1e-9);
}

TEST(LinearFitTest, WeighsSamplesAsTheMovingAverageDoes) {
  // Weights of the samples at 1, 2, 3 tokens: 0.64, 0.16, 0.2.
  LinearFit fit;
  fit.Add(1, Seconds(3));
  fit.Add(2, Seconds(4));
  fit.Add(3, Seconds(6));
  const double x = 0.64 + 0.32 + 0.6, y = 1.92 + 0.64 + 1.2;
  const double slope =
      (0.64 * 3 + 0.16 * 8 + 0.2 * 18 - x * y) / (0.64 + 0.16 * 4 + 0.2 * 9 - x * x);
  EXPECT_NEAR(fit.value().per_token.value(), slope, 1e-12);
  EXPECT_NEAR(fit.value().fixed.value(), y - slope * x, 1e-12);
}

TEST(LinearFitTest, OneSampleOrOneSizeGivesAConstant) {
  EXPECT_FALSE(LinearFit().has_value());
  for (int tokens = 1; tokens < 300; ++tokens) {
    LinearFit fit;
    for (int i = 0; i < 50; ++i) {
      fit.Add(tokens, Milliseconds(10.1));
      ASSERT_NEAR(fit.value().At(1).value(), 10.1e-3, 1e-12) << tokens;
      ASSERT_NEAR(fit.value().At(500).value(), 10.1e-3, 1e-12) << tokens;
    }
  }
}

TEST(LinearFitTest, NeitherPartOfTheLineIsNegative) {
  LinearFit falling;
  falling.Add(10, Seconds(3));
  falling.Add(20, Seconds(1));
  EXPECT_EQ(falling.value().per_token, Seconds(0));
  EXPECT_NEAR(falling.value().fixed.value(), 2.6, 1e-12);
  LinearFit steep;
  steep.Add(10, Seconds(1));
  steep.Add(20, Seconds(5));
  EXPECT_EQ(steep.value().fixed, Seconds(0));
  EXPECT_NEAR(steep.value().per_token.value(), 1.8 / 12, 1e-12);
}

FrameHeader Header(uint16_t flags) {
  FrameHeader header;
  header.flags = flags;
  return header;
}

TEST(UplinkMonitorTest, BackToBackFramesGiveTheLinksRateWhateverTheirSizes) {
  FifoLink link(BytesPerSecond(7.5e6), Milliseconds(20), 1);
  UplinkMonitor monitor;
  RngStream draw(2, "sizes");
  Seconds now;
  int samples = 0;
  for (int i = 0; i < 300; ++i) {
    const Bytes size(1000 + draw.UniformInt(1'000'000));
    const FifoLink::Transit transit = link.Send(now, size);
    monitor.OnFrame(3, Header(transit.is_back_to_back ? kFlagBackToBack : 0), size,
                    transit.arrived);
    if (transit.is_back_to_back) {
      ++samples;
      EXPECT_NEAR(monitor.Rate(3).value(), 7.5e6, 1);
    } else if (samples == 0) {
      EXPECT_EQ(monitor.Rate(3), BytesPerSecond(0));
    }
    now += Seconds(draw.Exponential(0.07));
  }
  EXPECT_GT(samples, 50);
  EXPECT_LT(samples, 290);
  EXPECT_EQ(monitor.Rate(4), BytesPerSecond(0)) << "of another device";
}

FrameHeader Measured(float rate, float wait, float fixed, float per_token) {
  FrameHeader header;
  header.uplink_bytes_per_s = rate;
  header.prefill_wait_s = wait;
  header.cloud_fixed_s = fixed;
  header.cloud_s_per_token = per_token;
  return header;
}

TEST(DeviceMonitorTest, ThereIsNoChunkEstimateBeforeASampleOfEveryPart) {
  const MemoryWorld world;
  DeviceMonitor monitor(world);
  EXPECT_FALSE(monitor.Chunk());
  monitor.OnHeader(Measured(1e6, 0.004f, 0.008f, 0.0004f));
  EXPECT_FALSE(monitor.Chunk()) << "own input";
  monitor.OnInput(64, Milliseconds(37));
  ASSERT_TRUE(monitor.Chunk());
  EXPECT_FLOAT_EQ(static_cast<float>(monitor.Chunk()->uplink.value()), 1e6f);
  EXPECT_FLOAT_EQ(static_cast<float>(monitor.Chunk()->cloud_wait.value()), 0.004f);
  EXPECT_FLOAT_EQ(static_cast<float>(monitor.Chunk()->cloud.fixed.value()), 0.008f);
  EXPECT_FLOAT_EQ(static_cast<float>(monitor.Chunk()->cloud.per_token.value()), 0.0004f);
  EXPECT_NEAR(monitor.Chunk()->device.At(64).value(), 0.037, 1e-12);
  monitor.OnHeader(Measured(0, 0.004f, 0.008f, 0.0004f));
  EXPECT_FALSE(monitor.Chunk()) << "uplink";
  monitor.OnHeader(Measured(1e6, 0.004f, 0, 0));
  EXPECT_FALSE(monitor.Chunk()) << "cloud";
}

TEST(DeviceMonitorTest, AheadStepsAreTheDelayOverTheDraftTimeRoundedDown) {
  const MemoryWorld world;
  DeviceMonitor monitor(world);
  EXPECT_EQ(monitor.AheadSteps(), 0);
  monitor.OnDraftStep(Milliseconds(10));
  EXPECT_EQ(monitor.AheadSteps(), 0) << "no answer yet";
  monitor.OnAnswer(Milliseconds(59));
  EXPECT_EQ(monitor.AheadSteps(), 5);
  monitor.OnDraftStep(Milliseconds(20));  // 12 ms on average
  EXPECT_EQ(monitor.AheadSteps(), 4);
  monitor.OnAnswer(Milliseconds(9));  // 49 ms on average
  EXPECT_EQ(monitor.AheadSteps(), 4);
  monitor.OnAnswer(Milliseconds(9));  // 41 ms on average
  EXPECT_EQ(monitor.AheadSteps(), 3);
}

TEST(CloudMonitorTest, HeadersAreZeroBeforeTheFirstSample) {
  const CloudMonitor monitor;
  FrameHeader header;
  monitor.FillHeader(&header);
  EXPECT_EQ(header, FrameHeader{});
}

TEST(CloudMonitorTest, WritesItsAveragesAndItsFit) {
  CloudMonitor monitor;
  monitor.OnPrefillWait(Milliseconds(10));
  monitor.OnPrefillWait(Milliseconds(20));
  monitor.OnBatch(10, Milliseconds(12));
  monitor.OnBatch(30, Milliseconds(20));
  FrameHeader header;
  monitor.FillHeader(&header);
  EXPECT_NEAR(header.prefill_wait_s, 12e-3, 1e-8);
  EXPECT_NEAR(header.cloud_fixed_s, 8e-3, 1e-8);
  EXPECT_NEAR(header.cloud_s_per_token, 0.4e-3, 1e-8);
}

}  // namespace
}  // namespace hat
