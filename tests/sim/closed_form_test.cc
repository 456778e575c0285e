// One request alone, against times worked out by hand from the profile's formulas: every system,
// one stage and four.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/sim/child_run.h"
#include "tests/sim/hand_trace.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

constexpr double kTolerance = 1e-9;
constexpr double kUp = 10e6, kDown = 20e6;  // bytes/s
constexpr Seconds kLatency = Milliseconds(3);
constexpr double kEfficiency = 0.8;

// With the stages' links; the stages together hold `layers`.
struct Hand {
  int stages = 1;
  ToyDevice device{};
  ToyCloud cloud{};

  Seconds Up(double bytes) const { return Seconds(bytes / (kUp * kEfficiency)) + kLatency; }
  Seconds Down(double bytes) const { return Seconds(bytes / (kDown * kEfficiency)) + kLatency; }
  Seconds StageLink(int tokens) const {
    return Seconds(tokens * kStateBytes / 4e9) + Microseconds(4);
  }
  Seconds Cloud(int tokens, int context, int layers = 30) const {
    return layers * cloud.Layer(tokens, context) + (stages - 1) * StageLink(tokens);
  }
  // A verification of `states` at `position`: sent to arrived.
  Seconds Answer(int states, int position) const {
    return Up(FrameOf(states)) + Cloud(states, position) + Down(FrameOf(states));
  }
  static double FrameOf(int states) { return kHeaderBytes + states * kStateBytes; }
};

class ClosedFormTest : public testing::TestWithParam<int> {
 protected:
  WatchedRun Run(const std::string& system, std::vector<std::string> overrides = {},
                 const ToyDevice& device = {}) {
    hand_ = {GetParam(), device, {}};
    toy_.Write("device", device);
    overrides.push_back("system.name=" + system);
    overrides.push_back(fmt::format("cloud.stages={}", GetParam()));
    overrides.push_back(fmt::format("link.efficiency={}", kEfficiency));
    return RunInChild(toy_.Load(overrides));
  }

  // Each token's time since the one before it; the first's since the arrival.
  static void ExpectGaps(const WatchedRun& run, const std::vector<Seconds>& gaps) {
    ASSERT_EQ(run.tokens.size(), gaps.size());
    Seconds at;
    for (size_t i = 0; i < gaps.size(); ++i) {
      at += gaps[i];
      EXPECT_NEAR(run.tokens[i].at.value(), at.value(), kTolerance) << "token event " << i;
    }
    const RequestRow& row = run.row();
    EXPECT_NEAR(row.Ttft().value(), gaps[0].value(), kTolerance);
    EXPECT_NEAR(row.E2e().value(), at.value(), kTolerance);
    EXPECT_NEAR(row.Tbt().value(), ((at - gaps[0]) / (row.tokens - 1)).value(), kTolerance);
  }

  // Parts that are not named are 0.
  static void ExpectParts(const WatchedRun& run, const std::map<std::string, Seconds>& parts) {
    for (const TtftPartField& field : TtftPartFields()) {
      const auto part = parts.find(std::string(field.name));
      const Seconds expected = part == parts.end() ? Seconds(0) : part->second;
      EXPECT_NEAR((run.row().parts.*field.field).value(), expected.value(), kTolerance)
          << field.name;
    }
  }

  // For a token after the first. Parts that are not named are 0.
  static void ExpectTbtParts(const WatchedRun& run, const std::map<std::string, Seconds>& parts) {
    const nlohmann::json summary = nlohmann::json::parse(run.summary);
    for (const auto& [name, ms] : summary["tbt_parts_ms"].items()) {
      const auto part = parts.find(name);
      const Seconds all = part == parts.end() ? Seconds(0) : part->second;
      EXPECT_NEAR(ms.get<double>() * 1e-3 * (run.row().tokens - 1), all.value(), kTolerance)
          << name;
    }
  }

  static void ExpectBytes(const WatchedRun& run, double up, double down) {
    EXPECT_EQ(run.row().bytes_up.value(), up);
    EXPECT_EQ(run.row().bytes_down.value(), down);
  }

  Toy toy_;
  Hand hand_;
};

