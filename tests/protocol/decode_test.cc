// Rounds: plain ones and drafted ones, without drafting ahead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include "core/random.h"
#include "tests/protocol/rig.h"

namespace hat {
namespace {

using testing::ElementsAre;

RigOptions Drafting(const std::string& policy = "threshold") {
  RigOptions options;
  options.system = FindSystem("hat");
  options.system.drafting = policy;
  options.system.draft_ahead = false;
  return options;
}

TEST(UShapeTest, AnUnloadedRequestMatchesTheHandCalculation) {
  Rig rig{RigOptions{}};
  rig.Arrive(MakeRequest(0, 50, 4));
  rig.Run();
  const double up = (64 + 50 * 1024) / 1e6, down = (64 + 1024) / 2e6;
  const double ttft = (1e-3 + 50 * 1e-4) + up + 2e-3 + (2e-3 + 50 * 0.05e-3) + down + 2e-3 + 1.1e-3;
  const double tbt = 1.1e-3 + (64 + 1024) / 1e6 + 2e-3 + 2.05e-3 + down + 2e-3 + 1.1e-3;
  const auto& tokens = rig.record.tokens[0];
  ASSERT_EQ(tokens.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(tokens[i].first, 1);
    EXPECT_NEAR(tokens[i].second.value(), ttft + static_cast<double>(i) * tbt, 1e-9);
  }
}

TEST(UShapeTest, EachTokenBehindTheFirstIsARoundThatDraftsNothing) {
  Rig rig{RigOptions{}};
  rig.Arrive(MakeRequest(0, 50, 9));
  rig.Run();
  EXPECT_EQ(RoundsOf(rig.record, 0), std::vector<ExpectedRound>(8));
  EXPECT_TRUE(rig.record.OpsOf(0, DeviceOp::kAdapter).empty());
  int position = 50;
  for (const FrameEvent& frame : rig.record.FramesOf(Direction::kUp, FrameKind::kVerify)) {
    EXPECT_EQ(frame.header.first_position, position++);
    EXPECT_EQ(frame.header.count, 1);
    EXPECT_EQ(frame.header.flags, 0);
  }
}

// Every frame's bytes and times.
using WireLog = std::vector<
    std::tuple<std::array<std::byte, kFrameHeaderBytes>, double, double, double, double, double>>;
WireLog RunOnTheWire(SystemSpec system) {
  RigOptions options;
  options.system = std::move(system);
  options.devices = 3;
  options.max_sessions = 2;
  options.cloud.token_budget = 64;
  options.cloud.stages = 2;
  Rig rig(options);
  RngStream draw(11, "load");
  for (int i = 0; i < 30; ++i) {
    rig.Arrive(MakeRequest(i, 1 + draw.UniformInt(300), 1 + draw.UniformInt(20), Seconds(0.02 * i),
                           draw.UniformInt(3)));
  }
  rig.Run();
  WireLog log;
  for (const FrameEvent& f : rig.record.frames) {
    log.emplace_back(EncodeHeader(f.header), f.size.value(), f.sent.value(), f.start.value(),
                     f.left.value(), f.arrived.value());
  }
  return log;
}

TEST(UShapeTest, IsHatWithItsPartsOffByteForByte) {
  for (const char* cut : {"whole", "split"}) {
    SystemSpec u_shape = FindSystem("u-shape");
    u_shape.prefill_cut = cut;
    SystemSpec hat = FindSystem("hat");
    hat.chunking = "none";
    hat.drafting = "none";
    hat.draft_ahead = false;
    hat.prefill_cut = cut;
    const WireLog log = RunOnTheWire(u_shape);
    EXPECT_GT(log.size(), 500u);
    EXPECT_EQ(log, RunOnTheWire(hat));
  }
}

TEST(RunTest, TheSameRunTwiceGivesTheSameFrames) {
  EXPECT_EQ(RunOnTheWire(FindSystem("hat")), RunOnTheWire(FindSystem("hat")));
}

// Confidence and rank of a chain's steps, the same for every chain; right and sure after them.
Drafter Scripted(std::vector<Proposal> proposals) {
  return [proposals](int, int, int step) {
    const auto i = static_cast<size_t>(step) - 1;
    return i < proposals.size() ? proposals[i] : Proposal{1, 1};
  };
}

TEST(DraftTest, StopsBelowTheThresholdAndTheLastProposalIsNotSent) {
  RigOptions options = Drafting();
  options.drafter = Scripted({{0.9f, 1}, {0.6001f, 1}, {0.5f, 1}});
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 20, 8));
  rig.Run();
  // R = 7: 2 drafted, both kept, the target's token after them; R = 4: again; then R = 1.
  EXPECT_EQ(RoundsOf(rig.record, 0), (std::vector<ExpectedRound>{{2, 2}, {2, 2}, {0, 0}}));
  std::vector<std::pair<int, int>> sent;
  for (const FrameEvent& f : rig.record.FramesOf(Direction::kUp, FrameKind::kVerify)) {
    sent.emplace_back(f.header.first_position, f.header.count);
  }
  EXPECT_THAT(sent, ElementsAre(std::pair(20, 3), std::pair(23, 3), std::pair(26, 1)));
}

TEST(DraftTest, StopsAtTheMaximumAndAtTheOutputTokensStillToCome) {
  RigOptions options = Drafting();
  options.system.options.max_draft = 3;
  options.drafter = Scripted({});
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 20, 8));
  rig.Run();
  // R = 7: 3 drafted; R = 3: R - 1 = 2.
  EXPECT_EQ(RoundsOf(rig.record, 0), (std::vector<ExpectedRound>{{3, 3}, {2, 2}}));
}

