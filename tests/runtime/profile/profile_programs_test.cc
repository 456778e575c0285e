// hat profile device, cloud and check, as a user runs them, on a tiny model of random weights.
#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "core/files.h"
#include "profiles/profile.h"
#include "tests/core/program_run.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kConfig[] = R"({"model_type": "llama", "hidden_size": 16, "num_hidden_layers": 3,
  "num_attention_heads": 2, "num_key_value_heads": 1, "intermediate_size": 32, "vocab_size": 50})";

// Two devices, four requests.
constexpr char kScenario[] = R"(
[model]
shape = "tiny.json"
device_layers = 2
[[fleet.class]]
name = "host"
count = 2
profiles = ["device.json"]
[link]
[link.up]
rate_mbps = 60
[link.down]
rate_mbps = 100
[cloud]
profile = "cloud.json"
[workload]
rate_per_s = 6
requests = 4
[workload.prompts]
kind = "constant"
tokens = 20
[workload.outputs]
tokens = 12
)";

std::vector<std::string> Command(const std::string& verb, std::vector<std::string> arguments) {
  const std::vector<std::string> words = Words("{} " + verb, {HAT_BIN_DIR "/hat"});
  arguments.insert(arguments.begin(), words.begin(), words.end());
  return arguments;
}

class ProfileProgramsTest : public testing::Test {
 protected:
  ProfileProgramsTest() {
    std::ofstream(folder_ / "tiny.json") << kConfig;
    std::ofstream(folder_ / "scenario.toml") << kScenario;
  }

  static ProgramRun Run(const std::string& verb, const std::vector<std::string>& arguments) {
    return RunProgram(Command(verb, arguments));
  }

  using Option = std::pair<std::string, std::string>;

  // The arguments of a quick measurement, with these in place of its own or after them; a flag has
  // no value.
  std::vector<std::string> Quick(const std::string& out, const std::vector<Option>& changed = {}) {
    std::vector<Option> options = {{"--model", folder_ / "tiny.json"},
                                   {"--out", folder_ / out},
                                   {"--threads", "1"},
                                   {"--max-tokens", "64"},
                                   {"--max-context", "64"},
                                   {"--budget-s", "600"}};
    for (const Option& option : changed) {
      const auto found = std::find_if(options.begin(), options.end(), [&](const Option& other) {
        return other.first == option.first;
      });
      found == options.end() ? options.push_back(option) : void(found->second = option.second);
    }
    std::vector<std::string> arguments;
    for (const auto& [name, value] : options) {
      arguments.push_back(name);
      if (!value.empty()) arguments.push_back(value);
    }
    return arguments;
  }

  // Leaves no file.
  void Refuses(const std::string& program, const std::vector<std::string>& arguments,
               const std::string& words) {
    const std::vector<std::string> before = folder_.List();
    ExpectRefusal(Run(program, arguments), "hat profile ", words);
    EXPECT_EQ(folder_.List(), before);
  }

  TempFolder folder_;
};

