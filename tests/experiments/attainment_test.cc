#include "experiments/results/attainment.h"

#include <gmock/gmock.h>

#include "core/error.h"
#include "experiments/results/results.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::HasSubstr, testing::IsEmpty, testing::SizeIs;

constexpr char kHeader[] = "request,ttft_ms,tbt_ms,outcome,measured\n";

AttainmentCurves CurvesOf(const std::string& rows) {
  AttainmentSamples samples;
  samples.Add(kHeader + rows, "requests.csv");
  return std::move(samples).Curves();
}

TEST(AttainmentTest, ACurveHasTheTimesOfEveryPercentOfTheRequests) {
  const AttainmentCurves curves =
      CurvesOf("0,4,,completed,1\n1,1,,completed,1\n2,3,,completed,1\n3,2,,completed,1\n");
  ASSERT_THAT(curves.ttft_ms, SizeIs(kAttainmentPoints));
  EXPECT_DOUBLE_EQ(curves.ttft_ms[0], 1);
  EXPECT_DOUBLE_EQ(curves.ttft_ms[90], 3.7);  // the worked number of statistics.h
  EXPECT_DOUBLE_EQ(curves.ttft_ms[100], 4);
  EXPECT_THAT(curves.tbt_ms, IsEmpty());  // requests of one token
}

TEST(AttainmentTest, OnlyMeasuredRequestsThatCompletedCount) {
  const AttainmentCurves curves = CurvesOf(
      "0,9,9,completed,0\n1,5,7,completed,1\n2,8,8,failed,1\n3,8,,in_flight,1\n4,,,failed,1\n");
  EXPECT_THAT(curves.ttft_ms, testing::Each(5));
  EXPECT_THAT(curves.tbt_ms, testing::Each(7));
}

TEST(AttainmentTest, RunsArePooled) {
  AttainmentSamples samples;
  for (const char* row : {"0,1,1,completed,1\n", "0,3,1,completed,1\n"}) {
    samples.Add(std::string(kHeader) + row, "requests.csv");
  }
  EXPECT_DOUBLE_EQ(std::move(samples).Curves().ttft_ms[50], 2);
}

TEST(AttainmentTest, ReadsWhatARunWrites) {
  RecorderOptions options;
  options.classes = {"jetson"};
  options.class_of_device = {0};
  Recorder recorder(options);
  recorder.OnArrival({0, 0, 0, Milliseconds(0), 1, 3});
  recorder.OnTokens(0, 1, Milliseconds(40));
  recorder.OnTokens(0, 2, Milliseconds(60));
  recorder.OnEnd(0, Outcome::kCompleted, Milliseconds(60));
  AttainmentSamples samples;
  samples.Add(RequestsCsv(recorder), "requests.csv");
  const AttainmentCurves curves = std::move(samples).Curves();
  EXPECT_DOUBLE_EQ(curves.ttft_ms.at(50), 40);
  EXPECT_DOUBLE_EQ(curves.tbt_ms.at(50), 10);
}

TEST(AttainmentTest, WhatIsNoFileOfRequestsIsRefused) {
  AttainmentSamples samples;
  EXPECT_INPUT_ERROR(samples.Add("", "a.csv"), HasSubstr("a.csv: not the requests of a run"));
  EXPECT_INPUT_ERROR(samples.Add("ttft_ms,tbt_ms,outcome\n", "a.csv"), HasSubstr("'measured'"));
  EXPECT_INPUT_ERROR(samples.Add(std::string(kHeader) + "0,x,,completed,1\n", "a.csv"),
                     HasSubstr("'x' is no time"));
}

}  // namespace
}  // namespace hat
