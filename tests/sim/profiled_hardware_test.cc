// What a simulated operation or stage lasts is what experiments/hardware says of it, to which real
// work is paced elsewhere.
#include <gmock/gmock.h>

#include <map>

#include "experiments/hardware/profiled_device.h"
#include "experiments/hardware/profiled_replica.h"
#include "experiments/hardware/scenario_profiles.h"
#include "sim/simulation.h"
#include "tests/sim/toy.h"
#include "world/thread_world.h"

namespace hat {
namespace {

constexpr double kSame = 1e-12;

// Asks the hardware about everything that it is told.
class HardwareCheck : public Observer {
 public:
  // Stages as in `world`.
  HardwareCheck(const World& world, const Scenario& scenario)
      : profiles_(ScenarioProfiles::Read(scenario, reader_)),
        device_(scenario, scenario.fleet.classes[0], profiles_.devices[0]),
        stages_(scenario.scheduler.stages) {
    if (profiles_.cloud) replica_.emplace(world, scenario, *profiles_.cloud, 0);
  }

  void OnArrival(const Request& request) override {
    newest_[request.id] = request.prompt_tokens - 1;
  }
  void OnTokens(int request, int count, Seconds) override { newest_[request] += count; }
  void OnDeviceOp(const DeviceOpEvent& event) override {
    DeviceOperation operation{event.request, event.op, event.tokens, event.context, event.context};
    if (event.op == DeviceOp::kHead) operation.position = newest_[event.request];
    if (event.op == DeviceOp::kMedusa) operation.position = newest_[event.request] - 1;
    EXPECT_NEAR((event.span.end - event.span.start).value(), device_.Latency(operation).value(),
                kSame)
        << Name(event.op) << " of " << event.request << " at " << event.context;
    ++ops_[event.op];
  }
  void OnStage(const StageEvent& event) override {
    const Seconds took = event.span.end - event.span.start;
    EXPECT_NEAR(took.value(), replica_->Latency(event.stage, *event.batch).value(), kSame);
    if (event.stage + 1 < stages_) {
      const Seconds linked = replica_->CrossStageLink(event.span.end, *event.batch);
      EXPECT_NEAR(event.linked.value(), linked.value(), kSame);
    }
    ++batches_;
  }

  const std::map<DeviceOp, int>& ops() const { return ops_; }
  int batches() const { return batches_; }

 private:
  ProfileReader reader_;
  ScenarioProfiles profiles_;
  ProfiledDevice device_;
  std::optional<ProfiledReplica> replica_;
  int stages_;
  std::map<int, int> newest_;  // position, by request
  std::map<DeviceOp, int> ops_;
  int batches_ = 0;
};

class ProfiledHardwareTest : public testing::TestWithParam<const char*> {
 protected:
  ProfiledHardwareTest() {
    const std::vector<double> spread = {0.5, 0.8, 1, 1.1, 2};
    toy_.Write("device", ToyDevice{}, spread);
    toy_.Write("cloud", ToyCloud{}, spread);
  }
  Scenario Load(const std::string& system, bool has_jitter) {
    return toy_.Load({"system.name=" + system,
                      std::string("fleet.jitter=") + (has_jitter ? "true" : "false"),
                      "fleet.class.0.speed=1.6", "fleet.class.0.count=3", "cloud.stages=4",
                      "cloud.stage_overhead_ms=1", "cloud.stage_overhead_us_per_token=50",
                      "cloud.stage_overhead_spread=exponential", "workload.arrivals=poisson",
                      "workload.rate_per_s=20", "workload.requests=12",
                      "workload.outputs.tokens=20", "workload.prompts.tokens=300"});
  }

  Toy toy_;
};

TEST_P(ProfiledHardwareTest, SaysWhatEverySimulatedOperationLasts) {
  const std::string system = GetParam();
  for (const bool has_jitter : {false, true}) {
    const Scenario scenario = Load(system, has_jitter);
    ThreadWorld threads;  // where every stage's time is found by itself
    HardwareCheck check(threads, scenario);
    ASSERT_TRUE(Simulation(scenario).Run(check));
    const auto ops = [&](DeviceOp op) {
      const auto found = check.ops().find(op);
      return found == check.ops().end() ? 0 : found->second;
    };
    const bool is_whole = system == "cloud-only";
    EXPECT_EQ(check.batches() > 0, system != "device-only");
    EXPECT_EQ(ops(DeviceOp::kInput) > 0, !is_whole);
    EXPECT_EQ(ops(DeviceOp::kHead) > 0, !is_whole);
    for (const DeviceOp op : {DeviceOp::kAdapter, DeviceOp::kDraft, DeviceOp::kDraftAhead}) {
      EXPECT_EQ(ops(op) > 0, system == "hat") << Name(op);
    }
    EXPECT_EQ(ops(DeviceOp::kMedusa) > 0, system == "u-medusa");
  }
}

INSTANTIATE_TEST_SUITE_P(Systems, ProfiledHardwareTest,
                         testing::Values("hat", "u-shape", "u-sarathi", "u-medusa", "cloud-only",
                                         "device-only"));

TEST(ProfiledDeviceTest, AFasterOneTakesLess) {
  const Toy toy;
  const Scenario scenario = toy.Load({"fleet.class.0.speed=1.6"});
  const DeviceProfile profile = DeviceProfile::Load(toy / "device.json");
  const ProfiledDevice device(scenario, scenario.fleet.classes[0], {&profile, 1});
  EXPECT_NEAR(device.Latency({.tokens = 10}).value(), ToyDevice().Input(10, 0).value() / 1.6,
              kSame);
}

}  // namespace
}  // namespace hat
