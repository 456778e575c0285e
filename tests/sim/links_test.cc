// Links that SimGrid plays, against the closed form of links that nothing contends for, and against
// max-min shares worked out by hand.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "experiments/scenario/fleet.h"
#include "tests/sim/child_run.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

constexpr double kTolerance = 1e-9;

std::vector<std::string> With(std::vector<std::string> overrides,
                              const std::vector<std::string>& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

const std::vector<std::string> kWideCell = {"link.kind=shared", "link.cell_mbps=1000000"};

void ExpectSameRow(const RequestRow& a, const RequestRow& b, double tolerance) {
  const std::vector<double> exact_a = {
      double(a.tokens),      double(a.rounds),       double(a.drafted),  double(a.accepted),
      double(a.ahead_steps), double(a.wasted_steps), a.bytes_up.value(), a.bytes_down.value()};
  const std::vector<double> exact_b = {
      double(b.tokens),      double(b.rounds),       double(b.drafted),  double(b.accepted),
      double(b.ahead_steps), double(b.wasted_steps), b.bytes_up.value(), b.bytes_down.value()};
  EXPECT_EQ(exact_a, exact_b) << "request " << a.request.id;
  EXPECT_NEAR(a.Ttft().value(), b.Ttft().value(), tolerance) << "request " << a.request.id;
  EXPECT_NEAR(a.E2e().value(), b.E2e().value(), tolerance) << "request " << a.request.id;
  for (const TtftPartField& part : TtftPartFields()) {
    EXPECT_NEAR((a.parts.*part.field).value(), (b.parts.*part.field).value(), tolerance)
        << "request " << a.request.id << " " << part.name;
  }
}

void ExpectSameFrames(const std::vector<FrameEvent>& a, const std::vector<FrameEvent>& b,
                      double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].size, b[i].size) << i;
    // One that is sent the moment the one before has left may say so or not.
    if (a[i].start > a[i].sent + Seconds(kTolerance)) {
      EXPECT_EQ(a[i].header.flags, b[i].header.flags) << i;
    }
    for (const auto time :
         {&FrameEvent::sent, &FrameEvent::start, &FrameEvent::left, &FrameEvent::arrived}) {
      EXPECT_NEAR((a[i].*time).value(), (b[i].*time).value(), tolerance) << i;
    }
  }
}

void ExpectSameRun(const WatchedRun& a, const WatchedRun& b, double tolerance = kTolerance) {
  ASSERT_EQ(a.rows.size(), b.rows.size());
  for (size_t i = 0; i < a.rows.size(); ++i) {
    ExpectSameRow(a.rows[i], b.rows[i], tolerance);
    for (const Direction direction : {Direction::kUp, Direction::kDown}) {
      ExpectSameFrames(a.FramesOf(static_cast<int>(i), direction),
                       b.FramesOf(static_cast<int>(i), direction), tolerance);
    }
  }
}

class SharedLinksTest : public testing::TestWithParam<const char*> {
 protected:
  // 30 requests of 500 tokens at 3 devices: frames of several sessions queue behind each other.
  std::vector<std::string> Busy() const {
    return {fmt::format("system.name={}", GetParam()),
            "cloud.stages=4",
            "fleet.class.0.count=3",
            "workload.arrivals=poisson",
            "workload.rate_per_s=3",
            "workload.requests=30",
            "workload.prompts.tokens=500",
            "workload.outputs.tokens=20",
            "link.efficiency=0.9"};
  }
  Toy toy_;
};

TEST_P(SharedLinksTest, WholeRunsAreThoseOfDedicatedLinksWhereNothingContends) {
  const WatchedRun dedicated = RunInChild(toy_.Load(Busy()));
  const WatchedRun shared = RunInChild(toy_.Load(With(Busy(), kWideCell)));
  ExpectSameRun(dedicated, shared);
  const auto is_back_to_back = [](const FrameEvent& frame) {
    return (frame.header.flags & kFlagBackToBack) != 0;
  };
  if (FindSystem(GetParam()).is_split()) {
    EXPECT_GT(std::count_if(shared.frames.begin(), shared.frames.end(), is_back_to_back), 10);
  }
}

