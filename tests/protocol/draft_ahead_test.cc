// Drafting ahead while the cloud verifies.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "core/random.h"
#include "tests/protocol/rig.h"

namespace hat {
namespace {

using testing::ElementsAre;
using Row = std::tuple<int, int, int, int>;  // drafted, accepted, ahead steps, wasted

// A draft step takes 10 ms, the answer `delay_ms` and a bit, everything else next to nothing.
RigOptions Ahead(double delay_ms, int max_draft, Drafter drafter) {
  RigOptions options;
  options.system = FindSystem("hat");
  options.system.options.max_draft = max_draft;
  options.up = options.down = BytesPerSecond(1e12);
  options.latency = Seconds(0);
  options.drafter = std::move(drafter);
  options.device_latency = [](DeviceOp op, int, int) {
    const bool drafts = op == DeviceOp::kDraft || op == DeviceOp::kDraftAhead;
    return drafts ? Milliseconds(10) : Microseconds(1);
  };
  options.stage_latency = [delay_ms](int, const Batch&) { return Milliseconds(delay_ms); };
  return options;
}

std::vector<Row> RunOne(const RigOptions& options, int output_tokens,
                        std::vector<DeviceOpEvent>* ops = nullptr) {
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 20, output_tokens));
  rig.Run();
  if (ops != nullptr) *ops = rig.record.OpsOf(0);
  std::vector<Row> rows;
  for (const RoundEvent& r : rig.record.rounds[0]) {
    rows.emplace_back(r.drafted, r.accepted, r.ahead_steps, r.wasted_steps);
  }
  return rows;
}

Drafter AlwaysRight() {
  return [](int, int, int) { return Proposal{1, 1}; };
}

TEST(DraftAheadTest, ThereIsNoneBeforeTheFirstEstimate) {
  const auto rounds = RunOne(Ahead(55, 3, AlwaysRight()), 40);
  EXPECT_EQ(std::get<2>(rounds[0]), 0);
  EXPECT_GT(std::get<2>(rounds[1]), 0);
}

TEST(DraftAheadTest, IsBoundedByMaxDraftPlusOneAndAllOfItIsKeptUnderNoOtherStop) {
  // floor(55 / 10) = 5, but at most 3 + 1; R = 39, 35, ..., 3: the last round has n = R - 1.
  EXPECT_THAT(RunOne(Ahead(55, 3, AlwaysRight()), 40),
              ElementsAre(Row(3, 3, 0, 0), Row(3, 3, 4, 0), Row(3, 3, 4, 0), Row(3, 3, 4, 0),
                          Row(3, 3, 4, 0), Row(3, 3, 4, 0), Row(3, 3, 4, 0), Row(3, 3, 4, 0),
                          Row(3, 3, 4, 1), Row(2, 2, 0, 0)));
}

TEST(DraftAheadTest, IsBoundedByTheDelayOverTheDraftTimeAndDraftingGoesOnBehindTheKeptSteps) {
  std::vector<DeviceOpEvent> ops;
  // floor(25 / 10) = 2 steps ahead; the round after takes 4 - 2 more. Where R = 1 stops at the
  // first, one is wasted.
  EXPECT_THAT(RunOne(Ahead(25, 3, AlwaysRight()), 14, &ops),
              ElementsAre(Row(3, 3, 0, 0), Row(3, 3, 2, 0), Row(3, 3, 2, 1), Row(0, 0, 0, 0)));
  std::vector<std::pair<DeviceOp, int>> steps;
  for (const DeviceOpEvent& op : ops) {
    if (op.op == DeviceOp::kDraft || op.op == DeviceOp::kDraftAhead) {
      steps.emplace_back(op.op, op.context);
    }
  }
  const auto own = [](int context) { return std::pair(DeviceOp::kDraft, context); };
  const auto ahead = [](int context) { return std::pair(DeviceOp::kDraftAhead, context); };
  EXPECT_THAT(steps, ElementsAre(own(20), own(21), own(22), own(23),                        //
                                 own(24), own(25), own(26), own(27), ahead(28), ahead(29),  //
                                 own(30), own(31), ahead(32), ahead(33)));
}

TEST(DraftAheadTest, StepsAreKBranchesWide) {
  RigOptions options = Ahead(25, 3, AlwaysRight());
  options.system.options.ahead_branches = 7;
  std::vector<DeviceOpEvent> ops;
  RunOne(options, 20, &ops);
  int seen = 0;
  for (const DeviceOpEvent& op : ops) {
    if (op.op != DeviceOp::kDraftAhead) continue;
    ++seen;
    EXPECT_EQ(op.tokens, 7);
  }
  EXPECT_GT(seen, 0);
}

TEST(DraftAheadTest, StepsBehindTheThresholdsStopAreWasted) {
  // Chains draft 1 and stop at the second step; all is right. 5 steps ahead: 2 kept, 3 wasted.
  const Drafter drafter = [](int, int, int step) { return Proposal{step == 2 ? 0.1f : 0.9f, 1}; };
  EXPECT_THAT(RunOne(Ahead(55, 8, drafter), 9),
              ElementsAre(Row(1, 1, 0, 0), Row(1, 1, 5, 3), Row(1, 1, 5, 3), Row(1, 1, 0, 0)));
}

