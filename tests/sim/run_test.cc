// One run as a function: what it gives back, writes and refuses. On fibers, so one after the other
// in this process.
#include "sim/run.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "experiments/scenario/input_files.h"
#include "tests/core/expect_error.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr, testing::StartsWith;

class RunTest : public testing::Test {
 protected:
  RunTest() { options_.out = toy_ / "out"; }

  RunResult Run(const std::vector<std::string>& overrides = {}) {
    return hat::Run(toy_.Load(overrides), options_);
  }
  nlohmann::json Summary() const {
    return nlohmann::json::parse(ReadFile(toy_ / "out/summary.json"));
  }

  Toy toy_;
  RunOptions options_;
};

TEST_F(RunTest, GivesBackWhatItWrites) {
  options_.keeps_gaps = true;
  const RunResult first = Run();
  EXPECT_EQ(first.summary_json, ReadFile(toy_ / "out/summary.json"));
  EXPECT_EQ(Summary().at("requests").at("completed"), 1);
  EXPECT_EQ(first.recorder->rows().size(), 1u);
  EXPECT_EQ(first.info.engine, "fibers");
  for (const char* name : {"requests.csv", "gaps.csv", "manifest.json"}) {
    EXPECT_TRUE(fs::exists(toy_ / "out/" + name)) << name;
  }
  EXPECT_INPUT_ERROR(Run(), HasSubstr("exists and is not empty"));
  options_.replaces = true;
  options_.keeps_gaps = false;
  EXPECT_EQ(Run().summary_json, first.summary_json);
  EXPECT_FALSE(fs::exists(toy_ / "out/gaps.csv"));
}

TEST_F(RunTest, VllmsKeysAreWrittenWhereAskedFor) {
  EXPECT_FALSE(Run().vllm_json);
  EXPECT_FALSE(fs::exists(toy_ / "out/vllm.json"));
  options_.replaces = true;
  options_.makes_vllm = true;
  const RunResult result = Run();
  EXPECT_EQ(*result.vllm_json, ReadFile(toy_ / "out/vllm.json"));
  const auto json = nlohmann::json::parse(*result.vllm_json);
  EXPECT_EQ(json.at("model_id"), "vicuna-7b");
  EXPECT_EQ(json.at("completed"), 1);
  EXPECT_EQ(json.at("mean_ttft_ms"), Summary().at("ttft_ms").at("mean"));
  EXPECT_EQ(json.at("p99_tpot_ms"), Summary().at("tpot_ms").at("p99"));
  EXPECT_EQ(json.at("mean_itl_ms"), Summary().at("round_gap_ms").at("mean"));
}

TEST_F(RunTest, WritesNothingUnasked) {
  options_.out.clear();
  Run();
  EXPECT_FALSE(fs::exists(toy_ / "out"));
}

TEST_F(RunTest, TellsMoreOnlyWhereAsked) {
  options_.replaces = true;
  const RunResult plain = Run();
  EXPECT_FALSE(plain.explanation);
  EXPECT_FALSE(plain.lawful_events);
  options_.explained = 0;
  options_.checks_laws = true;
  const RunResult more = Run();
  EXPECT_THAT(more.explanation.value_or(""), StartsWith("Request 0 on device 0"));
  EXPECT_GT(more.lawful_events.value_or(0), 10);
}

TEST_F(RunTest, EndedEarlyItIsPartialAndStillWritten) {
  options_.checks_laws = true;
  options_.explained = 49;  // has not come by then
  options_.on_progress = [](const SimulationProgress& now) { return now.simulated < Seconds(1); };
  const RunResult result = Run({"workload.requests=50"});
  EXPECT_TRUE(result.info.is_partial);
  EXPECT_FALSE(result.explanation);
  EXPECT_EQ(Summary().at("partial"), true);
  EXPECT_LT(Summary().at("requests").at("arrived"), 50);
}

