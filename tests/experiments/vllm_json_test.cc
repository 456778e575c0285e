#include "experiments/results/vllm_json.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tests/experiments/event_log.h"

namespace hat {
namespace {

using Json = nlohmann::json;

RecorderOptions Options(int warmup = 0) {
  RecorderOptions options;
  options.classes = {"device"};
  options.class_of_device = {0};
  options.stages = 2;
  options.warmup_requests = warmup;
  return options;
}

RunInfo Info() {
  RunInfo info;
  info.scenario = "tiny";
  info.system = "hat";
  info.model = "vicuna-7b";
  info.seed = 3;
  return info;
}

// Tokens at `tokens_ms`, each time by itself.
void Serve(Recorder& recorder, int id, double arrival_ms, const std::vector<double>& tokens_ms) {
  recorder.OnArrival({id, 0, 0, Ms(arrival_ms), 10, static_cast<int>(tokens_ms.size())});
  for (const double at_ms : tokens_ms) recorder.OnTokens(id, 1, Ms(at_ms));
  recorder.OnEnd(id, Outcome::kCompleted, Ms(tokens_ms.back()));
}

// One request, a draft of one token that is kept: tokens at 44, 63, 63 ms.
TEST(VllmJsonTest, OneLifeHasVllmsFigures) {
  Recorder recorder(Options());
  Play(LifeOfOneRequest(), recorder);
  const Json json = Json::parse(VllmJson(recorder, Info()));
  const Json expected = Json::parse(R"({
    "label": "hat", "model_id": "vicuna-7b", "scenario": "tiny", "system": "hat",
    "world": "simulated", "seed": 3, "partial": false,
    "num_prompts": 1, "completed": 1, "failed": 0,
    "total_input_tokens": 3, "total_output_tokens": 3, "duration": 0.063,
    "max_concurrent_requests": 1,
    "spec_decode_acceptance_rate": 100.0, "spec_decode_acceptance_length": 2.0,
    "spec_decode_num_drafts": 1, "spec_decode_draft_tokens": 1, "spec_decode_accepted_tokens": 1,
    "spec_decode_per_position_acceptance_rates": [1.0],
    "mean_ttft_ms": 44.0, "median_ttft_ms": 44.0, "std_ttft_ms": 0.0, "p99_ttft_ms": 44.0,
    "mean_tpot_ms": 9.5, "median_tpot_ms": 9.5, "p99.9_tpot_ms": 9.5,
    "mean_itl_ms": 19.0, "p1_itl_ms": 19.0, "mean_e2el_ms": 63.0})");
  for (const auto& [key, value] : expected.items()) {
    ASSERT_TRUE(json.contains(key)) << key;
    EXPECT_EQ(json[key], value) << key;
  }
  EXPECT_NEAR(json["request_throughput"].get<double>(), 1 / 0.063, 1e-9);
  EXPECT_NEAR(json["output_throughput"].get<double>(), 3 / 0.063, 1e-9);
  EXPECT_NEAR(json["total_token_throughput"].get<double>(), 6 / 0.063, 1e-9);
}

// What vLLM's program writes, but for lists of every request and what only a server knows.
TEST(VllmJsonTest, EveryKeyIsVllmsOrNamesTheRun) {
  std::set<std::string> known = {
      // given by --metadata there
      "scenario", "system", "world", "seed", "partial",
      // vllm/benchmarks/serve.py
      "label", "model_id", "num_prompts", "request_rate", "duration", "completed", "failed",
      "total_input_tokens", "total_output_tokens", "request_throughput", "output_throughput",
      "total_token_throughput", "max_concurrent_requests", "spec_decode_acceptance_rate",
      "spec_decode_acceptance_length", "spec_decode_num_drafts", "spec_decode_draft_tokens",
      "spec_decode_accepted_tokens", "spec_decode_per_position_acceptance_rates"};
  for (const char* metric : {"ttft", "tpot", "itl", "e2el"}) {
    for (const char* value : {"mean", "median", "std", "p1", "p5", "p10", "p25", "p50", "p75",
                              "p90", "p95", "p99", "p99.9"}) {
      known.insert(std::string(value) + "_" + metric + "_ms");
    }
  }
  Recorder recorder(Options());
  Play(LifeOfOneRequest(), recorder);
  RunInfo info = Info();
  info.rate_per_s = 6;
  const Json json = Json::parse(VllmJson(recorder, info));
  std::set<std::string> written;
  for (const auto& [key, value] : json.items()) written.insert(key);
  EXPECT_EQ(written, known);
}

TEST(VllmJsonTest, WhatWasNotMeasuredIsLeftOut) {
  Recorder recorder(Options());
  Serve(recorder, 0, 0, {5});
  const Json one_token = Json::parse(VllmJson(recorder, Info()));
  EXPECT_TRUE(one_token.contains("mean_ttft_ms"));
  for (const char* key : {"mean_tpot_ms", "mean_itl_ms", "spec_decode_acceptance_rate",
                          "spec_decode_num_drafts", "request_rate"}) {
    EXPECT_FALSE(one_token.contains(key)) << key;
  }
  const Json nothing = Json::parse(VllmJson(Recorder(Options()), Info()));
  EXPECT_EQ(nothing["completed"], 0);
  EXPECT_FALSE(nothing.contains("mean_ttft_ms"));
  EXPECT_FALSE(nothing.contains("request_throughput"));
}

// np.std divides by n: of 10 and 30 it is 10.
TEST(VllmJsonTest, DeviationsDivideByN) {
  Recorder recorder(Options());
  Serve(recorder, 0, 0, {10});
  Serve(recorder, 1, 100, {130});
  const Json json = Json::parse(VllmJson(recorder, Info()));
  EXPECT_NEAR(json["std_ttft_ms"].get<double>(), 10, 1e-9);
  EXPECT_NEAR(json["p75_ttft_ms"].get<double>(), 25, 1e-9);
}

// From 0 to 50 ms, 20 to 80, 50 to 70: the first has gone when the last comes.
TEST(VllmJsonTest, ConcurrencyIsThePeakOfHalfOpenIntervals) {
  Recorder recorder(Options());
  Serve(recorder, 0, 0, {50});
  Serve(recorder, 1, 20, {80});
  Serve(recorder, 2, 50, {70});
  const Json json = Json::parse(VllmJson(recorder, Info()));
  EXPECT_EQ(json["max_concurrent_requests"], 2);
  EXPECT_NEAR(json["duration"].get<double>(), 0.08, 1e-12);
}

TEST(VllmJsonTest, WarmUpDoesNotCountAndFailuresAfterItDo) {
  Recorder recorder(Options(1));
  Serve(recorder, 0, 0, {50});
  Serve(recorder, 1, 50, {80, 90});
  recorder.OnArrival({2, 0, 0, Ms(95), 10, 5});
  recorder.OnEnd(2, Outcome::kFailed, Ms(99));
  const Json json = Json::parse(VllmJson(recorder, Info()));
  EXPECT_EQ(json["completed"], 1);
  EXPECT_EQ(json["failed"], 1);
  EXPECT_EQ(json["num_prompts"], 2);
  EXPECT_EQ(json["total_output_tokens"], 2);
  EXPECT_NEAR(json["duration"].get<double>(), 0.04, 1e-12);
}

// Drafts of 2 and 2 tokens of which 2 and 0 are kept, and a round without a draft: vLLM counts
// two drafts, and each position over both.
TEST(VllmJsonTest, ARoundWithoutADraftIsNoDraft) {
  Recorder recorder(Options());
  recorder.OnArrival({0, 0, 0, Ms(0), 10, 6});
  recorder.OnTokens(0, 1, Ms(1));
  for (const auto& [drafted, accepted] : {std::pair(2, 2), {2, 0}, {0, 0}}) {
    recorder.OnRound({0, drafted, accepted, 0, 0, Ms(2)});
    recorder.OnTokens(0, 1 + accepted, Ms(2));
  }
  recorder.OnEnd(0, Outcome::kCompleted, Ms(2));
  const Json json = Json::parse(VllmJson(recorder, Info()));
  EXPECT_EQ(json["spec_decode_num_drafts"], 2);
  EXPECT_EQ(json["spec_decode_acceptance_length"], 2.0);
  EXPECT_EQ(json["spec_decode_acceptance_rate"], 50.0);
  EXPECT_EQ(json["spec_decode_per_position_acceptance_rates"], Json::parse("[0.5, 0.5]"));
}

}  // namespace
}  // namespace hat
