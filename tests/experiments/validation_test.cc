// A validation from two runs' files to its table.
#include "experiments/validate/validation.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "experiments/validate/report.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf, testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::Not;

constexpr char kHeader[] =
    "request,device,prompt_row,prompt_tokens,output_tokens,arrival_s,ttft_ms,tbt_ms,e2e_ms,tokens,"
    "rounds,drafted,accepted,outcome,measured\n";

// Ten requests after one of warm-up; TTFT 100, 110, ... ms, times `ttft`; TBT 10 ms times `tbt`.
std::string RequestsOf(double ttft, double tbt) {
  std::string csv = kHeader;
  for (int id = 0; id < 11; ++id) {
    const double first = ttft * (100 + 10 * id), gap = tbt * 10;
    csv += fmt::format("{},0,0,5,21,{},{},{},{},21,10,15,10,completed,{}\n", id, id, first, gap,
                       first + 20 * gap, id > 0 ? 1 : 0);
  }
  return csv;
}

std::string SummaryOf(const std::string& label, double batch_tokens, double stage_ms) {
  return nlohmann::json{{"label", label},
                        {"saturated", false},
                        {"batch_tokens", {{"mean", batch_tokens}}},
                        {"stage_ms", {{"mean", stage_ms}}}}
      .dump();
}

RunOfSystem RunWith(const std::string& label, double ttft, double tbt, double stage_ms = 4) {
  return ReadRun(SummaryOf(label, 8, stage_ms), "summary.json", RequestsOf(ttft, tbt),
                 "requests.csv");
}

SystemValidation ValidatedAgainst(const std::string& system, RunOfSystem simulated,
                                  RunOfSystem live,
                                  const std::optional<Receipt>& receipt = std::nullopt) {
  return ValidateSystem(system, {{1, std::move(simulated), std::move(live), receipt, "live.csv"}});
}

SystemValidation Validated(const std::string& system, double ttft, double tbt) {
  return ValidatedAgainst(system, RunWith("simulated", 2 * ttft, tbt, 5),
                          RunWith("emulated", ttft, tbt));
}

ValidationInfo ToyInfo() {
  ValidationInfo info;
  info.scenario = "toy";
  info.model = "small";
  info.devices = 1;
  info.seeds = {1};
  return info;
}

TEST(ValidationTest, FiguresAreOfWhatWasMeasuredInBothWorlds) {
  const SystemValidation result = Validated("hat", 1, 1);
  EXPECT_EQ(result.measured, 10);
  EXPECT_DOUBLE_EQ(result.metrics[0][0].live, 155);  // without the warm-up's 100
  EXPECT_DOUBLE_EQ(result.metrics[0][0].simulated, 310);
  EXPECT_NEAR(result.metrics[0][3].error_percent(), 100, 1e-9);
  EXPECT_DOUBLE_EQ(result.metrics[3][0].live, 2);  // accept length
  EXPECT_DOUBLE_EQ(result.metrics[5][0].error_percent(), 25);
  EXPECT_TRUE(std::isnan(result.metrics[5][1].live)) << "no events, no percentiles";
  EXPECT_EQ(result.requests.size(), 10u);
  EXPECT_EQ(result.equality.compared, 11) << "the warm-up's too";
}

// Golden.
TEST(ValidationTest, TheTable) {
  EXPECT_EQ(ValidationText({Validated("hat", 1, 1)}, ToyInfo()),
            R"(toy: small, 1 device, seed 1. Error: simulated / live - 1; interval: bootstrap,
95%, 1000 resamples of the requests.

hat: simulated against emulated; 10 requests measured in both
                              simulated  emulated     error         95% interval
TTFT (ms)               mean      310.0     155.0  +100.00%  +100.00 to +100.00%
                         P50      310.0     155.0  +100.00%  +100.00 to +100.00%
                         P90      382.0     191.0  +100.00%  +100.00 to +100.00%
                         P99      398.2     199.1  +100.00%  +100.00 to +100.00%
TBT (ms)                mean     10.000    10.000    +0.00%      +0.00 to +0.00%
                         P50     10.000    10.000    +0.00%      +0.00 to +0.00%
                         P90     10.000    10.000    +0.00%      +0.00 to +0.00%
                         P99     10.000    10.000    +0.00%      +0.00 to +0.00%
E2E (ms)                mean      510.0     355.0   +43.66%    +40.83 to +46.52%
                         P50      510.0     355.0   +43.66%    +39.39 to +48.05%
                         P90      582.0     391.0   +48.85%    +44.75 to +50.00%
                         P99      598.2     399.1   +49.89%    +45.95 to +50.00%
accept length (tokens)  mean      2.000     2.000    +0.00%      +0.00 to +0.00%
                         P50      2.000     2.000    +0.00%      +0.00 to +0.00%
                         P90      2.000     2.000    +0.00%      +0.00 to +0.00%
                         P99      2.000     2.000    +0.00%      +0.00 to +0.00%
batch tokens (tokens)   mean      8.000     8.000    +0.00%                    -
stage time (ms)         mean      5.000     4.000   +25.00%                    -
11 of 11 requests equal in tokens, rounds, drafted and accepted.
The live run has no receipt.json: set-up and near-ties are not known.
Batches and stages by their means alone: the live run kept no events.jsonl.
)");
}

