// A live run of another set-up is refused, with what is different.
#include "experiments/validate/settings.h"

#include <gmock/gmock.h>

#include "experiments/results/results.h"
#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf, testing::ElementsAre, testing::HasSubstr, testing::IsEmpty, testing::Not;

std::vector<std::string> Shown(const std::vector<SettingDifference>& differences) {
  std::vector<std::string> shown;
  for (const SettingDifference& difference : differences) {
    shown.push_back(difference.key + ": " + difference.simulated + ", " + difference.live);
  }
  return shown;
}

std::vector<std::string> Differences(const std::string& simulated, const std::string& live) {
  return Shown(ConfigDifferences(simulated, live, "live"));
}

constexpr char kConfig[] = R"(name = "one"
seed = 1
[cloud]
kv_tokens = 100
[[fleet.class]]
name = "a"
profiles = ["x.json", "y.json"]
[[fleet.class]]
count = 2
)";

std::string Changed(std::string from, const std::string& to) {
  std::string text = kConfig;
  return text.replace(text.find(from), from.size(), to);
}

TEST(SettingsTest, EqualConfigurationsHaveNoDifference) {
  EXPECT_THAT(Differences(kConfig, kConfig), IsEmpty());
  EXPECT_THAT(Differences(kConfig, Changed("\"one\"", "\"two\"")), IsEmpty()) << "only a name";
}

TEST(SettingsTest, KeysAreComparedOneByOneAndListsSteppedInto) {
  EXPECT_THAT(Differences(kConfig, Changed("seed = 1", "seed = 2")), ElementsAre("seed: 1, 2"));
  EXPECT_THAT(Differences(kConfig, Changed("count = 2", "count = 3")),
              ElementsAre("fleet.class.1.count: 2, 3"));
  EXPECT_THAT(Differences(kConfig, Changed("kv_tokens = 100", "stages = 1")),
              ElementsAre("cloud.kv_tokens: 100, none", "cloud.stages: none, 1"));
  EXPECT_THAT(Differences(kConfig, Changed(", \"y.json\"", "")),
              ElementsAre(AllOf(HasSubstr("fleet.class.0.profiles"), HasSubstr("y.json"))));
}

RunInfo InfoWith(const std::string& profile_digest, const std::string& prompts_digest) {
  RunInfo info;
  info.world = "emulated";
  info.system = "hat";
  info.seed = 3;
  info.config = kConfig;
  ProfileInfo profile;
  profile.id = "orin";
  profile.sha256 = profile_digest;
  info.profiles = {profile, profile};
  info.inputs = {{"prompts", "p.csv", prompts_digest}};
  return info;
}

Manifest ManifestWith(const std::string& profile_digest, const std::string& prompts_digest) {
  return ParseManifest(ManifestJson(InfoWith(profile_digest, prompts_digest)), "m.json");
}

TEST(SettingsTest, FilesOfOneNameAreComparedByTheirContent) {
  const Manifest manifest = ManifestWith("aa", "bb");
  EXPECT_EQ(manifest.world, "emulated");
  EXPECT_EQ(manifest.seed, 3u);
  EXPECT_THAT(FileDifferences(manifest, manifest), IsEmpty());
  EXPECT_THAT(Shown(FileDifferences(manifest, ManifestWith("aa", "cc"))),
              ElementsAre("prompts: bb, cc"));
  EXPECT_THAT(Shown(FileDifferences(manifest, ManifestWith("dd", "bb"))),
              ElementsAre("profile 0 (orin): aa, dd", "profile 1 (orin): aa, dd"));
}

TEST(SettingsTest, WhatIsNoManifestIsRefused) {
  EXPECT_INPUT_ERROR(ParseManifest("{}", "m.json"), HasSubstr("m.json: not the manifest of a run"));
}

TEST(SettingsTest, WhatCloudAndDevicesRanWithIsTheScenarios) {
  Scenario scenario;
  scenario.scheduler = {.replicas = 2, .stages = 4, .token_budget = 256, .kv_tokens = 1000};
  scenario.fleet.device_layers = 2;
  Receipt receipt;
  receipt.model_sha256 = "abc";
  receipt.settings = {2, 4, 1000, 256, 32, 2, Dtype::kFloat16};
  EXPECT_THAT(ReceiptDifferences(scenario, "abc", receipt), IsEmpty());
  EXPECT_THAT(ReceiptDifferences(scenario, "", receipt), IsEmpty()) << "nothing drafts";
  EXPECT_THAT(Shown(ReceiptDifferences(scenario, "def", receipt)),
              ElementsAre("model_sha256: def, abc"));
  receipt.settings.kv_tokens = 999;
  receipt.settings.wire_dtype = Dtype::kFloat32;
  EXPECT_THAT(Shown(ReceiptDifferences(scenario, "abc", receipt)),
              ElementsAre("cloud.kv_tokens: 1000, 999", "model.wire_dtype: float16, float32"));
}

TEST(SettingsTest, ARefusalNamesKeysWithBothValuesAndCountsTheRest) {
  EXPECT_NO_THROW(RefuseDifferences({}, "live"));
  std::vector<SettingDifference> differences(7, {"seed", "1", "2"});
  differences[0] = {"link.latency_ms", "5", std::string(200, '9')};
  EXPECT_INPUT_ERROR(RefuseDifferences(differences, "live"),
                     AllOf(HasSubstr("live: not a run of this scenario: 'link.latency_ms' is 999"),
                           HasSubstr("... there and 5 here, 'seed' is 2 there and 1 here"),
                           HasSubstr("and 2 more"), Not(HasSubstr(std::string(100, '9')))));
}

}  // namespace
}  // namespace hat
