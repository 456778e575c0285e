// The worked numbers of docs/metrics.md.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "core/files.h"
#include "experiments/results/results.h"
#include "experiments/results/vllm_json.h"
#include "tests/experiments/event_log.h"

namespace hat {
namespace {

using Json = nlohmann::json;

RecorderOptions OneDevice() {
  RecorderOptions options;
  options.classes = {"device"};
  options.class_of_device = {0};
  options.stages = 2;
  return options;
}

Json Summary(const Recorder& recorder) { return Json::parse(SummaryJson(recorder, RunInfo())); }

void ExpectNear(const Json& value, double expected) {
  ASSERT_TRUE(value.is_number()) << value;
  EXPECT_NEAR(value.get<double>(), expected, 5e-4);
}

TEST(MetricsPageTest, TheWorkedRequest) {
  Recorder recorder(OneDevice());
  Play(LifeOfOneRequest(), recorder);
  const Json summary = Summary(recorder);
  ExpectNear(summary["ttft_ms"]["mean"], 44);
  ExpectNear(summary["e2e_ms"]["mean"], 63);
  EXPECT_EQ(summary["tpot_ms"], summary["tbt_ms"]);
  ExpectNear(summary["tpot_ms"]["mean"], 9.5);
  ExpectNear(summary["ntpot_ms"]["mean"], 21);
  ExpectNear(summary["round_gap_ms"]["mean"], 19);
  ExpectNear(summary["itl_ms"]["mean"], 9.5);
  ExpectNear(summary["itl_ms"]["p90"], 17.1);
  const Json& parts = summary["tbt_parts_ms"];
  ExpectNear(parts["draft"], 2);
  ExpectNear(parts["upload"], 2);
  ExpectNear(parts["cloud_compute"], 3.5);
  ExpectNear(parts["download"], 1.5);
  ExpectNear(parts["head"], 0.5);
  const Json& bytes = summary["bytes_per_token"];
  ExpectNear(bytes["up"], 98.667);
  ExpectNear(bytes["down"], 50.667);
  ExpectNear(bytes["decode_up"], 40);
  ExpectNear(bytes["decode_down"], 40);
}

// Tokens at `tokens_ms` after the arrival at 0.
void Serve(Recorder& recorder, int id, const std::vector<double>& tokens_ms) {
  recorder.OnArrival({id, 0, 0, Ms(0), 4, static_cast<int>(tokens_ms.size())});
  for (const double at_ms : tokens_ms) recorder.OnTokens(id, 1, Ms(at_ms));
  recorder.OnEnd(id, Outcome::kCompleted, Ms(tokens_ms.back()));
}

TEST(MetricsPageTest, MeansWeighRequestsOrTokens) {
  Recorder recorder(OneDevice());
  Serve(recorder, 0, {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100});
  Serve(recorder, 1, {0, 110});
  ExpectNear(Summary(recorder)["tpot_ms"]["mean"], 60);
  ExpectNear(Summary(recorder)["itl_ms"]["mean"], 210.0 / 11);
}

TEST(MetricsPageTest, TheWorkedRounds) {
  Recorder recorder(OneDevice());
  recorder.OnArrival({0, 0, 0, Ms(0), 4, 7});
  recorder.OnTokens(0, 1, Ms(1));
  for (const auto& [drafted, accepted] : {std::pair(2, 2), {2, 0}, {1, 1}}) {
    recorder.OnRound({0, drafted, accepted, 0, 0, Ms(2)});
    recorder.OnTokens(0, 1 + accepted, Ms(2));
  }
  recorder.OnEnd(0, Outcome::kCompleted, Ms(2));
  const Json summary = Summary(recorder);
  EXPECT_EQ(summary["accept_length"], 2.0);
  EXPECT_EQ(summary["accepted_per_round"], Json::parse("[1, 1, 1]"));
  EXPECT_EQ(summary["drafted_by_position"], Json::parse("[3, 2]"));
  ASSERT_EQ(summary["acceptance_by_position"].size(), 2u);
  ExpectNear(summary["acceptance_by_position"][0], 0.667);
  ExpectNear(summary["acceptance_by_position"][1], 0.5);
  ExpectNear(summary["verified_per_token"], 1.333);
  const Json vllm = Json::parse(VllmJson(recorder, RunInfo()));
  ExpectNear(vllm["spec_decode_per_position_acceptance_rates"][0], 0.667);
  ExpectNear(vllm["spec_decode_per_position_acceptance_rates"][1], 0.333);
}

// Every key of a summary has its row in docs/formats.md, every definition one in docs/metrics.md.
TEST(MetricsPageTest, EveryKeyOfASummaryIsOnThePage) {
  Recorder recorder(OneDevice());
  Play(LifeOfOneRequest(), recorder);
  const std::string formats = ReadFile("docs/formats.md");
  const Json summary = Summary(recorder);
  for (const auto& [key, value] : summary.items()) {
    EXPECT_THAT(formats, testing::HasSubstr("`" + key)) << key;
  }
  const std::string page = ReadFile("docs/metrics.md");
  for (const char* key : {"ttft_ms", "tbt_ms", "tpot_ms", "ntpot_ms", "itl_ms", "round_gap_ms",
                          "e2e_ms", "accepted_per_round", "drafted_by_position",
                          "acceptance_by_position", "bytes_per_token", "verified_per_token"}) {
    EXPECT_THAT(page, testing::HasSubstr(key));
    EXPECT_TRUE(summary.contains(key)) << key;
  }
}

TEST(MetricsPageTest, EveryVllmKeyIsOnThePage) {
  Recorder recorder(OneDevice());
  Play(LifeOfOneRequest(), recorder);
  RunInfo info;
  info.rate_per_s = 6;
  const std::string page = ReadFile("docs/metrics.md");
  const Json vllm = Json::parse(VllmJson(recorder, info));
  for (const auto& [key, value] : vllm.items()) {
    if (key.ends_with("_ms")) continue;  // a row for all values of a metric
    EXPECT_THAT(page, testing::HasSubstr("`" + key + "`")) << key;
  }
}

}  // namespace
}  // namespace hat
