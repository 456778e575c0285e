// hat simulate, as a user runs it: the same bytes twice, interrupts, its files.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/csv.h"
#include "core/files.h"
#include "core/terminal_text.h"
#include "experiments/results/statistics.h"
#include "profiles/profile_file.h"
#include "protocol/system.h"
#include "sim/simgrid_world.h"
#include "tests/core/program_run.h"
#include "tests/experiments/timeline_tracks.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class SimulateProgramTest : public testing::Test {
 protected:
  std::vector<std::string> Command(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {HAT_BIN_DIR "/hat", "simulate", toy_.scenario_path()});
    return arguments;
  }

  ProgramRun Run(const std::vector<std::string>& arguments) const {
    return RunProgram(Command(arguments));
  }

  // 40 requests at 4 devices, jitter, results in `folder`.
  std::vector<std::string> Small(const std::string& folder, const std::string& system = "hat") {
    std::vector<std::string> arguments = {"--out", toy_ / folder, "--gaps", "--check"};
    for (const std::string& key :
         {"system.name=" + system, std::string("fleet.class.0.count=4"),
          std::string("fleet.jitter=true"), std::string("workload.arrivals=poisson"),
          std::string("workload.rate_per_s=10"), std::string("workload.requests=40"),
          std::string("workload.prompts={kind=\"lognormal\",mu=4,sigma=1,max=500}")}) {
      arguments.insert(arguments.end(), {"--set", key});
    }
    return arguments;
  }

  std::map<std::string, std::string> FilesOf(const std::string& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(toy_ / folder)) {
      files[entry.path().filename()] = ReadFile(entry.path());
    }
    return files;
  }

  // Of files that are being written. (They may go away while we look: then 0.)
  uintmax_t SizeOfHiddenFiles() {
    uintmax_t size = 0;
    for (const std::string& name : NamesInTheFolder()) {
      std::error_code gone;
      const uintmax_t bytes = std::filesystem::file_size(toy_ / name, gone);
      if (name.starts_with(".") && !gone) size += bytes;
    }
    return size;
  }

  std::vector<std::string> NamesInTheFolder() {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(toy_ / ""))) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  Toy toy_;
};

TEST_F(SimulateProgramTest, TheSameSeedWritesTheSameBytes) {
  toy_.Write("device", ToyDevice{}, {0.5, 1, 2});
  const ProgramRun first = Run(Small("first"));
  const ProgramRun second = Run(Small("second"));
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.out, second.out);
  EXPECT_EQ(FilesOf("first"), FilesOf("second"));
  std::vector<std::string> names;
  for (const auto& [name, content] : FilesOf("first")) names.push_back(name);
  EXPECT_THAT(names, ElementsAre("gaps.csv", "manifest.json", "requests.csv", "summary.json",
                                 "utilisation.csv"));
}

TEST_F(SimulateProgramTest, AnotherSeedIsAnotherRun) {
  std::vector<std::string> other = Small("other");
  other.insert(other.end(), {"--seed", "2"});
  ASSERT_EQ(Run(Small("one")).exit_code, 0);
  ASSERT_EQ(Run(other).exit_code, 0);
  EXPECT_NE(FilesOf("one")["requests.csv"], FilesOf("other")["requests.csv"]);
}

TEST_F(SimulateProgramTest, EverySystemGetsTheSameRequests) {
  std::vector<std::vector<std::string>> of_systems;
  for (const std::string& system : SystemNames()) {
    const ProgramRun outcome = Run(Small(system, system));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const CsvFile csv = CsvFile::Load(toy_ / system + "/requests.csv");
    std::vector<std::string>& requests = of_systems.emplace_back();
    for (int row = 0; row < csv.rows(); ++row) {
      for (const char* column :
           {"request", "device", "prompt_row", "prompt_tokens", "output_tokens", "arrival_s"}) {
        requests.push_back(csv.Text(row, csv.ColumnIndex(column)));
      }
    }
    EXPECT_EQ(requests, of_systems.front()) << system;
  }
  EXPECT_EQ(of_systems.front().size(), 240u);
}

