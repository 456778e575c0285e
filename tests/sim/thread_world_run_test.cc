// A whole cloud with 30 devices on threads and the machine's clock: latencies are waited for, links
// are channels. When things happen differs from the simulator; tokens and rounds do not.
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "experiments/scenario/workload.h"
#include "protocol/deployment.h"
#include "sim/cloud_compute.h"
#include "sim/device_compute.h"
#include "sim/drafting_cloud_compute.h"
#include "sim/run.h"
#include "tests/sim/toy.h"
#include "world/thread_world.h"

namespace hat {
namespace {

constexpr Seconds kLookAgain = Milliseconds(1);

struct Counts {
  int tokens = 0;
  int rounds = 0;
  int drafted = 0;
  int accepted = 0;
  bool operator==(const Counts&) const = default;
};
void PrintTo(const Counts& c, std::ostream* out) {
  *out << c.tokens << " tokens, " << c.rounds << " rounds, " << c.accepted << " of " << c.drafted;
}

// Told by many threads at once.
class Counter : public Observer {
 public:
  void OnRound(const RoundEvent& event) override {
    const std::lock_guard lock(mutex_);
    Counts& counts = counts_[event.request];
    ++counts.rounds;
    counts.drafted += event.drafted;
    counts.accepted += event.accepted;
  }
  void OnTokens(int request, int count, Seconds) override {
    const std::lock_guard lock(mutex_);
    counts_[request].tokens += count;
  }
  void OnFailure(int request, std::string_view reason, Seconds) override {
    ADD_FAILURE() << "request " << request << ": " << reason;
  }
  void OnRefused(int device, const FrameHeader&, std::string_view why, Seconds) override {
    ADD_FAILURE() << "device " << device << ": " << why;
  }
  const std::map<int, Counts>& counts() const { return counts_; }

 private:
  std::mutex mutex_;
  std::map<int, Counts> counts_;
};

std::map<int, Counts> Simulated(const Scenario& scenario) {
  std::map<int, Counts> counts;
  const RunResult run = Run(scenario);
  for (const RequestRow& row : run.recorder->rows()) {
    counts[row.request.id] = {row.tokens, row.rounds, row.drafted, row.accepted};
  }
  return counts;
}

// The scenario on threads, twice as fast as it says.
class ThreadedRun {
 public:
  ThreadedRun(const Scenario& scenario, const DeviceProfile& device, const CloudProfile& cloud,
              const CloudProfile& draft)
      : scenario_(scenario),
        workload_(scenario),
        drafts_(MakeDraftSource(scenario, workload_)),
        setup_{scenario, drafts_.get()},
        chains_(world_, *drafts_),
        compute_(MakeCompute(cloud, draft)),
        links_(world_, counter_, scenario.model.hidden,
               [](int) {
                 const FifoLink link(MegabitsPerSecond(80), Milliseconds(1), 1);
                 return DedicatedLinks::Pair{link, link};
               }),
        deployment_({.world = world_,
                     .agreement = {.system = scenario.system,
                                   .hidden = scenario.model.hidden,
                                   .carries_states = false,
                                   .stages = scenario.scheduler.stages},
                     .cloud = scenario.scheduler,
                     .replicas = {compute_.get()},
                     .links = links_,
                     .observer = counter_}) {
    for (int d = 0; d < scenario.devices(); ++d) AddDevice(device);
  }

  std::map<int, Counts> Play() {
    deployment_.Start();
    while (const std::optional<Request> request = workload_.Next()) {
      ++running_;
      world_.CallAt(request->arrival, [this, request = *request] {
        deployment_.device(request.device).OnArrival(request);
      });
    }
    for (; running_ > 0; --running_) ended_.Pop();
    // The last Close frames are still on their way.
    while (deployment_.cloud()->load().sessions > 0) world_.SleepUntil(world_.Now() + kLookAgain);
    deployment_.cloud()->Stop();
    world_.Join();
    world_.StopCallbacks();
    return counter_.counts();
  }

 private:
  struct End {};

  std::unique_ptr<SimCloudCompute> MakeCompute(const CloudProfile& cloud,
                                               const CloudProfile& draft) {
    if (!scenario_.system.drafts_in_cloud()) {
      return std::make_unique<SimCloudCompute>(world_, scenario_, cloud, 0);
    }
    return std::make_unique<DraftingCloudCompute>(world_, scenario_, cloud, draft, chains_, 0);
  }

  void AddDevice(const DeviceProfile& profile) {
    devices_.push_back(std::make_unique<SimDevice>(world_, scenario_, scenario_.fleet.classes[0],
                                                   std::span(&profile, 1)));
    SimDevice& device = *devices_.back();
    deployment_.AddDevice(
        scenario_.fleet.max_sessions,
        [this, &device](const Request& request, int) {
          if (scenario_.system.drafts_in_cloud()) chains_.Add(request);
          return std::make_unique<SimDeviceCompute>(world_, setup_, device, request);
        },
        [this](const Request&, const SessionEnd&) { ended_.Push({}); });
  }

  const Scenario& scenario_;
  Counter counter_;
  Workload workload_;
  std::unique_ptr<DraftSource> drafts_;
  SimDeviceSetup setup_;
  std::vector<std::unique_ptr<SimDevice>> devices_;
  ThreadWorld world_{2};
  Channel<End> ended_{world_};
  int running_ = 0;
  CloudChains chains_;
  std::unique_ptr<SimCloudCompute> compute_;
  DedicatedLinks links_;
  Deployment deployment_;
};

class ThreadWorldRunTest : public testing::TestWithParam<const char*> {};

TEST_P(ThreadWorldRunTest, ThirtyDevicesMakeTheTokensAndRoundsOfTheSimulator) {
  Toy toy;
  const Scenario scenario =
      toy.Load({std::string("system.name=") + GetParam(), "fleet.class.0.count=30",
                "cloud.stages=2", "workload.arrivals=poisson", "workload.rate_per_s=200",
                "workload.requests=60", "workload.outputs.tokens=12"});
  const auto device = DeviceProfile::Load(toy / "device.json");
  const auto cloud = CloudProfile::Load(toy / "cloud.json");
  const auto draft = CloudProfile::Load(toy / "draft.json");
  ThreadedRun run(scenario, device, cloud, draft);
  const std::map<int, Counts> counts = run.Play();
  EXPECT_EQ(counts.size(), 60u);
  EXPECT_EQ(counts, Simulated(scenario));
}

INSTANTIATE_TEST_SUITE_P(Systems, ThreadWorldRunTest,
                         testing::Values("hat", "u-shape", "u-sarathi", "u-medusa", "cloud-sd"));

}  // namespace
}  // namespace hat