TEST_P(ClosedFormTest, UShapeSendsThePromptInOnePieceAndATokenARoundTrip) {
  const WatchedRun run = Run("u-shape");
  const Hand& h = hand_;
  const ToyDevice& d = h.device;
  const Seconds up = h.Up(h.FrameOf(10)), down = h.Down(h.FrameOf(1));
  const Seconds ttft = d.Input(10, 0) + up + h.Cloud(10, 0) + down + d.head(1);
  const auto round = [&](int position) {
    return d.Input(1, position) + h.Answer(1, position) + d.head(1);
  };
  ExpectGaps(run, {ttft, round(10), round(11)});
  ExpectParts(run, {{"device_compute", d.Input(10, 0)},
                    {"upload", up},
                    {"cloud_compute", h.Cloud(10, 0)},
                    {"download", down},
                    {"head", d.head(1)}});
  ExpectTbtParts(run, {{"device_compute", d.Input(1, 10) + d.Input(1, 11)},
                       {"upload", 2 * h.Up(h.FrameOf(1))},
                       {"cloud_compute", h.Cloud(1, 10) + h.Cloud(1, 11)},
                       {"download", 2 * h.Down(h.FrameOf(1))},
                       {"head", 2 * d.head(1)}});
  ExpectBytes(run, h.FrameOf(10) + 2 * h.FrameOf(1) + kHeaderBytes, 3 * h.FrameOf(1));
  EXPECT_EQ(run.row().rounds, 2);
}

TEST_P(ClosedFormTest, HatWithoutItsPartsIsUShapeByteForByte) {
  const WatchedRun u_shape = Run("u-shape");
  const WatchedRun hat = Run("hat", {"system.chunking=none", "system.drafting=none",
                                     "system.draft_ahead=false", "system.prefill_cut=whole"});
  EXPECT_EQ(hat.log, u_shape.log);
}

TEST_P(ClosedFormTest, USarathiSplitsThePromptInTheCloud) {
  if (GetParam() != 1) return;  // several parts in several stages: below
  const WatchedRun run = Run("u-sarathi", {"workload.prompts.tokens=600", "policy.cut_tokens=256"});
  const Hand& h = hand_;
  const ToyDevice& d = h.device;
  const Seconds up = h.Up(h.FrameOf(600)), down = h.Down(h.FrameOf(1));
  const Seconds cloud = h.Cloud(256, 0) + h.Cloud(256, 256) + h.Cloud(88, 512);
  const auto round = [&](int position) {
    return d.Input(1, position) + h.Answer(1, position) + d.head(1);
  };
  ExpectGaps(run, {d.Input(600, 0) + up + cloud + down + d.head(1), round(600), round(601)});
  ExpectParts(run, {{"device_compute", d.Input(600, 0)},
                    {"upload", up},
                    {"cloud_compute", cloud},
                    {"download", down},
                    {"head", d.head(1)}});
  ExpectBytes(run, h.FrameOf(600) + 2 * h.FrameOf(1) + kHeaderBytes, 3 * h.FrameOf(1));
}

TEST_P(ClosedFormTest, DeviceOnlyComputesAllLayersAndSendsNothing) {
  const WatchedRun run = Run("device-only");
  const ToyDevice& d = hand_.device;
  const auto round = [&](int position) { return d.Input(1, position, 32) + d.head(1); };
  ExpectGaps(run, {d.Input(10, 0, 32) + d.head(1), round(10), round(11)});
  ExpectParts(run, {{"device_compute", d.Input(10, 0, 32)}, {"head", d.head(1)}});
  ExpectTbtParts(
      run, {{"device_compute", d.Input(1, 10, 32) + d.Input(1, 11, 32)}, {"head", 2 * d.head(1)}});
  ExpectBytes(run, 0, 0);
}

TEST_P(ClosedFormTest, CloudOnlySendsRawTokensAndReentersStageZero) {
  const WatchedRun run = Run("cloud-only");
  const Hand& h = hand_;
  const auto pass = [&](int tokens, int context) {
    return h.Cloud(tokens, context, 32) + h.cloud.embedding(tokens) + h.cloud.head(1);
  };
  const Seconds up = h.Up(64 + 4 * 10), down = h.Down(64 + 4);
  ExpectGaps(run, {up + pass(10, 0) + down, pass(1, 10), pass(1, 11)});
  ExpectParts(run, {{"upload", up}, {"cloud_compute", pass(10, 0)}, {"download", down}});
  // Each token's way down is hidden behind the cloud's work on the next one.
  ExpectTbtParts(run, {{"cloud_compute", pass(1, 10) + pass(1, 11)}});
  ExpectBytes(run, 64 + 40 + 64, 3 * 68);
}

