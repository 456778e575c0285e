// hat capacity against the closed form of docs/model.md: a cloud of one stage that takes one
// sequence a batch, constant times, drafts that are always right, evenly spaced requests, and all
// else too fast to matter. A request occupies the stage for W, so the largest rate is 1 / W.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/files.h"
#include "tests/core/program_run.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

constexpr LinearUs kNothing{1e-3, 0, 0};  // 1 ns
constexpr int kDraft = 3;                 // proposals a round, all kept: 4 tokens
constexpr int kRounds = 8;
constexpr double kLayer = 300e-6, kDraftLayer = 30e-6;  // s
constexpr double kVerify = 30 * kLayer;                 // 2 of the 32 layers are on the device
constexpr double kVerifyAll = 32 * kLayer;
constexpr double kDraftStep = 32 * kDraftLayer;
constexpr double kTolerance = 0.02;
// Under a sanitizer every request is a thread, which takes milliseconds: there are fewer of them.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kRequests = 400;
#else
constexpr int kRequests = 2000;
#endif
// What the wait that the objective allows adds to the limit.
constexpr double kQueue = 20.0 / kRequests;

class CapacityClosedFormTest : public testing::Test {
 protected:
  CapacityClosedFormTest()
      : toy_({kNothing, kNothing, kNothing, kNothing, kNothing}, Constant(kLayer)) {
    toy_.Write("draft", Constant(kDraftLayer));
  }

  static ToyCloud Constant(double layer) {
    return {{1e6 * layer, 0, 0}, {0, 0, 0}, {0, 0, 0}, kNothing, kNothing};
  }

  // The largest rate of a system, whose sequences have `tokens` positions: a batch has one of them.
  double RateOf(const std::string& system, int tokens) {
    const std::string out = toy_ / system;
    std::vector<std::string> command = Words(
        "{} capacity {} --systems {} --slo ttft_p90_ms=1000 --seeds 1 --no-figure --quiet --out {}",
        {HAT_BIN_DIR "/hat", toy_.scenario_path(), system, out});
    for (const std::string& text : Settings(tokens)) command.insert(command.end(), {"--set", text});
    if (system == "hat") command.insert(command.end(), {"--set", "system.draft_ahead=false"});
    if (system != "u-shape") command.insert(command.end(), {"--set", "system.drafting=fixed"});
    const ProgramRun run = RunProgram(command);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    const auto json = nlohmann::json::parse(ReadFile(out + "/capacity.json"));
    const auto& point = json["points"][0];
    EXPECT_EQ(point["state"], "found");
    EXPECT_EQ(point["limited_by"], "tolerance");
    RecordProperty(system, fmt::format("{:g}", point["rate_per_s"].get<double>()));
    return point["rate_per_s"];
  }

  static std::vector<std::string> Settings(int tokens) {
    return {"fleet.class.0.count=200",
            "fleet.max_sessions=100000",
            "link.latency_ms=0",
            "link.up.rate_mbps=1000000",
            "link.down.rate_mbps=1000000",
            fmt::format("cloud.token_budget={}", tokens),
            "cloud.kv_tokens=1000000000",
            fmt::format("policy.max_draft={}", kDraft),
            fmt::format("policy.draft_fixed={}", kDraft),
            fmt::format("acceptance.max_draft={}", kDraft),
            "acceptance.policy=fixed",
            fmt::format("acceptance.draft_fixed={}", kDraft),
            fmt::format("acceptance.accept_length={}", kDraft + 0.99999),
            "workload.arrivals=uniform",
            "workload.rate_per_s=5",
            fmt::format("workload.requests={}", kRequests),
            fmt::format("workload.prompts.tokens={}", tokens),
            fmt::format("workload.outputs.tokens={}", 1 + kRounds * (kDraft + 1))};
  }

  void ExpectLimit(double rate, double occupied) {
    EXPECT_LE(rate * occupied, 1 + kQueue);
    EXPECT_GE(rate * occupied, 1 / (1 + kTolerance));
  }

  Toy toy_;
};

// W = (1 + 8) 9 ms = 81 ms against (1 + 8) 9.6 ms + (1 + 8 x 4) 0.96 ms = 118.08 ms: 12.35 and 8.47
// requests/s, a ratio of 1.458.
TEST_F(CapacityClosedFormTest, DraftingOnDevicesCarriesOnePlusDraftOverVerifyMoreThanInTheCloud) {
  const double on_devices = RateOf("hat", kDraft + 1);
  const double in_cloud = RateOf("cloud-sd", kDraft + 1);
  const double occupied = (1 + kRounds) * kVerify;
  const double occupied_in_cloud =
      (1 + kRounds) * kVerifyAll + (1 + kRounds * (kDraft + 1)) * kDraftStep;
  EXPECT_NEAR(occupied, 81e-3, 1e-9);
  EXPECT_NEAR(occupied_in_cloud, 118.08e-3, 1e-9);
  ExpectLimit(on_devices, occupied);
  ExpectLimit(in_cloud, occupied_in_cloud);
  EXPECT_NEAR(on_devices / in_cloud, 1.458, 1.458 * (kTolerance + kQueue));
}

// W = 33 x 9 ms = 297 ms: 3.37 requests/s, and with drafting 3.667 times as many.
TEST_F(CapacityClosedFormTest, DraftingCarriesAcceptLengthTimesMoreThanNone) {
  const double without = RateOf("u-shape", 1);
  ExpectLimit(without, (1 + kRounds * (kDraft + 1)) * kVerify);
  EXPECT_NEAR(RateOf("hat", kDraft + 1) / without, 33.0 / 9, 33.0 / 9 * (kTolerance + kQueue));
}

}  // namespace
}  // namespace hat
