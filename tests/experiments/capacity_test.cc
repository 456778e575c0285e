// The search for the largest rate, on pure functions, and what counts as meeting an objective.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/csv.h"
#include "core/random.h"
#include "experiments/capacity/objectives.h"
#include "experiments/capacity/report.h"
#include "experiments/capacity/search.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf, testing::ElementsAre, testing::HasSubstr;

constexpr double kTolerance = 0.02;

// Searches to the end; `at` says what a rate shows.
CapacitySearch SearchFrom(double start, const std::function<Trial(double)>& at) {
  CapacitySearch search(start, kTolerance);
  for (int i = 0; i < 100 && search.Next(); ++i) {
    const Trial trial = at(*search.Next());
    search.Take(trial.holds, trial.is_sure);
  }
  EXPECT_FALSE(search.Next()) << "it does not end";
  return search;
}

Trial HoldsUpTo(double limit, double rate) { return {rate, rate <= limit, true}; }

std::vector<double> TriedRates(const CapacitySearch& search) {
  std::vector<double> rates;
  for (const Trial& trial : search.trials()) rates.push_back(trial.rate);
  return rates;
}

// The worked number of search.h.
TEST(CapacitySearchTest, TriesWhatThePageSays) {
  const auto search = SearchFrom(6, [](double rate) { return HoldsUpTo(10, rate); });
  EXPECT_THAT(TriedRates(search),
              ElementsAre(6, 12, 8.48528, 10.0908, 9.25326, 9.66294, 9.87453, 9.98206));
  const RateLimit limit = search.Limit();
  EXPECT_EQ(limit.kind, RateLimit::Kind::kFound);
  EXPECT_DOUBLE_EQ(*limit.rate, 9.98206);
  EXPECT_DOUBLE_EQ(*limit.low, 9.98206);
  EXPECT_DOUBLE_EQ(*limit.high, 10.0908);
  EXPECT_FALSE(limit.is_limited_by_seeds);
}

TEST(CapacitySearchTest, FindsAnyLimitToItsToleranceFromAnyStart) {
  for (const double start : {0.01, 1.0, 6.0, 1e5}) {
    for (const double ratio : {0.002, 0.3, 0.999, 1.0, 1.001, 7.0, 900.0}) {
      const double limit = start * ratio;
      const auto search = SearchFrom(start, [=](double rate) { return HoldsUpTo(limit, rate); });
      const RateLimit found = search.Limit();
      ASSERT_EQ(found.kind, RateLimit::Kind::kFound) << start << " " << ratio;
      EXPECT_LE(*found.rate, limit);
      EXPECT_GT(*found.high, limit);
      EXPECT_LE(*found.high / *found.low, 1 + kTolerance);
    }
  }
}

TEST(CapacitySearchTest, SearchesFromOneStartTryTheSameRates) {
  const auto low = TriedRates(SearchFrom(6, [](double rate) { return HoldsUpTo(5, rate); }));
  const auto high = TriedRates(SearchFrom(6, [](double rate) { return HoldsUpTo(5.3, rate); }));
  EXPECT_EQ(low[0], high[0]);
  EXPECT_EQ(low[1], high[1]);
  EXPECT_EQ(low[2], high[2]);
}

TEST(CapacitySearchTest, WhatNeverHoldsAndWhatAlwaysDoesEnds) {
  const auto never = SearchFrom(6, [](double rate) { return Trial{rate, false, true}; });
  EXPECT_EQ(never.trials().size(), size_t{kMostDoublings + 1});
  EXPECT_EQ(never.Limit().kind, RateLimit::Kind::kNeverHolds);
  EXPECT_FALSE(never.Limit().rate);
  EXPECT_NEAR(never.trials()[*never.FailingTrial()].rate, 6.0 / 1024, 1e-8);
  const auto always = SearchFrom(6, [](double rate) { return Trial{rate, true, true}; });
  EXPECT_EQ(always.Limit().kind, RateLimit::Kind::kAlwaysHolds);
  EXPECT_DOUBLE_EQ(*always.Limit().rate, 6144);
  EXPECT_FALSE(always.FailingTrial());
}

// Unsure within a fifth of the limit on both sides.
TEST(CapacitySearchTest, NoiseWidensTheIntervalAndNotTheBracket) {
  const auto search = SearchFrom(6, [](double rate) {
    return Trial{rate, rate <= 10, std::abs(std::log(rate / 10)) > std::log(1.2)};
  });
  const RateLimit limit = search.Limit();
  EXPECT_NEAR(*limit.rate, 10, 0.2);
  EXPECT_TRUE(limit.is_limited_by_seeds);
  EXPECT_LT(*limit.low, 10 / 1.2);
  EXPECT_GT(*limit.low, 10 / 1.5);
  EXPECT_GT(*limit.high, 10 * 1.2);
  EXPECT_LT(*limit.high, 10 * 1.5);
}

