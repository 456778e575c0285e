// hat profile model and hat profile show, as a user runs them.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "core/files.h"
#include "core/terminal_text.h"
#include "profiles/profile.h"
#include "tests/core/program_run.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class ProfileProgramsTest : public testing::Test {
 protected:
  static ProgramRun Run(const std::string& verb, const std::string& arguments,
                        std::vector<std::string> paths = {}) {
    paths.insert(paths.begin(), HAT_BIN_DIR "/hat");
    return RunProgram(Words("{} profile " + verb + " " + arguments, paths));
  }

  const TempFolder folder_;
};

TEST_F(ProfileProgramsTest, ModelWritesAProfileAndNamesIt) {
  const std::string path = folder_ / "p.json";
  const ProgramRun outcome =
      Run("model", "--hardware a6000 --model vicuna-7b --role cloud --out {}", {path});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out,
              AllOf(StartsWith("vicuna-7b on a6000"), HasSubstr("21.40 at context 0")));
  EXPECT_EQ(outcome.err, "wrote " + path + "\n");
  EXPECT_EQ(CloudProfile::Load(path).info().model, FindModelShape("vicuna-7b"));
}

TEST_F(ProfileProgramsTest, ModelCoversWhatItIsAskedTo) {
  const auto profile = [&](const std::string& role, const std::string& limits) {
    const std::string path = folder_ / "p.json";
    const ProgramRun outcome =
        Run("model",
            "--hardware a6000 --model vicuna-7b --force --role " + role + " --out {} " + limits,
            {path});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    return path;
  };
  const DeviceProfile device =
      DeviceProfile::Load(profile("device", "--max-tokens 9000 --max-context 12345"));
  EXPECT_EQ(device.max_tokens(), 9000);
  EXPECT_EQ(device.max_context(), 12345);
  const CloudProfile cloud =
      CloudProfile::Load(profile("cloud", "--max-tokens 20000 --max-context 40000"));
  EXPECT_EQ(cloud.max_tokens(), 20000);
  EXPECT_EQ(cloud.max_sequence_tokens(), 20000);
  EXPECT_EQ(cloud.max_context(), 40000);
  const CloudProfile small = CloudProfile::Load(profile("cloud", "--max-context 1 --max-tokens 1"));
  EXPECT_EQ(small.max_context(), 1);
  EXPECT_EQ(small.max_tokens(), 1);
}

TEST_F(ProfileProgramsTest, ModelNeverOverwritesOtherContentUnasked) {
  const std::string path = folder_ / "p.json";
  std::ofstream(path) << "mine";
  const std::string arguments = "--hardware a6000 --model vicuna-7b --role cloud --out {}";
  const ProgramRun outcome = Run("model", arguments, {path});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("exists with other content"));
  EXPECT_EQ(ReadFile(path), "mine");
  EXPECT_EQ(Run("model", arguments + " --force", {path}).exit_code, 0);
  EXPECT_EQ(Run("model", arguments, {path}).exit_code, 0);  // the same content
}

TEST_F(ProfileProgramsTest, ModelTakesAHuggingFaceConfig) {
  std::filesystem::create_directory(folder_ / "mine");
  std::ofstream(folder_ / "mine/config.json")
      << R"({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 8,
             "intermediate_size": 96, "vocab_size": 100})";
  const ProgramRun outcome =
      Run("model", "--hardware agx-orin:15w --model {}/mine/config.json --role device --out {}/",
          {folder_.path(), folder_.path()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ / "agx-orin-15w_mine_device.json"));
}

TEST_F(ProfileProgramsTest, ListNamesHardwareModesAndModels) {
  const ProgramRun outcome = Run("model", "--list");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("agx-xavier:10w"), HasSubstr("h100"),
                                 HasSubstr("assumed: "), HasSubstr("tinyllama-1.1b")));
}

TEST_F(ProfileProgramsTest, ShowPrintsTheTableAndDrawsIt) {
  const std::string image = folder_ / "a.png";
  const ProgramRun outcome =
      Run("show", "profiles/data/a6000_vicuna-7b_cloud.json --out {}", {image});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(StartsWith("vicuna-7b on a6000, cloud, fp16: modelled\n"),
                    HasSubstr("attention     2048"), HasSubstr("decode, ms a token: 21.40")));
  EXPECT_EQ(outcome.err, "wrote " + (folder_ / "a.csv") + "\nwrote " + image + "\n");
  EXPECT_THAT(ReadFile(image), StartsWith("\x89PNG"));
  EXPECT_THAT(ReadFile(folder_ / "a.csv"),
              StartsWith("operation,context,tokens,median_us,p10_us,p90_us\n"));
}

TEST_F(ProfileProgramsTest, EveryShippedProfileFitsATerminal) {
  for (const auto& file : std::filesystem::directory_iterator("profiles/data")) {
    const ProgramRun shown = Run("show", file.path());
    EXPECT_LE(ColumnsOfTable(shown.out), kTerminalColumns) << shown.out;
  }
  EXPECT_LE(ColumnsOfTable(Run("model", "--list").out), kTerminalColumns);
}

TEST_F(ProfileProgramsTest, BadInputIsOneLineAndExitCodeTwo) {
  const struct {
    const char* program;
    const char* arguments;
    const char* problem;
  } cases[] = {
      {"model", "", "--hardware is required"},
      {"model", "--hardware a6000 --model vicuna-7b", "--role is required"},
      {"model", "--hardware b200 --model vicuna-7b --role cloud", "unknown hardware 'b200'"},
      {"model", "--hardware a6000 --model gpt-5 --role cloud", "unknown model 'gpt-5'"},
      {"model", "--hardware a6000 --model vicuna-7b --role edge", "device or cloud, got 'edge'"},
      {"model", "--hardware a6000 --model vicuna-7b --role cloud --dtype int4",
       "--dtype must be one of fp16, bf16, got 'int4'"},
      {"model", "--hardwear a6000", "--hardwear"},
      {"show", "", "FILE"},
      {"show", "/nowhere.json", "/nowhere.json"},
      {"show", "tests/data/profiles/measured.csv", "not valid JSON"},
      {"show", "profiles/data/a6000_vicuna-7b_cloud.json --out a.gif", ".png, .pdf or .svg"},
  };
  for (const auto& [program, arguments, problem] : cases) {
    ExpectRefusal(Run(program, arguments), fmt::format("hat profile {}: ", program), problem);
  }
}

TEST_F(ProfileProgramsTest, AFolderThatCannotBeWrittenIsExitCodeOne) {
  const ProgramRun outcome =
      Run("model", "--hardware a6000 --model vicuna-7b --role cloud --out /nowhere/p.json");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("cannot write '/nowhere/p.json'"));
}

}  // namespace
}  // namespace hat