// What gaps.csv has token by token is what the summary says, of every system.
TEST_F(SimulateProgramTest, GapsOfTheSummaryAreThoseOfTheFile) {
  toy_.Write("device", ToyDevice{}, {0.5, 1, 2});
  for (const std::string& system : SystemNames()) {
    const ProgramRun outcome = Run(Small(system, system));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const CsvFile requests = CsvFile::Load(toy_ / system + "/requests.csv");
    const CsvFile gaps = CsvFile::Load(toy_ / system + "/gaps.csv");
    std::vector<Seconds> measured;
    for (int i = 0; i < gaps.rows(); ++i) {
      const auto row = static_cast<int>(gaps.Integer(i, gaps.ColumnIndex("request"), 0, 39));
      if (requests.Text(row, requests.ColumnIndex("measured")) == "0") continue;
      const int column = gaps.ColumnIndex("gap_ms");
      measured.push_back(Milliseconds(gaps.Number(i, column, Range::NonNegative())));
    }
    const auto summary = nlohmann::json::parse(FilesOf(system)["summary.json"]);
    const Distribution expected = DistributionOf(measured);
    EXPECT_NEAR(summary.at("itl_ms").at("mean").get<double>(), expected.mean, 1e-8) << system;
    for (const NamedPercentile& percentile : kPercentiles) {
      const std::string name(percentile.name);
      EXPECT_NEAR(summary.at("itl_ms").at(name).get<double>(), expected.At(name), 1e-8)
          << system << " " << name;
    }
  }
}

// Every system's positions add up to its counters; a tree's proposals are nodes, and more.
TEST_F(SimulateProgramTest, PositionsAddUpToTheCounters) {
  for (const std::string& system : SystemNames()) {
    std::vector<std::string> arguments = Small(system, system);
    const bool is_tree = system == "u-medusa";
    if (is_tree) arguments.insert(arguments.end(), {"--set", "policy.tree=full-4-2"});
    ASSERT_EQ(Run(arguments).exit_code, 0);
    const auto summary = nlohmann::json::parse(FilesOf(system)["summary.json"]);
    int64_t rounds = 0, accepted = 0, drafted = 0;
    for (const int64_t count : summary.at("accepted_per_round")) rounds += count;
    double kept = 0;
    for (size_t j = 0; j < summary.at("drafted_by_position").size(); ++j) {
      const int64_t count = summary.at("drafted_by_position")[j];
      drafted += count;
      kept += summary.at("acceptance_by_position")[j].get<double>() * static_cast<double>(count);
    }
    accepted = summary.at("accepted");
    EXPECT_EQ(rounds, summary.at("rounds")) << system;
    EXPECT_NEAR(kept, static_cast<double>(accepted), 1e-6) << system;
    if (is_tree) {
      EXPECT_LT(drafted, summary.at("drafted")) << system;
      EXPECT_GT(drafted, accepted) << system;
    } else {
      EXPECT_EQ(drafted, summary.at("drafted")) << system;
    }
  }
}

TEST_F(SimulateProgramTest, FormatsAreTextJsonAndVllms) {
  const auto run = [&](const std::string& format) {
    std::vector<std::string> of_format = Small("results");
    of_format.insert(of_format.end(), {"--format", format, "--force"});
    return Run(of_format);
  };
  EXPECT_EQ(run("text").out, Run(Small("text")).out);
  EXPECT_EQ(run("json").out, FilesOf("results")["summary.json"]);
  EXPECT_FALSE(FilesOf("results").contains("vllm.json"));
  const ProgramRun vllm = run("vllm");
  EXPECT_EQ(vllm.out, FilesOf("results")["vllm.json"]);
  EXPECT_EQ(nlohmann::json::parse(vllm.out).at("request_rate"), 10);
  const ProgramRun loop = Run({"--format", "vllm", "--set", "workload.arrivals=closed-loop"});
  EXPECT_FALSE(nlohmann::json::parse(loop.out).contains("request_rate")) << loop.err;
}

