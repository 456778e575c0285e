// Sweeps in their folder, with a function in place of a simulation: what is run, once, by whom, and
// what becomes of what fails or is stopped.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "core/files.h"
#include "experiments/sweep/collect.h"
#include "experiments/sweep/run_units.h"
#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/scenario_text.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::AllOf, testing::HasSubstr, testing::IsEmpty, testing::SizeIs;

class SweepTest : public testing::Test {
 protected:
  SweepTest() {
    WriteFileAtomically(temp_ / "small.toml", SmallScenarioText());
    for (const char* profile : {"a-fast", "a-slow", "b", "cloud"}) {
      WriteFileAtomically(fmt::format("{}/{}.json", temp_.path(), profile), profile);
    }
    WriteFileAtomically(temp_ / "program", "1");
    SetPlan("seeds = 6");
    run_.run = [this](const Cell& cell, const std::string&, const std::string& results) {
      Simulate(cell, results);
    };
  }

  void SetPlan(const std::string& text) {
    WriteFileAtomically(temp_ / "plan.toml", "scenario = \"small.toml\"\n" + text + "\n");
  }
  Sweep Open() {
    return OpenSweep(SweepOptions{temp_ / "plan.toml", temp_ / "out", {}, {temp_ / "program"}});
  }
  UnitOutcome Run() {
    const Sweep sweep = Open();
    return UnitRun(sweep, run_).Run();
  }

  // In a process of its own: appends the seed to the file `started`.
  void Simulate(const Cell& cell, const std::string& results) {
    std::ofstream(temp_ / "started", std::ios::app) << cell.seed << std::endl;
    if (before_results_) before_results_(cell);
    fs::create_directory(results);
    const std::string summary = fmt::format(
        R"({{"schema_version": 1, "label": "simulated", "system": "hat", "seed": {0},
             "saturated": false, "ttft_ms": {{"mean": {0}.5}}, "stage": [{0}]}})",
        cell.seed);
    WriteFileAtomically(results + "/summary.json", summary);
    WriteFileAtomically(results + "/requests.csv",
                        "request,tokens,state\n0,5,completed\n1,,failed\n");
  }

  std::multiset<int> Started() const {
    std::ifstream file(temp_ / "started");
    return {std::istream_iterator<int>(file), {}};
  }
  bool Has(const std::string& path) const { return fs::exists(temp_ / "out/" + path); }

  TempFolder temp_;
  UnitRunOptions run_;
  std::function<void(const Cell&)> before_results_;
};

TEST_F(SweepTest, EveryUnitIsRunOnceAndNeverAgain) {
  UnitOutcome outcome = Run();
  EXPECT_EQ(outcome.done, 6u);
  EXPECT_EQ(outcome.run, 6u);
  EXPECT_EQ(Started(), (std::multiset<int>{1, 2, 3, 4, 5, 6}));
  outcome = Run();
  EXPECT_EQ(outcome.done, 6u);
  EXPECT_EQ(outcome.run, 0u);
  EXPECT_THAT(Started(), SizeIs(6));
}

