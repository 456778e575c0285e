#include "experiments/scenario/scenario.h"

#include <gmock/gmock.h>

#include "tests/experiments/scenario_text.h"

namespace hat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ScenarioTest, DefaultsAreTheDocumentedOnes) {
  const Scenario s = SmallScenario();
  EXPECT_EQ(s.seed, 1u);
  EXPECT_EQ(s.system.name, "hat");
  EXPECT_EQ(s.wire_dtype, Dtype::kFloat16);
  EXPECT_EQ(s.fleet.max_sessions, 32);
  EXPECT_EQ(s.fleet.power_mode_requests, 5);
  EXPECT_TRUE(s.fleet.jitter);
  EXPECT_EQ(s.link.kind, LinkConfig::Kind::kDedicated);
  EXPECT_DOUBLE_EQ(s.link.latency.value(), 2e-3);
  EXPECT_DOUBLE_EQ(s.link.efficiency, 1);
  EXPECT_EQ(s.scheduler.replicas, 1);
  EXPECT_EQ(s.scheduler.token_budget, 512);
  EXPECT_DOUBLE_EQ(s.cloud.stage_link_rate.value(), 4e9);
  EXPECT_DOUBLE_EQ(s.cloud.stage_link_latency.value(), 4e-6);
  EXPECT_EQ(s.workload.arrivals.kind, ArrivalConfig::Kind::kPoisson);
  EXPECT_EQ(s.workload.outputs.tokens, 128);
  EXPECT_EQ(s.workload.warmup_requests, 100);
  EXPECT_DOUBLE_EQ(s.acceptance.accept_length, 2.06);
  EXPECT_DOUBLE_EQ(s.acceptance.medusa_accept_length, 1.89);
  EXPECT_DOUBLE_EQ(s.acceptance.concentration, 2);
  EXPECT_THAT(s.acceptance.rank_curve, ElementsAre(0.26, 0.13, 0.065));
}

TEST(ScenarioTest, UnitsTurnIntoBaseUnitsAtTheBorder) {
  const Scenario s =
      SmallScenario({"link.up.rate_mbps=60", "link.latency_ms=5", "cloud.stage_link_gbps=8",
                     "cloud.stage_link_latency_us=10", "cloud.memory_gb=80"});
  EXPECT_DOUBLE_EQ(s.link.up.low.value(), 7.5e6);
  EXPECT_DOUBLE_EQ(s.link.latency.value(), 5e-3);
  EXPECT_DOUBLE_EQ(s.cloud.stage_link_rate.value(), 1e9);
  EXPECT_DOUBLE_EQ(s.cloud.stage_link_latency.value(), 1e-5);
  EXPECT_DOUBLE_EQ(s.cloud.memory.value(), 80e9);
}

TEST(ScenarioTest, PathsAreRelativeToTheScenarioFile) {
  const Scenario s = SmallScenario({"cloud.profile=../p/c.json"}, "x/y");
  EXPECT_EQ(s.cloud.profile_path, "x/p/c.json");
  EXPECT_THAT(s.fleet.classes[0].profile_paths, ElementsAre("x/y/a-fast.json", "x/y/a-slow.json"));
  EXPECT_EQ(SmallScenario({"cloud.profile=/abs/c.json"}).cloud.profile_path, "/abs/c.json");
}

TEST(ScenarioTest, NameIsTheFilesWhereItIsNotGiven) {
  std::string text = SmallScenarioText();
  text.erase(text.find("name = \"small\""), 14);
  EXPECT_EQ(ParseScenario(text, "some/where/my_run.toml").name, "my_run");
}

