#include "experiments/results/comparison.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/csv.h"
#include "core/terminal_text.h"
#include "experiments/results/comparison_report.h"
#include "experiments/results/results.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using Json = nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A run with one mean TTFT; TBT is a tenth of it.
RunFigures RunOf(const std::string& system, uint64_t seed, double ttft_ms) {
  RunFigures run;
  run.label = "simulated";
  run.system = system;
  run.seed = seed;
  run.values.assign(ComparedMetrics().size(), std::numeric_limits<double>::quiet_NaN());
  run.values[MetricIndex("ttft_ms.mean")] = ttft_ms;
  run.values[MetricIndex("ttft_ms.p90")] = 2 * ttft_ms;
  run.values[MetricIndex("tbt_ms.mean")] = ttft_ms / 10;
  return run;
}

RunFigures NotPossible(const std::string& system, uint64_t seed) {
  RunFigures run;
  run.label = "simulated";
  run.system = system;
  run.seed = seed;
  run.not_possible = "needs 13.5 GB, has 8 GB";
  return run;
}

std::vector<RunFigures> TwoSystems() {
  return {RunOf("hat", 1, 100), RunOf("u-shape", 1, 200), RunOf("hat", 2, 100),
          RunOf("u-shape", 2, 220)};
}

ComparisonInfo Info() {
  ComparisonInfo info;
  info.scenario = "tiny";
  info.model = "vicuna-7b";
  info.devices = 3;
  info.rate_per_s = 6;
  info.seeds = {1, 2};
  info.published = {{"hat", "ttft_ms.mean", 90, "ms", 6, "a paper"}};
  return info;
}

TEST(ComparisonTest, MeansHaveStudentIntervals) {
  const Comparison comparison = CompareRuns(TwoSystems());
  ASSERT_EQ(comparison.systems.size(), 2u);
  EXPECT_EQ(comparison.reference, "hat");
  const Estimate ttft = *comparison.systems[1].values[MetricIndex("ttft_ms.mean")];
  EXPECT_DOUBLE_EQ(ttft.mean, 210);
  EXPECT_NEAR(ttft.half_width, 12.7062 * std::sqrt(200) / std::sqrt(2), 0.01);
}

TEST(ComparisonTest, DifferencesArePairedBySeed) {
  const Comparison comparison = CompareRuns(TwoSystems());
  const Estimate versus = *comparison.systems[1].versus_percent[MetricIndex("ttft_ms.mean")];
  EXPECT_DOUBLE_EQ(versus.mean, 110);
  EXPECT_NEAR(versus.half_width, 12.7062 * std::sqrt(200) / std::sqrt(2), 0.01);
  EXPECT_FALSE(comparison.systems[0].versus_percent[MetricIndex("ttft_ms.mean")]);
}

// Seeds differ widely, the systems always by a fifth: the pairing shows it.
TEST(ComparisonTest, PairingRemovesWhatSeedsHaveInCommon) {
  std::vector<RunFigures> runs;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const double ttft_ms = 100.0 * static_cast<double>(seed);
    runs.push_back(RunOf("hat", seed, ttft_ms));
    runs.push_back(RunOf("u-shape", seed, 1.2 * ttft_ms));
  }
  const Comparison comparison = CompareRuns(runs);
  EXPECT_GT(comparison.systems[1].values[MetricIndex("ttft_ms.mean")]->half_width, 100);
  const Estimate versus = *comparison.systems[1].versus_percent[MetricIndex("ttft_ms.mean")];
  EXPECT_NEAR(versus.mean, 20, 1e-9);
  EXPECT_NEAR(versus.half_width, 0, 1e-9);
}

TEST(ComparisonTest, MissingFiguresStayMissing) {
  const Comparison comparison = CompareRuns(TwoSystems());
  EXPECT_FALSE(comparison.systems[0].values[MetricIndex("accept_length")]);
  EXPECT_FALSE(comparison.systems[1].versus_percent[MetricIndex("accept_length")]);
}

TEST(ComparisonTest, SaturatedRunsAndImpossibleSystemsAreCounted) {
  std::vector<RunFigures> runs = TwoSystems();
  runs[1].is_saturated = true;
  runs.push_back(NotPossible("device-only", 1));
  runs.push_back(NotPossible("device-only", 2));
  const Comparison comparison = CompareRuns(runs);
  EXPECT_EQ(comparison.systems[1].saturated_runs, 1);
  EXPECT_EQ(comparison.systems[2].not_possible, "needs 13.5 GB, has 8 GB");
  EXPECT_FALSE(comparison.systems[2].values[0]);
}

