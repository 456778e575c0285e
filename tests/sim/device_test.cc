// The simulated device: power modes, jitter, drafting ahead.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <map>
#include <set>
#include <tuple>

#include "core/error.h"
#include "protocol/inbox.h"
#include "sim/device_compute.h"
#include "tests/sim/child_run.h"
#include "tests/sim/toy.h"
#include "world/memory_world.h"

namespace hat {
namespace {

using testing::ElementsAre;

// -- drafting ahead, on a device of the toy

class NoDrafts : public DraftSource {
 public:
  float Confidence(const Request&, int, int) const override { return 0; }
  int Rank(const Request&, int, int, float) const override { return 2; }
  int MedusaRank(const Request&, int, int) const override { return 2; }
};

class DraftAheadTest : public testing::Test {
 protected:
  std::unique_ptr<SimDeviceCompute> MakeCompute(int request) {
    Request made;
    made.id = request;
    made.prompt_tokens = 10;
    made.output_tokens = 20;
    return std::make_unique<SimDeviceCompute>(world_, setup_, device_, made);
  }

  Toy toy_;
  Scenario scenario_ = toy_.Load();
  DeviceProfile profile_ = DeviceProfile::Load(toy_ / "device.json");
  NoDrafts drafts_;
  MemoryWorld world_;
  SimDevice device_{world_, scenario_, scenario_.fleet.classes[0], {&profile_, 1}};
  SimDeviceSetup setup_{scenario_, &drafts_};
};

// What it finds is in the text: it needs no GPU, and nothing to draft on with while it waits.
TEST_F(DraftAheadTest, LookupsTakeNoGpu) {
  scenario_.system.drafter = "lookup";
  bool is_told = false;
  world_.Start("session", [&] {
    const auto compute = MakeCompute(0);
    ChainDrafter& drafter = compute->chain_drafter();
    EXPECT_FALSE(drafter.ReadPrompt(10));
    EXPECT_FALSE(drafter.RunStep().span);
    EXPECT_FALSE(drafter.computes_states());
    EXPECT_FALSE(drafter.RunAheadStep(4, [](Seconds) { return true; }));
    is_told = true;
  });
  world_.Run();
  EXPECT_TRUE(is_told);
}

// Three sessions ask at once: the second's and the third's steps run as one of width 2, at the
// longer context.
TEST_F(DraftAheadTest, StepsThatWaitTogetherRunAsOne) {
  scenario_.fleet.draft_batching = true;
  std::vector<std::string> told;
  for (int request = 0; request < 3; ++request) {
    world_.Start("session", [&, request] {
      const auto compute = MakeCompute(request);
      const Span span = *compute->chain_drafter().RunStep().span;
      told.push_back(fmt::format("{} to {}{}", std::lround(ToMicroseconds(span.start)),
                                 std::lround(ToMicroseconds(span.end)),
                                 span.is_joined ? ", joined" : ""));
    });
  }
  world_.Run();
  const double one = ToMicroseconds(ToyDevice().Draft(1, 10));
  const double two = ToMicroseconds(ToyDevice().Draft(2, 10));
  EXPECT_THAT(
      told, ElementsAre(fmt::format("0 to {}", std::lround(one)),
                        fmt::format("{} to {}", std::lround(one), std::lround(one + two)),
                        fmt::format("{} to {}, joined", std::lround(one), std::lround(one + two))));
}

TEST_F(DraftAheadTest, AStepStartsOnlyWhenNothingElseRunsOrWaits) {
  std::optional<Span> ahead;
  world_.Start("busy", [&] {
    const auto compute = MakeCompute(0);
    for (int i = 0; i < 3; ++i) compute->input().RunPrompt(0, 10);
  });
  world_.Start("waits", [&] {
    world_.SleepUntil(Microseconds(100));
    MakeCompute(1)->input().RunPrompt(0, 20);
  });
  world_.Start("ahead", [&] {
    world_.SleepUntil(Microseconds(50));
    ahead = MakeCompute(2)->chain_drafter().RunAheadStep(4, [&](Seconds until) {
      world_.SleepUntil(until);
      return true;
    });
  });
  world_.Run();
  const ToyDevice toy;
  ASSERT_TRUE(ahead.has_value());
  // Though asked for before the other session's operation.
  EXPECT_NEAR(ahead->start.value(), (3 * toy.Input(10, 0) + toy.Input(20, 0)).value(), 1e-12);
  EXPECT_NEAR((ahead->end - ahead->start).value(), toy.Draft(4, 10).value(), 1e-12);
}

TEST_F(DraftAheadTest, NoStepStartsOnceTheAnswerIsThere) {
  std::optional<Span> with_answer = Span{}, while_busy = Span{};
  world_.Start("ahead", [&] {
    with_answer = MakeCompute(0)->chain_drafter().RunAheadStep(4, [](Seconds) { return false; });
  });
  Inbox inbox(world_);
  world_.Start("busy", [&] { MakeCompute(1)->input().RunPrompt(0, 1000); });
  world_.Start("ahead while busy", [&] {
    while_busy = MakeCompute(2)->chain_drafter().RunAheadStep(
        4, [&](Seconds until) { return !inbox.WaitUntil(until); });
  });
  world_.CallAt(Microseconds(100), [&] { inbox.Push({}); });
  world_.Run();
  EXPECT_FALSE(with_answer.has_value());
  EXPECT_FALSE(while_busy.has_value());
}

// -- whole runs

TEST(PowerModeTest, AdvancesEveryNRequestsStartedOnADevice) {
  Toy toy;
  ToyDevice slow;
  slow.head = {1000, 0, 0};
  toy.Write("slow", slow);
  const WatchedRun run = RunInChild(
      toy.Load({"fleet.power_mode_requests=2", "workload.requests=14", "fleet.class.0.count=2",
                "fleet.class.0.profiles=[\"device.json\", \"slow.json\", \"slow.json\"]"}));
  std::map<int, int> started;  // on a device
  int slow_requests = 0;
  for (const RequestRow& row : run.rows) {
    const bool is_slow = started[row.request.device]++ / 2 % 3 != 0;
    slow_requests += is_slow;
    EXPECT_NEAR(row.parts.head.value(), (is_slow ? slow : ToyDevice{}).head(1).value(), 1e-12)
        << row.request.id;
  }
  EXPECT_GE(slow_requests, 6);
}

TEST(PowerModeTest, CountsForOperationsThatStartFromThenOn) {
  Toy toy;
  ToyDevice slow;
  slow.layer = {300, 2, 0.125};
  toy.Write("slow", slow);
  toy.Write("arrivals.csv", "arrival_s\n0\n0.1\n");
  const WatchedRun run = RunInChild(
      toy.Load({"system.name=u-shape", "fleet.power_mode_requests=1", "workload.arrivals=replay",
                "workload.replay=arrivals.csv", "workload.requests=2", "workload.outputs.tokens=30",
                "fleet.class.0.profiles=[\"device.json\", \"slow.json\"]"}));
  int before = 0, after = 0;
  for (const DeviceOpEvent& op : run.OpsOf(0)) {
    if (op.op != DeviceOp::kInput) continue;
    const bool is_slow = op.span.start >= Seconds(0.1);
    (is_slow ? after : before) += 1;
    EXPECT_NEAR((op.span.end - op.span.start).value(),
                (is_slow ? slow : ToyDevice{}).Input(op.tokens, op.context).value(), 1e-12);
  }
  EXPECT_GT(before, 2);
  EXPECT_GT(after, 2);
}

// In ticks of 2^-12 s, so that sums are exact and two things happen at one instant: input takes 17,
// head 4. Three requests arrive when the first one's input ends, so they ask for the GPU first.
TEST(ArrivalsAtOneInstantTest, AllComeBeforeTheEndOfAnOperation) {
  constexpr double kTickUs = 1e6 / 4096;
  ToyDevice device;
  device.embedding = {1 * kTickUs, 0, 0};
  device.layer = {0.5 * kTickUs, 0, 0};  // 32 of them
  device.head = {4 * kTickUs, 0, 0};
  Toy toy(device);
  const auto first_ttft = [&](const std::string& arrivals) {
    toy.Write("arrivals.csv", "arrival_s\n" + arrivals);
    const WatchedRun run = RunInChild(toy.Load(
        {"system.name=device-only", "workload.arrivals=replay", "workload.replay=arrivals.csv",
         "workload.requests=4", "workload.prompts.tokens=1", "workload.outputs.tokens=1"}));
    return run.row().Ttft().value() * 4096;
  };
  EXPECT_EQ(first_ttft("0\n0.004150390625\n0.004150390625\n0.004150390625\n"), 17 + 3 * 17 + 4);
  // Also where the operation began before the request in front of them arrived.
  EXPECT_EQ(first_ttft("0\n0.001\n0.004150390625\n0.004150390625\n"), 17 + 3 * 17 + 4);
}

class JitterTest : public testing::Test {
 protected:
  using Key = std::tuple<int, DeviceOp, int>;
  JitterTest() { toy_.Write("device", ToyDevice{}, {0.5, 0.8, 1, 1.1, 2}); }

