// hat compare: what it runs, collects, writes and says, and how it goes on.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/files.h"
#include "tests/core/program_run.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kScenario[] = "experiments/paper/spec_bench_7b.toml";
constexpr char kSmall[] = " --set workload.requests=40 --set workload.outputs.tokens=8";
// With seeds 1 and 6 no request arrives in time.
constexpr char kUnlucky[] =
    " --set workload.rate_per_s=1 --set workload.duration_s=1.5 --set workload.warmup_requests=0";

class CompareTest : public testing::Test {
 protected:
  // With the temporary folder for scratch.
  std::vector<std::string> Command(const std::string& arguments,
                                   std::vector<std::string> paths = {}) const {
    paths.insert(paths.begin(), {temp_.path(), HAT_BIN_DIR "/hat"});
    return Words("env TMPDIR={} {} compare " + std::string(kScenario) + arguments, paths);
  }

  // {} in the arguments is `results` in the temporary folder.
  ProgramRun Compare(const std::string& arguments) const {
    const bool has_folder = arguments.find("{}") != std::string::npos;
    return RunProgram(Command(
        arguments, has_folder ? std::vector{temp_ / "results"} : std::vector<std::string>()));
  }

  nlohmann::json Json(const std::string& path) const {
    return nlohmann::json::parse(ReadFile(temp_ / path));
  }

  TempFolder temp_;
};

TEST_F(CompareTest, RunsEachSystemWithEachSeedAndWritesAll) {
  const ProgramRun outcome =
      Compare(" --set workload.requests=40 --systems hat,u-shape --seeds 3 --jobs 2 --out {}");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("\nhat "), HasSubstr("\nu-shape ")));
  EXPECT_EQ(outcome.err, "6 simulations, 2 at once\nwrote " + (temp_ / "results") + "\n");
  const nlohmann::json json = Json("results/comparison.json");
  EXPECT_EQ(json["seeds"], nlohmann::json::parse("[1, 2, 3]"));
  EXPECT_FALSE(json["published"].empty());
  for (const int system : {0, 1}) {
    double sum = 0;
    for (const char* seed : {"1", "2", "3"}) {
      const std::string name = json["systems"][system]["system"];
      sum += Json("results/runs/" + name + "/seed-" + seed + "/summary.json")["ttft_ms"]["mean"]
                 .get<double>();
    }
    EXPECT_NEAR(json["systems"][system]["metrics"]["ttft_ms.mean"]["mean"], sum / 3, 1e-6);
  }
  EXPECT_THAT(ReadFile(temp_ / "results/comparison.png"), HasSubstr("PNG"));
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(temp_ / "results")) {
    names.insert(entry.path().filename());
  }
  EXPECT_THAT(names, ElementsAre("attainment.png", "comparison.csv", "comparison.json",
                                 "comparison.md", "comparison.png", "manifest.json", "runs"));
}

TEST_F(CompareTest, ARunIsThatOfHatSimulate) {
  ASSERT_EQ(
      Compare(kSmall + std::string(" --systems hat --seeds 2 --no-figure --out {}")).exit_code, 0);
  const ProgramRun alone = RunProgram(Words("{} simulate " + std::string(kScenario) + kSmall +
                                                " --set system.name=hat --seed 2 --quiet --out {}",
                                            {HAT_BIN_DIR "/hat", temp_ / "alone"}));
  ASSERT_EQ(alone.exit_code, 0) << alone.err;
  for (const char* name : {"summary.json", "requests.csv", "manifest.json"}) {
    EXPECT_EQ(ReadFile(temp_ / "results/runs/hat/seed-2/" + name),
              ReadFile(temp_ / "alone/" + name))
        << name;
  }
}

