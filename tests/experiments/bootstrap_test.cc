// The paired bootstrap on samples whose answer is known.
#include "experiments/validate/bootstrap.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "core/random.h"
#include "experiments/validate/batch_samples.h"

namespace hat {
namespace {

constexpr double kClose = 1e-9;

// Live times as a queue gives them, with a long tail; what is simulated of each by `simulate`.
PairedSamples SamplesOf(int units, const std::function<double(double)>& simulate) {
  PairedSamples samples;
  samples.units = units;
  RngStream stream(7, "bootstrap test");
  for (int unit = 0; unit < units; ++unit) {
    const double live = stream.LogNormal(5, 1);
    samples.live.push_back({unit, live});
    samples.simulated.push_back({unit, simulate(live)});
  }
  return samples;
}

TEST(BootstrapTest, AConstantFactorIsTheErrorAndIsKnownExactly) {
  const FigurePairs pairs = CompareWorlds(SamplesOf(100, [](double live) { return 1.1 * live; }));
  for (const FigurePair& pair : pairs) {
    EXPECT_NEAR(pair.error_percent(), 10, kClose);
    EXPECT_NEAR(pair.error_bounds.low, 10, kClose);
    EXPECT_NEAR(pair.error_bounds.high, 10, kClose);
    EXPECT_LT(pair.difference_bounds.low, pair.difference_bounds.high);
  }
}

TEST(BootstrapTest, AConstantShiftIsTheDifferenceAndIsKnownExactly) {
  const FigurePairs pairs = CompareWorlds(SamplesOf(100, [](double live) { return live - 3; }));
  for (const FigurePair& pair : pairs) {
    EXPECT_NEAR(pair.difference(), -3, kClose);
    EXPECT_NEAR(pair.difference_bounds.low, -3, kClose);
    EXPECT_NEAR(pair.difference_bounds.high, -3, kClose);
    EXPECT_LT(pair.error_bounds.low, pair.error_bounds.high);
  }
}

TEST(BootstrapTest, TheWorkedNumbers) {
  PairedSamples samples{3, {{0, 11}, {1, 22}, {2, 33}}, {{0, 10}, {1, 20}, {2, 30}}};
  const FigurePairs pairs = CompareWorlds(samples);
  EXPECT_DOUBLE_EQ(pairs[0].simulated, 22);
  EXPECT_DOUBLE_EQ(pairs[0].live, 20);
  EXPECT_NEAR(pairs[2].live, 28, kClose);  // P90, between 20 and 30
  EXPECT_NEAR(pairs[2].error_bounds.low, 10, kClose);
  EXPECT_NEAR(pairs[2].error_bounds.high, 10, kClose);
}

// The standard error of a mean of n differences d is s(d) / sqrt(n), and 1.96 of them are 95%.
TEST(BootstrapTest, TheMeansIntervalIsThatOfTheNormalLaw) {
  PairedSamples samples;
  samples.units = 400;
  RngStream stream(3, "bootstrap test");
  double sum = 0, squares = 0;
  for (int unit = 0; unit < samples.units; ++unit) {
    const double noise = stream.Normal();
    sum += noise;
    squares += noise * noise;
    samples.live.push_back({unit, 100.0 + unit});
    samples.simulated.push_back({unit, 100.0 + unit + noise});
  }
  const double n = samples.units, mean = sum / n;
  const double half = 1.96 * std::sqrt((squares / n - mean * mean) / n);
  const FigurePair pair = CompareWorlds(samples)[0];
  EXPECT_NEAR(pair.difference(), mean, kClose);
  EXPECT_NEAR(pair.difference_bounds.low, mean - half, 0.15 * half);
  EXPECT_NEAR(pair.difference_bounds.high, mean + half, 0.15 * half);
}

TEST(BootstrapTest, AMeanWeighsAndAPercentileCounts) {
  // Accept lengths 2 over 1 round and 5 over 3: 17 tokens in 4 rounds.
  PairedSamples samples{2, {{0, 2, 1}, {1, 5, 3}}, {{0, 2, 1}, {1, 5, 3}}};
  const FigurePairs pairs = CompareWorlds(samples);
  EXPECT_DOUBLE_EQ(pairs[0].simulated, 17.0 / 4);
  EXPECT_DOUBLE_EQ(pairs[1].simulated, 3.5);
}

TEST(BootstrapTest, OneUnitSaysNothingOfTheSpreadAndNoneNothing) {
  const FigurePair one = CompareWorlds({1, {{0, 2}}, {{0, 1}}})[1];
  EXPECT_DOUBLE_EQ(one.error_percent(), 100);
  EXPECT_TRUE(std::isnan(one.error_bounds.low));
  const FigurePair none = CompareWorlds({5, {}, {}})[0];
  EXPECT_TRUE(std::isnan(none.simulated));
  EXPECT_TRUE(std::isnan(none.error_percent()));
  EXPECT_TRUE(std::isnan(none.error_bounds.high));
}

TEST(BootstrapTest, AnErrorAgainstNothingIsNone) {
  EXPECT_TRUE(std::isnan(CompareWorlds({2, {{0, 2}}, {{0, 0}}})[0].error_percent()));
}

StageEvent StageOf(const Batch& batch, int stage, double start_s, double end_s) {
  StageEvent event;
  event.batch = &batch;
  event.stage = stage;
  event.span.start = Seconds(start_s);
  event.span.end = Seconds(end_s);
  return event;
}

TEST(BatchSamplesTest, TakesTheWindowsBatchesOnceAndTheirStagesAll) {
  BatchSamples samples(1);
  Batch batch;
  batch.tokens = 7;
  Request request;
  samples.OnArrival(request);  // of the warm-up
  samples.OnStage(StageOf(batch, 0, 1, 2));
  request.id = 1;
  request.arrival = Seconds(3);
  samples.OnArrival(request);
  samples.OnStage(StageOf(batch, 0, 4, 4.25));
  samples.OnStage(StageOf(batch, 1, 5, 5.5));
  ASSERT_EQ(samples.batch_tokens().size(), 1u);
  EXPECT_EQ(samples.batch_tokens()[0].value, 7);
  EXPECT_DOUBLE_EQ(samples.batch_tokens()[0].since.value(), 1);
  ASSERT_EQ(samples.stage_ms().size(), 2u);
  EXPECT_DOUBLE_EQ(samples.stage_ms()[1].value, 500);
}

TEST(BatchSamplesTest, StretchesAreOfTheLongerSide) {
  const PairedSamples pairs =
      PairedByStretch({{Seconds(0), 1}, {Seconds(49), 2}}, {{Seconds(50), 3}, {Seconds(100), 4}});
  EXPECT_EQ(pairs.units, kStretches);
  EXPECT_EQ(pairs.simulated[0].unit, 0);
  EXPECT_EQ(pairs.simulated[1].unit, 24);
  EXPECT_EQ(pairs.live[0].unit, 25);
  EXPECT_EQ(pairs.live[1].unit, kStretches - 1);
}

}  // namespace
}  // namespace hat