  WatchedRun Run(double rate_per_s, const std::string& seed = "1") {
    return RunInChild(toy_.Load({"system.name=u-shape", "fleet.jitter=true", "seed=" + seed,
                                 "fleet.class.0.count=2", "workload.arrivals=poisson",
                                 fmt::format("workload.rate_per_s={}", rate_per_s),
                                 "workload.requests=20", "workload.outputs.tokens=10"}));
  }
  static std::vector<double> Durations(const WatchedRun& run) {
    std::map<Key, double> durations;
    for (int request = 0; request < 20; ++request) {
      int number = 0;
      for (const DeviceOpEvent& op : run.OpsOf(request)) {
        durations[{request, op.op, number++}] = ToMicroseconds(op.span.end - op.span.start);
      }
    }
    std::vector<double> values;
    for (const auto& [key, value] : durations) values.push_back(value);
    return values;
  }

  Toy toy_;
};

TEST_F(JitterTest, DependsOnWhatIsComputedNeverOnWhen) {
  const std::vector<double> slow = Durations(Run(0.5)), fast = Durations(Run(40));
  ASSERT_EQ(slow.size(), fast.size());
  for (size_t i = 0; i < slow.size(); ++i) EXPECT_NEAR(slow[i], fast[i], 1e-6);
  EXPECT_NE(Durations(Run(0.5, "2")), slow);
}

TEST_F(JitterTest, EveryOperationIsDrawnOnItsOwn) {
  const WatchedRun run = Run(0.5);
  std::set<int64_t> head_ns;
  for (const DeviceOpEvent& op : run.OpsOf(3)) {
    if (op.op == DeviceOp::kHead) {
      head_ns.insert(std::lround(1e9 * (op.span.end - op.span.start).value()));
    }
  }
  EXPECT_EQ(head_ns.size(), 10u) << "ten heads of one request";
}

TEST_F(JitterTest, DrawsTheMeasuredSpread) {
  const WatchedRun run = Run(0.5);
  const double median = ToMicroseconds(ToyDevice{}.head(1));
  double low = 1e9, high = 0;
  for (const DeviceOpEvent& op : run.ops) {
    if (op.op != DeviceOp::kHead) continue;
    low = std::min(low, ToMicroseconds(op.span.end - op.span.start));
    high = std::max(high, ToMicroseconds(op.span.end - op.span.start));
  }
  EXPECT_GE(low, 0.5 * median - 1e-6);
  EXPECT_LT(low, 0.6 * median);
  EXPECT_GT(high, 1.8 * median);
  EXPECT_LE(high, 2 * median + 1e-6);
}

}  // namespace
}  // namespace hat