TEST_F(CompareTest, WithoutAFolderItLeavesNothingBehind) {
  const ProgramRun outcome = Compare(kSmall + std::string(" --systems hat --seeds 1"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("one seed"));
  EXPECT_THAT(temp_.List(), IsEmpty());
}

TEST_F(CompareTest, SameRunsWriteTheSameBytes) {
  for (const char* jobs : {"1", "3"}) {
    const ProgramRun outcome = RunProgram(
        Command(kSmall + std::string(" --systems hat,u-shape --seeds 2 --out {} --jobs ") + jobs,
                {temp_ / jobs}));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  for (const char* name :
       {"comparison.json", "comparison.csv", "comparison.md", "comparison.png", "manifest.json"}) {
    EXPECT_EQ(ReadFile(temp_ / "1/" + name), ReadFile(temp_ / "3/" + name)) << name;
  }
}

TEST_F(CompareTest, PublishedFiguresNeedThePublishedScenario) {
  const ProgramRun outcome = Compare(
      kSmall + std::string(" --systems hat --seeds 1 --no-figure --set fleet.scale=2 --out {}"));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(Json("results/comparison.json")["published"].empty());
  EXPECT_FALSE(fs::exists(temp_ / "results/comparison.png"));
}

TEST_F(CompareTest, BadCallsAreOneLineAndCodeTwo) {
  fs::create_directory(temp_ / "results");
  WriteFileAtomically(temp_ / "results/data", "x");
  const struct {
    std::string arguments, problem;
  } cases[] = {
      {" --systems hat,warp-drive", "warp-drive"},
      {" --systems hat,hat", "named twice"},
      {" --set system.name=hat", "--systems"},
      {" --set workload.rate_per_s=0", "workload.rate_per_s"},
      {" --out {}", "not empty"},
      {" --seeds 0", "--seeds"},
      {" --jobs -1", "--jobs"},
  };
  for (const auto& [arguments, problem] : cases) {
    ExpectRefusal(Compare(arguments), "hat compare: ", problem);
  }
}

TEST_F(CompareTest, OfFailedRunsTheFirstInOrderIsTold) {
  const ProgramRun outcome =
      Compare(kUnlucky + std::string(" --systems u-shape,hat --jobs 9 --seeds 6 --quiet"));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, AllOf(testing::StartsWith("hat compare: u-shape, seed 1: "),
                                 HasSubstr("no request arrived")));
  EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1);
}

TEST_F(CompareTest, AFailedRunIsShownWithTheCommandToSeeItAlone) {
  const ProgramRun outcome = Compare(kUnlucky + std::string(" --systems hat --jobs 1 --seeds 4"));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("4 simulations, 1 at once\nhat, seed 1: "),
                    HasSubstr("\n  alone: hat simulate "),
                    HasSubstr(" --set system.name=hat --seed 1\nhat compare: hat, seed 1: ")));
  EXPECT_THAT(temp_.List(), IsEmpty());
}

TEST_F(CompareTest, KeepingGoingRunsTheOthersToo) {
  const ProgramRun outcome = Compare(
      kUnlucky + std::string(" --systems hat,u-shape --seeds 9 --keep-going --quiet --out {}"));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("simulations failed; the first: hat, seed 1: "),
                                 HasSubstr("of 18 simulations are done and stay in '" +
                                           (temp_ / "results.unfinished") +
                                           "': the same command goes on there")));
}

TEST_F(CompareTest, WithoutAFolderAnInterruptStopsAtOnceAndLeavesNothing) {
  StartedProgram comparison(
      Command(" --systems hat --jobs 2 --set workload.requests=500000 --no-figure"));
  // Both simulations run once their folders are there.
  const auto count = [&](const char* folder) {
    std::error_code error;
    int names = 0;
    for (const auto& scratch : fs::directory_iterator(temp_.path(), error)) {
      for (const auto& entry : fs::directory_iterator(scratch.path() / folder, error)) {
        names += !entry.path().filename().string().starts_with('.');
      }
    }
    return names;
  };
  EXPECT_TRUE(comparison.RunsUntil([&] { return count("work") == 2; }));
  const ProgramRun outcome = comparison.Wait(SIGINT);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err,
            "5 simulations, 2 at once\nhat compare: interrupted; nothing was written\n");
  EXPECT_THAT(temp_.List(), IsEmpty());
}

// Runs hat with four seeds, one after the other.
class ResumeTest : public CompareTest {
 protected:
  std::vector<std::string> FourSeeds(const std::string& more = "") const {
    return Command(
        " --set workload.requests=400 --systems hat --seeds 4 --jobs 1 --no-figure --out {}" + more,
        {temp_ / "results"});
  }

  std::vector<fs::path> Done() const {
    std::vector<fs::path> units;
    std::error_code error;
    for (const auto& unit : fs::directory_iterator(temp_ / "results.unfinished/units", error)) {
      units.push_back(unit.path());
    }
    return units;
  }
  // Marks what is done, to be found again: runs that are run anew have no mark.
  int Mark() const {
    const std::vector<fs::path> done = Done();
    for (const fs::path& unit : done) std::ofstream(unit / "mark");
    return static_cast<int>(done.size());
  }
  int Marked() const {
    int marked = 0;
    for (const auto& run : fs::directory_iterator(temp_ / "results/runs/hat")) {
      marked += fs::exists(run.path() / "mark");
    }
    return marked;
  }
};

TEST_F(ResumeTest, AKilledComparisonGoesOnWhereItWas) {
  StartedProgram comparison(FourSeeds());
  ASSERT_TRUE(comparison.RunsUntil([&] { return !Done().empty(); }));
  EXPECT_EQ(comparison.Wait(SIGKILL).exit_code, -SIGKILL);
  EXPECT_FALSE(fs::exists(temp_ / "results"));
  const int done = Mark();
  ASSERT_LT(done, 4);
  const ProgramRun outcome = RunProgram(FourSeeds());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("4 simulations, " + std::to_string(done) +
                                     " of them done already, 1 at once\n"));
  EXPECT_EQ(Marked(), done);
  EXPECT_FALSE(fs::exists(temp_ / "results.unfinished"));
}

