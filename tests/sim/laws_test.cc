// The model's laws (experiments/laws/laws.h) hold in every system under every kind of pressure, and
// both engines tell the same events. RunInChild and RunHere check the laws on each event.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "protocol/system.h"
#include "tests/sim/child_run.h"
#include "tests/sim/hand_trace.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

const std::vector<int> kPrompts = {1, 3, 40, 600, 90, 250, 64, 65};

struct Pressure {
  std::string name;
  std::vector<std::string> overrides;
  std::vector<std::string> systems = SystemNames();
};

const std::vector<std::string> kWithFrames = {"hat",      "u-shape",    "u-sarathi",
                                              "u-medusa", "cloud-only", "cloud-sd"};

std::vector<Pressure> Pressures() {
  return {
      {"OneStage", {}},
      {"FourStages", {"cloud.stages=4"}},
      {"ThirtyStages", {"cloud.stages=30"}, {"hat", "u-shape"}},
      {"TwoReplicas", {"cloud.replicas=2", "cloud.stages=3"}},
      {"Jitter", {"fleet.jitter=true", "cloud.stages=4"}},
      {"PowerModes",
       {"fleet.power_mode_requests=1",
        "fleet.class.0.profiles=[\"device.json\", "
        "\"slow.json\", \"device.json\"]"}},
      {"ACellThatContends", {"link.kind=shared", "link.cell_mbps=60", "cloud.stages=2"}},
      {"IngressAndEgress",
       {"link.kind=shared", "link.ingress_mbps=50", "link.egress_mbps=20", "link.latency_ms=0"}},
      {"RateTraces",
       {"link.up={kind=\"trace\",trace=\"rates.csv\"}",
        "link.down={kind=\"trace\",trace=\"rates.csv\"}"},
       kWithFrames},
      {"SharedRateTraces",
       {"link.kind=shared", "link.cell_mbps=60", "link.up={kind=\"trace\",trace=\"rates.csv\"}",
        "link.down={kind=\"trace\",trace=\"rates.csv\"}"},
       kWithFrames},
      {"AdmissionWaits", {"cloud.kv_tokens=700", "cloud.replicas=2"}, kWithFrames},
      {"OneSession", {"fleet.max_sessions=1"}},
      {"ClosedLoop",
       {"workload.arrivals=closed-loop", "workload.think_time_s=0.02", "fleet.max_sessions=2"}},
      {"TinyBudget", {"cloud.token_budget=9", "cloud.stages=2"}, kWithFrames},
      {"NoLatency", {"link.latency_ms=0", "cloud.stage_link_latency_us=0", "cloud.stages=4"}},
      {"Bursts", {"workload.arrivals=gamma", "workload.rate_per_s=200", "workload.burstiness=5"}},
      {"AllAtOnce", {"workload.arrivals=uniform", "workload.rate_per_s=1000000"}},
      {"AllPositionsReturned",
       {"system.return_all_positions=true", "cloud.token_budget=100"},
       {"hat", "u-shape", "u-sarathi", "u-medusa"}},
      {"BadPolicies",
       {"system.chunking=one-token", "system.drafting=contrarian", "system.prefill_cut=trickle"},
       {"hat"}},
      {"LongDrafts", {"policy.draft_threshold=0", "policy.max_draft=40"}, {"hat", "cloud-sd"}},
      {"WideTree", {"policy.tree=full-4-2"}, {"u-medusa"}},
      {"DraftTrace",
       {"acceptance.trace=trace", "workload.outputs={tokens=30}", "cloud.stages=2"},
       {"hat", "u-medusa", "cloud-sd"}},
  };
}

// A mean over the measured requests, of so much of each one's time after its first token for each
// token.
class MeanForAToken {
 public:
  MeanForAToken(const WatchedRun& run, int first_measured)
      : run_(run), first_measured_(first_measured) {
    for (const RequestRow& row : run_.rows) requests_ += Counts(row);
  }

  void Add(int request, Seconds time) {
    const RequestRow& row = run_.row(request);
    if (Counts(row)) sum_ms_ += ToMilliseconds(time) / (row.tokens - 1);
  }
  double ms() const { return sum_ms_ / requests_; }

 private:
  bool Counts(const RequestRow& row) const {
    return row.request.id >= first_measured_ && row.tokens > 1;
  }

  const WatchedRun& run_;
  const int first_measured_;
  int requests_ = 0;
  double sum_ms_ = 0;
};

// The parts of a TBT add up to it; those on the device and its uplink, where a session does one
// thing at a time, are what its operations and frames took.
void ExpectTbtParts(const WatchedRun& run) {
  const nlohmann::json summary = nlohmann::json::parse(run.summary);
  const nlohmann::json& parts = summary["tbt_parts_ms"];
  const bool returns_tokens = summary["system"] == "cloud-only" || summary["system"] == "cloud-sd";
  double sum = 0;
  for (const auto& [name, part] : parts.items()) {
    EXPECT_GE(part.get<double>(), name == "download" && returns_tokens ? -1 : 0) << parts;
    sum += part.get<double>();
  }
  const double tbt_ms = summary["tbt_ms"]["mean"];
  EXPECT_NEAR(sum / tbt_ms, 1, 1e-9) << parts;
  const int first = static_cast<int>(run.rows.size()) - summary["requests"]["measured"].get<int>();
  const MeanForAToken none(run, first);
  MeanForAToken queue = none, draft = none, input = none, head = none, upload = none,
                uplink_wait = none;
  for (const DeviceOpEvent& op : run.ops) {
    if (op.op == DeviceOp::kDraftAhead || op.span.end <= run.row(op.request).first_token) continue;
    MeanForAToken& part = op.op == DeviceOp::kHead    ? head
                          : op.op == DeviceOp::kInput ? input
                                                      : draft;
    part.Add(op.request, op.span.end - op.span.start);
    queue.Add(op.request, op.span.start - op.span.requested);
  }
  for (const FrameEvent& frame : run.frames) {
    if (frame.direction != Direction::kUp || frame.header.kind != FrameKind::kVerify) continue;
    upload.Add(frame.request, frame.arrived - frame.start);
    uplink_wait.Add(frame.request, frame.start - frame.sent);
  }
  const auto expect = [&](const char* name, const MeanForAToken& mean) {
    EXPECT_NEAR(parts[name].get<double>(), mean.ms(), 1e-9 * tbt_ms) << name;
  };
  expect("queue", queue), expect("draft", draft), expect("device_compute", input);
  expect("head", head), expect("upload", upload), expect("uplink_wait", uplink_wait);
}