TEST(DraftAheadTest, TheBranchIsKeptIfTheTargetsTokenIsAmongTheK) {
  for (const int rank : {1, 2, 4, 5, 9}) {
    // Drafts of 1, the unsent second proposal has this rank.
    const Drafter drafter = [rank](int, int, int step) {
      return step == 2 ? Proposal{0.1f, rank} : Proposal{0.9f, 1};
    };
    const auto rounds = RunOne(Ahead(55, 8, drafter), 20);
    EXPECT_EQ(rounds[1], rank <= 4 ? Row(1, 1, 5, 3) : Row(1, 1, 5, 5)) << "rank " << rank;
  }
}

TEST(DraftAheadTest, AllIsWastedIfAProposalWasRejected) {
  const Drafter drafter = [](int, int, int step) { return Proposal{1, step == 3 ? 2 : 1}; };
  const auto rounds = RunOne(Ahead(25, 3, drafter), 20);
  EXPECT_EQ(rounds[1], Row(3, 2, 2, 2));
}

TEST(DraftAheadTest, NeverHappensWhenTheDraftReachesTheLastTokenButOne) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    RigOptions options = Ahead(55, 8, SeededDrafter(seed, 0.9));
    options.system.options.draft_threshold = 0.2;
    int to_come = 24;
    for (const auto& [drafted, accepted, ahead, wasted] : RunOne(options, 25)) {
      EXPECT_TRUE(drafted < to_come - 1 || ahead == 0);
      to_come -= accepted + 1;
    }
  }
}

struct Loaded {
  Loaded() : rig(Options()) {
    RngStream draw(6, "load");
    for (int i = 0; i < 40; ++i) {
      rig.Arrive(
          MakeRequest(i, 5 + draw.UniformInt(60), 10 + draw.UniformInt(40), Seconds(0.05 * i)));
    }
    rig.Run();
  }
  static RigOptions Options() {
    RigOptions options;
    options.system = FindSystem("hat");
    options.system.options.draft_threshold = 0.3;
    options.drafter = SeededDrafter(8, 0.8);
    options.max_sessions = 4;
    options.latency = Milliseconds(8);
    return options;
  }
  Rig rig;
};

TEST(DraftAheadTest, AStepBeginsOnlyIfNoOtherOperationWaitsForTheGpu) {
  Loaded loaded;
  const Record& record = loaded.rig.record;
  int delayed = 0;
  for (const DeviceOpEvent& ahead : record.ops) {
    if (ahead.op != DeviceOp::kDraftAhead) continue;
    for (const DeviceOpEvent& other : record.ops) {
      const bool waits = other.op != DeviceOp::kDraftAhead &&
                         other.span.requested < ahead.span.start &&
                         other.span.start >= ahead.span.end;
      EXPECT_FALSE(waits);
      delayed += other.request != ahead.request && other.span.end == ahead.span.start;
    }
  }
  EXPECT_GT(delayed, 0) << "the sample must have steps that waited";
}

TEST(DraftAheadTest, AStepThatRunsWhenTheAnswerArrivesFinishesFirstAndCounts) {
  Loaded loaded;
  Record& record = loaded.rig.record;
  int overtaken = 0;
  for (const FrameEvent& answer : record.FramesOf(Direction::kDown, FrameKind::kVerify)) {
    for (const DeviceOpEvent& op : record.ops) {
      if (op.request != answer.request || op.op != DeviceOp::kDraftAhead) continue;
      overtaken += op.span.start < answer.arrived && answer.arrived < op.span.end;
    }
  }
  EXPECT_GT(overtaken, 0) << "the sample must have such steps";
  for (const auto& [id, rounds] : record.rounds) {
    int told = 0;
    for (const RoundEvent& round : rounds) told += round.ahead_steps;
    EXPECT_EQ(told, static_cast<int>(record.OpsOf(id, DeviceOp::kDraftAhead).size()));
  }
}

TEST(DraftAheadTest, NoStepBeginsOnceTheAnswerIsThere) {
  Loaded loaded;
  const Record& record = loaded.rig.record;
  for (const auto& [id, request] : record.requests) {
    std::vector<Seconds> sent, answered;
    for (const FrameEvent& f : record.frames) {
      if (f.request != id || f.header.kind != FrameKind::kVerify) continue;
      (f.direction == Direction::kUp ? sent : answered)
          .push_back(f.direction == Direction::kUp ? f.sent : f.arrived);
    }
    for (const DeviceOpEvent& op : record.OpsOf(id, DeviceOp::kDraftAhead)) {
      const auto round = std::upper_bound(sent.begin(), sent.end(), op.span.start) - sent.begin();
      ASSERT_GT(round, 0);
      EXPECT_LE(op.span.start, answered[static_cast<size_t>(round) - 1]);
    }
  }
}

TEST(DraftAheadTest, KeptStepsSaveDraftSteps) {
  Loaded loaded;
  for (const auto& [id, rounds] : loaded.rig.record.rounds) {
    int needed = 0, kept = 0;
    for (const RoundEvent& round : rounds) {
      needed += round.drafted + 1;
      kept += round.ahead_steps - round.wasted_steps;
    }
    EXPECT_EQ(static_cast<int>(loaded.rig.record.OpsOf(id, DeviceOp::kDraft).size()),
              needed - kept);
  }
}

}  // namespace
}  // namespace hat