// A run's own requests, replayed: the same requests, and with the same seed the same times. What
// was drawn for the first run is in the file, rounded to 12 digits.
TEST_F(SimulateProgramTest, ARunsOwnRequestsReplayedAreTheSameRun) {
  toy_.Write("device", ToyDevice{}, {0.5, 1, 2});
  std::vector<std::string> original = Small("original");
  original.insert(original.end(), {"--set", "workload.outputs={kind='geometric',mean=20}"});
  ASSERT_EQ(Run(original).exit_code, 0);
  std::vector<std::string> replay = {"--out", toy_ / "replay"};
  for (const char* setting :
       {"fleet.class.0.count=4", "fleet.jitter=true", "workload.arrivals=replay",
        "workload.replay=original/requests.csv", "workload.requests=40",
        "workload.prompts={kind='csv',path='original/requests.csv'}",
        "workload.outputs={kind='csv',path='original/requests.csv'}"}) {
    replay.insert(replay.end(), {"--set", setting});
  }
  const ProgramRun outcome = Run(replay);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;

  const CsvFile was = CsvFile::Load(toy_ / "original/requests.csv");
  const CsvFile is = CsvFile::Load(toy_ / "replay/requests.csv");
  ASSERT_EQ(is.rows(), 40);
  for (const char* column : {"request", "device", "arrival_s", "prompt_tokens", "output_tokens"}) {
    for (int row = 0; row < is.rows(); ++row) {
      EXPECT_EQ(is.Text(row, is.ColumnIndex(column)), was.Text(row, was.ColumnIndex(column)));
    }
  }
  const auto mean_ttft = [&](const std::string& folder) {
    return nlohmann::json::parse(ReadFile(toy_ / folder + "/summary.json"))
        .at("ttft_ms")
        .at("mean")
        .get<double>();
  };
  EXPECT_NEAR(mean_ttft("replay"), mean_ttft("original"), 1e-6);
  const nlohmann::json manifest = nlohmann::json::parse(ReadFile(toy_ / "replay/manifest.json"));
  EXPECT_THAT(manifest.at("config").get<std::string>(), HasSubstr("order = \"file\""));
}

TEST_F(SimulateProgramTest, AnInterruptLeavesWholeResultsMarkedPartial) {
  const std::string timeline = toy_ / "timeline.json";
  std::vector<std::string> arguments = Small("results");
  arguments.insert(arguments.end(), {"--set", "workload.requests=500000", "--timeline", timeline});
  StartedProgram simulation(Command(arguments));
  // Until events flow into the hidden file beside the timeline's name.
  EXPECT_TRUE(simulation.RunsUntil([&] { return SizeOfHiddenFiles() > 0; }));
  const ProgramRun outcome = simulation.Wait(SIGINT);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "hat simulate: interrupted; the results so far are marked partial\n");
  const auto summary = nlohmann::json::parse(FilesOf("results")["summary.json"]);
  EXPECT_EQ(summary.at("partial"), true);
  EXPECT_EQ(nlohmann::json::parse(FilesOf("results")["manifest.json"]).at("partial"), true);
  const auto& requests = summary.at("requests");
  EXPECT_EQ(requests.at("arrived").get<int>(),
            requests.at("completed").get<int>() + requests.at("in_flight").get<int>());
  EXPECT_EQ(CsvFile::Load(toy_ / "results/requests.csv").rows(), requests.at("arrived").get<int>());
  EXPECT_FALSE(nlohmann::json::parse(ReadFile(timeline)).empty());
  EXPECT_THAT(NamesInTheFolder(), Not(Contains(StartsWith(".")))) << "nothing half-written";
}

