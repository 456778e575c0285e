// RadioDelay: its distributions, its order, and that stalls are the link's own.
#include "world/radio_delay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "world/fifo_link.h"

namespace hat {
namespace {

constexpr RadioDelay::Shape kJitter{Milliseconds(5), Seconds(0), Seconds(0)};

RngStream Stream() { return RngStream(1, "radio"); }

TEST(RadioDelayTest, WithoutAnythingFramesArriveWhenTheyDid) {
  RadioDelay none({}, Stream());
  EXPECT_EQ(none.Arrival(Seconds(1)), Seconds(1));
  EXPECT_EQ(none.Arrival(Seconds(2)), Seconds(2));
}

// Frames so far apart that none waits for another.
TEST(RadioDelayTest, JitterIsExponential) {
  constexpr int kFrames = 100'000;
  RadioDelay radio({Milliseconds(3), Seconds(0), Seconds(0)}, Stream());
  double sum = 0;
  int above = 0;
  for (int i = 1; i <= kFrames; ++i) {
    const double late = (radio.Arrival(Seconds(i)) - Seconds(i)).value();
    ASSERT_GE(late, 0);
    sum += late;
    above += late > 0.009 ? 1 : 0;
  }
  EXPECT_NEAR(sum / kFrames, 0.003, 4 * 0.003 / std::sqrt(kFrames));
  const double share = std::exp(-3);
  EXPECT_NEAR(static_cast<double>(above) / kFrames, share, 4 * std::sqrt(share / kFrames));
}

TEST(RadioDelayTest, NoFrameOvertakes) {
  RadioDelay radio({.jitter = Milliseconds(20), .stall_every = Seconds(0.5), .stall = Seconds(0.1)},
                   Stream());
  Seconds last;
  for (int i = 0; i < 10'000; ++i) {
    const Seconds arrives = radio.Arrival(Milliseconds(i));
    ASSERT_GE(arrives, last);
    ASSERT_GE(arrives, Milliseconds(i));
    last = arrives;
  }
}

// What is seen of stalls by a frame each millisecond: nothing arrives within one, all at its end.
TEST(RadioDelayTest, StallsHaveTheirMeans) {
  constexpr int kFrames = 2'000'000;
  RadioDelay radio({Seconds(0), Seconds(1), Seconds(0.2)}, Stream());
  int waiting = 0;
  for (int i = 0; i < kFrames; ++i) waiting += radio.Arrival(Milliseconds(i)) > Milliseconds(i);
  EXPECT_NEAR(static_cast<double>(waiting) / kFrames, 0.2 / 1.2, 0.01);
}

TEST(RadioDelayTest, StallsDoNotDependOnWhatIsSent) {
  const RadioDelay::Shape shape{Seconds(0), Seconds(0.1), Seconds(0.05)};
  RadioDelay often(shape, Stream()), seldom(shape, Stream());
  for (int i = 0; i < 10'000; ++i) {
    const Seconds arrives = often.Arrival(Milliseconds(i));
    if (i % 7 == 0) {
      ASSERT_EQ(seldom.Arrival(Milliseconds(i)), arrives);
    }
  }
}

TEST(RadioDelayTest, ALinkAddsItToItsLatency) {
  FifoLink plain(BytesPerSecond(1e6), Milliseconds(10), 1);
  FifoLink radio(BytesPerSecond(1e6), Milliseconds(10), 1,
                 {.radio = RadioDelay(kJitter, Stream())});
  RadioDelay alone(kJitter, Stream());
  for (int i = 0; i < 100; ++i) {
    const FifoLink::Transit a = plain.Send(Milliseconds(i), Bytes(900));
    const FifoLink::Transit b = radio.Send(Milliseconds(i), Bytes(900));
    EXPECT_EQ(a.left, b.left);
    EXPECT_EQ(b.arrived, alone.Arrival(a.arrived));
  }
}

}  // namespace
}  // namespace hat