TEST(DraftTest, OnlyTheMatchingPrefixIsKept) {
  RigOptions options = Drafting();
  options.drafter = Scripted({{1, 1}, {1, 3}, {1, 1}, {0, 1}});
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 20, 9));
  rig.Run();
  EXPECT_EQ(RoundsOf(rig.record, 0), (std::vector<ExpectedRound>{{3, 1}, {3, 1}, {3, 1}, {1, 1}}));
}

TEST(DraftTest, ADraftOfNTakesNPlusOneStepsAndOneHead) {
  RigOptions options = Drafting();
  options.drafter = SeededDrafter(3, 0.7);
  Rig rig(options);
  rig.Arrive(MakeRequest(0, 40, 100));
  rig.Run();
  int newest = 40;
  size_t next = rig.record.OpsOf(0).size();
  const std::vector<DeviceOpEvent> ops = rig.record.OpsOf(0);
  for (size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].op == DeviceOp::kDraft) {
      next = i;
      break;
    }
  }
  for (const RoundEvent& round : rig.record.rounds[0]) {
    for (int step = 0; step <= round.drafted; ++step, ++next) {
      EXPECT_EQ(ops[next].op, DeviceOp::kDraft);
      EXPECT_EQ(ops[next].tokens, 1);
      EXPECT_EQ(ops[next].context, newest + step);
    }
    EXPECT_EQ(ops[next].op, DeviceOp::kHead);
    EXPECT_EQ(ops[next].tokens, round.drafted + 1);
    EXPECT_EQ(ops[next].span.end, round.at) << "tokens are out when the head ends";
    ++next;
    newest += round.accepted + 1;
  }
  EXPECT_EQ(next, ops.size());
}

TEST(DraftTest, RoundsAreThoseOfThePlainRule) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    RigOptions options = Drafting();
    options.drafter = SeededDrafter(seed, 0.2 + 0.04 * static_cast<double>(seed));
    options.system.options.draft_threshold = 0.3;
    Rig rig(options);
    const Request request = MakeRequest(0, 30, 80);
    rig.Arrive(request);
    rig.Run();
    EXPECT_EQ(RoundsOf(rig.record, 0), ExpectedRounds(options, request));
  }
}

struct Moments {
  double sum = 0, squares = 0, n = 0;
  void Add(double x) { sum += x, squares += x * x, ++n; }
  double mean() const { return sum / n; }
  double error() const { return std::sqrt((squares / n - mean() * mean()) / n); }
};

TEST(DraftTest, AFixedDraftOfNYieldsTheGeometricSumOfTokensARound) {
  for (const auto& [n, p] : {std::pair(1, 0.5), std::pair(3, 0.6), std::pair(6, 0.8),
                             std::pair(4, 0.95), std::pair(8, 0.3)}) {
    RigOptions options = Drafting("fixed");
    options.system.options.draft_fixed = n;
    options.drafter = SeededDrafter(17, p);
    Rig rig(options);
    for (int i = 0; i < 3; ++i) rig.Arrive(MakeRequest(i, 10, 4000));
    rig.Run();
    Moments tokens;
    for (const auto& [request, rounds] : rig.record.rounds) {
      int to_come = 4000 - 1;
      for (const RoundEvent& round : rounds) {
        if (to_come > n) tokens.Add(round.accepted + 1);
        to_come -= round.accepted + 1;
      }
    }
    const double expected = (1 - std::pow(p, n + 1)) / (1 - p);
    EXPECT_NEAR(tokens.mean(), expected, 4 * tokens.error()) << "n = " << n << ", p = " << p;
    EXPECT_LT(tokens.error(), 0.02 * expected);
  }
}

TEST(CountersTest, TokensAreOnePlusRoundsPlusAccepted) {
  for (const char* name : {"hat", "u-shape", "u-sarathi", "u-medusa"}) {
    RigOptions options;
    options.system = FindSystem(name);
    Rig rig(options);
    for (int i = 0; i < 10; ++i) rig.Arrive(MakeRequest(i, 20 + i, 1 + 7 * i));
    rig.Run();
    for (const auto& [id, rounds] : rig.record.rounds) {
      int tokens = 1;
      for (const RoundEvent& round : rounds) {
        EXPECT_GE(round.accepted, 0);
        EXPECT_LE(round.accepted, round.drafted);
        tokens += 1 + round.accepted;
      }
      EXPECT_EQ(tokens, rig.record.requests[id].output_tokens) << name;
    }
    EXPECT_EQ(rig.record.rounds.size(), 9u);
  }
}

// Deliberately bad policies cost time, never tokens.
TEST(BadPolicyTest, TheTokensAreTheSame) {
  RigOptions good = Drafting();
  good.system.draft_ahead = true;
  RigOptions bad = good;
  bad.system.chunking = "one-token";
  bad.system.drafting = "contrarian";
  bad.system.prefill_cut = "trickle";
  for (RigOptions* options : {&good, &bad}) {
    options->devices = 2;
    Rig rig(*options);  // the fakes check every position, Run() the number of tokens
    for (int i = 0; i < 6; ++i) rig.Arrive(MakeRequest(i, 30, 40, Seconds(0.01 * i), i % 2));
    rig.Run();
    for (int i = 0; i < 6; ++i) {
      EXPECT_EQ(RoundsOf(rig.record, i), ExpectedRounds(*options, rig.record.requests[i]));
    }
  }
}

}  // namespace
}  // namespace hat