TEST(CapacitySearchTest, WhereNothingIsSureTheIntervalIsOpen) {
  const auto search = SearchFrom(6, [](double rate) { return Trial{rate, rate <= 10, false}; });
  EXPECT_NEAR(*search.Limit().rate, 10, 0.2);
  EXPECT_FALSE(search.Limit().low);
  EXPECT_FALSE(search.Limit().high);
}

// Rates near the limit hold or not by chance: the bracket still ends at one that held, below one
// that did not, and the search ends.
TEST(CapacitySearchTest, AnAnswerThatIsNotMonotoneStillEndsInABracket) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    RngStream noise(seed, "noise");
    const auto search = SearchFrom(6, [&](double rate) {
      const bool is_near = rate > 7 && rate < 14;
      return Trial{rate, is_near ? noise.Uniform() < 0.5 : rate <= 7, !is_near};
    });
    const RateLimit limit = search.Limit();
    EXPECT_GE(*limit.rate, 6);
    EXPECT_LE(*limit.rate, 14);
    EXPECT_TRUE(search.trials()[*search.HoldingTrial()].holds);
    EXPECT_FALSE(search.trials()[*search.FailingTrial()].holds);
    EXPECT_TRUE(!limit.low || *limit.low <= 7.1);
    EXPECT_TRUE(!limit.high || *limit.high >= 14 / 1.1);
  }
}

// -- objectives

std::vector<RunFigures> TtftRuns(const std::vector<double>& ttft_p90_ms, int saturated = 0) {
  std::vector<RunFigures> runs;
  for (const double value : ttft_p90_ms) {
    RunFigures& run = runs.emplace_back();
    run.label = "simulated";
    run.system = "hat";
    run.seed = runs.size();
    run.is_saturated = runs.size() <= static_cast<size_t>(saturated);
    run.values.assign(ComparedMetrics().size(), std::numeric_limits<double>::quiet_NaN());
    run.values[MetricIndex("ttft_ms.p90")] = value;
    run.values[MetricIndex("tbt_ms.mean")] = value / 10;
  }
  return runs;
}

TEST(ObjectivesTest, AreNamedByMetricStatisticAndUnit) {
  const auto objectives = ParseObjectives("ttft_p90_ms=1500,tbt_mean_ms=0.5e2");
  ASSERT_EQ(objectives.size(), 2u);
  EXPECT_EQ(objectives[0].metric, "ttft_ms.p90");
  EXPECT_DOUBLE_EQ(objectives[0].bound, 1500);
  EXPECT_EQ(objectives[1].metric, "tbt_ms.mean");
  EXPECT_DOUBLE_EQ(objectives[1].bound, 50);
  EXPECT_THAT(ObjectiveNames(), testing::IsSupersetOf({"e2e_p99_ms", "ttft_p50_ms"}));
}

TEST(ObjectivesTest, MistakesListWhatIsKnown) {
  const auto known = AllOf(HasSubstr("unknown objective"), HasSubstr("ttft_p90_ms"));
  for (const char* text : {"ttft_p91_ms=1", "ttft_ms=1", "", "ttft_p90_ms=1,", "=5"}) {
    EXPECT_INPUT_ERROR(ParseObjectives(text), known);
  }
  for (const char* text : {"ttft_p90_ms", "ttft_p90_ms=", "ttft_p90_ms=0", "ttft_p90_ms=-1",
                           "ttft_p90_ms=nan", "ttft_p90_ms=inf", "ttft_p90_ms=1s"}) {
    EXPECT_INPUT_ERROR(ParseObjectives(text), HasSubstr("must be a number > 0"));
  }
  EXPECT_INPUT_ERROR(ParseObjectives("tbt_p90_ms=1,tbt_p90_ms=2"), HasSubstr("named twice"));
}

// Mean 2 with half-width 2.484, as in statistics.h.
TEST(ObjectivesTest, TheMeanOverSeedsDecidesAndItsIntervalSaysHowSurely) {
  const auto judge = [](double bound) {
    return Judge({{"ttft_p90_ms", "ttft_ms.p90", bound}}, TtftRuns({1, 2, 3}));
  };
  EXPECT_TRUE(judge(2).holds);
  EXPECT_FALSE(judge(2).is_sure);
  EXPECT_TRUE(judge(4.49).is_sure);
  EXPECT_FALSE(judge(4.48).is_sure);
  EXPECT_FALSE(judge(1.9).holds);
  EXPECT_FALSE(judge(1.9).is_sure);
  EXPECT_EQ(judge(1.9).worst, 0u);
  const RateFigures sure = Judge({{"ttft_p90_ms", "ttft_ms.p90", 1}}, TtftRuns({2, 2, 2}));
  EXPECT_FALSE(sure.holds);
  EXPECT_TRUE(sure.is_sure);
}

TEST(ObjectivesTest, OneSeedCountsAsSure) {
  EXPECT_TRUE(Judge({{"ttft_p90_ms", "ttft_ms.p90", 2}}, TtftRuns({2})).is_sure);
  EXPECT_TRUE(Judge({{"ttft_p90_ms", "ttft_ms.p90", 1}}, TtftRuns({2})).is_sure);
}