TEST_F(SimulateProgramTest, TheTimelineIsATraceInJson) {
  const std::string timeline = toy_ / "timeline.json";
  std::vector<std::string> arguments = Small("results");
  arguments.insert(arguments.end(), {"--timeline", timeline});
  ASSERT_EQ(Run(arguments).exit_code, 0);
  const nlohmann::json trace = nlohmann::json::parse(ReadFile(timeline));
  int complete = 0;
  for (const auto& event : trace.at("traceEvents")) complete += event.at("ph") == "X";
  EXPECT_GT(complete, 1000);
}

// A viewer drops a slice that ends a nanosecond outside the one it began in.
TEST_F(SimulateProgramTest, OnEveryTrackOfATimelineSlicesNestInWholeNanoseconds) {
  toy_.Write("device", ToyDevice{}, {0.7, 0.9, 1.05, 1.6});
  const std::vector<std::vector<std::string>> kinds = {
      {}, {"link.kind=shared", "link.cell_mbps=60"}, {"workload.outputs.tokens=1"}};
  for (const std::string& system : SystemNames()) {
    for (const auto& overrides : kinds) {
      const std::string timeline = toy_ / "timeline.json";
      std::vector<std::string> arguments = Small("results", system);
      arguments.insert(arguments.end(), {"--timeline", timeline, "--force"});
      for (const std::string& key : overrides) arguments.insert(arguments.end(), {"--set", key});
      const ProgramRun outcome = Run(arguments);
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
      EXPECT_EQ(BrokenTrack(nlohmann::json::parse(ReadFile(timeline))), "")
          << system << " " << (overrides.empty() ? "" : overrides[0]);
    }
  }
}

TEST_F(SimulateProgramTest, TheSummaryFitsATerminalAndJsonIsTheFile) {
  for (const std::string& system : SystemNames()) {
    std::vector<std::string> arguments = Small(system, system);
    arguments.insert(arguments.end(), {"--set", "cloud.stages=30"});
    const ProgramRun text = Run(arguments);
    ASSERT_EQ(text.exit_code, 0) << text.err;
    EXPECT_THAT(text.out, AllOf(StartsWith("toy: " + system + ", seed 1. Simulated.\n"),
                                HasSubstr("40 completed"), HasSubstr("TTFT"), HasSubstr("p99")));
    EXPECT_LE(ColumnsOfTable(text.out), kTerminalColumns) << text.out;
    arguments.insert(arguments.end(), {"--json", "--force"});
    EXPECT_EQ(Run(arguments).out, FilesOf(system)["summary.json"]);
  }
}

TEST_F(SimulateProgramTest, SaysWhatItCheckedAndWroteUnlessQuiet) {
  std::vector<std::string> arguments = Small("results");
  arguments.insert(arguments.end(), {"--timeline", toy_ / "t.json"});
  const ProgramRun told = Run(arguments);
  EXPECT_THAT(told.err,
              testing::MatchesRegex("all laws held for [1-9][0-9]* events\nwrote .*/results\n"
                                    "wrote .*/t.json\n"));
  arguments.insert(arguments.end(), {"--force", "--quiet"});
  const ProgramRun quiet = Run(arguments);
  EXPECT_EQ(quiet.err, "");
  EXPECT_EQ(quiet.out, told.out);
}

// Parts of each round as --explain prints them: took, then what adds up to it.
std::vector<std::vector<double>> RoundTimesIn(const std::string& text) {
  std::vector<std::vector<double>> rounds;
  std::istringstream lines(text.substr(std::min(text.find("Where each round's"), text.size())));
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = Words(line);
    if (words.size() != 11 || !std::isdigit(words[0][0])) continue;
    std::vector<double>& times = rounds.emplace_back();
    for (size_t i = 1; i < words.size(); ++i) times.push_back(std::stod(words[i]));
  }
  return rounds;
}

