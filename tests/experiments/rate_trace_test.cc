#include "experiments/scenario/rate_trace.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "core/random.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// 8 Mb/s = 1 MB/s for 2 s, 16 Mb/s for 1 s, nothing for 1 s; 4 MB in 4 s.
const RateTrace& Steps() {
  static const RateTrace kTrace = RateTrace::Parse("seconds,mbps\n0,8\n2,16\n3,0\n", "steps.csv");
  return kTrace;
}

TEST(RateTraceTest, AConstantTraceIsSizeOverRate) {
  const RateTrace trace = RateTrace::Parse("seconds,mbps\n0,60\n", "t.csv");
  for (const double start : {0.0, 0.3, 7.9, 1000.0})
    EXPECT_NEAR(trace.FinishTime(Seconds(start), Bytes(2.8e6)).value(), start + 2.8 / 7.5, 1e-9);
}

TEST(RateTraceTest, FinishTimeIntegratesTheSteps) {
  const auto finish = [](double start, double megabytes) {
    return Steps().FinishTime(Seconds(start), Bytes(megabytes * 1e6)).value();
  };
  EXPECT_NEAR(finish(0, 1), 1, 1e-12);
  EXPECT_NEAR(finish(0, 3), 2.5, 1e-12);  // 2 MB in 2 s, 1 MB at 2 MB/s
  EXPECT_NEAR(finish(1.5, 1.5), 2.5, 1e-12);
  EXPECT_NEAR(finish(0, 4), 3, 1e-12);      // not 4: the idle second comes after the last byte
  EXPECT_NEAR(finish(0, 4.5), 4.5, 1e-12);  // over the idle second into the next period
  EXPECT_NEAR(finish(3.5, 1), 5, 1e-12);    // begins in the idle second
  EXPECT_NEAR(finish(0, 4e3), 3999, 1e-9);  // a thousand periods
  EXPECT_NEAR(finish(401, 41), 441.0 + 1, 1e-9);  // 40 MB is ten periods
  EXPECT_EQ(finish(1.25, 0), 1.25);
}

TEST(RateTraceTest, RateAndMeanAreThoseOfTheFile) {
  EXPECT_EQ(Steps().period(), Seconds(4));
  EXPECT_EQ(Steps().Mean(), BytesPerSecond(1e6));
  EXPECT_EQ(Steps().At(Seconds(1.99)), BytesPerSecond(1e6));
  EXPECT_EQ(Steps().At(Seconds(2)), BytesPerSecond(2e6));
  EXPECT_EQ(Steps().At(Seconds(4 * 7 + 3.5)), BytesPerSecond(0));
}

// Sending in two parts ends when sending at once does.
TEST(RateTraceTest, PartsOfATransferAddUp) {
  RngStream stream(1, "parts");
  for (int i = 0; i < 1000; ++i) {
    const Seconds start(stream.Uniform(0, 50));
    const Bytes first(stream.Uniform(0, 9e6)), second(stream.Uniform(0, 9e6));
    const Seconds at_once = Steps().FinishTime(start, first + second);
    const Seconds in_parts = Steps().FinishTime(Steps().FinishTime(start, first), second);
    EXPECT_NEAR(at_once.value(), in_parts.value(), 1e-9);
    EXPECT_GE(at_once, start);
  }
}

// Whoever follows the steps one by one moves on at each, and sends what the closed form says.
TEST(RateTraceTest, FollowingTheStepsSendsWhatTheClosedFormSays) {
  RngStream stream(1, "steps");
  for (int i = 0; i < 1000; ++i) {
    const double start = i % 2 == 0 ? stream.Uniform(0, 50) : 1e6 + stream.UniformInt(12);
    const Seconds finish = Steps().FinishTime(Seconds(start), Bytes(9e6));
    Bytes sent;
    int steps = 0;
    for (Seconds t(start); t < finish; ++steps) {
      const RateTrace::Hold hold = Steps().HoldAt(t);
      ASSERT_GT(hold.until, t);
      sent += hold.rate * (std::min(hold.until, finish) - t);
      t = hold.until;
    }
    EXPECT_NEAR(sent.value(), 9e6, 0.01);
    EXPECT_LT(steps, 40);
  }
  EXPECT_EQ(Steps().Peak(), BytesPerSecond(2e6));
}

