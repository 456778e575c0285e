// hat compare, with a script in place of `hat simulate`: what it starts, collects, writes and says.
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/core/program_run.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kScenario[] = "experiments/paper/spec_bench_7b.toml";

// $out, $system and $seed hold what `hat simulate` was asked for. TTFT = 100 ms + seed, u-shape 50
// ms more.
constexpr char kHonestRun[] = R"(
ttft=$((100 + seed)); [ $system = u-shape ] && ttft=$((ttft + 50))
mkdir -p "$out"
times="{\"mean\": $ttft, \"p50\": 1, \"p90\": 2, \"p99\": 3}"
parts='"queue": 1, "device_compute": 1, "uplink_wait": 1, "upload": 1'
parts="$parts, \"cloud_wait\": 1, \"cloud_compute\": 1, \"download\": 1, \"head\": 1"
cat > "$out/summary.json" <<END
{"label": "simulated", "system": "$system", "seed": $seed, "partial": false, "saturated": false,
 "ttft_ms": $times, "tbt_ms": $times, "e2e_ms": $times, "ttft_parts_ms": {$parts},
 "accept_length": null, "tokens_per_s": 9}
END
echo "request,device,prompt_row,prompt_tokens,output_tokens,arrival_s,ttft_ms,tbt_ms,outcome,measured
0,1,2,3,4,0.$seed,$ttft,$seed,completed,1" > "$out/requests.csv"
)";

class CompareTest : public testing::Test {
 protected:
  CompareTest() {
    fs::create_directory(programs_ / "bin");
    fs::copy(HAT_BIN_DIR "/hat", programs_ / "bin/compared");
    fs::create_symlink(HAT_BIN_DIR "/../share", programs_ / "share");
  }

  void SetSimulator(const std::string& body) {
    const std::string path = programs_ / "bin/hat";
    WriteFileAtomically(path,
                        "#!/bin/sh\nfor word; do case $last in --out) out=$word;; --seed) "
                        "seed=$word;; esac\n"
                        "case $word in system.name=*) system=${word#system.name=};; esac; "
                        "last=$word; done\n" +
                            body);
    fs::permissions(path, fs::perms::owner_all);
  }

  // With the temporary folder for scratch.
  std::vector<std::string> Command(const std::string& arguments,
                                   std::vector<std::string> paths = {}) const {
    paths.insert(paths.begin(), {temp_.path(), programs_ / "bin/compared"});
    return Words("env TMPDIR={} {} compare " + arguments, paths);
  }

  ProgramRun Compare(const std::string& arguments,
                     const std::vector<std::string>& paths = {}) const {
    return RunProgram(Command(arguments, paths));
  }

  TempFolder programs_, temp_;
};

TEST_F(CompareTest, RunsEachSystemWithEachSeedAndWritesAll) {
  SetSimulator(kHonestRun);
  const ProgramRun outcome = Compare(
      std::string(kScenario) + " --systems hat,u-shape --seeds 3 --out {}", {temp_ / "results"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("hat      102.0 ± 2.5"));
  EXPECT_THAT(outcome.out, HasSubstr("u-shape  152.0 ± 2.5  +49.0 ± 1.2%"));
  EXPECT_EQ(outcome.err.find("6 simulations"), 0u);
  EXPECT_THAT(outcome.err, testing::EndsWith("\nwrote " + (temp_ / "results") + "\n"));
  const auto json = nlohmann::json::parse(ReadFile(temp_ / "results/comparison.json"));
  EXPECT_EQ(json["seeds"], nlohmann::json::parse("[1, 2, 3]"));
  EXPECT_EQ(json["systems"][1]["metrics"]["ttft_ms.mean"]["mean"], 152);
  EXPECT_EQ(json["published"].empty(), false);
  for (const char* name : {"comparison.csv", "comparison.md", "manifest.json", "status.json",
                           "runs/hat/seed-1/summary.json", "runs/u-shape/seed-3/requests.csv"}) {
    EXPECT_TRUE(fs::exists(temp_ / "results/" + name)) << name;
  }
  EXPECT_THAT(ReadFile(temp_ / "results/comparison.png"), HasSubstr("PNG"));
}

TEST_F(CompareTest, WithoutAFolderItLeavesNothingBehind) {
  SetSimulator(kHonestRun);
  const ProgramRun outcome = Compare(std::string(kScenario) + " --systems hat --seeds 1");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("one seed"));
  EXPECT_THAT(temp_.List(), IsEmpty());
}