TEST_P(SharedLinksTest, RatesThatChangeOverTimeAreThoseOfDedicatedLinksToo) {
  toy_.Write("up.csv", "seconds,mbps\n0,80\n0.11,8\n0.31,0\n0.4,160\n0.45,40\n");
  std::string packets;  // 10 ms of 12 Mb/s, 5 ms of nothing, 10 ms of 96 Mb/s
  for (int ms = 1; ms <= 10; ++ms) packets += fmt::format("{}\n", ms);
  for (int ms = 16; ms <= 25; ++ms) {
    for (int i = 0; i < 8; ++i) packets += fmt::format("{}\n", ms);
  }
  toy_.Write("down.trace", packets);
  const std::vector<std::string> overrides =
      With(Busy(), {"link.up={kind=\"trace\",trace=\"up.csv\"}",
                    "link.down={kind=\"trace\",trace=\"down.trace\"}"});
  const WatchedRun dedicated = RunInChild(toy_.Load(overrides));
  const WatchedRun shared = RunInChild(toy_.Load(With(overrides, kWideCell)));
  ExpectSameRun(dedicated, shared);
}

INSTANTIATE_TEST_SUITE_P(Systems, SharedLinksTest,
                         testing::Values("hat", "u-shape", "u-sarathi", "u-medusa", "cloud-only",
                                         "cloud-sd"),
                         [](const auto& system) {
                           std::string name = system.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// -- contention: each device of a closed loop sends its prompt at 0 s

class ContentionTest : public testing::Test {
 protected:
  WatchedRun Run(int devices, const std::vector<std::string>& overrides) {
    scenario_ = toy_.Load(With(
        {"system.name=u-shape", "link.kind=shared", fmt::format("fleet.class.0.count={}", devices),
         fmt::format("workload.requests={}", devices), "workload.outputs.tokens=1",
         "link.efficiency=0.8"},
        overrides));
    return RunInChild(*scenario_);
  }
  static Seconds Upload(const WatchedRun& run, int request) {
    const FrameEvent frame = run.FramesOf(request, Direction::kUp).at(0);
    return frame.left - frame.start;
  }
  static Seconds Download(const WatchedRun& run, int request) {
    const FrameEvent frame = run.FramesOf(request, Direction::kDown).at(0);
    return frame.left - frame.start;
  }

  static constexpr double kFrame = kHeaderBytes + 10 * kStateBytes;
  Toy toy_;
  std::optional<Scenario> scenario_;
};

TEST_F(ContentionTest, TwoDevicesInACellGetHalfEach) {
  const WatchedRun run = Run(2, {"link.cell_mbps=80"});  // 10 MB/s, 8 of payload
  for (const int request : {0, 1}) {
    EXPECT_NEAR(Upload(run, request).value(), kFrame / 4e6, kTolerance);
  }
}

TEST_F(ContentionTest, AllUplinksShareTheIngressAndAllDownlinksTheEgress) {
  // Wide links, so that the cloud's last answers meet too: one batch answers all four.
  const WatchedRun run = Run(4, {"link.ingress_mbps=40", "link.egress_mbps=16",
                                 "link.up.rate_mbps=1000", "link.down.rate_mbps=1000"});
  for (const int request : {0, 1, 2, 3}) {
    EXPECT_NEAR(Upload(run, request).value(), kFrame / 1e6, kTolerance);
    EXPECT_NEAR(Download(run, request).value(), (kHeaderBytes + kStateBytes) / 0.4e6, kTolerance);
  }
}

TEST_F(ContentionTest, WhoIsDoneLeavesItsShareToTheOther) {
  toy_.Write("prompts.csv", "prompt_tokens\n10\n30\n");
  const WatchedRun run =
      Run(2, {"link.ingress_mbps=80",
              "workload.prompts={kind=\"csv\",path=\"prompts.csv\",order=\"file\"}"});
  // The larger prompt takes longer to compute on the device: it begins later.
  const FrameEvent small = run.FramesOf(0, Direction::kUp).at(0);
  const FrameEvent large = run.FramesOf(1, Direction::kUp).at(0);
  const double rate = 8e6;
  const double head_start = rate * (large.start - small.start).value();
  ASSERT_GT(head_start, 0);
  const double small_left = large.start.value() + 2 * (small.size.value() - head_start) / rate;
  EXPECT_NEAR(small.left.value(), small_left, kTolerance);
  // Alone from then on, but for the small one's Close frame.
  const double large_sent = (small_left - large.start.value()) * rate / 2;
  const double large_left = small_left + (large.size.value() - large_sent + kHeaderBytes) / rate;
  EXPECT_NEAR(large.left.value(), large_left, kTolerance);
}

TEST_F(ContentionTest, ASlowDeviceLeavesTheRestOfTheCellToTheOther) {
  const WatchedRun run = Run(
      2, {"seed=3", "link.cell_mbps=80", "link.up={kind=\"uniform\",low_mbps=10,high_mbps=100}"});
  const Fleet fleet(*scenario_);
  const double rates[] = {fleet.uplink(0).Mean().value(), fleet.uplink(1).Mean().value()};
  const int slow = rates[0] < rates[1] ? 0 : 1;
  ASSERT_LT(rates[slow], 5e6) << "choose another seed: the slow one must need less than half";
  const double left_over = std::min(rates[1 - slow], 10e6 - rates[slow]);
  const int fast_request = run.row(0).request.device == slow ? 1 : 0;
  EXPECT_NEAR(Upload(run, fast_request).value(), kFrame / (0.8 * left_over), kTolerance);
}

// A cell that carries both directions: an upload of one device and a download of the other.
TEST_F(ContentionTest, UploadsAndDownloadsShareTheCell) {
  // Request 1 uploads 100 tokens while request 0's answer of one comes down.
  toy_.Write("prompts.csv", "prompt_tokens\n1\n100\n");
  const WatchedRun run =
      Run(2, {"link.cell_mbps=80", "link.latency_ms=0",
              "workload.prompts={kind=\"csv\",path=\"prompts.csv\",order=\"file\"}"});
  const FrameEvent answer = run.FramesOf(0, Direction::kDown).at(0);
  const FrameEvent upload = run.FramesOf(1, Direction::kUp).at(0);
  ASSERT_LT(upload.start, answer.start);
  ASSERT_GT(upload.left, answer.left);
  EXPECT_NEAR((answer.left - answer.start).value(), (kHeaderBytes + kStateBytes) / 4e6, kTolerance);
}

TEST_F(ContentionTest, ARateThatDropsLeavesItsShareToTheOther) {
  // The trace's offset is drawn for each device; both rates stay below half of nothing to share.
  toy_.Write("up.csv", "seconds,mbps\n0,8\n1,32\n");
  const WatchedRun run = Run(2, {"link.cell_mbps=30", "workload.prompts.tokens=1000",
                                 "link.up={kind=\"trace\",trace=\"up.csv\"}"});
  const Fleet fleet(*scenario_);
  // Walk in small steps: max-min shares of 30 Mb/s between two links.
  double left[] = {0, 0};
  double at[] = {0, 0};
  for (int r : {0, 1}) left[r] = run.FramesOf(r, Direction::kUp).at(0).size.value();
  const double step = 1e-5;
  double now = run.FramesOf(0, Direction::kUp).at(0).start.value();
  for (; left[0] > 0 || left[1] > 0; now += step) {
    double want[2];
    for (int r : {0, 1}) {
      const int device = run.row(r).request.device;
      want[r] = left[r] > 0 ? fleet.uplink(device).At(Seconds(now)).value() : 0;
    }
    const double cell = MegabitsPerSecond(30).value();
    for (int r : {0, 1}) {
      const double share = std::min(want[r], std::max(cell / 2, cell - want[1 - r]));
      if (left[r] > 0 && (left[r] -= 0.8 * share * step) <= 0) at[r] = now;
    }
  }
  for (int r : {0, 1}) {
    EXPECT_NEAR(run.FramesOf(r, Direction::kUp).at(0).left.value(), at[r], 1e-4) << r;
  }
}

// -- a dedicated link alone

TEST(DedicatedLinkTest, AFrameOnATracedLinkTakesTheTracesOwnTime) {
  Toy toy;
  toy.Write("up.csv", "seconds,mbps\n0,80\n0.01,8\n0.02,0\n0.03,160\n");
  const Scenario scenario =
      toy.Load({"system.name=u-shape", "link.up={kind=\"trace\",trace=\"up.csv\"}",
                "link.efficiency=0.8", "workload.outputs.tokens=8"});
  const WatchedRun run = RunInChild(scenario);
  const Fleet fleet(scenario);
  for (const FrameEvent& frame : run.FramesOf(0, Direction::kUp)) {
    double sent = 0;
    const double step = 1e-6;
    for (double t = frame.start.value(); t < frame.left.value(); t += step) {
      sent += 0.8 * step * fleet.uplink(0).At(Seconds(t + step / 2)).value();
    }
    EXPECT_NEAR(sent, frame.size.value(), 2 * 20e6 * step);
    EXPECT_NEAR((frame.arrived - frame.left).value(), 3e-3, kTolerance);
  }
}

}  // namespace
}  // namespace hat
