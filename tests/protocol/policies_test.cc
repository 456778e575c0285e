// Chunking, drafting and prefill-cut policies, and the tables that they stand in.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "protocol/policies/batching.h"
#include "protocol/policies/chunking.h"
#include "protocol/policies/drafting.h"
#include "protocol/system.h"
#include "protocol/tree.h"

namespace hat {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

ChunkEstimate WorkedEstimate() {
  return {BytesPerSecond(8.192e6),
          Milliseconds(4),
          {Milliseconds(8), Milliseconds(0.4)},
          {Milliseconds(5), Milliseconds(0.5)}};
}
ChunkObservation Seen(std::optional<ChunkEstimate> estimate, int left = 10'000) {
  return {left, Bytes(8192), 4, std::move(estimate)};
}
int Chunk(const std::string& name, const ChunkObservation& seen, PolicyOptions options = {}) {
  return MakeChunkingPolicy(name, options)->NextChunk(seen);
}

TEST(ChunkRuleTest, MatchesTheWorkedNumber) {
  EXPECT_EQ(BalancedChunk(Bytes(8192), 4, WorkedEstimate()), 10);
  ChunkEstimate without_device = WorkedEstimate();
  without_device.device = {};
  EXPECT_EQ(BalancedChunk(Bytes(8192), 4, without_device), 7) << "6 / 0.9, rounded up";
}

TEST(ChunkRuleTest, IsTheSmallestSizeThatHoldsBothConditions) {
  RngStream draw(4, "estimates");
  int solved = 0;
  for (int i = 0; i < 2000; ++i) {
    const ChunkEstimate e = {BytesPerSecond(draw.Uniform(1e6, 2e7)),
                             Seconds(draw.Uniform(0, 0.05)),
                             {Seconds(draw.Uniform(0, 0.02)), Seconds(draw.Uniform(0, 5e-3))},
                             {Seconds(draw.Uniform(0, 0.05)), Seconds(draw.Uniform(0, 1.5e-3))}};
    const auto holds = [&](int x) {
      const Seconds upload = Bytes(8192.0 * x) / e.uplink;
      return upload >= e.cloud_wait + e.cloud.At(x) / 4 && e.device.At(x) <= upload;
    };
    const std::optional<int> chunk = BalancedChunk(Bytes(8192), 4, e);
    int smallest = 1;
    while (smallest < 100'000 && !holds(smallest)) ++smallest;
    if (smallest == 100'000) {
      EXPECT_TRUE(!chunk || *chunk >= smallest);
    } else {
      ++solved;
      EXPECT_EQ(chunk, smallest);
    }
  }
  EXPECT_GT(solved, 500);
}

TEST(ChunkRuleTest, HasNoSolutionWhereComputingOutlastsUploading) {
  ChunkEstimate slow_device = WorkedEstimate();
  slow_device.device.per_token = Milliseconds(1);
  EXPECT_FALSE(BalancedChunk(Bytes(8192), 4, slow_device));
  ChunkEstimate slow_cloud = WorkedEstimate();
  slow_cloud.cloud.per_token = Milliseconds(4);
  EXPECT_FALSE(BalancedChunk(Bytes(8192), 4, slow_cloud));
}

TEST(MonitorChunkingTest, StartsWithTheInitialSize) {
  EXPECT_EQ(Chunk("monitor", Seen(std::nullopt)), 64);
  EXPECT_EQ(Chunk("monitor", Seen(std::nullopt, 20)), 20);
}

TEST(MonitorChunkingTest, IsClampedToTheBoundsAndTheRestOfThePrompt) {
  EXPECT_EQ(Chunk("monitor", Seen(WorkedEstimate())), 32) << "10, but at least chunk_min";
  EXPECT_EQ(Chunk("monitor", Seen(WorkedEstimate()), {.chunk_min = 1}), 10);
  EXPECT_EQ(Chunk("monitor", Seen(WorkedEstimate(), 7)), 7);
  ChunkEstimate long_wait = WorkedEstimate();
  long_wait.cloud_wait = Seconds(10);
  EXPECT_EQ(Chunk("monitor", Seen(long_wait)), 256);
  ChunkEstimate unsolvable = WorkedEstimate();
  unsolvable.device.per_token = Milliseconds(2);
  EXPECT_EQ(Chunk("monitor", Seen(unsolvable)), 256) << "no solution: chunk_max";
}

TEST(ChunkingTest, TheOtherPoliciesDoWhatTheirNamesSay) {
  EXPECT_EQ(Chunk("none", Seen(WorkedEstimate(), 777)), 777);
  EXPECT_EQ(Chunk("fixed", Seen(WorkedEstimate(), 777), {.chunk_fixed = 100}), 100);
  EXPECT_EQ(Chunk("fixed", Seen(WorkedEstimate(), 77), {.chunk_fixed = 100}), 77);
  EXPECT_EQ(Chunk("one-token", Seen(WorkedEstimate(), 777)), 1);
}

bool GoesOn(const std::string& name, float confidence, int drafted) {
  return MakeDraftingPolicy(name, {})->GoesOn({confidence, drafted});
}

TEST(DraftingTest, TheThresholdItselfGoesOn) {
  EXPECT_TRUE(GoesOn("threshold", 0.75f, 100));
  const auto half = MakeDraftingPolicy("threshold", {.draft_threshold = 0.5});
  EXPECT_TRUE(half->GoesOn({0.5f, 0}));
  EXPECT_FALSE(half->GoesOn({0.49999f, 0}));
}

// As a double 0.7 lies above the float next to it, 0.6 below.
TEST(DraftingTest, ConfidenceAndThresholdAreComparedAsFloats) {
  for (const double threshold : {0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9}) {
    const auto itself = static_cast<float>(threshold);
    const auto policy = MakeDraftingPolicy("threshold", {.draft_threshold = threshold});
    EXPECT_TRUE(policy->GoesOn({itself, 0})) << threshold;
    EXPECT_FALSE(policy->GoesOn({std::nextafter(itself, 0.0f), 0})) << threshold;
  }
}

TEST(DraftingTest, FixedCountsAndContrarianKeepsWhatTheThresholdRejects) {
  EXPECT_TRUE(GoesOn("fixed", 0, 3));
  EXPECT_FALSE(GoesOn("fixed", 1, 4));
  for (const float confidence : {0.0f, 0.3f, 0.6f, 0.61f, 1.0f}) {
    EXPECT_NE(GoesOn("contrarian", confidence, 0), GoesOn("threshold", confidence, 0));
  }
}

DraftSteps Steps(const std::vector<float>& confidences, int most) {
  return StepsUntilStop(*MakeDraftingPolicy("threshold", {}), confidences, most);
}

TEST(StepsUntilStopTest, TheStepWhoseProposalIsNotSentCounts) {
  const auto is = [](DraftSteps steps, int count, bool is_stopped) {
    return steps.steps == count && steps.is_stopped == is_stopped;
  };
  EXPECT_TRUE(is(Steps({}, 8), 0, false));
  EXPECT_TRUE(is(Steps({0.9f, 0.9f}, 8), 2, false));
  EXPECT_TRUE(is(Steps({0.9f, 0.1f, 0.9f}, 8), 2, true));
  EXPECT_TRUE(is(Steps({0.1f, 0.9f, 0.9f}, 8), 1, true));
  EXPECT_TRUE(is(Steps({0.9f, 0.9f, 0.9f, 0.9f}, 2), 3, true));
  EXPECT_TRUE(is(Steps({0.9f, 0.9f}, 0), 1, true));
}

TEST(PolicyTableTest, AnUnknownNameListsTheKnownOnes) {
  const auto message = [](const auto& make) -> std::string {
    try {
      make();
    } catch (const InputError& error) {
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message([] { MakeChunkingPolicy("huge", {}); }),
            "unknown chunking policy 'huge'; known: none, fixed, monitor, one-token");
  EXPECT_EQ(message([] { MakeDraftingPolicy("wild", {}); }),
            "unknown drafting policy 'wild'; known: threshold, fixed, contrarian");
  EXPECT_EQ(message([] { MakePrefillCut("thin", {}); }),
            "unknown prefill cut policy 'thin'; known: split, fixed, whole, trickle");
  EXPECT_THAT(message([] { FindSystem("hut"); }),
              HasSubstr("hat, u-shape, u-sarathi, u-medusa, cloud-only, cloud-sd, device-only"));
  EXPECT_THAT(message([] { FindTree("oak"); }), HasSubstr("chain"));
}

TEST(SystemTest, EverySystemPassesItsOwnCheck) {
  for (const std::string& name : SystemNames()) EXPECT_NO_THROW(CheckSystem(FindSystem(name)));
}

TEST(SystemTest, ContradictionsAreRefused) {
  SystemSpec system = FindSystem("u-shape");
  system.draft_ahead = true;
  EXPECT_THROW(CheckSystem(system), InputError);
  system = FindSystem("u-medusa");
  system.drafting = "threshold";
  EXPECT_THROW(CheckSystem(system), InputError);
  system = FindSystem("cloud-only");
  system.chunking = "fixed";
  EXPECT_THROW(CheckSystem(system), InputError);
  system = FindSystem("cloud-sd");
  system.draft_ahead = true;
  EXPECT_THROW(CheckSystem(system), InputError);
  system = FindSystem("device-only");
  system.drafting = "fixed";
  EXPECT_THROW(CheckSystem(system), InputError);
  system = FindSystem("hat");
  system.options.chunk_min = 257;
  EXPECT_THROW(CheckSystem(system), InputError);
}

// What a session does and what the row says of it.
TEST(SystemTest, EveryRowIsOfOnePiece) {
  for (const std::string& name : SystemNames()) {
    const SystemSpec system = FindSystem(name);
    EXPECT_EQ(system.drafts_trees, system.session == SessionKind::kTree) << name;
    EXPECT_EQ(system.has_cloud, system.session != SessionKind::kLocal) << name;
    EXPECT_EQ(system.returns_tokens, system.session == SessionKind::kRaw) << name;
    EXPECT_EQ(system.has_device_layers, !system.returns_tokens) << name;
  }
}

TEST(SystemTest, CloudOnlyIsCloudSdWithDraftingOff) {
  SystemSpec system = FindSystem("cloud-sd");
  EXPECT_TRUE(system.drafts_in_cloud());
  EXPECT_EQ(LargestVerification(system), 9);
  system.drafting = "none";
  EXPECT_FALSE(system.drafts_in_cloud());
  EXPECT_EQ(LargestVerification(system), 1);
}

TEST(SystemTest, ReservesMaxDraftPlusOneOrTheTreesNodes) {
  EXPECT_EQ(ReservedExtraTokens(FindSystem("hat")), 9);
  EXPECT_EQ(ReservedExtraTokens(FindSystem("u-shape")), 9);
  EXPECT_EQ(ReservedExtraTokens(FindSystem("u-medusa")), 5);
}

TEST(TreeTest, TheChainOfFourHeadsIsTheDefault) {
  const Tree& tree = FindTree(PolicyOptions{}.tree);
  EXPECT_THAT(tree.parents, ElementsAre(-1, 0, 1, 2, 3));
  EXPECT_THAT(tree.ranks, ElementsAre(0, 1, 1, 1, 1));
  EXPECT_THAT(tree.depths, ElementsAre(0, 1, 2, 3, 4));
}

TEST(TreeTest, EveryTreeIsBreadthFirstAndConnected) {
  for (const std::string& name : TreeNames()) {
    const Tree& tree = FindTree(name);
    ASSERT_EQ(tree.parents.size(), tree.depths.size());
    ASSERT_EQ(tree.parents.size(), tree.ranks.size());
    for (size_t i = 1; i < tree.parents.size(); ++i) {
      ASSERT_GE(tree.parents[i], 0);
      ASSERT_LT(tree.parents[i], static_cast<int>(i));
      EXPECT_EQ(tree.depths[i], tree.depths[static_cast<size_t>(tree.parents[i])] + 1);
      EXPECT_GE(tree.depths[i], tree.depths[i - 1]);
      EXPECT_GE(tree.ranks[i], 1);
    }
  }
}

TEST(TreeTest, ACombsTeethHangBelowTheLikeliestToken) {
  const Tree& tree = FindTree("comb-3");
  EXPECT_THAT(tree.parents, ElementsAre(-1, 0, 0, 0, 1, 1, 1, 4, 4, 4, 7, 7, 7));
  EXPECT_THAT(tree.ranks, ElementsAre(0, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3));
}

TEST(TreeTest, CuttingLeavesOutTheDeeperNodes) {
  const Tree& tree = FindTree("full-4-2");
  EXPECT_EQ(tree.size(), 1 + 4 + 8 + 8 + 8);
  EXPECT_EQ(CutTree(tree, 2).size(), 13);
  EXPECT_EQ(CutTree(tree, 2).max_depth(), 2);
  EXPECT_EQ(CutTree(tree, 0).size(), 1);
  EXPECT_EQ(CutTree(tree, 9).size(), tree.size());
}

}  // namespace
}  // namespace hat