TEST(ComparisonTest, UnequalSeedsAreRefused) {
  std::vector<RunFigures> runs = TwoSystems();
  runs.pop_back();
  EXPECT_INPUT_ERROR(CompareRuns(runs), HasSubstr("were not run with the same seeds"));
}

TEST(ComparisonTest, PartialRunsAreRefused) {
  std::vector<RunFigures> runs = TwoSystems();
  runs[2].is_partial = true;
  EXPECT_INPUT_ERROR(CompareRuns(runs), HasSubstr("hat with seed 2 is partial"));
}

TEST(ComparisonTest, SummaryOfARunIsRead) {
  RecorderOptions options;
  options.classes = {"jetson"};
  options.class_of_device = {0};
  Recorder recorder(options);
  recorder.OnArrival({0, 0, 0, Milliseconds(0), 1, 3});
  recorder.OnTokens(0, 1, Milliseconds(40));
  recorder.OnTokens(0, 2, Milliseconds(60));
  recorder.OnEnd(0, Outcome::kCompleted, Milliseconds(60));
  RunInfo info;
  info.system = "hat";
  info.seed = 7;
  const RunFigures run = ParseSummary(SummaryJson(recorder, info), "summary.json");
  EXPECT_EQ(run.system, "hat");
  EXPECT_EQ(run.seed, 7u);
  EXPECT_FALSE(run.not_possible);
  EXPECT_DOUBLE_EQ(run.values[MetricIndex("ttft_ms.p99")], 40);
  EXPECT_DOUBLE_EQ(run.values[MetricIndex("tbt_ms.mean")], 10);
  EXPECT_DOUBLE_EQ(run.values[MetricIndex("ttft_parts_ms.queue")], 40);
  EXPECT_TRUE(std::isnan(run.values[MetricIndex("accept_length")]));
}

TEST(ComparisonTest, WhatIsNoSummaryIsRefused) {
  for (const char* text : {"", "{}", "[1]", R"({"label": 3})"}) {
    EXPECT_INPUT_ERROR(ParseSummary(text, "a/summary.json"),
                       testing::StartsWith("a/summary.json: not a summary"));
  }
}

TEST(ComparisonTest, DigestSeesWhatWasAskedAndNothingElse) {
  const std::string header = "request,device,prompt_row,prompt_tokens,output_tokens,arrival_s,x\n";
  const std::string digest = RequestsDigest(header + "0,1,2,3,4,0.5,9\n");
  EXPECT_EQ(RequestsDigest(header + "0,1,2,3,4,0.5,8\n"), digest);
  EXPECT_NE(RequestsDigest(header + "0,1,2,3,4,0.6,9\n"), digest);
  EXPECT_NE(RequestsDigest(header + "0,1,2,3,4,0.5,9\n1,1,2,3,4,0.7,9\n"), digest);
  EXPECT_NE(RequestsDigest(""), digest);
  EXPECT_EQ(RequestsDigest(header + "0,1,2,3,4,0.5"), digest);  // no end of line
}

TEST(ComparisonReportTest, TextIsATable) {
  std::vector<RunFigures> runs = TwoSystems();
  runs[1].is_saturated = true;
  runs.push_back(NotPossible("device-only", 1));
  runs.push_back(NotPossible("device-only", 2));
  EXPECT_EQ(ComparisonText(CompareRuns(runs), Info()),
            R"(tiny: vicuna-7b, 3 devices, 6 requests/s. Simulated; mean of 2 seeds ± 95%
confidence interval, differences paired by seed.

system             TTFT ms           vs hat         p90 ms
hat            100.0 ± 0.0                     200.0 ± 0.0
u-shape*     210.0 ± 127.1  +110.0 ± 127.1%  420.0 ± 254.1
device-only   not possible

system              TBT ms           vs hat  p90 ms  accept length
hat           10.00 ± 0.00                        -              -
u-shape*     21.00 ± 12.71  +110.0 ± 127.1%       -              -
device-only   not possible

* u-shape is saturated in 1 of 2 runs: queues grow as long as requests come, so
its times depend on the run's length
device-only is not possible: needs 13.5 GB, has 8 GB
)");
}