TEST(ValidationTest, TheReceiptSaysHowItWasServed) {
  Receipt receipt;
  receipt.time_scale = 4;
  receipt.overruns = {1000, 5, 2.5};
  receipt.lateness = {500, 12, 90, 4000};
  const RunOfSystem run = RunWith("emulated", 1, 1);
  const std::string text = ValidationText(
      {ValidatedAgainst("hat", RunWith("simulated", 1, 1), run, receipt)}, ToyInfo());
  EXPECT_THAT(text,
              AllOf(HasSubstr("against emulated, time scale 4;"),
                    HasSubstr("5 of 1000 paced operations overran (0.50%), by at most 2.5 ms"),
                    HasSubstr("late by 12 us at P50, 90 at P99, 4000 at most"),
                    Not(HasSubstr("no receipt.json"))));
}

SeedRuns SeedWith(uint64_t seed, double ttft, const Receipt& receipt) {
  return {seed, RunWith("simulated", 2 * ttft, 1), RunWith("emulated", ttft, 1), receipt,
          fmt::format("seed-{}.csv", seed)};
}

TEST(ValidationTest, SeedsArePooledRequestByRequest) {
  Receipt receipt;
  receipt.time_scale = 4;
  receipt.overruns = {1000, 5, 2.5};
  receipt.lateness = {500, 12, 90, 4000};
  Receipt other = receipt;
  other.overruns = {3000, 1, 7.5};
  other.lateness = {100, 40, 80, 50};
  std::vector<SeedRuns> runs = {SeedWith(7, 1, receipt), SeedWith(8, 3, other)};
  runs[1].live.requests[4].rounds = 11;
  const SystemValidation result = ValidateSystem("hat", runs);
  EXPECT_EQ(result.measured, 20);
  EXPECT_DOUBLE_EQ(result.metrics[0][0].live, (155 + 3 * 155) / 2.0);
  EXPECT_DOUBLE_EQ(result.metrics[0][0].error_percent(), 100);
  EXPECT_EQ(result.setup->overruns, (ReceiptOverruns{4000, 6, 7.5}));
  EXPECT_EQ(result.setup->lateness, (ReceiptLateness{600, 40, 90, 4000}));
  ValidationInfo info = ToyInfo();
  info.seeds = {7, 8};
  EXPECT_THAT(ValidationText({result}, info),
              AllOf(HasSubstr("toy: small, 1 device, seeds 7, 8."),
                    HasSubstr("each in the seed\nwhere it is worst"),
                    HasSubstr("  seed 8, request 4: rounds 10 simulated, 11 live; unexplained\n")));
  const auto json = nlohmann::json::parse(ValidationJson({result}, info));
  EXPECT_EQ(json["seeds"], nlohmann::json({7, 8}));
  EXPECT_EQ(json["systems"][0]["requests"]["seed"][9], 7);
  EXPECT_EQ(json["systems"][0]["requests"]["seed"][10], 8);
  runs[1].receipt->time_scale = 2;
  EXPECT_INPUT_ERROR(ValidateSystem("hat", runs),
                     HasSubstr("seed-8.csv: its time scale is 2, that of another seed's run 4"));
}

TEST(ValidationTest, RankingsAreByTheMeansOfEachWorld) {
  SystemValidation hat = Validated("hat", 1, 2), u_shape = Validated("u-shape", 3, 1);
  std::vector<Ranking> rankings = RankingsOf({hat, u_shape});
  EXPECT_THAT(rankings[0].simulated, ElementsAre("hat", "u-shape"));
  EXPECT_THAT(rankings[1].live, ElementsAre("u-shape", "hat"));
  EXPECT_TRUE(rankings[0].is_same() && rankings[1].is_same());
  EXPECT_THAT(ValidationText({hat, u_shape}, ToyInfo()),
              HasSubstr("By mean TBT, least first: u-shape, hat; the same in both worlds."));
  hat.metrics[0][0].simulated = 1e6;
  EXPECT_FALSE(RankingsOf({hat, u_shape})[0].is_same());
  EXPECT_THAT(ValidationText({hat, u_shape}, ToyInfo()),
              HasSubstr("u-shape, hat simulated, but hat, u-shape live: NOT"));
}

