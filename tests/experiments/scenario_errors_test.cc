// What a scenario refuses, and in which words.
#include <gmock/gmock.h>

#include <fstream>
#include <ostream>

#include "tests/core/expect_error.h"
#include "tests/core/temp_folder.h"
#include "tests/experiments/scenario_text.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

struct ScenarioErrorCase {
  const char* name;
  std::vector<std::string> overrides;
  std::vector<std::string> message;  // parts that it must hold
};

void PrintTo(const ScenarioErrorCase& error, std::ostream* out) { *out << error.name; }

class ScenarioErrorTest : public testing::TestWithParam<ScenarioErrorCase> {};

TEST_P(ScenarioErrorTest, IsOneLineThatNamesKeyAndRange) {
  for (const std::string& part : GetParam().message)
    EXPECT_INPUT_ERROR(SmallScenario(GetParam().overrides), HasSubstr(part));
}

const ScenarioErrorCase kCases[] = {
    {"UnknownSystem", {"system.name=hatt"}, {"'system.name'", "hatt", "'hat', 'u-shape'"}},
    {"UnknownPolicy", {"system.drafting=wild"}, {"wild", "threshold"}},
    {"OrderOfOutputsThatFollowTheirPrompts",
     {"workload.prompts={kind='csv',path='p'}", "workload.outputs={kind='csv',path='p'}",
      "workload.outputs.order=file"},
     {"'workload.outputs.order' means nothing", "workload.prompts.kind"}},
    {"OrderOfConstantOutputs", {"workload.outputs.order=file"}, {"'workload.outputs.order'"}},
    {"UnknownKey", {"workload.rate_per_sec=3"}, {"'workload.rate_per_sec'", "workload.rate_per_s"}},
    {"UnknownShape", {"model.shape=vicuna-8b"}, {"'model.shape'", "vicuna-8b", "vicuna-7b"}},
    {"ZeroRate", {"workload.rate_per_s=0"}, {"'workload.rate_per_s'", ">= 1e-09", "got 0"}},
    {"NegativeRate", {"workload.rate_per_s=-1"}, {"'workload.rate_per_s'", ">= 1e-09", "got -1"}},
    {"NanRate", {"workload.rate_per_s=nan"}, {"'workload.rate_per_s'", ">= 1e-09", "got nan"}},
    {"HugeRate", {"workload.rate_per_s=1e308"}, {"'workload.rate_per_s'", "1e+06", "1e+308"}},
    {"ZeroUplink", {"link.up.rate_mbps=0"}, {"'link.up.rate_mbps'", ">= 1e-06"}},
    {"HugeDownlink", {"link.down.rate_mbps=1e308"}, {"'link.down.rate_mbps'"}},
    {"ZeroScale", {"fleet.scale=0"}, {"'fleet.scale'", "> 0"}},
    {"NanScale", {"fleet.scale=nan"}, {"'fleet.scale'"}},
    {"TooManyDevices", {"fleet.scale=1e6"}, {"'fleet.scale'", "30000000", "10000000"}},
    {"NegativeLatency", {"link.latency_ms=-1"}, {"'link.latency_ms'", ">= 0"}},
    {"EfficiencyOverOne", {"link.efficiency=1.1"}, {"'link.efficiency'"}},
    {"WrongType", {"workload.requests=\"many\""}, {"'workload.requests'"}},
    {"NoRequests", {"workload.requests=0"}, {"'workload.requests'"}},
    {"WarmupOfAll",
     {"workload.warmup_requests=1000"},
     {"'workload.warmup_requests'", "below", "1000"}},
    {"NegativeSeed", {"seed=-1"}, {"'seed'"}},
    {"NoLayersForTheCloud", {"model.device_layers=32"}, {"'model.device_layers'", "1 to 31", "32"}},
    {"MoreStagesThanLayers", {"cloud.stages=31"}, {"'cloud.stages'", "1 to 30", "31"}},
    {"BudgetBelowADraft",
     {"cloud.token_budget=8"},
     {"'cloud.token_budget'", "at least 9", "got 8"}},
    {"BudgetBelowATree",
     {"system.name=u-medusa", "cloud.token_budget=4"},
     {"'cloud.token_budget'", "at least 5"}},
    {"ChunkRangeUpsideDown",
     {"policy.chunk_min=300", "policy.chunk_max=200", "policy.chunk_initial=250"},
     {"chunk_min", "300", "200"}},
    {"FirstChunkOutOfRange",
     {"policy.chunk_initial=16"},
     {"'policy.chunk_initial'", "32", "256", "16"}},
    {"AheadWithoutDrafts", {"system.drafting=none"}, {"drafting ahead"}},
    {"FixedDraftBeyondMaximum",
     {"system.drafting=fixed", "policy.draft_fixed=9"},
     {"'policy.draft_fixed'", "8", "9"}},
    {"AcceptLengthBeyondReach",
     {"acceptance.accept_length=9.5"},
     {"'acceptance.accept_length'", "1 to 9", "9.5"}},
    {"MedusaLengthBeyondReach",
     {"acceptance.medusa_accept_length=5.1"},
     {"'acceptance.medusa_accept_length'", "1 to 5", "5.1"}},
    {"RankCurveAboveOne", {"acceptance.rank_curve=[0.6,0.6]"}, {"'acceptance.rank_curve'", "1.2"}},
    {"UnknownReference", {"acceptance.policy=wild"}, {"'acceptance.policy'", "wild", "threshold"}},
    {"TraceAndAcceptLength",
     {"acceptance.trace=t", "acceptance.accept_length=2"},
     {"'acceptance.accept_length'", "acceptance.trace"}},
    {"CellOfADedicatedLink", {"link.cell_mbps=100"}, {"'link.cell_mbps'", "dedicated"}},
    {"SharedWithoutCapacity", {"link.kind=shared"}, {"'link.kind'", "cell_mbps"}},
    {"UniformWithRate",
     {"link.up={kind='uniform',rate_mbps=3,low_mbps=1,high_mbps=2}"},
     {"'link.up.rate_mbps'", "uniform"}},
    {"BurstinessOfPoisson", {"workload.burstiness=2"}, {"'workload.burstiness'", "poisson"}},
    {"RateOfAClosedLoop",
     {"workload.arrivals=closed-loop", "workload.rate_per_s=3"},
     {"'workload.rate_per_s'", "closed-loop"}},
    {"UnknownArrivals", {"workload.arrivals=bursty"}, {"'workload.arrivals'", "poisson"}},
    {"BothStageRates",
     {"cloud.stage_link_gbps=1", "cloud.stage_link_mbps=1"},
     {"'cloud.stage_link_mbps'"}},
    {"NoMemoryForAKvCache",
     {"cloud.memory_gb=1"},
     {"'cloud.memory_gb'", "30 layers", "vicuna-7b", "4 stages"}},
};