TEST_F(ResumeTest, AnInterruptedOneLetsItsRunEndAndSaysSo) {
  StartedProgram comparison(FourSeeds());
  ASSERT_TRUE(comparison.RunsUntil([&] { return !Done().empty(); }));
  const ProgramRun interrupted = comparison.Wait(SIGINT);
  EXPECT_EQ(interrupted.exit_code, 1) << interrupted.err;
  const int done = Mark();
  EXPECT_THAT(
      interrupted.err,
      testing::EndsWith("no other run starts; those that run end first (a second signal "
                        "ends all)\nhat compare: interrupted; " +
                        std::to_string(done) + " of 4 simulations are done and stay in '" +
                        (temp_ / "results.unfinished") + "': the same command goes on there\n"));
  EXPECT_EQ(RunProgram(FourSeeds()).exit_code, 0);
  EXPECT_EQ(Marked(), done);
}

TEST_F(ResumeTest, AnotherComparisonMayNotMeddle) {
  StartedProgram comparison(FourSeeds());
  ASSERT_TRUE(comparison.RunsUntil([&] { return !Done().empty(); }));
  const ProgramRun second = RunProgram(FourSeeds());
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_EQ(second.err,
            "hat compare: another program writes to '" + (temp_ / "results.unfinished") + "'\n");
  EXPECT_EQ(comparison.Wait().exit_code, 0);
}

TEST_F(ResumeTest, AFinishedOneTakesMoreSeeds) {
  ASSERT_EQ(RunProgram(FourSeeds()).exit_code, 0);
  std::ofstream(temp_ / "results/runs/hat/seed-2/mark");
  std::ofstream(temp_ / "results/runs/hat/seed-4/mark");
  ExpectRefusal(RunProgram(FourSeeds()), "hat compare: ", "exists and is not empty");
  const auto with_seeds = [&](const std::string& seeds, const std::string& more) {
    std::vector<std::string> words = FourSeeds(more);
    *(std::ranges::find(words, "--seeds") + 1) = seeds;
    return RunProgram(words);
  };
  const ProgramRun outcome = with_seeds("6", " --resume");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("6 simulations, 4 of them done already"));
  EXPECT_EQ(Marked(), 2);
  const std::string resumed = ReadFile(temp_ / "results/comparison.json");
  EXPECT_EQ(with_seeds("6", " --force").exit_code, 0);
  EXPECT_EQ(Marked(), 0) << "all anew";
  EXPECT_EQ(ReadFile(temp_ / "results/comparison.json"), resumed);
  EXPECT_EQ(with_seeds("2", " --resume").exit_code, 0);
  EXPECT_FALSE(fs::exists(temp_ / "results/runs/hat/seed-3"));
  EXPECT_EQ(with_seeds("6", " --force --resume").exit_code, 2);
}

// As after a kill while the results were given their names.
TEST_F(ResumeTest, WhatHasItsNameAlreadyIsTakenBack) {
  ASSERT_EQ(RunProgram(FourSeeds()).exit_code, 0);
  std::ofstream(temp_ / "results/runs/hat/seed-2/mark");
  fs::rename(temp_ / "results", temp_ / "results.unfinished");
  fs::create_directory(temp_ / "results.unfinished/units");
  const nlohmann::json manifest = Json("results.unfinished/manifest.json");
  fs::rename(temp_ / "results.unfinished/runs/hat/seed-3",
             temp_ / "results.unfinished/units" /
                 fs::path(manifest["runs"]["runs/hat/seed-3"].get<std::string>()));
  const ProgramRun outcome = RunProgram(FourSeeds());
  EXPECT_THAT(outcome.err, HasSubstr("4 simulations, 4 of them done already"));
  EXPECT_EQ(Marked(), 1);
}

TEST_F(ResumeTest, RunsUnderOtherRequestsAreRefused) {
  StartedProgram comparison(FourSeeds());
  ASSERT_TRUE(comparison.RunsUntil([&] { return !Done().empty(); }));
  comparison.Wait(SIGKILL);
  std::ofstream(Done().front() / "requests.csv", std::ios::app) << "1,1,1,1,1,1,1\n";
  std::vector<std::string> words = FourSeeds();
  *(std::ranges::find(words, "hat")) = "hat,u-shape";
  const ProgramRun outcome = RunProgram(words);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("did not get the same requests with seed 1"));
}

}  // namespace
}  // namespace hat