TEST_F(ProfileProgramsTest, MeasuredProfilesAreReadStrictlyAndTheSimulatorRunsOnThem) {
  for (const char* role : {"device", "cloud"}) {
    const std::string file = std::string(role) + ".json";
    const ProgramRun outcome = Run(std::string("profile ") + role, Quick(file));
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr("measured"));
    EXPECT_THAT(outcome.err, HasSubstr("rounds"));
  }
  EXPECT_THAT(folder_.List(),
              ElementsAre("cloud.json", "device.json", "scenario.toml", "tiny.json"));

  const ProfileData data = ReadProfile(folder_ / "device.json");
  EXPECT_EQ(data.info.id, "device");
  EXPECT_EQ(data.draft_layers, 2);
  EXPECT_EQ(data.measurement.at("threads"), "1");
  for (const char* key : {"commit", "date", "libtorch", "driver", "clock", "reference"}) {
    EXPECT_NE(data.measurement.at(key), "") << key;
  }
  for (const auto& [operation, points] : data.operations) {
    for (const LatencyGrid::Point& point : points)
      EXPECT_GE(point.samples_us.size(), 5U) << Name(operation);
  }
  const DeviceProfile device(data);
  EXPECT_GT(device.Draft(4, 64, 2), Seconds(0));
  EXPECT_EQ(device.max_tokens(), 64);
  EXPECT_EQ(CloudProfile::Load(folder_ / "cloud.json").max_context(), 64);

  for (const char* system : {"hat", "u-medusa", "u-shape", "cloud-only"}) {
    const ProgramRun simulated =
        Run("simulate", {folder_ / "scenario.toml", "--set", std::string("system.name=") + system});
    EXPECT_EQ(simulated.exit_code, 0) << simulated.err;
  }

  const ProgramRun checked = Run(
      "profile check", {"--model", folder_ / "tiny.json", "--profile", folder_ / "device.json",
                        "--profile", folder_ / "cloud.json", "--rounds", "1", "--limit", "1000"});
  EXPECT_LE(checked.exit_code, 1) << checked.err;  // what a busy machine times is anything
  EXPECT_THAT(checked.out, AllOf(HasSubstr("decode"), HasSubstr("draft"), HasSubstr("median")));
  EXPECT_THAT(checked.out,
              AllOf(HasSubstr("device (device), 2 layers"), HasSubstr("cloud (cloud), 1 layers"),
                    HasSubstr("a fixed product of matrices")));
  const ProgramRun whole =
      Run("profile check", {"--model", folder_ / "tiny.json", "--profile", folder_ / "cloud.json",
                            "--rounds", "1", "--limit", "1000", "--layers", "3"});
  EXPECT_THAT(whole.out, HasSubstr("cloud (cloud), 3 layers"));
  const ProgramRun outside =
      Run("profile check", {"--model", folder_ / "tiny.json", "--profile", folder_ / "cloud.json",
                            "--rounds", "1", "--limit", "0"});
  EXPECT_EQ(outside.exit_code, 1);
  EXPECT_THAT(outside.err, HasSubstr("above 0%"));

  Refuses("profile device", Quick("device.json"), "exists; --force replaces it");
  Refuses("profile check", {"--model", "tinyllama-1.1b", "--profile", folder_ / "device.json"},
          "a profile of tiny");
  Refuses("profile check",
          {"--model", folder_ / "tiny.json", "--profile", folder_ / "cloud.json", "--split", "3"},
          "--split must be 1..2");
}

TEST_F(ProfileProgramsTest, AKilledMeasurementGoesOnWhereItStood) {
  const std::string journal = folder_ / "device.json.journal";
  StartedProgram measurement(Command("profile device", Quick("device.json")));
  const auto lines = [&] {
    std::ifstream file(journal);
    return std::count(std::istreambuf_iterator<char>(file), {}, '\n');
  };
  ASSERT_TRUE(measurement.RunsUntil([&] { return lines() >= 20; })) << "ended by itself";
  EXPECT_EQ(measurement.Wait(SIGKILL).exit_code, -SIGKILL);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "device.json"));
  std::ofstream(journal, std::ios::app) << "0 1 0.";  // torn
  const std::string stood = ReadFile(journal);

  Refuses("profile device", Quick("device.json"), "--resume goes on");
  Refuses("profile device", Quick("device.json", {{"--resume", ""}, {"--seed", "2"}}),
          "of another measurement");
  EXPECT_EQ(ReadFile(journal), stood);

  const ProgramRun outcome = Run("profile device", Quick("device.json", {{"--resume", ""}}));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("goes on"));
  EXPECT_FALSE(std::filesystem::exists(journal));
  DeviceProfile::Load(folder_ / "device.json");
}

TEST_F(ProfileProgramsTest, BadInputIsOneLineAndLeavesNothing) {
  const auto with = [&](const std::string& name, const std::string& value) {
    return Quick("out.json", {{name, value}});
  };
  Refuses("profile device", with("--device", "cuda:99"), "no device 'cuda:99'");
  Refuses("profile device", with("--device", "tpu"), "unknown device 'tpu'");
  Refuses("profile device", with("--dtype", "fp16"), "the CPU does not compute in fp16");
  Refuses("profile device", with("--dtype", "int4"),
          "--dtype must be one of fp64, fp32, fp16, bf16, got 'int4'");
  Refuses("profile device", with("--split", "3"), "--split must be 1..2");
  Refuses("profile device", with("--max-tokens", "2"), "--max-tokens");
  Refuses("profile cloud", with("--model", "vicuna-8b"), "unknown model 'vicuna-8b'");
  Refuses("profile cloud", with("--model", folder_.path()), "config.json");
  Refuses("profile cloud", with("--out", folder_ / "out.txt"), "must end in .json");
  Refuses("profile cloud", with("--out", folder_ / "no/out.json"), "there is no folder");
  // Hundreds of GB.
  std::ofstream(folder_ / "huge.json")
      << R"({"model_type": "llama", "hidden_size": 131072, "num_hidden_layers": 3,
             "num_attention_heads": 1024, "intermediate_size": 1048576, "vocab_size": 50000})";
  Refuses("profile cloud", with("--model", folder_ / "huge.json"), "the memory does not suffice");
  Refuses("profile check", {"--model", "tinyllama-1.1b", "--profile", folder_ / "none.json"},
          "none.json");
}

}  // namespace
}  // namespace hat
