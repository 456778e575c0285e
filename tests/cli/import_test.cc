// hat workload import and hat link import: from a file in others' format to a simulated run.
#include <gmock/gmock.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/csv.h"
#include "core/files.h"
#include "tests/core/program_run.h"

namespace hat {
namespace {

using testing::AllOf, testing::HasSubstr;

class ImportProgramTest : public testing::Test {
 protected:
  ProgramRun Import(const std::string& what, const std::string& text, const std::string& options) {
    WriteFileAtomically(temp_ / "in", text);
    std::vector<std::string> command = {HAT_BIN_DIR "/hat", what,    "import",         "auto",
                                        temp_ / "in",       "--out", temp_ / "out.csv"};
    for (const std::string& word : Words(options)) command.push_back(word);
    return RunProgram(command);
  }

  // A scenario beside the imported file, whose last lines are those that the import told.
  ProgramRun Simulate(const ProgramRun& import, const std::string& rest) {
    constexpr char kBefore[] = "in a scenario beside it:\n";
    const auto profile = [](const char* name) {
      return std::filesystem::absolute("profiles/data").string() + "/" + name + ".json";
    };
    const std::string text =
        "model = {shape = 'vicuna-7b', device_layers = 2}\n"
        "fleet.class = [{name = 'a', count = 3, profiles = ['" +
        profile("agx-orin-maxn_vicuna-7b_device") + "']}]\nlink.down.rate_mbps = 60\n" +
        "cloud = {stages = 2, profile = '" + profile("a6000_vicuna-7b_cloud") + "'}\n" + rest +
        import.err.substr(import.err.find(kBefore) + sizeof(kBefore) - 1);
    WriteFileAtomically(temp_ / "s.toml", text);
    return RunProgram({HAT_BIN_DIR "/hat", "simulate", temp_ / "s.toml", "--quiet", "--check",
                       "--out", temp_ / "results"});
  }

  TempFolder temp_;
};

constexpr char kAzure[] =
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 18:17:03.9799600,480,10\r\n"
    "2023-11-16 18:17:04.0319600,318,8\r\n"
    "2023-11-16 18:17:04.0781490,0,27\r\n"
    "2023-11-16 18:17:05.9799600,110,2";

TEST_F(ImportProgramTest, AnImportedTraceIsTheRequestsOfARun) {
  const ProgramRun import = Import("workload", kAzure, "--scale-rate 2");
  ASSERT_EQ(import.exit_code, 0) << import.err;
  EXPECT_THAT(import.err,
              AllOf(HasSubstr("azure: 4 rows read, 3 kept; left out: 1 without a prompt"),
                    HasSubstr("the longest prompt has 480 tokens")));
  const ProgramRun run = Simulate(import, "link.up.rate_mbps = 60\n");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const CsvFile csv = CsvFile::Load(temp_ / "results/requests.csv");
  std::string seen;
  for (int row = 0; row < csv.rows(); ++row)
    for (const char* column : {"arrival_s", "prompt_tokens", "output_tokens", "outcome"})
      seen += csv.Text(row, csv.ColumnIndex(column)) + " ";
  EXPECT_EQ(seen, "0 480 10 completed 0.026 318 8 completed 1 110 2 completed ");
}

TEST_F(ImportProgramTest, WhereItComesFromStandsBesideIt) {
  ASSERT_EQ(Import("workload", kAzure, "--for 1").exit_code, 0);
  const auto source = nlohmann::json::parse(ReadFile(temp_ / "out.csv.source.json"));
  EXPECT_EQ(source.at("format"), "azure");
  EXPECT_EQ(source.at("sha256"), Sha256Hex(kAzure));
  EXPECT_EQ(source.at("result_sha256"), Sha256Hex(ReadFile(temp_ / "out.csv")));
  EXPECT_EQ(source.at("rows"), 4);
  EXPECT_EQ(source.at("kept"), 2);
  EXPECT_EQ(source.at("options").at("for_s"), 1);
}

TEST_F(ImportProgramTest, AnImportedLinkIsPlayed) {
  const ProgramRun import = Import("link", "0 1\n1 20\n3 40\n", "");
  ASSERT_EQ(import.exit_code, 0) << import.err;
  EXPECT_THAT(import.err, AllOf(HasSubstr("pensieve: 3 rows read, 2 kept"),
                                HasSubstr("3 s, then it repeats; mean 33.33 Mb/s, at most 40")));
  const ProgramRun run = Simulate(import, R"([workload]
rate_per_s = 2
requests = 4
[workload.prompts]
kind = "constant"
tokens = 20
)");
  EXPECT_EQ(run.exit_code, 0) << run.err;
}

TEST_F(ImportProgramTest, AnotherFileIsReplacedOnlyByForce) {
  ASSERT_EQ(Import("workload", kAzure, "").exit_code, 0);
  ASSERT_EQ(Import("workload", kAzure, "").exit_code, 0);
  ExpectRefusal(Import("workload", kAzure, "--for 1"), "hat workload import: ", "other content");
  ASSERT_EQ(Import("workload", kAzure, "--for 1 --force").exit_code, 0);
}

}  // namespace
}  // namespace hat