TEST_F(CompareTest, SameRunsWriteTheSameBytes) {
  SetSimulator(kHonestRun);
  for (const char* jobs : {"1", "3"}) {
    const ProgramRun outcome =
        Compare(std::string(kScenario) + " --systems hat,u-shape --jobs " + jobs + " --out {}",
                {temp_ / jobs});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  }
  for (const char* name : {"comparison.json", "comparison.csv", "comparison.md", "comparison.png",
                           "manifest.json", "status.json"}) {
    EXPECT_EQ(ReadFile(temp_ / "1/" + name), ReadFile(temp_ / "3/" + name)) << name;
  }
}

TEST_F(CompareTest, FailedRunIsShownAndNothingIsWritten) {
  SetSimulator("echo starting >&2; echo 'hat simulate: the disk is full' >&2; exit 1\n");
  const ProgramRun outcome =
      Compare(std::string(kScenario) + " --systems hat --out {}", {temp_ / "results"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("hat compare: hat, seed 1: the disk is full\n"));
  EXPECT_THAT(temp_.List(), IsEmpty());
}

TEST_F(CompareTest, OfFailedRunsTheFirstInOrderIsShownThoughALaterOneWasFaster) {
  SetSimulator("[ $seed = 1 ] && sleep 0.3; echo \"hat simulate: no $seed\" >&2; exit 1\n");
  const ProgramRun outcome = Compare(std::string(kScenario) + " --systems hat --jobs 2 --quiet");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "hat compare: hat, seed 1: no 1\n");
}

TEST_F(CompareTest, RunsAfterAFailedOneAreStopped) {
  SetSimulator(R"([ $seed = 1 ] && { echo 'hat simulate: no' >&2; exit 1; }
trap 'kill $!; exit 3' TERM; sleep 30 & wait $!; echo > ')" +
               (temp_ / "finished'"));
  const ProgramRun outcome = Compare(std::string(kScenario) + " --systems hat --jobs 3 --quiet");
  EXPECT_EQ(outcome.err, "hat compare: hat, seed 1: no\n");
  EXPECT_FALSE(fs::exists(temp_ / "finished"));
}

TEST_F(CompareTest, BadInputThatARunFindsKeepsItsCode) {
  SetSimulator("echo 'hat simulate: a.json: no such file' >&2; exit 2\n");
  const ProgramRun outcome = Compare(std::string(kScenario) + " --systems hat --quiet");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err, "hat compare: hat, seed 1: a.json: no such file\n");
}

TEST_F(CompareTest, RunsUnderOtherRequestsAreRefused) {
  SetSimulator(std::string(kHonestRun) +
               R"([ $system = hat ] || echo '1,1,1,1,1,1,1' >> "$out/requests.csv")");
  const ProgramRun outcome = Compare(std::string(kScenario) + " --systems hat,u-shape --seeds 1");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("hat and u-shape did not get the same requests with seed 1"));
}

TEST_F(CompareTest, PublishedFiguresNeedThePublishedScenario) {
  SetSimulator(kHonestRun);
  const ProgramRun outcome =
      Compare(std::string(kScenario) + " --systems hat --no-figure --set fleet.scale=2 --out {}",
              {temp_ / "results"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const auto json = nlohmann::json::parse(ReadFile(temp_ / "results/comparison.json"));
  EXPECT_TRUE(json["published"].empty());
  EXPECT_FALSE(fs::exists(temp_ / "results/comparison.png"));
}

TEST_F(CompareTest, BadCallsAreOneLineAndCodeTwo) {
  SetSimulator(kHonestRun);
  fs::create_directory(temp_ / "full");
  WriteFileAtomically(temp_ / "full/data", "x");
  const std::string scenario = kScenario;
  const struct {
    std::string arguments, problem;
    std::vector<std::string> paths = {};
  } cases[] = {
      {"no/such.toml", "no/such.toml"},
      {scenario + " --systems hat,warp-drive", "warp-drive"},
      {scenario + " --systems hat,hat", "named twice"},
      {scenario + " --set system.name=hat", "--systems"},
      {scenario + " --set workload.rate_per_s=0", "workload.rate_per_s"},
      {scenario + " --out {}", "not empty", {temp_ / "full"}},
      {scenario + " --seeds 0", "--seeds"},
      {scenario + " --jobs -1", "--jobs"},
  };
  for (const auto& [arguments, problem, paths] : cases) {
    ExpectRefusal(Compare(arguments, paths), "hat compare: ", problem);
  }
}

TEST_F(CompareTest, MissingSimulatorIsAClearFailure) {
  const ProgramRun outcome = Compare(std::string(kScenario) + " --quiet");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("bin/hat'"), HasSubstr("No such file")));
}