TEST(ObjectivesTest, ASaturatedRunDoesNotMeetThem) {
  const std::vector<Objective> objectives = {{"ttft_p90_ms", "ttft_ms.p90", 100}};
  const RateFigures one = Judge(objectives, TtftRuns({1, 2, 3}, 1));
  EXPECT_FALSE(one.holds);
  EXPECT_FALSE(one.is_sure);  // the seeds do not agree
  EXPECT_FALSE(one.worst);
  EXPECT_TRUE(Judge(objectives, TtftRuns({1, 2, 3}, 3)).is_sure);
}

TEST(ObjectivesTest, TheWorstIsTheOneFurthestAboveItsBound) {
  const std::vector<Objective> objectives = {{"ttft_p90_ms", "ttft_ms.p90", 15},
                                             {"tbt_mean_ms", "tbt_ms.mean", 1}};
  EXPECT_EQ(Judge(objectives, TtftRuns({20, 20})).worst, 1u);
}

TEST(ObjectivesTest, WhatWasNotMeasuredIsNotMet) {
  const RateFigures figures = Judge({{"e2e_p90_ms", "e2e_ms.p90", 1e9}}, TtftRuns({1, 1}));
  EXPECT_FALSE(figures.holds);
  EXPECT_FALSE(figures.values[0]);
}

// -- report

CapacityInfo CapacityInfoOfThree() {
  CapacityInfo info;
  info.scenario = "tiny";
  info.model = "vicuna-7b";
  info.seeds = {1, 2, 3};
  info.objectives = ParseObjectives("ttft_p90_ms=10");
  info.tolerance = kTolerance;
  return info;
}

// TTFT p90 = the rate.
CapacityPoint FoundPoint() {
  CapacityPoint point;
  point.system = "hat";
  point.scenario_rate = 6;
  point.devices = 30;
  point.gpus = 4;
  const auto search = SearchFrom(6, [&](double rate) {
    point.figures.push_back(Judge(CapacityInfoOfThree().objectives, TtftRuns({rate, rate, rate})));
    return Trial{rate, point.figures.back().holds, point.figures.back().is_sure};
  });
  point.limit = search.Limit();
  point.trials = search.trials();
  point.holding = search.HoldingTrial();
  point.failing = search.FailingTrial();
  return point;
}

TEST(CapacityReportTest, ClientsAskAsOftenAsTheScenariosDevices) {
  const CapacityPoint point = FoundPoint();
  EXPECT_DOUBLE_EQ(point.Clients(9), 45);
  EXPECT_DOUBLE_EQ(*point.ClientsPerGpu(9), 11.25);
  EXPECT_EQ(point.Binds(CapacityInfoOfThree().objectives), "ttft_p90_ms");
}

TEST(CapacityReportTest, JsonCsvAndTextSayTheSame) {
  const std::vector<CapacityPoint> points = {FoundPoint()};
  const auto json = nlohmann::json::parse(CapacityJson(points, CapacityInfoOfThree()));
  EXPECT_EQ(json["label"], "simulated");
  EXPECT_EQ(json["points"][0]["rate_per_s"], 9.98206);
  EXPECT_EQ(json["points"][0]["values"]["ttft_p90_ms"]["mean"], 9.98206);
  EXPECT_EQ(json["points"][0]["limited_by"], "tolerance");
  EXPECT_EQ(json["points"][0]["tried"].size(), 8u);
  const CsvFile csv = CsvFile::Parse(CapacityCsv(points, CapacityInfoOfThree()), "capacity.csv");
  const auto number = [&](const char* column) {
    return csv.Number(0, csv.ColumnIndex(column), Range::Between(0, 1e9));
  };
  EXPECT_DOUBLE_EQ(number("rate_per_s"), 9.98206);
  EXPECT_NEAR(number("clients"), 49.91, 0.01);
  EXPECT_NEAR(number("clients_per_gpu"), 12.48, 0.01);
  EXPECT_THAT(CapacityText(points, CapacityInfoOfThree()),
              AllOf(HasSubstr("hat           9.98  9.98 to 10.1     49.9  12.48  ttft_p90_ms"),
                    HasSubstr("Simulated; 3")));
}

TEST(CapacityReportTest, WhatHasNoLimitSaysWhy) {
  CapacityPoint impossible;
  impossible.system = "device-only";
  impossible.not_possible = "needs 13.5 GB, \"more\" than 8 GB";
  const std::string text = CapacityText({impossible}, CapacityInfoOfThree());
  EXPECT_THAT(text, HasSubstr("device-only is not possible: needs 13.5 GB"));
  const CsvFile csv =
      CsvFile::Parse(CapacityCsv({impossible}, CapacityInfoOfThree()), "capacity.csv");
  EXPECT_EQ(csv.Text(0, csv.ColumnIndex("state")), "not possible");
}

}  // namespace
}  // namespace hat