TEST_F(SweepTest, AnEditedPlanRunsWhatIsNewAlone) {
  Run();
  SetPlan("seeds = 8");
  EXPECT_EQ(Run().run, 2u);
  EXPECT_EQ(Started(), (std::multiset<int>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_F(SweepTest, AFileWhoseKeysAreSetIsReadAnew) {
  WriteFileAtomically(temp_ / "keys.toml", "link.latency_ms = 7\n");
  SetPlan("set = [\"@keys.toml\"]");
  const std::string before = Open().keys[0];
  EXPECT_EQ(Open().keys[0], before);
  WriteFileAtomically(temp_ / "keys.toml", "link.latency_ms = 8\n");
  EXPECT_NE(Open().keys[0], before);
}

TEST_F(SweepTest, AKeyIsForAllThatTheResultsDependOn) {
  const std::string before = Open().keys[0];
  EXPECT_EQ(Open().keys[0], before);
  WriteFileAtomically(temp_ / "program", "2");
  const std::string other_program = Open().keys[0];
  EXPECT_NE(other_program, before);
  WriteFileAtomically(temp_ / "cloud.json", "faster");
  EXPECT_NE(Open().keys[0], other_program);
  WriteFileAtomically(temp_ / "program", "1");
  WriteFileAtomically(temp_ / "cloud.json", "cloud");
  EXPECT_EQ(Open().keys[0], before);
  WriteFileAtomically(temp_ / "small.toml", SmallScenarioText() + "# another comment\n");
  EXPECT_EQ(Open().keys[0], before);  // says the same
}

TEST_F(SweepTest, CellsThatSayTheSameAreOneUnit) {
  SetPlan("[[axis]]\nkey = \"workload.rate_per_s\"\nvalues = [4, 4.0, 5]");
  EXPECT_THAT(Open().keys, SizeIs(3));
  EXPECT_THAT(Open().units, SizeIs(2));
  EXPECT_EQ(Run().run, 2u);
}

TEST_F(SweepTest, ShardsShareTheUnits) {
  for (int index = 1; index <= 4; ++index) {
    run_.shard = {index, 4};
    const UnitOutcome outcome = Run();
    EXPECT_EQ(outcome.run, outcome.all);
  }
  EXPECT_EQ(Started(), (std::multiset<int>{1, 2, 3, 4, 5, 6}));
}

TEST_F(SweepTest, TwoRunsInOneFolderShareTheWork) {
  SetPlan("seeds = 40");
  const Sweep sweep = Open();
  ChildProcesses runs;
  for (size_t i = 0; i < 3; ++i) {
    runs.Start(i, [&] {
      UnitRunOptions options = run_;
      options.jobs = 2;
      const UnitOutcome outcome = UnitRun(sweep, options).Run();
      if (outcome.done != 40) throw InputError("not all done");
    });
  }
  while (runs.count() > 0) {
    for (const EndedChild& ended : runs.Reap()) EXPECT_EQ(ended.exit_code, 0) << ended.last_error;
  }
  EXPECT_THAT(Started(), SizeIs(40));  // each once
}

TEST_F(SweepTest, AFailedUnitIsARowWithItsReasonAndTheOthersGoOn) {
  before_results_ = [](const Cell& cell) {
    if (cell.seed == 2) throw InputError("bad profile");
    if (cell.seed == 5) ::abort();
  };
  run_.retries = 1;
  UnitOutcome outcome = Run();
  EXPECT_EQ(outcome.done, 4u);
  EXPECT_THAT(outcome.failed, SizeIs(2));
  EXPECT_EQ(Started(), (std::multiset<int>{1, 2, 3, 4, 5, 5, 6}));  // bad input once
  std::map<int, std::string> reasons;
  for (const auto& [key, failure] : UnitStore(temp_ / "out").Failed()) {
    reasons[failure.exit_code] = failure.reason;
  }
  EXPECT_EQ(reasons[2], "bad profile");
  EXPECT_THAT(reasons[128 + SIGABRT], HasSubstr("ended by signal 6"));

  before_results_ = nullptr;
  outcome = Run();  // they are left alone
  EXPECT_EQ(outcome.run, 0u);
  EXPECT_THAT(outcome.failed, SizeIs(2));
  run_.retries_failed = true;
  outcome = Run();
  EXPECT_EQ(outcome.done, 6u);
  EXPECT_THAT(UnitStore(temp_ / "out").Failed(), IsEmpty());
}

TEST_F(SweepTest, AStopLetsThoseThatRunEnd) {
  run_.on_progress = [](size_t ended, size_t) { std::printf("%zu\n", ended); };
  int told = 0;
  run_.stop = [&] { return ++told > 4 ? Stop::kWhenEnded : Stop::kNo; };
  UnitOutcome outcome = Run();
  EXPECT_TRUE(outcome.is_stopped);
  EXPECT_EQ(outcome.done, Started().size());  // none was started in vain
  EXPECT_LT(outcome.done, 6u);
  run_.stop = nullptr;
  outcome = Run();
  EXPECT_EQ(outcome.done, 6u);
  EXPECT_THAT(Started(), SizeIs(6));
}

TEST_F(SweepTest, AStopAtOnceLeavesThoseThatRunToBeRunAgain) {
  SetPlan("seeds = 3");
  before_results_ = [](const Cell&) { std::this_thread::sleep_for(std::chrono::seconds(100)); };
  run_.jobs = 2;
  run_.stop = [this] { return Started().size() < 2 ? Stop::kNo : Stop::kNow; };
  UnitOutcome outcome = Run();
  EXPECT_TRUE(outcome.is_stopped);
  EXPECT_EQ(outcome.done, 0u);
  EXPECT_THAT(outcome.failed, IsEmpty());
  before_results_ = nullptr;
  run_.stop = nullptr;
  outcome = Run();
  EXPECT_EQ(outcome.run, 3u);
}

// Units in an order of the caller's, `order` of their seeds.
class OrderedSweepTest : public SweepTest {
 protected:
  UnitOutcome RunInOrder(const std::vector<uint64_t>& order) {
    const Sweep sweep = Open();
    run_.keys.clear();
    for (const uint64_t seed : order) run_.keys.push_back(sweep.keys.at(seed - 1));
    return UnitRun(sweep, run_).Run();
  }
  std::vector<int> StartedInOrder() const {
    std::ifstream file(temp_ / "started");
    return {std::istream_iterator<int>(file), {}};
  }
  std::string KeyOf(uint64_t seed) { return Open().keys.at(seed - 1); }
};

TEST_F(OrderedSweepTest, UnitsThatAreNamedRunInTheirOrderEachOnce) {
  EXPECT_EQ(RunInOrder({4, 2, 4, 6}).all, 3u);
  EXPECT_EQ(StartedInOrder(), (std::vector<int>{4, 2, 6}));
}

TEST_F(OrderedSweepTest, AfterAFailureNoneStartsIfSoWished) {
  before_results_ = [](const Cell& cell) {
    if (cell.seed == 5) throw InputError("no");
  };
  run_.stops_at_failure = true;
  UnitOutcome outcome = RunInOrder({3, 5, 1, 2});
  EXPECT_EQ(StartedInOrder(), (std::vector<int>{3, 5}));
  EXPECT_EQ(outcome.done, 1u);
  EXPECT_FALSE(outcome.is_stopped);
  EXPECT_EQ(outcome.failed, (std::vector<std::string>{KeyOf(5)}));
  run_.retries_failed = true;
  before_results_ = nullptr;
  EXPECT_EQ(RunInOrder({3, 5, 1, 2}).run, 3u);
}

TEST_F(OrderedSweepTest, AFailureIsTriedAgainBeforeItStopsTheOthers) {
  before_results_ = [](const Cell& cell) {
    if (cell.seed == 5) throw RunError("no");
  };
  run_.stops_at_failure = true;
  run_.retries = 2;
  RunInOrder({3, 5});
  EXPECT_EQ(StartedInOrder(), (std::vector<int>{3, 5, 5, 5}));
}

// The first fails last, and those behind it run for long.
TEST_F(OrderedSweepTest, OfFailuresSideBySideTheFirstInOrderIsToldAndThoseBehindAreStopped) {
  before_results_ = [this](const Cell& cell) {
    if (cell.seed == 1) std::this_thread::sleep_for(std::chrono::seconds(100));
    while (cell.seed == 3 && Started().size() < 3) ::usleep(1000);
    if (cell.seed == 6) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    throw InputError(fmt::format("no {}", cell.seed));
  };
  run_.stops_at_failure = true;
  run_.jobs = 3;
  const UnitOutcome outcome = RunInOrder({6, 3, 1, 2});
  EXPECT_EQ(outcome.failed, (std::vector<std::string>{KeyOf(6)}));
  EXPECT_EQ(Started(), (std::multiset<int>{1, 3, 6}));
  EXPECT_FALSE(UnitStore(temp_ / "out").HasFailed(KeyOf(1)));
}

// As from a scheduler that sends SIGTERM to all processes of a job.
TEST_F(SweepTest, ARunThatIsSentTheSignalTooEndsAndIsKept) {
  before_results_ = [](const Cell&) { ::raise(SIGTERM); };
  const UnitOutcome outcome = Run();
  EXPECT_EQ(outcome.done, 6u);
  EXPECT_THAT(outcome.failed, IsEmpty());
}

TEST_F(SweepTest, WhatAKilledRunWasAtIsRunAgain) {
  before_results_ = [](const Cell& cell) {
    if (cell.seed == 3) std::this_thread::sleep_for(std::chrono::seconds(100));
  };
  ChildProcesses killed;
  killed.Start(0, [&] { Run(); });
  while (!Started().contains(3)) ::usleep(1000);
  killed.Terminate();
  while (killed.count() > 0) killed.Reap();
  before_results_ = nullptr;
  const UnitOutcome outcome = Run();  // at once: its lock is stale, as its owner is gone
  EXPECT_EQ(outcome.done, 6u);
  EXPECT_EQ(Started().count(3), 2u);
  EXPECT_EQ(Started().size(), 7u);
}

TEST_F(SweepTest, CollectPutsEveryCellIntoOneTable) {
  before_results_ = [](const Cell& cell) {
    if (cell.seed == 2) throw InputError("bad, \"very\" bad");
  };
  SetPlan("seeds = 3\n[[axis]]\nkey = \"workload.rate_per_s\"\nvalues = [4]");
  Run();
  const Sweep sweep = Open();
  const Collected collected = CollectSweep(sweep);
  EXPECT_EQ(collected.done, 2u);
  EXPECT_EQ(collected.failed, 1u);
  EXPECT_EQ(ReadFile(collected.csv),
            fmt::format("key,state,reason,label,system,workload.rate_per_s,seed,saturated,ttft_ms."
                        "mean,stage.0\n"
                        "{},done,,simulated,hat,4,1,0,1.5,1\n"
                        "{},failed,\"bad, \"\"very\"\" bad\",,,4,2,,,\n"
                        "{},done,,simulated,hat,4,3,0,3.5,3\n",
                        sweep.keys[0], sweep.keys[1], sweep.keys[2]));
  EXPECT_THAT(ReadFile(collected.sqlite), HasSubstr("SQLite format 3"));
}

TEST_F(SweepTest, CleanRemovesWhatThePlanDoesNotAskFor) {
  Run();
  SetPlan("seeds = 2");
  const Sweep sweep = Open();
  EXPECT_EQ(UnitStore(sweep.folder).Clean(sweep.units), 4);
  EXPECT_EQ(Run().run, 0u);
}

TEST_F(SweepTest, AFolderOfOtherThingsIsRefused) {
  fs::create_directory(temp_ / "out");
  WriteFileAtomically(temp_ / "out/thesis.txt", "mine");
  EXPECT_INPUT_ERROR(Open(), AllOf(HasSubstr("holds no folder 'units'"), HasSubstr("out")));
}

TEST_F(SweepTest, AFolderThatIsNotThereStaysSoForWhoOnlyLooks) {
  SweepOptions options{temp_ / "plan.toml", temp_ / "out", {}, {temp_ / "program"}};
  options.makes_folder = false;
  EXPECT_THAT(OpenSweep(options).units, SizeIs(6));
  EXPECT_FALSE(fs::exists(temp_ / "out"));
}

// Of two searches in one folder each writes what it runs.
TEST_F(SweepTest, AGrowingSweepLeavesWhatOthersRunInItsFile) {
  const auto grow = [this](const std::vector<std::string>& axes) {
    return GrowingSweep("search", axes, temp_ / "out", {temp_ / "program"});
  };
  const auto cell = [this](uint64_t seed) {
    return Cell{fmt::format("seed {}", seed), "", temp_ / "small.toml", {}, seed};
  };
  GrowingSweep first = grow({"rate", "seed"});
  GrowingSweep second = grow({"seed"});
  const std::string key = first.Add(cell(1), {"4", "1"});
  first.Add(cell(2), {"4", "2"});
  first.Write();
  fs::create_directory(temp_ / ("out/units/" + key));
  second.Add(cell(3), {"3"});
  second.Write();
  const Sweep both = OpenSweepFolder(temp_ / "out");
  ASSERT_THAT(both.keys, SizeIs(2)) << "the second one of the first's has come to nothing";
  EXPECT_EQ(both.keys[1], key);
  EXPECT_EQ(both.plan.plan.cells[1].name, "seed 1");
  EXPECT_EQ(both.plan.values[1], (std::vector<std::string>{"1"}));
  EXPECT_THAT(second.sweep().units, SizeIs(1)) << "they are not its own";
}

TEST(UnitLocksTest, ALockIsOneOwnersUntilItIsReleased) {
  const TempFolder temp;
  UnitLocks first(temp.path());
  UnitLocks second(temp.path());
  EXPECT_TRUE(first.Take("a"));
  EXPECT_FALSE(second.Take("a"));
  EXPECT_TRUE(second.Take("b"));
  first.Release("a");
  EXPECT_TRUE(second.Take("a"));
}

TEST(UnitLocksTest, AnOwnerThatEndedIsGoneThoughNobodyAskedHow) {
  const TempFolder temp;
  const pid_t owner = ::fork();
  if (owner == 0) {
    UnitLocks theirs(temp.path());
    theirs.Take("a");
    ::raise(SIGKILL);
  }
  siginfo_t info = {};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(owner), &info, WEXITED | WNOWAIT), 0);
  UnitLocks ours(temp.path());
  EXPECT_TRUE(ours.Take("a"));
  ::waitpid(owner, nullptr, 0);
}

TEST(UnitLocksTest, WhatSomebodyElseTookOverIsNotReleased) {
  const TempFolder temp;
  UnitLocks ours(temp.path());
  ASSERT_TRUE(ours.Take("a"));
  fs::remove(temp / "a");  // as if we had stood still
  UnitLocks theirs(temp.path());
  ASSERT_TRUE(theirs.Take("a"));
  ours.Release("a");
  EXPECT_TRUE(fs::exists(temp / "a"));
  theirs.Release("a");
  EXPECT_FALSE(fs::exists(temp / "a"));
}

// Of a machine that we cannot look into.
class FarLockTest : public testing::Test {
 protected:
  FarLockTest() { WriteFileAtomically(temp_ / "a", "far-away boot pid:[1]\n1\n1\n1\n"); }
  void Touch() { fs::last_write_time(temp_ / "a", fs::file_time_type::clock::now()); }

  TempFolder temp_;
};

TEST_F(FarLockTest, IsTakenOverWhenItWasNotTouchedForLong) {
  UnitLocks ours(temp_.path(), std::chrono::milliseconds(1000));
  EXPECT_FALSE(ours.Take("a"));
  EXPECT_FALSE(ours.Take("a"));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_TRUE(ours.Take("a"));
}

TEST_F(FarLockTest, IsLeftToWhoTouchesIt) {
  UnitLocks ours(temp_.path(), std::chrono::milliseconds(1000));
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(ours.Take("a"));
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    Touch();
  }
}

TEST(UnitLocksTest, WhatIsHeldStaysFresh) {
  const TempFolder temp;
  UnitLocks ours(temp.path(), std::chrono::milliseconds(60));
  ASSERT_TRUE(ours.Take("a"));
  const auto before = fs::last_write_time(temp / "a");
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  ours.Refresh();
  EXPECT_GT(fs::last_write_time(temp / "a"), before);
}

}  // namespace
}  // namespace hat
