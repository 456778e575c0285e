#include "tests/bench/simulations.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/error.h"
#include "experiments/results/run_setup.h"
#include "experiments/watch/recorder.h"
#include "protocol/system.h"
#include "sim/run.h"
#include "tests/bench/fresh_process.h"
#include "tests/bench/spike.h"

namespace hat {
namespace {

constexpr int kRepetitions = 5;

// Counts what the recorder beside it is told.
class ToldCounter : public Observer {
 public:
  void OnArrival(const Request&) override { ++told_; }
  void OnStart(const Request&, Seconds) override { ++told_; }
  void OnDeviceOp(const DeviceOpEvent&) override { ++told_; }
  void OnFrame(const FrameEvent&) override { ++told_; }
  void OnAdmitted(int, int, Seconds) override { ++told_; }
  void OnStage(const StageEvent&) override { ++told_; }
  void OnRound(const RoundEvent&) override { ++told_; }
  void OnTokens(int, int, Seconds) override { ++told_; }
  void OnEnd(int, Outcome, Seconds at) override {
    ++told_;
    last_end_ = at;
  }
  int64_t told() const { return told_; }
  Seconds last_end() const { return last_end_; }

 private:
  int64_t told_ = 0;
  Seconds last_end_;
};

// A scenario under experiments/, with keys set anew.
struct Case {
  std::string scenario;
  std::vector<std::string> settings;

  Simulation Load() const {
    return Simulation(LoadScenario(HAT_SOURCE_DIR "/experiments/" + scenario, settings));
  }
};

Measured Measure(const Case& run) {
  return MeasureInFreshProcess([&](Stopwatch& watch) {
    Simulation simulation = run.Load();
    Recorder recorder(RecorderOptionsOf(simulation.scenario(), simulation.fleet()));
    ToldCounter counter;
    ObserverList observers;
    observers.Add(&recorder);
    observers.Add(&counter);
    watch.Start();
    simulation.Run(observers);
    watch.Stop();
    return Work{static_cast<double>(recorder.total_rounds()), static_cast<double>(counter.told()),
                counter.last_end().value()};
  });
}

Measured MeasureSpike(int devices, int rounds_per_device) {
  return MeasureInFreshProcess([=](Stopwatch& watch) {
    watch.Start();
    RunSpike(devices, rounds_per_device);
    watch.Stop();
    return Work{static_cast<double>(devices) * rounds_per_device, 0, 0};
  });
}

void Decode(benchmark::State& state, const Case& run, int devices, int spike_rounds) {
  for (auto _ : state) {
    const Measured hat = Measure(run);
    const Measured spike = MeasureSpike(devices, spike_rounds);
    state.SetIterationTime(hat.cpu_s);
    const double rounds = hat.work.rounds;
    const double spike_rate = spike.work.rounds / spike.cpu_s;
    state.counters["rounds/s"] = rounds / hat.cpu_s;
    state.counters["rounds/s_clock"] = rounds / hat.wall_s;
    state.counters["us/round"] = hat.cpu_s / rounds * 1e6;
    state.counters["told/round"] = hat.work.told / rounds;
    state.counters["spike_rounds/s"] = spike_rate;
    state.counters["of_spike"] = rounds / hat.cpu_s / spike_rate;
  }
  const int replicas = run.Load().scenario().scheduler.replicas;
  state.SetLabel(
      fmt::format("{} devices, {} replica{}", devices, replicas, replicas == 1 ? "" : "s"));
}

void Paper(benchmark::State& state, const Case& run) {
  if (const auto reason = run.Load().not_possible()) return state.SkipWithError(reason->c_str());
  for (auto _ : state) {
    const Measured hat = Measure(run);
    state.SetIterationTime(hat.cpu_s);
    state.counters["x_real_time"] = hat.work.simulated_s / hat.cpu_s;
    state.counters["x_real_time_clock"] = hat.work.simulated_s / hat.wall_s;
    if (hat.work.rounds == 0) continue;  // cloud-only, device-only
    state.counters["us/round"] = hat.cpu_s / hat.work.rounds * 1e6;
    state.counters["told/round"] = hat.work.told / hat.work.rounds;
  }
  state.SetLabel(run.Load().scenario().system.name);
}

void Memory(benchmark::State& state, const Case& run) {
  for (auto _ : state) {
    const Measured hat = Measure(run);
    state.SetIterationTime(hat.cpu_s);
    state.counters["peak_MB"] = hat.peak_bytes / 1e6;
    state.counters["x_real_time"] = hat.work.simulated_s / hat.cpu_s;
    state.counters["us/round"] = hat.cpu_s / hat.work.rounds * 1e6;
  }
}

template <class... Arguments>
auto* Register(const std::string& name, Arguments... arguments) {
  return benchmark::RegisterBenchmark(name.c_str(), arguments...)
      ->UseManualTime()
      ->Iterations(1)
      ->Repetitions(kRepetitions)
      ->ReportAggregatesOnly()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

void RegisterSimulationBenchmarks() {
  Register("decode/30", Decode, Case{"scale/closed_loop_30.toml", {}}, 30, 12700);
  Register("decode/10000", Decode, Case{"scale/closed_loop_10k.toml", {}}, 10000, 100);
  for (const std::string& system : SystemNames()) {
    Register("paper/" + system, Paper, Case{"paper/spec_bench_7b.toml", {"system.name=" + system}});
  }
  Register("memory/10000", Memory, Case{"scale/hat_10k.toml", {}})->Repetitions(1);
}

}  // namespace hat
