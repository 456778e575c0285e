// FifoLink against hand calculations.
#include "world/fifo_link.h"

#include <gtest/gtest.h>

#include <algorithm>

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
  FifoLink link(BytesPerSecond(1), Milliseconds(10), 1, {.curve = &curve});
  EXPECT_NEAR(link.Send(Seconds(0.5), Bytes(2e6)).arrived.value(), 1.51, kTolerance);
}

}  // namespace
}  // namespace hat
