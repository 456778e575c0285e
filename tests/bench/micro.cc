#include "tests/bench/micro.h"

#include <benchmark/benchmark.h>

#include "core/random.h"
#include "experiments/scenario/scenario.h"
#include "experiments/watch/recorder.h"
#include "profiles/profile.h"
#include "sim/calibrated_drafter.h"
#include "world/event_queue.h"

namespace hat {
namespace {

// One callback taken and one added, with as many waiting as the argument says.
void EventQueueHold(benchmark::State& state) {
  EventQueue queue;
  RngStream random(1, "times");
  int ran = 0;
  const auto add = [&](Seconds now) {
    queue.Add(now + Seconds(random.Uniform()), [&ran] { ++ran; });
  };
  for (int i = 0; i < state.range(0); ++i) add(Seconds());
  for (auto _ : state) {
    const Seconds now = queue.next();
    queue.Take()();
    add(now);
  }
  benchmark::DoNotOptimize(ran);
}

void LatencyLookUp(benchmark::State& state) {
  const DeviceProfile profile =
      DeviceProfile::Load(HAT_SOURCE_DIR "/profiles/data/agx-xavier-maxn_vicuna-7b_device.json");
  int context = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(profile.Draft(1, context, 2));
    context = (context + 7) % 4096;
  }
}

void BetaDraw(benchmark::State& state) {
  RngStream random(1, "beta");
  for (auto _ : state) benchmark::DoNotOptimize(random.Beta(1.5, 0.5));
}

CalibratedDrafter PaperDrafter() {
  AcceptanceConfig config;
  config.accept_length = 2.06;
  config.medusa_accept_length = 1.89;
  return CalibratedDrafter(config, 1);
}

void DrafterConfidence(benchmark::State& state) {
  const CalibratedDrafter drafter = PaperDrafter();
  int token = 0;
  for (auto _ : state) benchmark::DoNotOptimize(drafter.Confidence(Request(), ++token, 1));
}

void DrafterRank(benchmark::State& state) {
  const CalibratedDrafter drafter = PaperDrafter();
  int token = 0;
  for (auto _ : state) benchmark::DoNotOptimize(drafter.Rank(Request(), ++token, 1, 0.5f));
}

// What a recorder is told of a round of u-shape: two operations, two frames, its share of a
// batch's four stages (a batch of five), the round and its token.
void RecorderRound(benchmark::State& state) {
  RecorderOptions options;
  options.classes = {"device"};
  options.class_of_device = {0};
  options.stages = 4;
  Recorder recorder(options);
  recorder.OnArrival(Request());
  recorder.OnTokens(0, 1, Seconds(1));
  Batch batch;
  batch.parts.resize(5);
  for (BatchPart& part : batch.parts) part.kind = FrameKind::kVerify;
  int64_t rounds = 0;
  for (auto _ : state) {
    recorder.OnDeviceOp({});
    recorder.OnFrame({});
    if (++rounds % 5 == 0) {
      for (int stage = 0; stage < 4; ++stage) recorder.OnStage({&batch, stage, {}, {}});
    }
    recorder.OnFrame({});
    recorder.OnDeviceOp({});
    recorder.OnRound({});
    recorder.OnTokens(0, 1, Seconds(1));
  }
}

}  // namespace

void RegisterMicroBenchmarks() {
  benchmark::RegisterBenchmark("micro/event_queue", EventQueueHold)->Arg(30)->Arg(10000);
  benchmark::RegisterBenchmark("micro/latency_look_up", LatencyLookUp);
  benchmark::RegisterBenchmark("micro/beta_draw", BetaDraw);
  benchmark::RegisterBenchmark("micro/drafter_confidence", DrafterConfidence);
  benchmark::RegisterBenchmark("micro/drafter_rank", DrafterRank);
  benchmark::RegisterBenchmark("micro/recorder_round", RecorderRound);
}

}  // namespace hat
