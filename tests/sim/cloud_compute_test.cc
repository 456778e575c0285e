#include "sim/cloud_compute.h"

#include <gmock/gmock.h>

#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "sim/drafting_cloud_compute.h"
#include "tests/sim/child_run.h"
#include "tests/sim/toy.h"
#include "world/memory_world.h"

namespace hat {
namespace {

using testing::Each;
using testing::ElementsAre;

TEST(CloudComputeTest, LayersSpreadEvenlyAndTheFirstStagesTakeTheRemainder) {
  EXPECT_THAT(LayersOfStages(30, 4), ElementsAre(8, 8, 7, 7));
  EXPECT_THAT(LayersOfStages(30, 1), ElementsAre(30));
  EXPECT_THAT(LayersOfStages(32, 4), Each(8));
  EXPECT_THAT(LayersOfStages(5, 3), ElementsAre(2, 2, 1));
  EXPECT_THAT(LayersOfStages(3, 3), Each(1));
}

BatchPart Part(int tokens, int context) {
  BatchPart part;
  part.tokens = tokens;
  part.first_position = context;
  return part;
}

// The toy: linear 40 + 2 n, a0 7, attention 3 + n / 2 + context / 16 us. Parts of 10 tokens at 0
// and of 2 at 160: 8 x (64 + 7 + 8 + 14) = 744 us.
TEST(CloudComputeTest, AStageCostsLinearOnTheSumAndAttentionOnEach) {
  const Toy toy;
  const CloudProfile profile = CloudProfile::Load(toy / "cloud.json");
  Batch batch;
  batch.tokens = 12;
  batch.parts = {Part(10, 0), Part(2, 160)};
  EXPECT_NEAR(ToMicroseconds(StageLatency(profile, batch, {8})), 744, 1e-9);
  EXPECT_NEAR(ToMicroseconds(StageLatency(profile, batch, {1})), 93, 1e-9);
}

// 10 + 3 x 0.5 ms for a prompt of 3 in one stage, beside the profile's.
TEST(CloudComputeTest, AStagesOverheadsAddToWhatItsProfileSays) {
  const Toy toy;
  const std::vector<std::string> prompt = {"workload.prompts.tokens=3", "system.name=u-shape"};
  std::vector<std::string> with = prompt;
  with.insert(with.end(), {"cloud.stage_overhead_ms=10", "cloud.stage_overhead_us_per_token=500"});
  const auto took = [&](const std::vector<std::string>& overrides) {
    const Span span = RunInChild(toy.Load(overrides)).stages[0].span;
    return (span.end - span.start).value();
  };
  EXPECT_NEAR(took(with) - took(prompt), 11.5e-3, 1e-12);
}

// Mean and standard deviation of an exponential distribution are the same.
TEST(CloudComputeTest, ADrawnOverheadHasItsMeanAndSpread) {
  const Toy toy;
  const WatchedRun run = RunInChild(
      toy.Load({"system.name=u-shape", "cloud.stage_overhead_ms=5",
                "cloud.stage_overhead_spread=exponential", "workload.outputs.tokens=2000"}));
  std::vector<double> ms;
  for (const StageRow& stage : run.stages) {
    const Span& span = stage.span;
    ms.push_back(ToMilliseconds(span.end - span.start));
  }
  ASSERT_EQ(ms.size(), 2000u);
  const double mean = std::accumulate(ms.begin(), ms.end(), 0.0) / 2000;
  double squares = 0;
  for (const double one : ms) squares += (one - mean) * (one - mean);
  // The profile's part is 2 to 6 ms here, and grows with the context by 3.75 ms in all.
  EXPECT_NEAR(std::sqrt(squares / 2000), 5.1, 0.5);
}

// Two raw prompts arrive at once: one batch, with an embedding of both and a head for each.
TEST(CloudComputeTest, CloudOnlyRunsAHeadForEachSequenceThatYieldsAToken) {
  const Toy toy;
  const WatchedRun run = RunInChild(toy.Load({"system.name=cloud-only", "fleet.class.0.count=2",
                                              "workload.requests=2", "workload.outputs.tokens=2"}));
  ASSERT_EQ(run.stages.size(), 2u);
  const ToyCloud cloud;
  const Seconds prompts = 32 * (cloud.linear(20) + cloud.a0(1) + 2 * cloud.attention(10, 0)) +
                          cloud.embedding(20) + cloud.head(2);
  const Seconds decode = 32 * (cloud.linear(2) + cloud.a0(1) + 2 * cloud.attention(1, 10)) +
                         cloud.embedding(2) + cloud.head(2);
  const auto took = [&](size_t i) { return run.stages[i].span.end - run.stages[i].span.start; };
  EXPECT_NEAR(took(0).value(), prompts.value(), 1e-12);
  EXPECT_NEAR(took(1).value(), decode.value(), 1e-12);
}

// A budget of 15 tokens cuts the second prompt: its first part yields no token, so no head.
TEST(CloudComputeTest, APartThatDoesNotEndThePromptHasNoHead) {
  const Toy toy;
  const WatchedRun run =
      RunInChild(toy.Load({"system.name=cloud-only", "fleet.class.0.count=2", "workload.requests=2",
                           "workload.outputs.tokens=1", "cloud.token_budget=15"}));
  ASSERT_EQ(run.stages.size(), 2u);
  const ToyCloud cloud;
  const Seconds first =
      32 * (cloud.linear(15) + cloud.a0(1) + cloud.attention(10, 0) + cloud.attention(5, 0)) +
      cloud.embedding(15) + cloud.head(1);
  EXPECT_NEAR((run.stages[0].span.end - run.stages[0].span.start).value(), first.value(), 1e-12);
}

// Stages of one batch take the same per layer; not the same batch once a part has left it.
TEST(CloudComputeTest, EachStageTakesItsOwnLayersOfWhatIsStillInTheBatch) {
  const Toy toy;
  const Scenario scenario = toy.Load({"cloud.stages=4"});  // 8, 8, 7, 7 layers
  const CloudProfile profile = CloudProfile::Load(toy / "cloud.json");
  MemoryWorld world;
  SimCloudCompute compute(world, scenario, profile, 0);
  for (const int ordinal : {0, 1, 8}) {  // 8 comes to where 0 was
    Batch batch;
    batch.ordinal = ordinal;
    batch.parts = {Part(10 + ordinal, 0), Part(2, 160)};
    batch.tokens = 12 + ordinal;
    for (int stage = 0; stage < 4; ++stage) {
      if (stage == 2) {
        batch.parts.pop_back();
        batch.tokens -= 2;
      }
      const Seconds expected = StageLatency(profile, batch, {stage < 2 ? 8 : 7});
      const Seconds start = world.Now();
      world.Start("stage", [&] { compute.RunStage(stage, batch); });
      world.Run();
      EXPECT_NEAR((world.Now() - start).value(), expected.value(), 1e-12)
          << ordinal << " " << stage;
    }
  }
}

// Two verifications, of 3 and 1 positions, and 10 of a prompt: the draft model takes three steps.
TEST(DraftingCloudComputeTest, StageZeroTakesTheDraftModelsStepsBeforeItsOwn) {
  const Toy toy;
  const Scenario scenario = toy.Load({"system.name=cloud-sd", "cloud.stages=4"});
  const CloudProfile target = CloudProfile::Load(toy / "cloud.json");
  const CloudProfile draft = CloudProfile::Load(toy / "draft.json");
  const Workload workload(scenario);
  const auto drafts = MakeDraftSource(scenario, workload);
  MemoryWorld world;
  CloudChains chains(world, *drafts);
  DraftingCloudCompute drafting(world, scenario, target, draft, chains, 0);
  SimCloudCompute plain(world, scenario, target, 0);

  Batch batch;
  batch.tokens = 14;
  batch.parts = {Part(3, 50), Part(1, 70), Part(10, 0)};
  batch.parts[0].kind = batch.parts[1].kind = FrameKind::kVerify;
  const auto time_of = [&](CloudCompute& compute, int stage) {
    const Seconds start = world.Now();
    world.Start("stage", [&] { compute.RunStage(stage, batch); });
    world.Run();
    return world.Now() - start;
  };
  const ToyCloud toy_draft = ToyDraftModel();
  const auto step = [&](int tokens, std::vector<std::pair<int, int>> sequences, int heads) {
    Seconds layer = toy_draft.linear(tokens) + toy_draft.a0(1);
    for (const auto& [n, context] : sequences) layer += toy_draft.attention(n, context);
    return 32 * layer + toy_draft.embedding(tokens) + toy_draft.head(heads);
  };
  const Seconds steps =
      step(12, {{1, 50}, {1, 70}, {10, 0}}, 2) + step(1, {{1, 51}}, 1) + step(1, {{1, 52}}, 1);
  EXPECT_NEAR((time_of(drafting, 0) - time_of(plain, 0)).value(), steps.value(), 1e-12);
  EXPECT_NEAR(time_of(drafting, 1).value(), time_of(plain, 1).value(), 1e-12);
}

}  // namespace
}  // namespace hat