// Rounds of (drafted, kept): (1, 1), (0, 0), (1, 0), (2, 2), each with a step more than proposals.
TEST_P(ClosedFormTest, CloudSdDraftsOnStageZeroAndSendsARoundsTokensTogether) {
  const DraftTrace trace = HandTrace({8, 3, 0}, {10}, [](int, int t) -> TraceEntry {
    if (t == 1) return {{0.9f, 0.4f, 0.9f}, 3, 0, {}};
    if (t == 3) return {{0.3f, 0.9f, 0.9f}, 0, 2, {}};
    if (t == 4) return {{0.8f, 0.3f, 0.9f}, 0, 3, {}};
    return {{0.9f, 0.9f, 0.9f}, 3, 0, {}};
  });
  trace.Save(toy_ / "trace");
  const WatchedRun run = Run("cloud-sd", {"workload.outputs.tokens=8", "acceptance.trace=trace",
                                          "policy.max_draft=2", "policy.draft_threshold=0.5"});
  const Hand& h = hand_;
  const ToyCloud draft = ToyDraftModel();
  const auto pass = [&](int tokens, int context, int heads) {
    return h.Cloud(tokens, context, 32) + h.cloud.embedding(tokens) + h.cloud.head(heads);
  };
  const auto step = [&](int tokens, int context) {
    return 32 * draft.Layer(tokens, context) + draft.embedding(tokens);
  };
  const auto round = [&](int drafted, int position) {
    Seconds time = pass(drafted + 1, position, drafted + 1);
    for (int i = 0; i <= drafted; ++i) time += step(1, position + i) + draft.head(1);
    return time;
  };
  const auto down = [&](int tokens) { return h.Down(64 + 4 * tokens); };
  const Seconds up = h.Up(64 + 4 * 10), prefill = step(10, 0) + pass(10, 0, 1);
  ExpectGaps(run,
             {up + prefill + down(1), round(1, 10) + down(2) - down(1),
              round(0, 12) + down(1) - down(2), round(1, 13), round(2, 14) + down(3) - down(1)});
  ExpectParts(run, {{"upload", up}, {"cloud_compute", prefill}, {"download", down(1)}});
  ExpectTbtParts(run, {{"cloud_compute", round(1, 10) + round(0, 12) + round(1, 13) + round(2, 14)},
                       {"download", down(3) - down(1)}});
  ExpectBytes(run, 64 + 40 + 64, 5 * 64 + 8 * 4);
  EXPECT_EQ(run.row().drafted, 4);
  EXPECT_EQ(run.row().accepted, 3);
}

TEST_P(ClosedFormTest, CloudSdWithoutDraftingIsCloudOnly) {
  const WatchedRun run = Run("cloud-sd", {"system.drafting=none"});
  const WatchedRun cloud_only = Run("cloud-only");
  ASSERT_EQ(run.tokens.size(), cloud_only.tokens.size());
  for (size_t i = 0; i < run.tokens.size(); ++i) {
    EXPECT_EQ(run.tokens[i].at, cloud_only.tokens[i].at);
  }
}

TEST_P(ClosedFormTest, UMedusaVerifiesATreeARound) {
  // Heads right until the third: 2 of 4 kept; then all 3 that are left; then only the root remains.
  const DraftTrace trace = HandTrace({9, 0, 4}, {10}, [](int, int t) {
    return TraceEntry{
        {}, 0, 0, t == 1 ? std::vector<uint16_t>{1, 1, 2, 1} : std::vector<uint16_t>{1, 1, 1, 1}};
  });
  trace.Save(toy_ / "trace");
  const WatchedRun run = Run("u-medusa", {"workload.outputs.tokens=9", "acceptance.trace=trace"});
  const Hand& h = hand_;
  const ToyDevice& d = h.device;
  const Seconds ttft =
      d.Input(10, 0) + h.Up(h.FrameOf(10)) + h.Cloud(10, 0) + h.Down(h.FrameOf(1)) + d.head(1);
  const auto frame = [&](int nodes, int kept) { return h.FrameOf(nodes) + 4 * (nodes + kept); };
  const auto round = [&](int nodes, int kept, int position) {
    return d.medusa(1) + d.Input(nodes, position) + h.Up(frame(nodes, kept)) +
           h.Cloud(nodes, position) + h.Down(h.FrameOf(nodes)) + d.head(nodes);
  };
  // t = 1, R = 8: depth 4. t = 4, R = 5: depth 4. t = 9.
  ExpectGaps(run, {ttft, round(5, 0, 10), round(5, 3, 13)});
  ExpectTbtParts(run, {{"draft", 2 * d.medusa(1)},
                       {"device_compute", d.Input(5, 10) + d.Input(5, 13)},
                       {"upload", h.Up(frame(5, 0)) + h.Up(frame(5, 3))},
                       {"cloud_compute", h.Cloud(5, 10) + h.Cloud(5, 13)},
                       {"download", 2 * h.Down(h.FrameOf(5))},
                       {"head", 2 * d.head(5)}});
  ExpectBytes(run, h.FrameOf(10) + frame(5, 0) + frame(5, 3) + kHeaderBytes,
              h.FrameOf(1) + 2 * h.FrameOf(5));
  EXPECT_EQ(run.row().drafted, 8);
  EXPECT_EQ(run.row().accepted, 6);
}