// Six systems under a load that none can serve: times of five digits that differ widely by seed.
TEST(ComparisonReportTest, TextFitsATerminal) {
  std::vector<RunFigures> runs;
  for (const uint64_t seed : {1, 2, 3}) {
    for (const char* system : {"device-only", "hat", "u-shape", "cloud-only"}) {
      RunFigures run = RunOf(system, seed, 23456.7 * static_cast<double>(1 + runs.size() % 5));
      run.values[MetricIndex("tbt_ms.mean")] = 998.76 - 100 * static_cast<double>(seed);
      run.values[MetricIndex("tbt_ms.p90")] = 12345.67;
      run.values[MetricIndex("accept_length")] = 2.04 + 0.1 * static_cast<double>(seed);
      run.is_saturated = true;
      runs.push_back(run);
    }
  }
  ComparisonInfo info = Info();
  info.seeds = {1, 2, 3};
  info.overrides = {"workload.rate_per_s=60", "workload.requests=100000", "fleet.scale=0.5"};
  const std::string text = ComparisonText(CompareRuns(runs), info);
  EXPECT_LE(ColumnsOfTable(text), kTerminalColumns) << text;
}

TEST(ComparisonReportTest, OneSeedHasNoIntervals) {
  ComparisonInfo info = Info();
  info.seeds = {1};
  const std::string text = ComparisonText(CompareRuns({RunOf("hat", 1, 100)}), info);
  EXPECT_THAT(text, AllOf(HasSubstr("one seed"), HasSubstr("100.0"), Not(HasSubstr("± "))));
}

TEST(ComparisonReportTest, MarkdownHasTheSameRows) {
  const std::string text = ComparisonMarkdown(CompareRuns(TwoSystems()), Info());
  EXPECT_THAT(text, HasSubstr("| system | TTFT ms | vs hat |"));
  EXPECT_THAT(text, HasSubstr("|---|--:|--:|--:|--:|--:|--:|--:|\n"));
  EXPECT_THAT(text, HasSubstr("| u-shape | 210.0 ± 127.1 | +110.0 ± 127.1% |"));
}

TEST(ComparisonReportTest, JsonHasAllNumbersAndWhatWasPublished) {
  std::vector<RunFigures> runs = TwoSystems();
  runs.push_back(NotPossible("device-only", 1));
  runs.push_back(NotPossible("device-only", 2));
  const Json json = Json::parse(ComparisonJson(CompareRuns(runs), Info()));
  EXPECT_EQ(json["label"], "simulated");
  EXPECT_EQ(json["reference"], "hat");
  const Json& u_shape = json["systems"][1];
  EXPECT_EQ(u_shape["metrics"]["ttft_ms.mean"]["mean"], 210);
  EXPECT_EQ(u_shape["metrics"]["ttft_ms.mean"]["unit"], "ms");
  EXPECT_NEAR(u_shape["metrics"]["ttft_ms.mean"]["versus_percent"]["mean"].get<double>(), 110,
              1e-9);
  EXPECT_TRUE(u_shape["metrics"]["accept_length"]["mean"].is_null());
  EXPECT_EQ(json["systems"][2]["not_possible"], "needs 13.5 GB, has 8 GB");
  EXPECT_EQ(json["published"][0]["value"], 90);
}

TEST(ComparisonReportTest, CsvHasALineASystemAndMetric) {
  std::vector<RunFigures> runs = TwoSystems();
  runs.push_back(NotPossible("device-only", 1));
  runs.push_back(NotPossible("device-only", 2));
  const CsvFile csv = CsvFile::Parse(ComparisonCsv(CompareRuns(runs)), "comparison.csv");
  const int metrics = static_cast<int>(ComparedMetrics().size());
  ASSERT_EQ(csv.rows(), 2 * metrics + 1);
  EXPECT_EQ(csv.Text(metrics, csv.ColumnIndex("metric")), "ttft_ms.mean");
  EXPECT_EQ(csv.Number(metrics, csv.ColumnIndex("mean"), Range()), 210);
  EXPECT_EQ(csv.Text(2 * metrics, csv.ColumnIndex("not_possible")), "needs 13.5 GB, has 8 GB");
}

}  // namespace
}  // namespace hat
