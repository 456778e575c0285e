// hat validate: what it takes for a live run, refuses, writes and says. The live runs are simulated
// ones whose files say "emulated", changed where a test needs it.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/core/program_run.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using testing::AllOf, testing::ElementsAre, testing::HasSubstr, testing::IsSupersetOf;
using testing::Not, testing::UnorderedElementsAre;

constexpr char kReplayed[] = "experiments/measured/small_model.toml";
constexpr char kFew[] =
    " --set workload.requests=30 --set workload.outputs.tokens=12 --set fleet.scale=0.1";

class ValidateTest : public testing::Test {
 protected:
  ProgramRun Hat(const std::string& arguments, const std::vector<std::string>& paths) const {
    std::vector<std::string> all = {HAT_BIN_DIR "/hat"};
    all.insert(all.end(), paths.begin(), paths.end());
    return RunProgram(Words("{} " + arguments, all));
  }

  // A run of `system` in the folder, that poses as an emulated one.
  void MakeLive(const std::string& folder, const std::string& system,
                const std::string& more = "") const {
    const ProgramRun run = Hat("simulate " + std::string(kReplayed) + kFew + more +
                                   " --set system.name=" + system + " --quiet --out {}",
                               {temp_ / folder});
    ASSERT_EQ(run.exit_code, 0) << run.err;
    Change(folder + "/manifest.json", "\"world\": \"simulated\"", "\"world\": \"emulated\"");
    Change(folder + "/summary.json", "\"label\": \"simulated\"", "\"label\": \"emulated\"");
  }

  void Change(const std::string& file, const std::string& from, const std::string& to) const {
    std::string text = ReadFile(temp_ / file);
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from << " in " << file;
    WriteFileAtomically(temp_ / file, text.replace(at, from.size(), to));
  }

  ProgramRun Validate(const std::string& live, const std::string& more = "") const {
    return Hat("validate " + std::string(kReplayed) + kFew + " --live {}" + more, {temp_ / live});
  }

  // Writes into the folder.
  ProgramRun ValidateTo(const std::string& out, const std::string& more = "") const {
    return Hat("validate " + std::string(kReplayed) + kFew + " --live {} --out {}" + more,
               {temp_ / "live", temp_ / out});
  }

  TempFolder temp_;
};

TEST_F(ValidateTest, ARunThatIsTheSimulationHasNoError) {
  MakeLive("live", "hat");
  const ProgramRun run = Validate("live", " --require ttft_p50=0.01,tbt_p99=0.01,e2e_mean=0.01");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "");
  EXPECT_THAT(run.out, AllOf(HasSubstr("hat: simulated against emulated; 27 requests"),
                             HasSubstr("+0.00 to +0.00%"),
                             HasSubstr("30 of 30 requests equal in tokens, rounds, drafted and")));
}

TEST_F(ValidateTest, SystemsOfAFolderAreTakenInTheirOrderAndWrittenDown) {
  MakeLive("live/u-shape", "u-shape");
  MakeLive("live/hat", "hat");
  const ProgramRun run = ValidateTo("gap");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.err, "wrote " + (temp_ / "gap") + "\n");
  EXPECT_THAT(run.out, HasSubstr("the same in both worlds"));
  const auto json = nlohmann::json::parse(ReadFile(temp_ / "gap/validation.json"));
  ASSERT_EQ(json["systems"].size(), 2u);
  EXPECT_EQ(json["systems"][0]["system"], "hat");
  EXPECT_EQ(json["systems"][1]["metrics"]["ttft_ms"]["p50"]["error_percent"], 0);
  EXPECT_THAT(ReadFile(temp_ / "gap/validation.md"), HasSubstr("| TTFT (ms) | mean |"));
  EXPECT_THAT(ReadFile(temp_ / "gap/validation.png"), HasSubstr("PNG"));
  EXPECT_THAT(ReadFile(temp_ / "gap/validation.pdf"), HasSubstr("%PDF"));
  EXPECT_TRUE(fs::exists(temp_ / "gap/manifest.json"));
  const ProgramRun one = Validate("live", " --systems u-shape");
  EXPECT_THAT(one.out, AllOf(HasSubstr("u-shape: "), Not(HasSubstr("hat: simulated"))));
}

TEST_F(ValidateTest, SeedsOfASystemArePooled) {
  MakeLive("live/hat/seed-1", "hat");
  MakeLive("live/hat/seed-12", "hat", " --set seed=12");
  MakeLive("live/hat/seed-3", "hat", " --set seed=3");
  const ProgramRun run = Validate("live");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("seeds 1, 3, 12 ("), HasSubstr("emulated; 81 requests"),
                             HasSubstr("90 of 90 requests equal")));
  EXPECT_EQ(Validate("live/hat").out, run.out);
  EXPECT_THAT(Validate("live/hat/seed-1").out, HasSubstr("seed 1 ("));
  ExpectRefusal(Validate("live/hat/seed-3"), "hat validate: ", "'seed' is 3 there and 1 here");
  fs::rename(temp_ / "live/hat/seed-3", temp_ / "live/hat/seed-4");
  ExpectRefusal(Validate("live"), "hat validate: ", "live/hat/seed-4: a run with seed 3");
  fs::rename(temp_ / "live/hat/seed-4", temp_ / "live/hat/seed-3");
  fs::copy(temp_ / "live/hat/seed-1/summary.json", temp_ / "live/hat/summary.json");
  ExpectRefusal(Validate("live"), "hat validate: ", "live/hat: holds a run, and runs of seeds");
}

