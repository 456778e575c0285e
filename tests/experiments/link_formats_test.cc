#include "experiments/import/link_formats.h"

#include <gmock/gmock.h>

#include <string>

#include "experiments/scenario/rate_trace.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf, testing::Contains, testing::ElementsAre, testing::HasSubstr, testing::Pair;
using testing::StartsWith;

LinkTrace ReadLink(const std::string& text, const std::string& format = "auto",
                   const LinkImportOptions& options = {}) {
  return ReadLinkTrace(format, text, "in", options);
}

std::string RatesCsv(const std::string& text, const LinkImportOptions& options = {}) {
  return RateTraceCsv(ReadLink(text, "auto", options));
}

// A rate is that of the time up to its stamp, so the first one's is of none.
TEST(PensieveTest, ARateIsOfTheTimeBeforeItsStamp) {
  EXPECT_EQ(RatesCsv("0.0\t7\r\n1.5\t2\r\n2.5\t3.25"), "seconds,mbps\n0,2\n1.5,3.25\n2,3.25\n");
  EXPECT_EQ(ReadLink("5 7\n6 2\n").tally.kept(), 1);
  EXPECT_EQ(RatesCsv("5 7\n6 2\n"), "seconds,mbps\n0,2\n");
}

TEST(PensieveTest, ABadRowNamesItsLineAndItsColumn) {
  EXPECT_INPUT_ERROR(
      ReadLink("0 1\n1 x\n"),
      AllOf(StartsWith("in:2: Mbit/s (column 2) must be a number >= 0"), HasSubstr("got 'x'")));
  EXPECT_INPUT_ERROR(ReadLink("0 1\n5 1\n4 1\n"), StartsWith("in:3: seconds (column 1) must be"));
  EXPECT_INPUT_ERROR(ReadLink("0 1\n1 1 1\n"), StartsWith("in:2: has 3 columns; 2 are wanted"));
  EXPECT_INPUT_ERROR(ReadLink("0 1\n"), "in: holds no rate");
}

// 125,000 bytes in 1 s are 1 Mb/s.
TEST(HsdpaTest, BytesAreThoseSinceTheRowBefore) {
  EXPECT_EQ(RatesCsv("1289406399 549692 59.851754 10.781778 250000 1000\n"
                     "1289406400 550772 59.851864 10.781833 125000 0500\n"),
            "seconds,mbps\n0,2\n1,2\n1.25,2\n");
}

TEST(HsdpaTest, RowsOfNoTimeAreCountedAndAClockThatGoesBackIsTold) {
  const LinkTrace trace =
      ReadLink("1 5000 1 1 9 0\n2 6000 1 1 125000 1000\n3 100 1 1 125000 1000\n");
  EXPECT_THAT(trace.tally.left_out, ElementsAre(Pair("that last no time", 1)));
  EXPECT_THAT(trace.tally.notes, Contains(HasSubstr("goes back at 1 rows")));
  EXPECT_INPUT_ERROR(ReadLink("1 5 1 1 9 1\n2 6 1 1 many 1\n"),
                     StartsWith("in:2: bytes (column 5) must be a number"));
}

constexpr char kFcc[] =
    "unit_id,dtime,target,address,fetch_time,bytes_total,bytes_sec,objects\n"
    "386,2016-06-01 00:06:19,http://a,1.1.1.1,900000,1,250000,5\r\n"
    "387,2016-06-01 00:06:19,http://a,1.1.1.1,900000,1,125000,5\r\n"
    "386,2016-06-01 01:06:19,http://a,1.1.1.1,900000,1,0,5";