TEST_F(RunTest, ThatMeasuredNobodyIsRefusedUnlessSomebodyWatches) {
  const std::vector<std::string> none = {"workload.arrivals=poisson", "workload.rate_per_s=0.001",
                                         "workload.requests=100", "workload.duration_s=1"};
  EXPECT_INPUT_ERROR(Run(none), HasSubstr("no request arrived within workload.duration_s = 1"));
  EXPECT_FALSE(fs::exists(toy_ / "out"));
  Observer watches;
  options_.observers = {&watches};
  EXPECT_NO_THROW(Run(none));
}

TEST_F(RunTest, WhatIsNotPossibleIsAResultToo) {
  toy_.Write("device.json", [&] {
    std::string text = ReadFile(toy_ / "device.json");
    return text.replace(text.find("64000000000"), 11, "8000000000");
  }());
  options_.timeline = toy_ / "timeline.json";
  const RunResult result = Run({"system.name=device-only"});
  EXPECT_EQ(result.recorder, nullptr);
  EXPECT_THAT(result.not_possible.value_or(""), HasSubstr("13.5 GB"));
  EXPECT_EQ(Summary().at("not_possible"), *result.not_possible);
  EXPECT_FALSE(fs::exists(options_.timeline)) << "nothing was played";
}

TEST_F(RunTest, ADraftModelMustBeACloudsOfTheSameVocabularyWithAHeadForAWholeBatch) {
  const auto run = [this](const std::string& override) {
    return Run({"system.name=cloud-sd", override});
  };
  EXPECT_INPUT_ERROR(run("cloud.draft_profile=device.json"),
                     HasSubstr("must be cloud where a cloud's profile is wanted"));
  const std::string llama = fs::absolute("profiles/data/a6000_llama-3-8b_cloud.json");
  EXPECT_INPUT_ERROR(run("cloud.draft_profile=" + llama),
                     HasSubstr("'cloud.draft_profile' must be of a model with the vocabulary of "
                               "vicuna-7b, 32000; " +
                               llama + " has 128256 of llama-3-8b"));
  const std::string many = "workload.arrivals=poisson";  // 600 x 9 positions at most
  const auto run_many = [this, &many](const std::string& budget) {
    options_.replaces = true;
    return Run({"system.name=cloud-sd", many, "workload.rate_per_s=1", "workload.requests=600",
                "workload.outputs.tokens=1", budget});
  };
  EXPECT_INPUT_ERROR(run_many("cloud.token_budget=5000"),
                     HasSubstr("heads of up to 4096 rows, but a batch may have 5000"));
  EXPECT_FALSE(run_many("cloud.token_budget=4096").not_possible);
  EXPECT_FALSE(run("cloud.token_budget=5000").not_possible) << "one request";
}

TEST_F(RunTest, WithoutADraftModelACloudThatDraftsIsNotPossible) {
  std::string text = ReadFile(toy_.scenario_path());
  const std::string line = "draft_profile = \"draft.json\"\n";
  toy_.Write("toy.toml", text.erase(text.find(line), line.size()));
  EXPECT_EQ(Run({"system.name=cloud-sd", "cloud.token_budget=5000"}).not_possible,
            "the scenario names no draft model (cloud.draft_profile)");
  options_.replaces = true;
  EXPECT_FALSE(Run({"system.name=cloud-only"}).not_possible);
}

TEST_F(RunTest, ADraftModelIsAnInputWhereTheCloudDrafts) {
  const auto has_draft = [this](const std::string& system) {
    const auto paths = InputPathsOf(toy_.Load({"system.name=" + system}));
    return std::ranges::count(paths, toy_ / "draft.json") == 1;
  };
  EXPECT_TRUE(has_draft("cloud-sd"));
  EXPECT_FALSE(has_draft("cloud-only"));
  EXPECT_FALSE(has_draft("hat"));
}

}  // namespace
}  // namespace hat