TEST(ValidationTest, RequirementsBoundErrorsEitherWay) {
  const SystemValidation result = Validated("hat", 1, 1);  // TTFT 100% off, TBT 0%
  ValidationInfo info = ToyInfo();
  EXPECT_THAT(Failures({result}, info), IsEmpty()) << "errors by themselves fail nothing";
  info.requirements = ParseRequirements("ttft_p50=101,tbt_p99=0.1,stage_mean=25.1");
  EXPECT_THAT(Failures({result}, info), IsEmpty());
  info.requirements = ParseRequirements("ttft_p50=99,stage_p50=50");
  EXPECT_THAT(Failures({result}, info),
              ElementsAre("hat: ttft_p50 is +100.00% off, --require allows 99%",
                          "hat: stage_p50 is - off, --require allows 50%"));
  EXPECT_INPUT_ERROR(ParseRequirements("ttft=3"), HasSubstr("unknown figure 'ttft'; known: ttft_"));
  EXPECT_INPUT_ERROR(ParseRequirements("ttft_p50"), HasSubstr("percent > 0, as ttft_p50=3"));
  EXPECT_INPUT_ERROR(ParseRequirements("ttft_p50=-1"), HasSubstr("got '-1'"));
  EXPECT_INPUT_ERROR(ParseRequirements("tbt_p50=1,tbt_p50=2"), HasSubstr("twice"));
}

TEST(ValidationTest, WhatDiffersIsListedAndFails) {
  RunOfSystem live = RunWith("emulated", 1, 1);
  for (int i = 0; i < 5; ++i) live.requests[static_cast<size_t>(i)].rounds = 11;
  live.requests[6].outcome = "failed";
  const SystemValidation result = ValidatedAgainst("hat", RunWith("simulated", 1, 1), live);
  EXPECT_EQ(result.measured, 9);
  EXPECT_THAT(ValidationText({result}, ToyInfo()),
              AllOf(HasSubstr("  request 0: rounds 10 simulated, 11 live; unexplained\n"),
                    HasSubstr("  request 6: completed simulated, failed live\n")));
  EXPECT_THAT(
      Failures({result}, ToyInfo()),
      ElementsAre(HasSubstr("of 11 requests 5 differ without a near-tie, 0 with one, 1 did")));
  const auto json = nlohmann::json::parse(ValidationJson({result}, ToyInfo()));
  EXPECT_EQ(json["holds"], false);
  EXPECT_EQ(json["systems"][0]["equality"]["unequal_requests"].size(), 5u);
  EXPECT_EQ(json["systems"][0]["equality"]["not_completed"], 1);
}

TEST(ValidationTest, JsonHasAllNumbers) {
  const auto json = nlohmann::json::parse(ValidationJson({Validated("hat", 1, 1)}, ToyInfo()));
  EXPECT_EQ(json["schema_version"], kValidationSchema);
  EXPECT_EQ(json["holds"], true);
  const auto& system = json["systems"][0];
  EXPECT_EQ(system["labels"]["live"], "emulated");
  EXPECT_EQ(system["metrics"]["ttft_ms"]["mean"]["simulated"], 310);
  EXPECT_EQ(system["metrics"]["ttft_ms"]["mean"]["difference"], 155);
  EXPECT_EQ(system["metrics"]["stage_ms"]["p50"]["live"], nullptr);
  EXPECT_EQ(system["requests"]["ttft_ms"]["live"].size(), 10u);
  EXPECT_EQ(system["curves"]["ttft_ms"]["live"].size(), 101u);
  EXPECT_EQ(system["curves"]["ttft_ms"]["live"][100], 200);
}

TEST(ValidationTest, RunsWithoutARequestInCommonAreRefused) {
  RunOfSystem live = RunWith("emulated", 1, 1);
  live.requests.resize(1);
  EXPECT_INPUT_ERROR(ValidatedAgainst("hat", RunWith("simulated", 1, 1), live),
                     HasSubstr("live.csv: no request after the warm-up completed in both worlds"));
  EXPECT_INPUT_ERROR(ReadRun("{}", "s.json", kHeader, "r.csv"),
                     HasSubstr("s.json: not the summary"));
  EXPECT_INPUT_ERROR(ReadRun(SummaryOf("emulated", 1, 1), "s.json", "a,b\n1,2\n", "r.csv"),
                     HasSubstr("r.csv"));
}

}  // namespace
}  // namespace hat