TEST_F(CompareTest, InterruptStopsTheRunsAndLeavesNothing) {
  SetSimulator("echo $$ >> '" + (temp_ / "pids") + "'; exec sleep 100\n");
  StartedProgram comparison(
      Command(kScenario + std::string(" --jobs 2 --out {}"), {temp_ / "results"}));
  const auto pids = [&] {
    std::ifstream file(temp_ / "pids");
    return std::vector<pid_t>(std::istream_iterator<pid_t>(file), {});
  };
  EXPECT_TRUE(comparison.RunsUntil([&] { return pids().size() == 2; }));
  const ProgramRun outcome = comparison.Wait(SIGINT);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err,
            "35 simulations, 2 at once\nhat compare: interrupted; nothing was written\n");
  EXPECT_FALSE(fs::exists(temp_ / "results"));
  for (const pid_t pid : pids()) EXPECT_NE(::kill(pid, 0), 0) << pid;
  EXPECT_THAT(temp_.List(), ElementsAre("pids"));
}

// Runs hat with three seeds; the second one waits until there is a file `go`.
class ResumeTest : public CompareTest {
 protected:
  ResumeTest() {
    SetSimulator("echo $seed >> '" + (temp_ / "started") + "'\n[ $seed = 2 ] && [ ! -e '" +
                 (temp_ / "go") + "' ] && echo $$ > '" + (temp_ / "pid") + "' && exec sleep 100\n" +
                 kHonestRun);
  }

  std::vector<std::string> ThreeSeeds(const std::string& more = "") const {
    return Command(
        std::string(kScenario) + " --systems hat --seeds 3 --jobs 1 --no-figure --out {} " + more,
        {temp_ / "results"});
  }

  std::string Started() const { return ReadFile(temp_ / "started"); }
  void Go() { WriteFileAtomically(temp_ / "go", ""); }

  // Until the second seed's simulation runs and the first one's is in the books.
  bool IsHalfWay() const {
    const std::string status = temp_ / "results.unfinished/status.json";
    if (!fs::exists(status) || !fs::exists(temp_ / "pid")) return false;
    const auto json = nlohmann::json::parse(ReadFile(status));
    return json.at("done") == 1 && json.at("running") == 1;
  }
};

TEST_F(ResumeTest, AKilledComparisonGoesOnWhereItWas) {
  StartedProgram comparison(ThreeSeeds());
  ASSERT_TRUE(comparison.RunsUntil([&] { return IsHalfWay(); }));
  EXPECT_EQ(comparison.Wait(SIGKILL).exit_code, -SIGKILL);
  EXPECT_FALSE(fs::exists(temp_ / "results"));
  Go();
  const ProgramRun outcome = RunProgram(ThreeSeeds());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("3 simulations, 1 of them done already, 1 at once\n"));
  EXPECT_EQ(Started(), "1\n2\n2\n3\n");
  EXPECT_THAT(outcome.out, HasSubstr("hat     102.0 ± 2.5"));
  EXPECT_FALSE(fs::exists(temp_ / "results.unfinished"));
  EXPECT_EQ(nlohmann::json::parse(ReadFile(temp_ / "results/status.json")).at("done"), 3);
}