// Many sessions on two devices, whose operations wait for each other's; then few, whose steps
// ahead, as many as an answer's delay lets expect, at times run longer than that.
TEST_F(SimulateProgramTest, ARoundsPartsAddUpToWhatItTook) {
  toy_.Write("device", ToyDevice{}, {0.7, 0.9, 1.05, 1.6});
  std::vector<double> sums(10);
  for (const std::string& system : SystemNames()) {
    for (const char* rate : {"workload.rate_per_s=40", "workload.rate_per_s=5"}) {
      std::vector<std::string> arguments = Small("results", system);
      arguments.insert(arguments.end(), {"--force", "--explain", "30"});
      for (const char* key : {rate, "fleet.class.0.count=2", "cloud.stages=3",
                              "workload.outputs.tokens=60", "policy.max_draft=40"}) {
        arguments.insert(arguments.end(), {"--set", key});
      }
      const ProgramRun outcome = Run(arguments);
      ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
      EXPECT_LE(ColumnsOfTable(outcome.out), kTerminalColumns) << outcome.out;
      const auto rounds = RoundTimesIn(outcome.out);
      EXPECT_GE(rounds.size(), 5u) << outcome.out;
      for (const std::vector<double>& times : rounds) {
        double parts = 0;
        for (size_t i = 1; i < times.size(); ++i) parts += times[i];
        EXPECT_NEAR(parts, times[0], 0.0055) << system << " " << outcome.out;
        for (size_t i = 0; i < times.size(); ++i) sums[i] += times[i];
      }
    }
  }
  for (size_t i = 1; i < sums.size(); ++i) EXPECT_GT(sums[i], 0) << "nothing pressed on part " << i;
}

TEST_F(SimulateProgramTest, ExplainPrintsOneRequestsLife) {
  std::vector<std::string> arguments = Small("results");
  arguments.insert(arguments.end(), {"--explain", "7"});
  const ProgramRun outcome = Run(arguments);
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, AllOf(StartsWith("Request 7 on device "), HasSubstr("uplink"),
                                 HasSubstr("stage 0"), HasSubstr("TTFT"), HasSubstr("completed")));
  arguments.back() = "40";
  arguments[1] = toy_ / "more";
  const ProgramRun unknown = Run(arguments);
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("the run has requests 0 to 39"));
}

