// DedicatedPipe and DedicatedUplink against hand calculations.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "protocol/dedicated_links.h"
#include "tests/protocol/record.h"
#include "world/memory_world.h"

namespace hat {
namespace {

constexpr double kTolerance = 1e-12;

Frame PrefillFrame(SessionId session, int first, int count) {
  Frame frame;
  frame.header.session = session;
  frame.header.first_position = first;
  frame.header.count = count;
  frame.header.prompt_tokens = 1000;
  frame.header.output_tokens = 1;
  return frame;
}

// 1 s per frame: 64 B + 1 position of 936 B at 1000 B/s.
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
