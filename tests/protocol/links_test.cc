// FifoLink, DedicatedPipe and DedicatedUplink against hand calculations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "protocol/dedicated_links.h"
#include "protocol/memory_world.h"
#include "tests/protocol/record.h"

namespace hat {
namespace {

constexpr double kTolerance = 1e-12;

TEST(FifoLinkTest, LoneTransferMatchesTheWorkedNumber) {
  FifoLink link(BytesPerSecond(1e6), Milliseconds(10), 1);
  const FifoLink::Transit transit = link.Send(Seconds(0), Bytes(1e6));
  EXPECT_NEAR(transit.arrived.value(), 1.010, kTolerance);
  EXPECT_FALSE(transit.is_back_to_back);
}

TEST(FifoLinkTest, AFrameStartsWhenTheOneBeforeHasLeft) {
  FifoLink link(BytesPerSecond(1e6), Milliseconds(10), 1);
  link.Send(Seconds(0), Bytes(1e6));
  const FifoLink::Transit waits = link.Send(Seconds(0.4), Bytes(5e5));
  EXPECT_NEAR(waits.start.value(), 1.0, kTolerance);
  EXPECT_NEAR(waits.left.value(), 1.5, kTolerance);
  EXPECT_NEAR(waits.arrived.value(), 1.51, kTolerance);
  EXPECT_TRUE(waits.is_back_to_back);
  const FifoLink::Transit alone = link.Send(Seconds(2), Bytes(1e6));
  EXPECT_NEAR(alone.start.value(), 2.0, kTolerance);
  EXPECT_FALSE(alone.is_back_to_back);
}

TEST(FifoLinkTest, EfficiencyPutsMoreBytesOnTheWire) {
  FifoLink link(BytesPerSecond(1e6), Seconds(0), 0.8);
  EXPECT_NEAR(link.Send(Seconds(0), Bytes(1e6)).left.value(), 1.25, kTolerance);
}

// 1 MB/s until t = 1, then 3 MB/s.
class StepCurve : public RateCurve {
 public:
  Seconds FinishTime(Seconds start, Bytes size) const override {
    const double slow = std::max(0.0, 1 - start.value()) * 1e6;
    if (size.value() <= slow) return start + size / BytesPerSecond(1e6);
    return std::max(start, Seconds(1)) + Bytes(size.value() - slow) / BytesPerSecond(3e6);
  }
};

TEST(FifoLinkTest, ARateCurveStandsInForTheRate) {
  const StepCurve curve;
  FifoLink link(BytesPerSecond(1), Milliseconds(10), 1, &curve);
  EXPECT_NEAR(link.Send(Seconds(0.5), Bytes(2e6)).arrived.value(), 1.51, kTolerance);
}

Frame PrefillFrame(SessionId session, int first, int count) {
  Frame frame;
  frame.header.session = session;
  frame.header.first_position = first;
  frame.header.count = count;
  frame.header.prompt_tokens = 1000;
  frame.header.output_tokens = 1;
  return frame;
}

// 1 s a frame: 64 B + 1 position of 936 B at 1000 B/s.
struct UplinkFixture {
  std::unique_ptr<DedicatedPipe> MakePipe(ExtraDelay extra = {}) {
    return std::make_unique<DedicatedPipe>(
        world, record, Direction::kUp, 3, 468, FifoLink(BytesPerSecond(1000), Milliseconds(50), 1),
        [this](int device, Frame frame) {
          EXPECT_EQ(device, 3);
          arrived.emplace_back(frame.header.first_position, world.Now().value());
        },
        std::move(extra));
  }
  MemoryWorld world;
  Record record;
  std::vector<std::pair<int, double>> arrived;
};

TEST(DedicatedPipeTest, TellsTheObserverOfEachFrameOnItsArrival) {
  UplinkFixture fixture;
  const auto pipe = fixture.MakePipe();
  fixture.world.CallAt(Seconds(2), [&] {
    pipe->Send(PrefillFrame(1, 0, 1));
    pipe->Send(PrefillFrame(1, 1, 1));
  });
  fixture.world.Run();
  ASSERT_EQ(fixture.record.frames.size(), 2u);
  const FrameEvent& second = fixture.record.frames[1];
  EXPECT_EQ(second.sent, Seconds(2));
  EXPECT_NEAR(second.start.value(), 3, kTolerance);
  EXPECT_NEAR(second.left.value(), 4, kTolerance);
  EXPECT_NEAR(second.arrived.value(), 4.05, kTolerance);
  EXPECT_EQ(second.size, Bytes(1000));
  EXPECT_EQ(fixture.record.frames[0].header.flags, 0);
  EXPECT_EQ(second.header.flags, kFlagBackToBack);
}

TEST(DedicatedPipeTest, ExtraDelayNeverReordersFrames) {
  UplinkFixture fixture;
  const auto pipe = fixture.MakePipe(
      [](const FrameHeader& header) { return Seconds(header.first_position == 0 ? 10 : 0); });
  for (int i = 0; i < 3; ++i) pipe->Send(PrefillFrame(1, i, 1));
  fixture.world.Run();
  EXPECT_THAT(fixture.arrived,
              testing::ElementsAre(std::pair(0, 11.05), std::pair(1, 11.05), std::pair(2, 11.05)));
}

TEST(DedicatedUplinkTest, RoomMeansFewerThanTwoUnsentPrefillFramesOfTheSession) {
  UplinkFixture fixture;
  DedicatedUplink uplink(fixture.world, fixture.MakePipe());
  std::vector<double> room;
  fixture.world.Start("session 1", [&] {
    for (int i = 0; i < 4; ++i) {
      uplink.WaitForRoom(1);
      room.push_back(fixture.world.Now().value());
      uplink.Send(PrefillFrame(1, i, 1));
    }
  });
  fixture.world.Run();
  // The third waits until the first has left, at 1 s; the fourth until the second has, at 2 s.
  EXPECT_THAT(room, testing::ElementsAre(0, 0, testing::DoubleNear(1, kTolerance),
                                         testing::DoubleNear(2, kTolerance)));
}

TEST(DedicatedUplinkTest, OtherSessionsFramesDoNotTakeRoomButDelayIt) {
  UplinkFixture fixture;
  DedicatedUplink uplink(fixture.world, fixture.MakePipe());
  fixture.world.Start("two sessions", [&] {
    for (int i = 0; i < 3; ++i) uplink.Send(PrefillFrame(2, i, 1));
    for (int i = 0; i < 2; ++i) uplink.Send(PrefillFrame(1, i, 1));
    uplink.WaitForRoom(3);
    EXPECT_EQ(fixture.world.Now(), Seconds(0));
    uplink.WaitForRoom(1);  // its first leaves as the fourth of all
    EXPECT_NEAR(fixture.world.Now().value(), 4, kTolerance);
  });
  fixture.world.Run();
}

}  // namespace
}  // namespace hat
