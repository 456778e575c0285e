// Timing decides latency and waste, nothing else.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "core/random.h"
#include "tests/protocol/rig.h"

namespace hat {
namespace {

// Every latency is multiplied by a number of its own, drawn as it comes.
void Disturb(RigOptions& options, uint64_t seed) {
  auto draw = std::make_shared<RngStream>(seed, "disturbance");
  const auto factor = [draw] { return std::exp(draw->Uniform(-2.5, 2.5)); };
  options.device_latency = [factor](DeviceOp, int tokens, int) {
    return (Milliseconds(1) + Milliseconds(0.1) * tokens) * factor();
  };
  options.stage_latency = [factor](int, const Batch& batch) {
    return (Milliseconds(2) + Milliseconds(0.05) * batch.tokens) * factor();
  };
  options.extra_delay = [factor](const FrameHeader&) { return Milliseconds(3) * factor(); };
  options.latency = Milliseconds(2) * factor();
  options.up = BytesPerSecond(1e6) * factor();
  options.down = BytesPerSecond(2e6) * factor();
}

struct Sample {
  std::map<int, std::vector<ExpectedRound>> rounds;
  int kept = 0, wasted = 0;
};

RigOptions Load(const char* system) {
  RigOptions options;
  options.system = FindSystem(system);
  options.system.options.draft_threshold = 0.35;
  options.system.options.max_draft = 5;
  options.drafter = SeededDrafter(21, 0.75);
  options.devices = 3;
  options.max_sessions = 3;
  options.cloud.stages = 3;
  options.cloud.token_budget = 48;
  options.cloud.replicas = 2;
  options.cloud.kv_tokens = 600;
  return options;
}

Sample RunLoad(const RigOptions& options) {
  Rig rig(options);
  RngStream draw(30, "load");
  for (int i = 0; i < 24; ++i) {
    rig.Arrive(MakeRequest(i, 1 + draw.UniformInt(150), 1 + draw.UniformInt(40), Seconds(0.02 * i),
                           draw.UniformInt(3)));
  }
  rig.Run();
  Sample sample;
  for (int i = 0; i < 24; ++i) sample.rounds[i] = RoundsOf(rig.record, i);
  for (const auto& [id, rounds] : rig.record.rounds) {
    for (const RoundEvent& round : rounds) {
      sample.wasted += round.wasted_steps;
      sample.kept += round.ahead_steps - round.wasted_steps;
    }
  }
  return sample;
}

TEST(TimingTest, TokensRoundsDraftedAndAcceptedDoNotDependOnLatencies) {
  const Sample base = RunLoad(Load("hat"));
  int kept = 0, wasted = 0, different_waste = 0;
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    RigOptions options = Load("hat");
    Disturb(options, seed);
    const Sample sample = RunLoad(options);
    ASSERT_EQ(sample.rounds, base.rounds) << "seed " << seed;
    kept += sample.kept;
    wasted += sample.wasted;
    different_waste += sample.wasted != base.wasted;
  }
  EXPECT_GT(kept, 0) << "the sample must keep a branch";
  EXPECT_GT(wasted, 0) << "the sample must discard a branch";
  EXPECT_GT(different_waste, 0) << "waste depends on timing";
}

TEST(TimingTest, DraftingAheadChangesNoRound) {
  RigOptions options = Load("hat");
  const Sample with = RunLoad(options);
  options.system.draft_ahead = false;
  const Sample without = RunLoad(options);
  EXPECT_EQ(with.rounds, without.rounds);
  EXPECT_GT(with.kept, 0);
  EXPECT_EQ(without.kept + without.wasted, 0);
}

TEST(TimingTest, TreeRoundsDoNotDependOnLatenciesEither) {
  RigOptions options = Load("u-medusa");
  options.system.options.tree = "full-4-2";
  const Sample base = RunLoad(options);
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Disturb(options, seed);
    ASSERT_EQ(RunLoad(options).rounds, base.rounds) << "seed " << seed;
  }
}

}  // namespace
}  // namespace hat