class LawsTest : public testing::TestWithParam<Pressure> {
 protected:
  LawsTest() {
    const std::vector<double> spread = {0.7, 0.9, 1, 1.05, 1.6};
    toy_.Write("device", ToyDevice{}, spread);
    toy_.Write("cloud", ToyCloud{}, spread);
    toy_.Write("draft", ToyDraftModel(), spread);
    ToyDevice slow;
    slow.layer = {900, 20, 1};
    toy_.Write("slow", slow);
    std::string csv = "prompt_tokens\n";
    for (const int tokens : kPrompts) csv += fmt::format("{}\n", tokens);
    toy_.Write("prompts.csv", csv);
    toy_.Write("rates.csv", "seconds,mbps\n0,80\n0.2,0\n0.25,20\n0.6,160\n0.7,0.5\n0.75,40\n");
    RandomTrace({30, 9, 4}, kPrompts, 1).Save(toy_ / "trace");
  }

  Scenario Load(const std::string& system, const std::vector<std::string>& more) const {
    std::vector<std::string> overrides = {
        "system.name=" + system,
        "fleet.class.0.count=4",
        "workload.arrivals=poisson",
        "workload.requests=50",
        "workload.prompts={kind=\"csv\",path=\"prompts.csv\"}",
        "workload.outputs={kind=\"geometric\",mean=12,max=40}",
    };
    bool has_rate = false;
    for (const std::string& key : more) {
      has_rate = has_rate || key.starts_with("workload.rate_per_s") || key.ends_with("closed-loop");
    }
    if (!has_rate) overrides.push_back("workload.rate_per_s=12");
    overrides.insert(overrides.end(), more.begin(), more.end());
    return toy_.Load(overrides);
  }

  WatchedRun Run(const std::string& system, const std::vector<std::string>& more) const {
    return RunInChild(Load(system, more));
  }

  Toy toy_;
};

TEST_P(LawsTest, HoldInEverySystem) {
  for (const std::string& system : GetParam().systems) {
    SCOPED_TRACE(system);
    const WatchedRun run = Run(system, GetParam().overrides);
    EXPECT_TRUE(run.is_complete);
    ASSERT_EQ(run.rows.size(), 50u);
    for (const RequestRow& row : run.rows) {
      EXPECT_EQ(row.state, RequestRow::State::kCompleted);
      EXPECT_NEAR(Sum(row.parts).value(), row.Ttft().value(), 1e-9) << row.request.id;
    }
    ExpectTbtParts(run);
  }
}

// On fibers in one process, one run after the other; SimGrid's is the reference.
TEST_P(LawsTest, GiveTheSameBytesOnBothEngines) {
  for (const std::string& system : GetParam().systems) {
    SCOPED_TRACE(system);
    const Scenario scenario = Load(system, GetParam().overrides);
    if (scenario.link.kind == LinkConfig::Kind::kShared) GTEST_SKIP() << "SimGrid's alone";
    const WatchedRun fibers = RunHere(scenario, {.engine = EngineKind::kFibers});
    const WatchedRun simgrid = RunInChild(scenario, {.engine = EngineKind::kSimGrid});
    EXPECT_TRUE(fibers.log == simgrid.log);
    EXPECT_EQ(fibers.summary, simgrid.summary);
  }
}

INSTANTIATE_TEST_SUITE_P(Pressure, LawsTest, testing::ValuesIn(Pressures()),
                         [](const auto& pressure) { return pressure.param.name; });

// What the pressures are for: without a wait for room in the KV cache, nothing was tested.
TEST_F(LawsTest, PressuresDoPress) {
  const WatchedRun admission = Run("hat", {"cloud.kv_tokens=700"});
  const WatchedRun free = Run("hat", {});
  const auto mean = [](const WatchedRun& run, Seconds TtftParts::*part) {
    Seconds sum;
    for (const RequestRow& row : run.rows) sum += row.parts.*part;
    return sum / static_cast<double>(run.rows.size());
  };
  EXPECT_GT(mean(admission, &TtftParts::cloud_wait), 10 * mean(free, &TtftParts::cloud_wait));
  const WatchedRun one_session = Run("hat", {"fleet.max_sessions=1"});
  EXPECT_GT(mean(one_session, &TtftParts::queue), 10 * mean(free, &TtftParts::queue));
  const WatchedRun cell = Run("hat", {"link.kind=shared", "link.cell_mbps=60"});
  EXPECT_GT(mean(cell, &TtftParts::upload), 1.2 * mean(free, &TtftParts::upload));
  const WatchedRun jitter = Run("hat", {"fleet.jitter=true"});
  EXPECT_NE(jitter.log, free.log);
}

}  // namespace
}  // namespace hat
