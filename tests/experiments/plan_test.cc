// Plans, with a script in place of 'hat simulate': what is run, run again, taken over, told.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "experiments/plan/run_plan.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/scenario_text.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::AllOf, testing::ElementsAre, testing::HasSubstr, testing::IsEmpty;
using testing::UnorderedElementsAre;

Plan PlanOf(const std::string& scenario, const std::string& group, int cells) {
  Plan plan;
  for (int seed = 1; seed <= cells; ++seed) {
    Cell& cell = plan.cells.emplace_back();
    cell.name = fmt::format("{}, seed {}", group, seed);
    cell.folder = fmt::format("runs/{}/seed-{}", group, seed);
    cell.scenario = scenario;
    cell.seed = static_cast<uint64_t>(seed);
  }
  return plan;
}

// $out and $seed hold what was asked for; each start is a line in `started`.
class PlanTest : public testing::Test {
 protected:
  PlanTest() {
    WriteFileAtomically(temp_ / "small.toml", SmallScenarioText());
    for (const char* profile : {"a-fast", "a-slow", "b", "cloud"}) {
      WriteFileAtomically(fmt::format("{}/{}.json", temp_.path(), profile), profile);
    }
    SetSimulator("");
    plan_ = PlanOf(temp_ / "small.toml", "a", 4);
    options_.program = {temp_ / "simulator"};
    options_.folder = temp_ / "out";
    options_.is_interrupted = [] { return false; };
    fs::create_directory(options_.folder);
  }

  // `body` runs before the results are written; 'exit' in it leaves them out.
  void SetSimulator(const std::string& body) {
    WriteFileAtomically(
        temp_ / "simulator",
        fmt::format("#!/bin/sh\ncd '{}'\n"
                    "for word; do case $last in --out) out=$word;; --seed) seed=$word;; esac; "
                    "last=$word; done\necho $seed >> started\n{}\n"
                    "mkdir \"$out\" && echo $seed > \"$out/summary.json\"\n",
                    temp_.path(), body));
    fs::permissions(temp_ / "simulator", fs::perms::owner_all);
  }

  PlanOutcome Run() {
    fs::remove(temp_ / "started");
    return PlanRun(plan_, options_).Run();
  }

  // The seeds, in the order of their starts.
  std::vector<std::string> Started() const {
    std::vector<std::string> seeds;
    if (!fs::exists(temp_ / "started")) return seeds;
    const std::string lines = ReadFile(temp_ / "started");
    for (size_t at = 0; at < lines.size(); at = lines.find('\n', at) + 1) {
      seeds.push_back(lines.substr(at, lines.find('\n', at) - at));
    }
    return seeds;
  }

  nlohmann::json Status() const {
    return nlohmann::json::parse(ReadFile(options_.folder + "/status.json"));
  }
  std::vector<std::string> States() const {
    std::vector<std::string> states;
    const nlohmann::json status = Status();
    for (const auto& cell : status.at("cells")) states.push_back(cell.at("state"));
    return states;
  }
  bool Has(const std::string& path) const { return fs::exists(options_.folder + "/" + path); }

  TempFolder temp_;
  Plan plan_;
  PlanOptions options_;
};