TEST_P(ClosedFormTest, UMedusaLeavesOutNodesBehindTheLastToken) {
  const DraftTrace trace = HandTrace({5, 0, 4}, {10}, [](int, int t) {
    return TraceEntry{
        {}, 0, 0, t == 1 ? std::vector<uint16_t>{1, 2, 1, 1} : std::vector<uint16_t>{1, 1, 1, 1}};
  });
  trace.Save(toy_ / "trace");
  const WatchedRun run = Run("u-medusa", {"workload.outputs.tokens=5", "acceptance.trace=trace"});
  // R = 4: root and 3 nodes, 1 kept; R = 2: root and 1 node, kept.
  ASSERT_EQ(run.rounds.size(), 2u);
  EXPECT_EQ(run.rounds[0].drafted, 3);
  EXPECT_EQ(run.rounds[0].accepted, 1);
  EXPECT_EQ(run.rounds[1].drafted, 1);
  EXPECT_EQ(run.rounds[1].accepted, 1);
}

// Chunks of 50: computing 2 to 4 is hidden behind the upload, which never pauses.
TEST_P(ClosedFormTest, HatSendsChunksBackToBack) {
  const WatchedRun run = Run("hat", {"system.chunking=fixed", "policy.chunk_fixed=50",
                                     "system.drafting=none", "system.draft_ahead=false",
                                     "workload.prompts.tokens=170", "workload.outputs.tokens=2"});
  const Hand& h = hand_;
  const ToyDevice& d = h.device;
  const Seconds upload =
      3 * (h.Up(h.FrameOf(50)) - kLatency) + (h.Up(h.FrameOf(20)) - kLatency) + kLatency;
  const Seconds ttft =
      d.Input(50, 0) + upload + h.Cloud(20, 150) + h.Down(h.FrameOf(1)) + d.head(1);
  ExpectGaps(run, {ttft, d.Input(1, 170) + h.Answer(1, 170) + d.head(1)});
  ExpectParts(run, {{"device_compute", d.Input(50, 0)},
                    {"upload", upload},
                    {"cloud_compute", h.Cloud(20, 150)},
                    {"download", h.Down(h.FrameOf(1))},
                    {"head", d.head(1)}});
  const std::vector<FrameEvent> up = run.FramesOf(0, Direction::kUp);
  ASSERT_GE(up.size(), 4u);
  // The third waits for room: it is handed over when the first has left.
  EXPECT_NEAR(up[2].sent.value(), up[0].left.value(), kTolerance);
  EXPECT_EQ(up[0].header.flags, 0);
  for (const int i : {1, 2, 3}) {
    EXPECT_EQ(up[static_cast<size_t>(i)].header.flags, kFlagBackToBack);
  }
}

// -- drafting. 8 output tokens; threshold 0.5, at most 2 proposals. Confidences of a chain that
// starts at output token t, how many agree, the target's rank at the first that does not:
//   t = 1: 0.9 0.4      all      R = 7: 1 proposal, kept; no estimate yet, so nothing ahead
//   t = 3: 0.3          rank 3   R = 5: none; ahead, and the target's token is among the 4 branches
//   t = 4: 0.8 0.3 0.9  rank 3   R = 4: 1 proposal, missed; ahead for nothing
//   t = 5: 0.9 0.9 0.9  all      R = 3: 2 proposals, kept; the end: nothing ahead
class DraftingClosedFormTest : public ClosedFormTest {
 protected:
  static constexpr int kBranches = 4;