TEST(RateTraceTest, StampsCountFromTheFirst) {
  const RateTrace trace = RateTrace::Parse("seconds,mbps\n100,8\n102,16\n103,0\n", "t.csv");
  EXPECT_EQ(trace.FinishTime(Seconds(0), Bytes(3e6)), Seconds(2.5));
}

TEST(RateTraceTest, MahimahiStampsAreOpportunitiesOfAPacket) {
  // Two packets in the first millisecond, none in the second, one in the third: 4500 bytes in 3 ms.
  const RateTrace trace = RateTrace::Parse("1\n1\n3\n", "cell.up");
  EXPECT_DOUBLE_EQ(trace.period().value(), 3e-3);
  EXPECT_DOUBLE_EQ(trace.Mean().value(), 1.5e6);
  EXPECT_NEAR(trace.FinishTime(Seconds(0), Bytes(3000)).value(), 1e-3, 1e-12);
  EXPECT_NEAR(trace.FinishTime(Seconds(0), Bytes(3750)).value(), 2.5e-3, 1e-12);
  EXPECT_NEAR(trace.FinishTime(Seconds(0), Bytes(4500 * 1000)).value(), 3, 1e-9);
}

// As a program writes it that knows numbers only as floating point.
TEST(RateTraceTest, MahimahiStampsMayBeWrittenWithAPoint) {
  const RateTrace trace = RateTrace::Parse("1.0\n1.0\n3.0\n", "cell.up");
  EXPECT_DOUBLE_EQ(trace.period().value(), 3e-3);
  EXPECT_DOUBLE_EQ(trace.Mean().value(), 1.5e6);
  EXPECT_INPUT_ERROR(RateTrace::Parse("1\n2.5\n", "cell.up"), HasSubstr("cell.up:2"));
}

// mahimahi refuses it too: "trace must last for a nonzero amount of time".
TEST(RateTraceTest, MahimahiStampsOfZeroAloneHaveNoPeriod) {
  for (const char* text : {"0\n", "0\n0\n0\n", "0.0\n"}) {
    EXPECT_INPUT_ERROR(RateTrace::Parse(text, "cell.up"),
                       AllOf(HasSubstr("cell.up: every stamp is 0"), HasSubstr("at least 1")));
  }
  EXPECT_EQ(RateTrace::Parse("0\n0\n1\n", "cell.up").period(), Seconds(1e-3));
}

TEST(RateTraceTest, BadTracesAreRefused) {
  const auto parse = [](const std::string& text) { RateTrace::Parse(text, "t.csv"); };
  EXPECT_INPUT_ERROR(parse(""), HasSubstr("t.csv"));
  EXPECT_INPUT_ERROR(parse("seconds,mbps\n"),
                     AllOf(HasSubstr("no row"), HasSubstr("of 1e-06 or more")));
  EXPECT_INPUT_ERROR(parse("seconds,mbps\n0,0\n1,0\n"),
                     AllOf(HasSubstr("every rate is 0"), HasSubstr("of 1e-06 or more")));
  EXPECT_INPUT_ERROR(parse("seconds,mbps\n0,\n"), HasSubstr("t.csv:2: 'mbps' is an empty cell"));
  EXPECT_INPUT_ERROR(parse("time,mbps\n0,1\n"), HasSubstr("'seconds'"));
  EXPECT_INPUT_ERROR(parse("seconds,mbps\n0,1\n0,2\n"),
                     AllOf(HasSubstr("t.csv:3"), HasSubstr("ascending")));
  EXPECT_INPUT_ERROR(parse("seconds,mbps\n0,-1\n"), HasSubstr("'mbps'"));
  EXPECT_INPUT_ERROR(parse("seconds,mbps\n0,nan\n"), HasSubstr("'mbps'"));
  EXPECT_INPUT_ERROR(parse("seconds,mbps\n0,1e308\n"), HasSubstr("'mbps'"));
  EXPECT_INPUT_ERROR(parse("5\n3\n"), AllOf(HasSubstr("t.csv:2"), HasSubstr("'3'")));
  EXPECT_INPUT_ERROR(parse("5\nx\n"), HasSubstr("t.csv:2"));
  EXPECT_INPUT_ERROR(parse("99999999999999999999\n"), HasSubstr("t.csv:1"));
}

}  // namespace
}  // namespace hat