TEST_F(ValidateTest, SameRunsWriteTheSameBytes) {
  MakeLive("live", "hat");
  for (const char* name : {"a", "b"}) {
    ASSERT_EQ(ValidateTo(name, " --quiet").exit_code, 0);
  }
  for (const char* name :
       {"validation.json", "validation.md", "validation.png", "validation.pdf", "manifest.json"}) {
    EXPECT_EQ(ReadFile(temp_ / "a/" + name), ReadFile(temp_ / "b/" + name)) << name;
  }
}

TEST_F(ValidateTest, EventsGiveThePercentilesOfBatches) {
  MakeLive("live", "u-shape");
  EXPECT_THAT(Validate("live").out, HasSubstr("the live run kept no events.jsonl"));
  WriteFileAtomically(
      temp_ / "live/events.jsonl",
      "{\"t\":0,\"event\":\"arrival\",\"request\":5,\"device\":0,\"prompt_row\":0,\"arrival_s\":0,"
      "\"prompt_tokens\":4,\"output_tokens\":2}\n");
  const ProgramRun run = Validate("live");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, Not(HasSubstr("events.jsonl")));
}

TEST_F(ValidateTest, WhatDiffersFailsAfterAllIsWritten) {
  MakeLive("live", "u-shape");
  Change("live/requests.csv", ",12,11,0,0,0,0,", ",12,10,0,0,0,0,");
  const ProgramRun run = ValidateTo("gap", " --no-figure --quiet");
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, AllOf(HasSubstr("hat validate: u-shape: the two worlds did not do the same"),
                             HasSubstr("1 differ without a near-tie")));
  EXPECT_THAT(run.out, HasSubstr("rounds 11 simulated, 10 live; unexplained"));
  const auto json = nlohmann::json::parse(ReadFile(temp_ / "gap/validation.json"));
  EXPECT_EQ(json["holds"], false);
  EXPECT_FALSE(fs::exists(temp_ / "gap/validation.png"));
}

TEST_F(ValidateTest, AnotherSetUpIsRefusedWithBothValues) {
  MakeLive("live", "hat", " --set link.latency_ms=7");
  ExpectRefusal(Validate("live"), "hat validate: ",
                "not a run of this scenario: 'link.latency_ms' is 7.0 there and 2.0 here");
  EXPECT_EQ(Validate("live", " --set link.latency_ms=7").exit_code, 0);
  ExpectRefusal(Validate("live", " --set link.latency_ms=7 --set seed=2"),
                "hat validate: ", "'seed' is 1 there and 2 here");
}

TEST_F(ValidateTest, AnotherContentOfAFileIsRefused) {
  MakeLive("live", "u-shape");
  const std::string manifest = ReadFile(temp_ / "live/manifest.json");
  const std::string digest =
      nlohmann::json::parse(manifest)["inputs"].back()["sha256"].get<std::string>();
  Change("live/manifest.json", digest, std::string(64, 'f'));
  ExpectRefusal(Validate("live"), "hat validate: ", std::string(64, 'f').substr(0, 57));
}

TEST_F(ValidateTest, WhatIsNoLiveRunIsRefused) {
  ExpectRefusal(Validate("live"), "hat validate: ", "no run of a system in");
  MakeLive("live/hat", "hat");
  ExpectRefusal(Validate("live", " --systems u-shape"), "hat validate: ", "there are: hat");
  ExpectRefusal(Validate("live/hat", " --systems u-shape"), "hat validate: ", "is a run of hat");
  Change("live/hat/manifest.json", "\"emulated\"", "\"simulated\"");
  ExpectRefusal(Validate("live"), "hat validate: ", "a simulated run");
}

TEST_F(ValidateTest, ADamagedReceiptIsNamed) {
  MakeLive("live", "hat");
  WriteFileAtomically(temp_ / "live/receipt.json", "{\"schema_version\": 1}");
  ExpectRefusal(Validate("live"), "hat validate: ", "receipt.json: 'programs' is missing");
}

TEST_F(ValidateTest, DrawnDraftsAndClosedLoopsCannotBePaired) {
  MakeLive("live", "hat");
  const auto refused = [&](const std::string& scenario, const std::string& more) {
    return Hat("validate " + scenario + more + " --live {}", {temp_ / "live"});
  };
  ExpectRefusal(refused("experiments/paper/spec_bench_7b.toml", ""),
                "hat validate: ", "no 'acceptance.trace'");
  ExpectRefusal(refused(kReplayed, " --set workload.arrivals=closed-loop"),
                "hat validate: ", "closed-loop");
}

}  // namespace
}  // namespace hat