TEST(FccTest, OneSeriesEndToEnd) {
  EXPECT_EQ(RatesCsv(kFcc, {.unit = "386", .target = ""}), "seconds,mbps\n0,2\n5,0\n");
  EXPECT_EQ(RatesCsv(kFcc, {.unit = "387", .target = "http://a", .hold_s = 1}),
            "seconds,mbps\n0,1\n");
  EXPECT_INPUT_ERROR(ReadLink(kFcc),
                     AllOf(StartsWith("in: holds 2 series"),
                           HasSubstr("--unit '386' --target 'http://a', which has 2")));
  EXPECT_INPUT_ERROR(ReadLink(kFcc, "fcc", {.unit = "5", .target = ""}),
                     HasSubstr("no row of this --unit"));
}

TEST(LinkFormatTest, WhatIsForFccIsRefusedElsewhere) {
  EXPECT_INPUT_ERROR(ReadLink("0 1\n1 1\n", "auto", {.unit = "386"}),
                     AllOf(HasSubstr("pensieve"), HasSubstr("--unit, --target and --hold-s")));
  EXPECT_INPUT_ERROR(ReadLink("0 1\n1 1\n", "pensieve", {.hold_s = 5}), HasSubstr("--hold-s"));
}

TEST(Iperf3Test, IntervalsAreTheSumOfTheirStreams) {
  const std::string text = R"({"start": {}, "intervals": [
    {"streams": [{"seconds": 1, "bits_per_second": 9e6, "omitted": true}],
     "sum": {"seconds": 1, "bits_per_second": 9e6, "omitted": true}},
    {"streams": [{"seconds": 1.5, "bits_per_second": 2e6, "omitted": false},
                 {"seconds": 1.5, "bits_per_second": 1e6, "omitted": false}]},
    {"streams": [], "sum": {"seconds": 0.000279, "bits_per_second": 5e5, "omitted": false}}],
   "end": {}})";
  EXPECT_EQ(RatesCsv(text), "seconds,mbps\n0,3\n1.5,0.5\n1.5001395,0.5\n");
  EXPECT_THAT(ReadLink(text).tally.left_out, ElementsAre(Pair("omitted by iperf3's --omit", 1)));
}

TEST(Iperf3Test, AFailedTestIsNoTrace) {
  EXPECT_INPUT_ERROR(ReadLink(R"({"start": {}, "intervals": [], "end": {}, "error": "no route"})"),
                     "in: iperf3 failed: no route");
  EXPECT_INPUT_ERROR(ReadLink(R"({"intervals": [{"streams": []}]})"),
                     StartsWith("in: 'intervals[0]' has neither"));
}

TEST(LinkFormatTest, WhatScenariosReadAsItIsIsCalledSo) {
  EXPECT_INPUT_ERROR(ReadLink("0\n1\n"), HasSubstr("scenarios read as it is"));
  EXPECT_INPUT_ERROR(ReadLink("seconds,mbps\n0,1\n"), HasSubstr("scenarios read as it is"));
  EXPECT_INPUT_ERROR(ReadLink("a b\n"),
                     AllOf(HasSubstr("none of the formats fcc, hsdpa"), HasSubstr("'a b'")));
  EXPECT_INPUT_ERROR(ReadLink("0 1\n", "pensiev"), StartsWith("there is no format 'pensiev'"));
}

// A last piece of another length than the one before it keeps its own.
TEST(LinkFormatTest, ThePeriodIsThePiecesLength) {
  for (const char* text :
       {"0 1\n4 8\n", "0 1\n1 8\n", "0 1\n1 8\n9 16\n", "0 1\n3 8\n4 16\n7 1\n"}) {
    const LinkTrace trace = ReadLink(text);
    double seconds = 0, megabits = 0;
    for (const LinkPiece& piece : trace.pieces) {
      seconds += static_cast<double>(piece.ns) / 1e9;
      megabits += piece.mbps * static_cast<double>(piece.ns) / 1e9;
    }
    const RateTrace rates = RateTrace::Parse(RateTraceCsv(trace), "out");
    EXPECT_NEAR(rates.period().value(), seconds, 1e-9) << text;
    EXPECT_NEAR(rates.Mean().value() * 8e-6, megabits / seconds, 1e-9) << text;
  }
}

}  // namespace
}  // namespace hat