INSTANTIATE_TEST_SUITE_P(Cases, ScenarioErrorTest, testing::ValuesIn(kCases),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(ScenarioErrorTest, AnErrorInAFileNamesFileAndLine) {
  std::string text = SmallScenarioText();
  const std::string good = "rate_per_s = 6";
  text.replace(text.find(good), good.size(), "rate_per_s = -6");
  EXPECT_INPUT_ERROR(ParseScenario(text, "f/x.toml"),
                     AllOf(HasSubstr("f/x.toml:22"), HasSubstr("'workload.rate_per_s'")));
}

TEST(ScenarioErrorTest, AFleetNeedsAClassWithAProfile) {
  const std::string text = SmallScenarioText();
  const auto without = [&](const std::string& from, const std::string& to,
                           const std::string& replacement = "") {
    std::string changed = text;
    const size_t begin = changed.find(from);
    return changed.replace(begin, changed.find(to, begin) - begin, replacement);
  };
  EXPECT_INPUT_ERROR(ParseScenario(without("[[fleet.class]]", "[link.up]"), "x.toml"),
                     HasSubstr("'fleet.class'"));
  EXPECT_INPUT_ERROR(ParseScenario(without("\"b.json\"", "]"), "x.toml"), HasSubstr("profiles"));
  EXPECT_INPUT_ERROR(ParseScenario(without("\"b\"", "\n", "\"a\""), "x.toml"), HasSubstr("taken"));
}

TEST(ScenarioErrorTest, ATypingMistakeInARequiredKeyIsShown) {
  const auto changed = [](const std::string& from, const std::string& to) {
    std::string text = SmallScenarioText();
    return text.replace(text.find(from), from.size(), to);
  };
  EXPECT_INPUT_ERROR(ParseScenario(changed("rate_per_s", "rate_per_sec"), "x.toml"),
                     AllOf(HasSubstr("x.toml:22: 'workload.rate_per_s' is missing"),
                           HasSubstr("'workload.rate_per_sec' stands there")));
  EXPECT_INPUT_ERROR(ParseScenario(changed("requests = ", "request = "), "x.toml"),
                     AllOf(HasSubstr("'workload.requests' or"), HasSubstr("'workload.request'")));
  EXPECT_INPUT_ERROR(SmallScenario({"link.kind=shared", "link.cel_mbps=4"}),
                     HasSubstr("'link.cel_mbps' stands there"));
  EXPECT_INPUT_ERROR(ParseScenario(changed("[workload]", "[worklaod]"), "x.toml"),
                     AllOf(HasSubstr("x.toml:21"), HasSubstr("'worklaod' stands there")));
}

// As with every choice that --set makes.
TEST(ScenarioErrorTest, CsvPromptsBySetLeaveTheOutputsOrderOfTheFileAside) {
  const std::string text =
      SmallScenarioText() + "[workload.outputs]\nkind = 'csv'\npath = 'o'\norder = 'file'\n";
  EXPECT_TRUE(ParseScenario(text, "x.toml").workload.outputs.is_in_file_order);
  const Scenario scenario =
      ParseScenario(text, "x.toml", {"workload.prompts.kind=csv", "workload.prompts.path=p"});
  EXPECT_FALSE(scenario.workload.outputs.is_in_file_order);
}

TEST(ScenarioErrorTest, AModelOfOneLayerCannotBeSplit) {
  const TempFolder folder;
  std::ofstream(folder / "config.json")
      << R"({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 1,
             "num_attention_heads": 8, "intermediate_size": 96, "vocab_size": 100})";
  EXPECT_INPUT_ERROR(
      SmallScenario({"model.shape=config.json", "model.device_layers=1"}, folder.path()),
      AllOf(HasSubstr("'model.shape'"), HasSubstr("one layer and cannot be split")));
}

TEST(ScenarioErrorTest, APathFromTheHomeFolderIsRefusedInEveryKey) {
  for (const std::string setting :
       {"fleet.class.0.profiles=['~/a.json']", "cloud.profile=~/c.json", "model.shape=~/m/c.json",
        "acceptance.trace=~/t", "link.up={kind='trace',trace='~/u'}",
        "workload.prompts={kind='csv',path='~/p'}", "workload.outputs={kind='csv',path='~/o'}"}) {
    EXPECT_INPUT_ERROR(SmallScenario({setting}), HasSubstr("begins with '~'")) << setting;
  }
}

TEST(ScenarioErrorTest, AMissingFileIsNamed) {
  EXPECT_INPUT_ERROR(LoadScenario("no/such.toml"), HasSubstr("no/such.toml"));
}

}  // namespace
}  // namespace hat
