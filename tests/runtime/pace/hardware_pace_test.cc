// Work that is shorter than the hardware's latency, and longer. How long latencies are:
// tests/sim/profiled_hardware_test.cc.
#include "runtime/pace/hardware_pace.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/sim/toy.h"
#include "world/compute_queue.h"
#include "world/memory_world.h"

namespace hat {
namespace {

class HardwarePaceTest : public testing::Test {
 protected:
  // input(10) of a toy: 10 + 10 + 2 x 120 = 260 us.
  static constexpr DeviceOperation kInput{.request = 3, .op = DeviceOp::kInput, .tokens = 10};

  // On the device's GPU, work that takes `work` by itself.
  Span RunInput(Seconds work) {
    Span span;
    world_.Start("session", [&] {
      span = gpu_.Work([&](Seconds start) {
        return device_pace_.Run(kInput, start, [&] { world_.SleepUntil(world_.Now() + work); });
      });
    });
    world_.Run();
    return span;
  }

  Toy toy_;
  Scenario scenario_ = toy_.Load({"cloud.stages=4"});
  DeviceProfile device_profile_ = DeviceProfile::Load(toy_ / "device.json");
  CloudProfile cloud_profile_ = CloudProfile::Load(toy_ / "cloud.json");
  MemoryWorld world_;
  ComputeQueue gpu_{world_};
  PaceTally tally_;
  ProfiledDevice device_{scenario_, scenario_.fleet.classes[0], {&device_profile_, 1}};
  ProfiledReplica replica_{world_, scenario_, cloud_profile_, 0};
  HardwareDevicePace device_pace_{world_, device_, tally_};
  HardwareStagePace stage_pace_{world_, replica_, tally_};
};

TEST_F(HardwarePaceTest, ShortWorkLastsAsLongAsTheHardwareWould) {
  const Span span = RunInput(Microseconds(100));
  EXPECT_NEAR(ToMicroseconds(span.end - span.start), 260, 1e-6);
  EXPECT_EQ(tally_.total().operations, 1);
  EXPECT_EQ(tally_.total().overruns, 0);
}

TEST_F(HardwarePaceTest, LongWorkLastsAsLongAsItTakesAndIsCounted) {
  const Span span = RunInput(Microseconds(300));
  EXPECT_NEAR(ToMicroseconds(span.end - span.start), 300, 1e-6);
  const PaceTally::Kind input = tally_.kinds().at("input");
  EXPECT_EQ(input.overruns, 1);
  EXPECT_NEAR(ToMicroseconds(input.largest), 40, 1e-6);
}

// What counts is the mode at the start of the operation, not at its end.
TEST_F(HardwarePaceTest, ThePowerModeIsThatOfTheStart) {
  ToyDevice slow;
  slow.embedding = {1000, 0, 0};
  toy_.Write("slow", slow);
  const std::vector<DeviceProfile> modes = {device_profile_,
                                            DeviceProfile::Load(toy_ / "slow.json")};
  ProfiledDevice device(scenario_, scenario_.fleet.classes[0], modes);
  HardwareDevicePace pace(world_, device, tally_);
  const auto run = [&](Seconds start) {
    return pace.Run(kInput, start, [&] { device.SetPowerMode(1); });
  };
  EXPECT_NEAR(ToMicroseconds(run(Seconds(1))), 260, 1e-6);
  EXPECT_NEAR(ToMicroseconds(run(Seconds(2))), 1240, 1e-6);
}

TEST_F(HardwarePaceTest, WhatFollowsAtOnceMakesUpForALateStart) {
  HardwareDevicePace pace(world_, device_, tally_, Microseconds(50));
  const auto lasts_us = [&](double start_us) {
    return ToMicroseconds(pace.Run(kInput, Microseconds(start_us), [] {}));
  };
  EXPECT_NEAR(lasts_us(1000), 260, 1e-6);
  EXPECT_NEAR(lasts_us(1260 + 40), 220, 1e-6);  // until 1520, as if it had begun at 1260
  EXPECT_NEAR(lasts_us(1520 + 60), 260, 1e-6);  // something new
}

// Stage by stage: an overrun is not made up for, a late start is; the first stage's begins with the
// newest frame at least.
TEST_F(HardwarePaceTest, ABatchThatEntersAStageLateLeavesItOnTime) {
  Batch first, second;
  for (Batch* batch : {&first, &second}) {
    batch->parts.emplace_back();
    batch->parts[0].tokens = batch->tokens = 10;
  }
  second.ordinal = 1;
  second.parts[0].arrived = Microseconds(3);
  const double stage_us = ToMicroseconds(8 * ToyCloud().Layer(10, 0));
  const auto lasts_us = [&](int stage, const Batch& batch, double start_us) {
    return ToMicroseconds(stage_pace_.Run(stage, batch, Microseconds(start_us), [] {}));
  };
  EXPECT_NEAR(lasts_us(0, first, 5), stage_us - 5, 1e-6);  // it could have begun at 0
  const double linked_us =
      ToMicroseconds(stage_pace_.CrossStageLink(Microseconds(stage_us + 10), first));
  EXPECT_NEAR(linked_us, stage_us + 24.48, 1e-6);
  EXPECT_NEAR(lasts_us(1, first, linked_us + 30), stage_us - 30, 1e-6);
  // Not before the first one has gone on to the second stage.
  EXPECT_NEAR(lasts_us(0, second, linked_us + 50), stage_us - 50, 1e-6);
  const Seconds late = Microseconds(linked_us + stage_us + 500);
  EXPECT_EQ(stage_pace_.CrossStageLink(late, second), late);
}

TEST_F(HardwarePaceTest, StagesAreToldApart) {
  Batch batch;
  batch.parts.emplace_back();
  batch.parts[0].tokens = batch.tokens = 10;
  for (const int stage : {0, 3}) {
    const Seconds pace = stage_pace_.Run(stage, batch, world_.Now(), [] {});
    EXPECT_NEAR(pace.value(), ((stage == 0 ? 8 : 7) * ToyCloud().Layer(10, 0)).value(), 1e-12);
  }
  EXPECT_EQ(tally_.kinds().at("stage 0").operations, 1);
  EXPECT_EQ(tally_.kinds().at("stage 3").operations, 1);
}

// 10 states of 8192 B at 4 GB/s, and 4 us; a second batch waits for the first.
TEST_F(HardwarePaceTest, StatesCrossTheServersLink) {
  Batch batch;
  batch.tokens = 10;
  EXPECT_NEAR(ToMicroseconds(stage_pace_.CrossStageLink(Seconds(1), batch) - Seconds(1)), 24.48,
              1e-6);
  EXPECT_NEAR(ToMicroseconds(stage_pace_.CrossStageLink(Seconds(1), batch) - Seconds(1)), 44.96,
              1e-6);
}

TEST_F(HardwarePaceTest, WorkThatFailsIsNoOperation) {
  const auto fail = [] { throw std::runtime_error("no memory"); };
  EXPECT_THROW(device_pace_.Run(kInput, Seconds(0), fail), std::runtime_error);
  EXPECT_EQ(tally_.total().operations, 0);
}

TEST(ConstantPaceTest, IsNoneWhereNothingIsSaid) {
  Batch batch;
  batch.tokens = 4;
  const DeviceOperation operation{.tokens = 3};
  int worked = 0;
  const auto work = [&] { ++worked; };
  ConstantPace none;
  EXPECT_EQ(none.Run(operation, Seconds(0), work), Seconds(0));
  EXPECT_EQ(none.Run(0, batch, Seconds(0), work), Seconds(0));
  ConstantPace some(Milliseconds(1), Milliseconds(0.5));
  EXPECT_NEAR(ToMilliseconds(some.Run(operation, Seconds(0), work)), 2.5, 1e-12);
  EXPECT_NEAR(ToMilliseconds(some.Run(0, batch, Seconds(0), work)), 3, 1e-12);
  EXPECT_EQ(worked, 4);
  EXPECT_EQ(some.CrossStageLink(Seconds(7), batch), Seconds(7));
}

}  // namespace
}  // namespace hat