TEST_F(PlanTest, RunsEachCellInOrderAndKeepsBooks) {
  std::vector<int> told;
  options_.on_done = [&](int done) { told.push_back(done); };
  const PlanOutcome outcome = Run();
  EXPECT_EQ(outcome.done, 4);
  EXPECT_THAT(outcome.failures, IsEmpty());
  EXPECT_THAT(Started(), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(told, ElementsAre(0, 1, 2, 3, 4));
  EXPECT_EQ(ReadFile(options_.folder + "/runs/a/seed-3/summary.json"), "3\n");
  const nlohmann::json status = Status();
  EXPECT_EQ(status.at("done"), 4);
  EXPECT_EQ(status.at("pending"), 0);
  const nlohmann::json& cell = status.at("cells").at(2);
  EXPECT_EQ(cell.at("name"), "a, seed 3");
  EXPECT_EQ(cell.at("state"), "done");
  EXPECT_EQ(cell.at("attempts"), 1);
  EXPECT_EQ(cell.at("folder"), "runs/a/seed-3");
  EXPECT_EQ(cell.at("inputs").get<std::string>().size(), 64u);
}

TEST_F(PlanTest, RunsAsManyAtOnceAsItMay) {
  SetSimulator("mkdir here-$seed; while [ ! -d here-1 ] || [ ! -d here-2 ]; do sleep 0.01; done");
  options_.jobs = 2;
  EXPECT_EQ(Run().done, 4);
}

TEST_F(PlanTest, WhatIsDoneIsNotRunAgain) {
  SetSimulator("[ $seed = 3 ] && [ ! -e repaired ] && exit 1");
  options_.keeps_going = true;
  const PlanOutcome first = Run();
  EXPECT_EQ(first.done, 3);
  ASSERT_EQ(first.failures.size(), 1u);
  EXPECT_EQ(first.failures[0].cell, 2u);
  EXPECT_THAT(States(), ElementsAre("done", "done", "failed", "done"));
  WriteFileAtomically(temp_ / "repaired", "");
  std::vector<int> told;
  options_.on_done = [&](int done) { told.push_back(done); };
  EXPECT_EQ(Run().done, 4);
  EXPECT_THAT(Started(), ElementsAre("3"));
  EXPECT_THAT(told, ElementsAre(3, 4));
  EXPECT_EQ(Run().done, 4);
  EXPECT_THAT(Started(), IsEmpty());
}

TEST_F(PlanTest, WhateverTheResultsDependOnMakesCellsRunAgain) {
  Run();
  const std::map<std::string, std::function<void()>> changes = {
      {"a key", [&] { plan_.cells[1].overrides = {"workload.requests=7"}; }},
      {"the scenario",
       [&] { WriteFileAtomically(temp_ / "small.toml", "seed = 5\n" + SmallScenarioText()); }},
      {"a profile", [&] { WriteFileAtomically(temp_ / "a-slow.json", "slower"); }},
      {"the cloud's profile", [&] { WriteFileAtomically(temp_ / "cloud.json", "slower"); }},
      {"an argument", [&] { plan_.arguments = {"--check"}; }},
      {"the program", [&] { SetSimulator(":"); }},
  };
  for (const auto& [what, change] : changes) {
    SCOPED_TRACE(what);
    change();
    Run();
    const bool is_one_cells = what == "a key";
    // The scenario's seed is each cell's own.
    const size_t expected = is_one_cells ? 1 : what == "the scenario" ? 0 : 4;
    EXPECT_EQ(Started().size(), expected);
    Run();
    EXPECT_THAT(Started(), IsEmpty());
  }
}

TEST_F(PlanTest, ACellWhoseResultsAreGoneRunsAgain) {
  Run();
  fs::remove(options_.folder + "/runs/a/seed-2/summary.json");
  Run();
  EXPECT_THAT(Started(), ElementsAre("2"));
}

TEST_F(PlanTest, CellsThatArePlannedNoMoreGo) {
  Run();
  plan_ = PlanOf(temp_ / "small.toml", "a", 2);
  Run();
  EXPECT_THAT(Started(), IsEmpty());
  EXPECT_TRUE(Has("runs/a/seed-2"));
  EXPECT_FALSE(Has("runs/a/seed-3"));
  plan_ = PlanOf(temp_ / "small.toml", "b", 1);
  Run();
  EXPECT_FALSE(Has("runs/a"));
  EXPECT_TRUE(Has("runs/b/seed-1"));
}

TEST_F(PlanTest, AnEarlierPlansResultsAreCopied) {
  Run();
  options_.earlier = options_.folder;
  options_.folder = temp_ / "more";
  fs::create_directory(options_.folder);
  plan_ = PlanOf(temp_ / "small.toml", "a", 6);
  EXPECT_EQ(Run().done, 6);
  EXPECT_THAT(Started(), ElementsAre("5", "6"));
  EXPECT_EQ(ReadFile(options_.folder + "/runs/a/seed-2/summary.json"), "2\n");
  EXPECT_TRUE(fs::exists(options_.earlier + "/runs/a/seed-4/summary.json"));
}

TEST_F(PlanTest, AFailedCellIsTriedAgain) {
  SetSimulator(
      "[ $seed = 2 ] && [ $(grep -c 2 started) -lt 3 ] && mkdir \"$out\" "
      "out/runs/a/.seed-2.partial-7 && echo again >&2 && exit "
      "1");
  options_.retries = 2;
  EXPECT_EQ(Run().done, 4);
  EXPECT_THAT(Started(), ElementsAre("1", "2", "2", "2", "3", "4"));
  EXPECT_EQ(Status().at("cells").at(1).at("attempts"), 3);
  EXPECT_FALSE(Has("runs/a/.seed-2.partial-7")) << "what a killed attempt left";
  EXPECT_FALSE(Status().at("cells").at(1).contains("reason"));
}

TEST_F(PlanTest, UntilTheRetriesAreUsedUp) {
  SetSimulator("[ $seed = 2 ] && echo 'hat simulate: no room' >&2 && exit 1");
  options_.retries = 1;
  const PlanOutcome outcome = Run();
  ASSERT_EQ(outcome.failures.size(), 1u);
  EXPECT_EQ(outcome.failures[0].reason, "no room");
  EXPECT_EQ(outcome.failures[0].exit_code, 1);
  EXPECT_THAT(Started(), ElementsAre("1", "2", "2")) << "and no more start";
  EXPECT_THAT(States(), ElementsAre("done", "failed", "pending", "pending"));
  EXPECT_EQ(Status().at("cells").at(1).at("reason"), "no room");
}

TEST_F(PlanTest, BadInputGetsNoBetterByTryingAgain) {
  SetSimulator("[ $seed = 2 ] && exit 2");
  options_.retries = 3;
  const PlanOutcome outcome = Run();
  ASSERT_EQ(outcome.failures.size(), 1u);
  EXPECT_EQ(outcome.failures[0].reason, "ended with code 2");
  EXPECT_THAT(Started(), ElementsAre("1", "2"));
}

TEST_F(PlanTest, ADeathIsToldByItsSignal) {
  SetSimulator("kill -9 $$");
  EXPECT_EQ(Run().failures.at(0).reason, "ended by signal 9 (Killed)");
}

TEST_F(PlanTest, OfFailuresSideBySideTheFirstCellsIsTold) {
  SetSimulator("[ $seed = 1 ] && sleep 0.3; exit 1");
  options_.jobs = 2;
  const PlanOutcome outcome = Run();
  ASSERT_EQ(outcome.failures.size(), 1u);
  EXPECT_EQ(outcome.failures[0].cell, 0u);
  options_.keeps_going = true;
  EXPECT_EQ(Run().failures.size(), 4u);
}

TEST_F(PlanTest, AFailureStopsThoseAfterItWhichHaveNotFailed) {
  SetSimulator(
      "[ $seed = 1 ] && { while [ $(grep -c . started) -lt 3 ]; do sleep 0.01; done; "
      "exit 1; }\nexec sleep 20");
  options_.jobs = 3;
  const PlanOutcome outcome = Run();
  ASSERT_EQ(outcome.failures.size(), 1u);
  EXPECT_THAT(States(), ElementsAre("failed", "pending", "pending", "pending"));
}

// Ctrl-C reaches the children too, which then fail on their own, with something written.
TEST_F(PlanTest, AnInterruptStopsAllAndFailsNone) {
  SetSimulator(
      "[ -e go ] || { trap 'kill $!; mkdir -p \"$out\"; touch \"$out/summary.json\"; exit 1' TERM; "
      "touch waits-$seed; sleep 100 & wait $!; }");
  options_.jobs = 2;
  options_.is_interrupted = [&] {
    return fs::exists(temp_ / "waits-1") && fs::exists(temp_ / "waits-2");
  };
  const PlanOutcome outcome = Run();
  EXPECT_TRUE(outcome.is_interrupted);
  EXPECT_EQ(outcome.done, 0);
  EXPECT_THAT(outcome.failures, IsEmpty());
  EXPECT_THAT(Started(), UnorderedElementsAre("1", "2"));
  EXPECT_THAT(States(), ElementsAre("pending", "pending", "pending", "pending"));
  WriteFileAtomically(temp_ / "go", "");
  options_.is_interrupted = [] { return false; };
  EXPECT_EQ(Run().done, 4);
  EXPECT_THAT(Started(), UnorderedElementsAre("1", "2", "3", "4")) << "what was cut off too";
}

TEST_F(PlanTest, CommandsAreForAShell) {
  Cell cell = plan_.cells[2];
  cell.scenario = "my.toml";
  cell.overrides = {"system.name=hat", "fleet.class=[{name=\"it's\", count=1}]"};
  EXPECT_EQ(CommandOf(plan_, cell),
            "hat simulate my.toml --set system.name=hat --set "
            "'fleet.class=[{name=\"it'\\''s\", count=1}]' --seed 3");
}

TEST_F(PlanTest, ACellThatCannotBeRunIsBadInput) {
  plan_.cells[3].overrides = {"workload.rate_per_s=0"};
  EXPECT_INPUT_ERROR(Run(), HasSubstr("workload.rate_per_s"));
  plan_.cells.pop_back();
  fs::remove(temp_ / "b.json");
  EXPECT_INPUT_ERROR(Run(), HasSubstr("b.json"));
  options_.program = {temp_ / "missing"};
  EXPECT_RUN_ERROR(Run(), AllOf(HasSubstr("missing"), HasSubstr("No such file")));
}

TEST_F(PlanTest, AStatusThatIsNoneIsRefused) {
  const auto refuse = [&](const std::string& text, const std::string& words) {
    WriteFileAtomically(options_.folder + "/status.json", text);
    EXPECT_INPUT_ERROR(Run(), AllOf(HasSubstr("status.json"), HasSubstr(words)));
  };
  refuse("{", "parse error");
  refuse("{}", "schema_version");
  refuse(R"({"schema_version": 2, "cells": []})", "schema_version");
  refuse(R"({"schema_version": 1, "cells": [{"folder": "a", "state": "lost", "attempts": 1,
         "inputs": ""}]})",
         "lost");
  // It would be removed.
  for (const char* folder : {"..", "../more", "a/../../more", "/tmp", "", "."}) {
    refuse(fmt::format(R"({{"schema_version": 1, "cells": [{{"folder": "{}", "state": "done",
                       "attempts": 1, "inputs": ""}}]}})",
                       folder),
           "below");
  }
}

}  // namespace
}  // namespace hat
