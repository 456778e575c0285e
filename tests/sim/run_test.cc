// One run as a function: what it gives back, writes and refuses. In child processes, as every run.
#include "sim/run.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "tests/sim/child_run.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

using testing::HasSubstr;

class RunTest : public testing::Test {
 protected:
  // `tell` makes the text of the result, in the child.
  std::string Told(const std::vector<std::string>& overrides, const RunOptions& options,
                   const std::function<std::string(const RunResult&)>& tell) {
    return TextFromChild([&] { return tell(hat::Run(toy_.Load(overrides), options)); });
  }
  std::string Summary(const std::vector<std::string>& overrides, const RunOptions& options) {
    return Told(overrides, options, [](const RunResult& result) { return result.summary_json; });
  }

  Toy toy_;
};

TEST_F(RunTest, GivesBackWhatItWrites) {
  RunOptions options;
  options.out = toy_ / "out";
  options.keeps_gaps = true;
  const std::string summary = Summary({}, options);
  EXPECT_EQ(summary, ReadFile(toy_ / "out/summary.json"));
  EXPECT_EQ(nlohmann::json::parse(summary).at("requests").at("completed"), 1);
  for (const char* name : {"requests.csv", "gaps.csv", "manifest.json"}) {
    EXPECT_TRUE(std::filesystem::exists(toy_ / "out/" + name)) << name;
  }
  EXPECT_THROW(Summary({}, options), InputError) << "the folder is taken";
  options.replaces = true;
  EXPECT_EQ(Summary({}, options), summary);
}

TEST_F(RunTest, TellsMoreOnlyWhereAsked) {
  const auto told = [](const RunResult& result) {
    return fmt::format("{} requests, {} lawful events, explanation: {}",
                       result.recorder->rows().size(), result.lawful_events.value_or(-1),
                       result.explanation.value_or("none"));
  };
  EXPECT_EQ(Told({}, {}, told), "1 requests, -1 lawful events, explanation: none");
  RunOptions options;
  options.checks_laws = true;
  options.explained = 0;
  EXPECT_THAT(Told({}, options, told),
              testing::MatchesRegex("1 requests, [1-9][0-9]* lawful events, explanation: Request 0 "
                                    "on device 0(.|\n)*"));
}

TEST_F(RunTest, EndedEarlyItIsPartialAndStillWritten) {
  RunOptions options;
  options.out = toy_ / "out";
  options.checks_laws = true;
  options.explained = 49;  // has not come by then
  options.on_progress = [](const Progress& now) { return now.simulated < Seconds(1); };
  const std::string told = Told({"workload.requests=50"}, options, [](const RunResult& result) {
    return fmt::format("partial: {}, explained: {}", result.info.is_partial,
                       result.explanation.has_value());
  });
  EXPECT_EQ(told, "partial: true, explained: false");
  const auto summary = nlohmann::json::parse(ReadFile(toy_ / "out/summary.json"));
  EXPECT_EQ(summary.at("partial"), true);
  EXPECT_LT(summary.at("requests").at("arrived"), 50);
}

TEST_F(RunTest, ThatMeasuredNobodyIsRefusedUnlessSomebodyWatches) {
  const std::vector<std::string> none = {"workload.arrivals=poisson", "workload.rate_per_s=0.001",
                                         "workload.requests=100", "workload.duration_s=1"};
  RunOptions options;
  options.out = toy_ / "out";
  try {
    Summary(none, options);
    ADD_FAILURE();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no request arrived within workload.duration_s = 1"));
  }
  EXPECT_FALSE(std::filesystem::exists(toy_ / "out"));
  Observer watches;
  options.observers = {&watches};
  EXPECT_NO_THROW(Summary(none, options));
}

TEST_F(RunTest, WhatIsNotPossibleIsAResultToo) {
  toy_.Write("device.json", [&] {
    std::string text = ReadFile(toy_ / "device.json");
    return text.replace(text.find("64000000000"), 11, "8000000000");
  }());
  RunOptions options;
  options.out = toy_ / "out";
  options.timeline = toy_ / "timeline.json";
  const std::string told = Told({"system.name=device-only"}, options, [](const RunResult& result) {
    return result.recorder ? "played" : result.not_possible.value_or("");
  });
  EXPECT_THAT(told, HasSubstr("13.5 GB"));
  EXPECT_EQ(nlohmann::json::parse(ReadFile(toy_ / "out/summary.json")).at("not_possible"), told);
  EXPECT_FALSE(std::filesystem::exists(options.timeline)) << "nothing was played";
}

}  // namespace
}  // namespace hat