TEST_F(SimulateProgramTest, QueuesThatGrowWithoutBoundAreMarkedSaturated) {
  const auto is_saturated = [&](const std::string& rate) {
    const ProgramRun outcome =
        Run({"--json", "--set", "fleet.class.0.count=50", "--set", "workload.arrivals=poisson",
             "--set", "workload.rate_per_s=" + rate, "--set", "workload.requests=1000", "--set",
             "workload.outputs.tokens=20"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(outcome.out).at("saturated").get<bool>();
  };
  EXPECT_FALSE(is_saturated("10"));
  EXPECT_TRUE(is_saturated("2000"));
}

TEST_F(SimulateProgramTest, MoreDevicesThanTheMachineHoldsAreRefused) {
  const ProgramRun scaled = Run({"--set", "fleet.class.0.count=20", "--set", "fleet.scale=1e6"});
  EXPECT_EQ(scaled.exit_code, 2);
  EXPECT_THAT(scaled.err, AllOf(HasSubstr("20000000 devices"), HasSubstr("at most 10000000")));
  const ProgramRun sessions = Run({"--set", "fleet.class.0.count=1", "--set", "fleet.scale=1e6",
                                   "--set", "workload.requests=1000000", "--engine", "simgrid"});
  EXPECT_EQ(sessions.exit_code, 2);
  EXPECT_THAT(sessions.err,
              AllOf(HasSubstr("a closed loop over 1000000 devices"), HasSubstr("fleet.scale")));
}

TEST_F(SimulateProgramTest, MoreSessionsThanSimGridHoldsEndTheRunWithAClearLine) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "each session is a thread there";
#endif
  const int requests = SimGridWorld::MaxActivities() + 1000;
  if (requests > 100'000) GTEST_SKIP() << "this machine holds many sessions";
  const ProgramRun outcome =
      Run({"--engine", "simgrid", "--set", "fleet.class.0.count=1", "--set",
           "fleet.max_sessions=1000000", "--set", "workload.arrivals=uniform", "--set",
           "workload.rate_per_s=1000000", "--set", fmt::format("workload.requests={}", requests),
           "--set", "workload.outputs.tokens=1", "--set", "cloud.kv_tokens=1000000000"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("activities run at once"), HasSubstr("fleet.max_sessions")));
}

TEST_F(SimulateProgramTest, TheEngineIsChosenByWhetherLinksContendAndNamedInTheManifest) {
  const auto engine = [&](const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"--force", "--out", toy_ / "engine"};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const ProgramRun outcome = Run(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return nlohmann::json::parse(ReadFile(toy_ / "engine/manifest.json"))
        .at("engine")
        .get<std::string>();
  };
  EXPECT_EQ(engine({}), "fibers");
  EXPECT_EQ(engine({"--engine", "fibers"}), "fibers");
  EXPECT_THAT(engine({"--engine", "simgrid"}), HasSubstr("SimGrid"));
  const std::vector<std::string> shared = {"--set", "link.kind=shared", "--set",
                                           "link.cell_mbps=60"};
  EXPECT_THAT(engine(shared), HasSubstr("SimGrid"));
  const ProgramRun refused =
      Run({"--engine", "fibers", "--set", "link.kind=shared", "--set", "link.cell_mbps=60"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("'link.kind' is 'shared'"));
  const ProgramRun unknown = Run({"--engine", "threads"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("there are: fibers, simgrid"));
}

TEST_F(SimulateProgramTest, MoreBranchesThanAProfileCoversAreRefusedAtTheStart) {
  ProfileData data = ReadProfile(toy_ / "device.json");
  data.operations[Operation::kHead] = {{1, 0, {33}, {}}, {16, 0, {78}, {}}};
  WriteFileAtomically(toy_ / "device.json", ProfileText(data));
  const ProgramRun refused = Run({"--set", "policy.ahead_branches=17"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err,
              AllOf(HasSubstr("device.json: the profile covers draft steps of up to 16 branches"),
                    HasSubstr("policy.ahead_branches")));
  EXPECT_EQ(Run({"--set", "policy.ahead_branches=16"}).exit_code, 0);
  const ProgramRun alone =
      Run({"--set", "policy.ahead_branches=17", "--set", "system.draft_ahead=false"});
  EXPECT_EQ(alone.exit_code, 0) << alone.err;
}

// The longest request must be covered by the profiles before anything runs.
TEST_F(SimulateProgramTest, RequestsThatAProfileDoesNotCoverAreRefused) {
  const ProgramRun context = Run({"--set", "workload.outputs.tokens=9000"});
  EXPECT_EQ(context.exit_code, 2);
  EXPECT_THAT(context.err, AllOf(HasSubstr("covers contexts up to 8192"), HasSubstr("9000 output"),
                                 HasSubstr("\"allow_extrapolation\"")));
  const ProgramRun tokens = Run({"--set", "workload.prompts.tokens=5000"});
  EXPECT_EQ(tokens.exit_code, 2);
  EXPECT_THAT(tokens.err, HasSubstr("device.json: the profile covers up to 4096 new tokens"));
  const ProgramRun batch = Run({"--set", "workload.prompts.tokens=5000", "--set",
                                "system.name=cloud-only", "--set", "cloud.token_budget=8000"});
  EXPECT_EQ(batch.exit_code, 2);
  EXPECT_THAT(batch.err, HasSubstr("cloud.json: the profile covers up to 4096 new tokens"));
  const ProgramRun cut =
      Run({"--set", "workload.prompts.tokens=5000", "--set", "system.name=cloud-only"});
  EXPECT_EQ(cut.exit_code, 0) << "cut to the token budget: " << cut.err;
}

// A prompt and an output of different rows come together in no request, and a row that
// workload.requests does not reach in none at all.
TEST_F(SimulateProgramTest, LengthsThatNoRequestHasNeedNotBeCovered) {
  toy_.Write("in.csv", "arrival_s,prompt_tokens,output_tokens\n0,4000,10\n1,100,4500\n2,9000,9\n");
  std::vector<std::string> arguments;
  for (const char* setting :
       {"workload.arrivals=replay", "workload.replay=in.csv",
        "workload.prompts={kind='csv',path='in.csv'}",
        "workload.outputs={kind='csv',path='in.csv'}", "workload.requests=2"}) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  const ProgramRun two = Run(arguments);
  EXPECT_EQ(two.exit_code, 0) << two.err;
  arguments.back() = "workload.requests=3";
  const ProgramRun three = Run(arguments);
  EXPECT_EQ(three.exit_code, 2);
  EXPECT_THAT(three.err, AllOf(HasSubstr("request 2 (prompt row 2 of"), HasSubstr("9000 prompt")));
}

TEST_F(SimulateProgramTest, WhatASystemDoesNotUseNeedNotBeCovered) {
  const auto exit_code = [this](const std::string& system, const std::string& prompt) {
    return Run({"--set", "system.name=" + system, "--set", "workload.prompts.tokens=" + prompt,
                "--set", "workload.outputs.tokens=4096"})
        .exit_code;
  };
  EXPECT_EQ(exit_code("u-shape", "4096"), 0);  // 8192 positions: no draft after them
  EXPECT_EQ(exit_code("hat", "4096"), 2);
  ProfileData cloud = ReadProfile(toy_ / "cloud.json");
  cloud.allow_extrapolation = true;
  WriteFileAtomically(toy_ / "cloud.json", ProfileText(cloud));
  EXPECT_EQ(exit_code("cloud-only", "9000"), 0);  // of the device's profile nothing
  EXPECT_EQ(exit_code("u-shape", "9000"), 2);
}

// The way out that the message names.
TEST_F(SimulateProgramTest, AProfileThatExtrapolatesCoversAll) {
  for (const char* name : {"device.json", "cloud.json"}) {
    ProfileData data = ReadProfile(toy_ / name);
    data.allow_extrapolation = true;
    WriteFileAtomically(toy_ / name, ProfileText(data));
  }
  const ProgramRun outcome = Run({"--set", "workload.prompts.tokens=9000"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST_F(SimulateProgramTest, AModelThatDoesNotFitADeviceIsReportedNotRun) {
  const ProgramRun outcome = Run({"--set", "system.name=device-only", "--set",
                                  "model.device_layers=3", "--out", toy_ / "results"});
  EXPECT_EQ(outcome.exit_code, 0) << "64 GB hold 13.5 GB of weights: " << outcome.err;
  toy_.Write("device.json", [&] {
    std::string text = ReadFile(toy_ / "device.json");
    return text.replace(text.find("64000000000"), 11, "8000000000");
  }());
  const ProgramRun small = Run({"--set", "system.name=device-only", "--out", toy_ / "small"});
  EXPECT_EQ(small.exit_code, 0);
  EXPECT_THAT(small.out, AllOf(StartsWith("device-only: not possible"), HasSubstr("13.5 GB")));
  EXPECT_TRUE(nlohmann::json::parse(FilesOf("small")["summary.json"]).contains("not_possible"));
  const ProgramRun json =
      Run({"--set", "system.name=device-only", "--json", "--out", toy_ / "small", "--force"});
  EXPECT_EQ(json.out, FilesOf("small")["summary.json"]);
}

}  // namespace
}  // namespace hat