TEST_F(ResumeTest, AnInterruptedOneSaysSo) {
  StartedProgram comparison(ThreeSeeds());
  ASSERT_TRUE(comparison.RunsUntil([&] { return IsHalfWay(); }));
  const ProgramRun interrupted = comparison.Wait(SIGINT);
  EXPECT_EQ(interrupted.exit_code, 1);
  EXPECT_THAT(
      interrupted.err,
      testing::EndsWith("hat compare: interrupted; 1 of 3 simulations are done and stay in "
                        "'" +
                        (temp_ / "results.unfinished") + "': the same command goes on there\n"));
  Go();
  EXPECT_EQ(RunProgram(ThreeSeeds()).exit_code, 0);
  EXPECT_EQ(Started(), "1\n2\n2\n3\n");
}

TEST_F(ResumeTest, AnotherComparisonMayNotMeddle) {
  StartedProgram comparison(ThreeSeeds());
  ASSERT_TRUE(comparison.RunsUntil([&] { return IsHalfWay(); }));
  const ProgramRun second = RunProgram(ThreeSeeds());
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_EQ(second.err,
            "hat compare: another program writes to '" + (temp_ / "results.unfinished") + "'\n");
  EXPECT_TRUE(IsHalfWay());
}

TEST_F(ResumeTest, AFinishedOneTakesMoreSeeds) {
  Go();
  ASSERT_EQ(RunProgram(ThreeSeeds()).exit_code, 0);
  const auto five = [&](const std::string& more) {
    return RunProgram(Command(std::string(kScenario) +
                                  " --systems hat --seeds 5 --jobs 1 --no-figure --quiet --out {}" +
                                  more,
                              {temp_ / "results"}));
  };
  ExpectRefusal(five(""), "hat compare: ", "exists and is not empty");
  const ProgramRun outcome = five(" --resume");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(Started(), "1\n2\n3\n4\n5\n");
  const std::string resumed = ReadFile(temp_ / "results/comparison.json");
  const std::string status = ReadFile(temp_ / "results/status.json");
  EXPECT_EQ(five(" --force").exit_code, 0);
  EXPECT_EQ(Started(), "1\n2\n3\n4\n5\n1\n2\n3\n4\n5\n") << "all anew";
  EXPECT_EQ(ReadFile(temp_ / "results/comparison.json"), resumed);
  EXPECT_EQ(ReadFile(temp_ / "results/status.json"), status);
  EXPECT_EQ(five(" --force --resume").exit_code, 2);
}

TEST_F(CompareTest, AFailedRunLeavesTheOthersAndACommandToSeeIt) {
  SetSimulator("[ $seed = 2 ] && [ ! -e '" + (temp_ / "go") +
               "' ] && echo 'hat simulate: no room' >&2 && exit 1\n" + kHonestRun);
  const auto run = [&](const std::string& more) {
    return Compare(std::string(kScenario) +
                       " --systems hat,u-shape --seeds 3 --jobs 1 --set "
                       "workload.requests=9 --no-figure --out {}" +
                       more,
                   {temp_ / "results"});
  };
  const std::string stay = " simulations are done and stay in '" + (temp_ / "results.unfinished") +
                           "': the same command goes on there\n";
  const std::string alone = std::string("  alone: hat simulate ") + kScenario +
                            " --set workload.requests=9 --set system.name=";
  const ProgramRun first = run("");
  EXPECT_EQ(first.exit_code, 1);
  EXPECT_EQ(first.err, "6 simulations, 1 at once\nhat, seed 2: no room\n" + alone +
                           "hat --seed 2\nhat compare: hat, seed 2: no room; 2 of 6" + stay);
  const ProgramRun all = run(" --keep-going --retries 1");
  EXPECT_EQ(all.exit_code, 1);
  EXPECT_EQ(all.err, "6 simulations, 2 of them done already, 1 at once\nhat, seed 2: no room\n" +
                         alone + "hat --seed 2\nu-shape, seed 2: no room\n" + alone +
                         "u-shape --seed 2\nhat compare: 2 simulations failed; the first: hat, "
                         "seed 2: no room; 4 of 6" +
                         stay);
  WriteFileAtomically(temp_ / "go", "");
  const ProgramRun repaired = run("");
  EXPECT_EQ(repaired.exit_code, 0);
  EXPECT_THAT(repaired.err, HasSubstr("6 simulations, 4 of them done already, 1 at once\n"));
  EXPECT_THAT(temp_.List(), ElementsAre("go", "results"));
}

}  // namespace
}  // namespace hat