TEST(ScenarioTest, ScaleMultipliesTheDevicesAndNothingElse) {
  const Scenario one = SmallScenario();
  const Scenario many = SmallScenario({"fleet.scale=333.3333"});
  EXPECT_EQ(one.devices(), 30);
  EXPECT_EQ(many.devices(), 10'000);
  EXPECT_EQ(many.fleet.classes[0].count, 6667);
  EXPECT_EQ(many.fleet.classes[1].count, 3333);
  EXPECT_DOUBLE_EQ(many.workload.arrivals.rate_per_s, one.workload.arrivals.rate_per_s);
  EXPECT_EQ(many.scheduler.kv_tokens, one.scheduler.kv_tokens);
}

TEST(ScenarioTest, AtLeastOneDeviceStaysHoweverSmallTheScale) {
  const Scenario s = SmallScenario({"fleet.scale=0.001"});
  EXPECT_EQ(s.fleet.classes[0].count, 1);  // of the most numerous class
  EXPECT_EQ(s.fleet.classes[1].count, 0);
}

TEST(ScenarioTest, PartsOfHatSwitchOffOneByOne) {
  const Scenario s = SmallScenario({"system.chunking=none", "system.draft_ahead=false"});
  EXPECT_EQ(s.system.name, "hat");
  EXPECT_EQ(s.system.chunking, "none");
  EXPECT_EQ(s.system.drafting, "threshold");
  EXPECT_FALSE(s.system.draft_ahead);
}

TEST(ScenarioTest, AChunkRangeMovesTheFirstChunkIntoIt) {
  EXPECT_EQ(SmallScenario().system.options.chunk_initial, 64);
  EXPECT_EQ(SmallScenario({"policy.chunk_max=48"}).system.options.chunk_initial, 48);
  EXPECT_EQ(SmallScenario({"policy.chunk_min=512"}).system.options.chunk_initial, 512);
}

// Sweeping a policy must not change the drafter that it is tried on.
TEST(ScenarioTest, TheReferenceOfTheAcceptLengthStandsStillUnderASweep) {
  const Scenario s = SmallScenario({"policy.draft_threshold=0.9", "policy.max_draft=3"});
  EXPECT_DOUBLE_EQ(s.system.options.draft_threshold, 0.9);
  EXPECT_DOUBLE_EQ(s.acceptance.reference.draft_threshold, 0.6);
  EXPECT_EQ(s.acceptance.reference.max_draft, 8);
}

TEST(ScenarioTest, CloudLayersFollowTheSystem) {
  EXPECT_EQ(SmallScenario().cloud_layers(), 30);
  EXPECT_EQ(SmallScenario({"system.name=cloud-only"}).cloud_layers(), 32);
  EXPECT_EQ(SmallScenario({"system.name=device-only"}).cloud_layers(), 0);
}

// (0.9 * 48e9 - 8 * 2 * 202,383,360) / (8 * 2 * 32 * 128 * 2) = 304,884.8
TEST(ScenarioTest, KvTokensFillTheFullestStagesMemory) {
  const ModelShape model = FindModelShape("vicuna-7b");
  EXPECT_EQ(KvTokensThatFit(model, 30, 4, Bytes(48e9)), 304'884);
  EXPECT_EQ(SmallScenario().scheduler.kv_tokens, 304'884);
  EXPECT_EQ(SmallScenario({"cloud.kv_tokens=1000"}).scheduler.kv_tokens, 1000);
  EXPECT_EQ(KvTokensThatFit(FindModelShape("vicuna-13b"), 37, 4, Bytes(48e9)), 179'960);
  EXPECT_EQ(KvTokensThatFit(model, 30, 1, Bytes(8e9)), 0);  // 12.1 GB of weights
}

// Of six layers 2 to 4 are pruned. Behind one layer on the device, three stages hold a wide one and
// a pruned one; two pruned ones; a wide one.
TEST(ScenarioTest, StagesHoldTheModelsLastLayersInOrder) {
  Scenario s = SmallScenario({"cloud.stages=3"});
  s.fleet.device_layers = 1;
  s.model.layers.resize(6, s.model.layers[0]);
  const LayerShape wide = s.model.layers[0];
  const LayerShape narrow = {16, 16, 128, 3669};
  for (const size_t i : {2, 3, 4}) s.model.layers[i] = narrow;
  EXPECT_THAT(s.LayersOfCloudStages(),
              ElementsAre(ElementsAre(1, 1), ElementsAre(0, 2), ElementsAre(1, 0)));
  // The first stage is the fullest.
  const double room = 0.9 * 8e9 - 2 * (wide.Weights(4096) + narrow.Weights(4096));
  EXPECT_EQ(KvTokensThatFit(s.model, 5, 3, Bytes(8e9)),
            static_cast<int64_t>(room / (16384 + 8192)));
}

TEST(ScenarioTest, TheResolvedTextReadsBackAsTheSameScenario) {
  const Scenario first = SmallScenario({"workload.rate_per_s=0.1", "fleet.scale=3"});
  const Scenario second = ParseScenario(first.resolved, "folder/small.toml");
  EXPECT_EQ(first.resolved, second.resolved);
  EXPECT_EQ(second.devices(), 90);
  EXPECT_THAT(first.resolved, HasSubstr("max_sessions = 32"));
}

TEST(ScenarioTest, AProfileMustBeOfThisModelAndRole) {
  const Scenario s = SmallScenario();
  ProfileInfo info;
  info.path = "p.json";
  info.id = "orin";
  info.role = Role::kDevice;
  info.model = FindModelShape("vicuna-7b");
  info.model.name = "the same sizes under another name";
  EXPECT_NO_THROW(CheckProfileFits(info, Role::kDevice, s));
  EXPECT_THROW(CheckProfileFits(info, Role::kCloud, s), InputError);
  info.model = FindModelShape("vicuna-13b");
  EXPECT_THROW(CheckProfileFits(info, Role::kDevice, s), InputError);
}

TEST(PaperScenarioTest, SpecBenchIsThePublishedTestbed) {
  const Scenario s = LoadScenario("experiments/paper/spec_bench_7b.toml");
  EXPECT_EQ(s.devices(), 30);
  EXPECT_EQ(s.fleet.classes[0].count, 20);
  EXPECT_EQ(s.fleet.classes[0].profile_paths.size(), 3u);
  EXPECT_EQ(s.fleet.device_layers, 2);
  EXPECT_EQ(s.scheduler.stages, 4);
  EXPECT_DOUBLE_EQ(s.workload.arrivals.rate_per_s, 6);
  EXPECT_DOUBLE_EQ(s.link.up.low.value(), 5e6);
  EXPECT_DOUBLE_EQ(s.link.up.high.value(), 10e6);
  EXPECT_DOUBLE_EQ(s.link.down.low.value(), 10e6);
  EXPECT_DOUBLE_EQ(s.link.down.high.value(), 15e6);
}

TEST(PaperScenarioTest, EveryShippedScenarioLoadsWithEverySystem) {
  for (const char* path :
       {"experiments/paper/spec_bench_7b.toml", "experiments/paper/cnn_dm_13b.toml",
        "experiments/scale/closed_loop_30.toml", "experiments/scale/closed_loop_10k.toml",
        "experiments/scale/hat_10k.toml"}) {
    for (const std::string& system : SystemNames())
      EXPECT_NO_THROW(LoadScenario(path, {"system.name=" + system})) << path << " " << system;
  }
}

}  // namespace
}  // namespace hat