  WatchedRun RunOnTrace(int rank_at_3, const ToyDevice& device, bool ahead) {
    const DraftTrace trace = HandTrace({8, 3, 0}, {10}, [=](int, int t) -> TraceEntry {
      switch (t) {
        case 1:
          return {{0.9f, 0.4f, 0.9f}, 3, 0, {}};
        case 3:
          return {{0.3f, 0.9f, 0.9f}, 0, rank_at_3, {}};
        case 4:
          return {{0.8f, 0.3f, 0.9f}, 0, 3, {}};
        default:
          return {{0.9f, 0.9f, 0.9f}, 3, 0, {}};
      }
    });
    trace.Save(toy_ / "trace");
    return Run("hat",
               {"workload.outputs.tokens=8", "acceptance.trace=trace", "policy.max_draft=2",
                "policy.draft_threshold=0.5", fmt::format("policy.ahead_branches={}", kBranches),
                fmt::format("system.draft_ahead={}", ahead)},
               device);
  }

  // The adapter runs while the cloud works, and may take longer.
  Seconds Ttft() const {
    const Hand& h = hand_;
    const ToyDevice& d = h.device;
    const Seconds answer = h.Up(h.FrameOf(10)) + h.Cloud(10, 0) + h.Down(h.FrameOf(1));
    return d.Input(10, 0) + std::max(answer, d.adapter(10, 0)) + d.head(1);
  }
  // `steps` draft steps from `position` on, then a verification of `states`.
  Seconds Round(int steps, int states, int position) const {
    Seconds draft;
    for (int step = states - steps; step < states; ++step) {
      draft += hand_.device.Draft(1, position + step);
    }
    return draft + hand_.Answer(states, position) + hand_.device.head(states);
  }

  static void ExpectRounds(const WatchedRun& run, const std::vector<std::array<int, 4>>& rounds) {
    ASSERT_EQ(run.rounds.size(), rounds.size());
    for (size_t i = 0; i < rounds.size(); ++i) {
      const RoundEvent& round = run.rounds[i];
      const std::array<int, 4> counts = {round.drafted, round.accepted, round.ahead_steps,
                                         round.wasted_steps};
      EXPECT_EQ(counts, rounds[i]) << "round " << i;
    }
  }
};

TEST_P(DraftingClosedFormTest, HatWithoutDraftingAhead) {
  const WatchedRun run = RunOnTrace(3, {}, false);
  ExpectGaps(run, {Ttft(), Round(2, 2, 10), Round(1, 1, 12), Round(2, 2, 13), Round(3, 3, 14)});
  ExpectRounds(run, {{1, 1, 0, 0}, {0, 0, 0, 0}, {1, 0, 0, 0}, {2, 2, 0, 0}});
  const double frames = 2 * hand_.FrameOf(2) + hand_.FrameOf(1) + hand_.FrameOf(3);
  ExpectBytes(run, hand_.FrameOf(10) + frames + kHeaderBytes, hand_.FrameOf(1) + frames);
}

// The answer takes 10 ms, 3 steps of width 4 take 1 ms. Of the branch's 3 steps the third lies
// after the stop.
TEST_P(DraftingClosedFormTest, StepsDraftedAheadAreKeptUpToTheStop) {
  const WatchedRun run = RunOnTrace(3, {}, true);
  ExpectGaps(run, {Ttft(), Round(2, 2, 10), Round(1, 1, 12), Round(0, 2, 13), Round(3, 3, 14)});
  ExpectRounds(run, {{1, 1, 0, 0}, {0, 0, 3, 1}, {1, 0, 3, 3}, {2, 2, 0, 0}});
}

TEST_P(DraftingClosedFormTest, StepsDraftedAheadAreWastedWhereTheTargetIsNoBranch) {
  const WatchedRun run = RunOnTrace(kBranches + 1, {}, true);
  ExpectGaps(run, {Ttft(), Round(2, 2, 10), Round(1, 1, 12), Round(2, 2, 13), Round(3, 3, 14)});
  ExpectRounds(run, {{1, 1, 0, 0}, {0, 0, 3, 3}, {1, 0, 3, 3}, {2, 2, 0, 0}});
}

