// TcpWindow: worked numbers, and what holds whatever is sent.
#include "world/tcp_window.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/random.h"
#include "world/fifo_link.h"

namespace hat {
namespace {

constexpr Bytes kLinuxFirst(14480);  // 10 segments of 1,448 bytes

TcpWindow::Line LineOf(BytesPerSecond rate) {
  return [rate](Seconds start, Bytes size) { return start + size / rate; };
}

double LeftAfter_ms(TcpWindow& window, double start_ms, double bytes,
                    BytesPerSecond rate = BytesPerSecond(1e6)) {
  return ToMilliseconds(window.Send(Milliseconds(start_ms), Bytes(bytes), LineOf(rate)));
}

TEST(TcpWindowTest, DoublesEachRoundTripThatUsesItUp) {
  TcpWindow window({Bytes(10'000), Milliseconds(300), Milliseconds(100)});
  EXPECT_NEAR(LeftAfter_ms(window, 0, 30'000), 120, 1e-9);    // 10 KB, then 20
  EXPECT_NEAR(LeftAfter_ms(window, 200, 45'000), 305, 1e-9);  // 40 KB, then the last 5
}

TEST(TcpWindowTest, TransfersOfOneRoundTripShareIt) {
  TcpWindow window({Bytes(10'000), Milliseconds(300), Milliseconds(100)});
  EXPECT_NEAR(LeftAfter_ms(window, 0, 6'000), 6, 1e-9);
  EXPECT_NEAR(LeftAfter_ms(window, 20, 6'000), 102, 1e-9);  // 4 KB at once
  EXPECT_NEAR(LeftAfter_ms(window, 103, 6'000), 109, 1e-9);
}

TEST(TcpWindowTest, WhatIsUsedUpIsWiderAfterItsAcknowledgementOnly) {
  TcpWindow window({Bytes(10'000), Milliseconds(300), Milliseconds(100)});
  EXPECT_NEAR(LeftAfter_ms(window, 0, 10'000), 10, 1e-9);
  EXPECT_NEAR(LeftAfter_ms(window, 20, 1'000), 101, 1e-9);
  EXPECT_EQ(window.window(), Bytes(20'000));
}

TEST(TcpWindowTest, WhatDoesNotUseItUpDoesNotWidenIt) {
  TcpWindow window({Bytes(10'000), Milliseconds(300), Milliseconds(100)});
  for (int i = 0; i < 50; ++i) EXPECT_NEAR(LeftAfter_ms(window, 150 * i, 9'000), 150 * i + 9, 1e-6);
  EXPECT_EQ(window.window(), Bytes(10'000));
}

TEST(TcpWindowTest, ALineThatIsKeptBusyIsNotWaitedFor) {
  TcpWindow window({Bytes(200'000), Milliseconds(300), Milliseconds(100)});
  EXPECT_NEAR(LeftAfter_ms(window, 0, 5e6), 5000, 1e-9);
  EXPECT_EQ(window.window(), Bytes(200'000));
}

TEST(TcpWindowTest, PausesHalveItDownToTheFirst) {
  const TcpWindow::Shape shape{Bytes(10'000), Milliseconds(300), Milliseconds(100)};
  TcpWindow window(shape);
  LeftAfter_ms(window, 0, 70'000);  // until 240: 10, 20, 40
  LeftAfter_ms(window, 240 + 299, 1);
  EXPECT_EQ(window.window(), Bytes(80'000));
  LeftAfter_ms(window, 539 + 650, 1);
  EXPECT_EQ(window.window(), Bytes(20'000));
  LeftAfter_ms(window, 1e6, 1);
  EXPECT_EQ(window.window(), shape.first);
}

// A prompt of 2.88 MB over 60 Mbit/s: by the sum over rounds of the time in which nothing leaves.
TEST(TcpWindowTest, APromptAfterAPauseIsLateByTheClosedForm) {
  const BytesPerSecond rate = MegabitsPerSecond(60);
  for (const double trip_ms : {4, 20, 80}) {
    TcpWindow window({kLinuxFirst, Milliseconds(200 + trip_ms), Milliseconds(trip_ms)});
    const double alone_ms = 2.88e6 / rate.value() * 1e3;
    double late_ms = 0;
    for (double w = kLinuxFirst.value(); w / rate.value() * 1e3 < trip_ms; w *= 2) {
      late_ms += trip_ms - w / rate.value() * 1e3;
    }
    const double left_ms = LeftAfter_ms(window, 0, 2.88e6, rate);
    EXPECT_NEAR(left_ms, alone_ms + late_ms, 1e-6);
    EXPECT_NEAR(late_ms, trip_ms == 4 ? 2.2 : trip_ms == 20 ? 51 : 358, 1);
    // Nothing is late while it is warm.
    EXPECT_NEAR(LeftAfter_ms(window, left_ms + 100, 2.88e6, rate), left_ms + 100 + alone_ms, 1e-6);
  }
}

TEST(TcpWindowTest, ALinkWithOneIsInOrderAndNeverFaster) {
  const TcpWindow::Shape shape{kLinuxFirst, Milliseconds(280), Milliseconds(80)};
  FifoLink plain(BytesPerSecond(2.5e6), Milliseconds(40), 0.9);
  FifoLink slow(BytesPerSecond(2.5e6), Milliseconds(40), 0.9, {.window = TcpWindow(shape)});
  RngStream random(1, "frames");
  Seconds now, last;
  for (int i = 0; i < 2000; ++i) {
    now += Seconds(random.Exponential(0.1));
    const Bytes size(100 + random.Exponential(20e3));
    const FifoLink::Transit fast = plain.Send(now, size), late = slow.Send(now, size);
    ASSERT_GE(late.left, fast.left - Seconds(1e-9));
    ASSERT_GE(late.start, last);
    ASSERT_EQ(late.arrived, late.left + Milliseconds(40));
    // A frame's parts, as a testbed asks for them.
    ASSERT_NEAR(slow.LeftAt(size).value(), late.left.value(), 1e-9);
    ASSERT_LE(slow.LeftAt(size / 2), late.left);
    ASSERT_GE(slow.LeftAt(size / 2), late.start);
    last = late.left;
  }
}

}  // namespace
}  // namespace hat