TEST_P(DraftingClosedFormTest, TheLastOfTheBranchesIsABranch) {
  const WatchedRun run = RunOnTrace(kBranches, {}, true);
  ExpectRounds(run, {{1, 1, 0, 0}, {0, 0, 3, 1}, {1, 0, 3, 3}, {2, 2, 0, 0}});
}

// A slow adapter: one step fits into the answer's delay by the device's own draft time, but with 4
// branches it takes longer than the answer, and the head waits for it.
TEST_P(DraftingClosedFormTest, AStepThatRunsWhenTheAnswerArrivesFinishesFirst) {
  ToyDevice device;
  device.layer = {2000, 2, 0.125};
  device.adapter = {50, 2200, 0.25};
  const WatchedRun run = RunOnTrace(3, device, true);
  const auto late = [&](int states, int position, int ahead_context) {
    const Seconds step = device.Draft(kBranches, ahead_context);
    const Seconds answer = hand_.Answer(states, position);
    EXPECT_GT(step, answer);
    return step - answer;
  };
  // Round 2 keeps its one step; round 3 drafts on with its second.
  ExpectGaps(run, {Ttft(), Round(2, 2, 10), Round(1, 1, 12) + late(1, 12, 13),
                   Round(1, 2, 13) + late(2, 13, 15), Round(3, 3, 14)});
  // Rounds of 2, 1, 2 and 3 states, of which two draft steps are kept ones.
  const Hand& h = hand_;
  const auto steps = [&](int first, int count) {
    Seconds time;
    for (int i = 0; i < count; ++i) time += device.Draft(1, first + i);
    return time;
  };
  ExpectTbtParts(
      run, {{"draft", steps(10, 2) + steps(12, 1) + steps(14, 1) + steps(14, 3)},
            {"upload", 2 * h.Up(h.FrameOf(2)) + h.Up(h.FrameOf(1)) + h.Up(h.FrameOf(3))},
            {"cloud_compute", h.Cloud(2, 10) + h.Cloud(1, 12) + h.Cloud(2, 13) + h.Cloud(3, 14)},
            {"download", 2 * h.Down(h.FrameOf(2)) + h.Down(h.FrameOf(1)) + h.Down(h.FrameOf(3))},
            {"ahead_wait", late(1, 12, 13) + late(2, 13, 15)},
            {"head", 2 * device.head(2) + device.head(1) + device.head(3)}});
  ExpectRounds(run, {{1, 1, 0, 0}, {0, 0, 1, 0}, {1, 0, 1, 1}, {2, 2, 0, 0}});
}

INSTANTIATE_TEST_SUITE_P(Stages, ClosedFormTest, testing::Values(1, 4));
INSTANTIATE_TEST_SUITE_P(Stages, DraftingClosedFormTest, testing::Values(1, 4));

// Two parts of 256 in two stages of 15 layers. The second part may enter stage 0 when stage 1 has
// started on the first: the reservation of its buffer ends then.
TEST(PipelineClosedFormTest, TheNextPartEntersStageZeroWhenTheBufferBehindItIsFree) {
  ToyCloud cloud;
  cloud.attention = {3, 0.5, 0};  // both parts cost the same
  Toy toy({}, cloud);
  const WatchedRun run =
      RunInChild(toy.Load({"system.name=u-sarathi", "policy.cut_tokens=256", "cloud.stages=2",
                           "workload.prompts.tokens=512", "workload.outputs.tokens=1"}));
  const Seconds stage = 15 * cloud.Layer(256, 0);
  const Seconds link = Seconds(256 * kStateBytes / 4e9) + Microseconds(4);
  const Seconds arrived = run.FramesOf(0, Direction::kUp).at(0).arrived;
  ASSERT_EQ(run.stages.size(), 4u);
  for (const StageRow& row : run.stages) {
    const Seconds start = arrived + (row.ordinal + row.stage) * (stage + link);
    EXPECT_NEAR(row.span.start.value(), start.value(), kTolerance)
        << "batch " << row.ordinal << " stage " << row.stage;
  }
  EXPECT_NEAR(run.row().parts.cloud_compute.value(), (3 * stage + link).value(), kTolerance);
  EXPECT_NEAR(run.row().parts.cloud_wait.value(), link.value(), kTolerance);  // for the buffer
}

}  // namespace
}  // namespace hat
