// The whole machine as an M/D/1 queue: one stage that takes one token of one request at a time, a
// constant time for each, requests of one token, and all else too fast to matter. Mean waiting:
// rho s / (2 (1 - rho)) (Pollaczek, Khinchine).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "experiments/results/statistics.h"
#include "tests/sim/child_run.h"
#include "tests/sim/toy.h"

namespace hat {
namespace {

constexpr LinearUs kNothing{1e-3, 0, 0};  // 1 ns
constexpr double kService = 30 * 300e-6;  // s
constexpr int kBatches = 40;

// Under a sanitizer every request is a thread, which takes milliseconds: there are fewer of them
// then, and the interval is wider by the square root.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kFewer = 10;
#else
constexpr int kFewer = 1;
#endif

class QueueTest : public testing::TestWithParam<double> {
 protected:
  QueueTest()
      : toy_({kNothing, kNothing, kNothing, kNothing, kNothing},
             {{300, 0, 0}, {0, 0, 0}, {0, 0, 0}, kNothing, kNothing}) {}

  WatchedRun Run(double rho, int requests) {
    return RunInChild(
        toy_.Load({"system.name=u-shape", "cloud.token_budget=1", "fleet.class.0.count=200",
                   "fleet.max_sessions=100000", "link.latency_ms=0", "link.up.rate_mbps=1000000",
                   "link.down.rate_mbps=1000000", "workload.arrivals=poisson",
                   fmt::format("workload.rate_per_s={}", rho / kService),
                   fmt::format("workload.requests={}", requests), "workload.prompts.tokens=1",
                   "workload.outputs.tokens=1", "cloud.kv_tokens=1000000000"}),
        {.keeps_events = false});
  }

  Toy toy_;
};

// The mean waiting in the cloud, with the interval that batch means give; the first batch is left
// out.
Estimate MeanWait(const std::vector<RequestRow>& rows) {
  const size_t size = rows.size() / (kBatches + 1);
  std::vector<double> means;
  for (size_t batch = 1; batch <= kBatches; ++batch) {
    double sum = 0;
    for (size_t i = batch * size; i < (batch + 1) * size; ++i) {
      sum += rows[i].parts.cloud_wait.value();
    }
    means.push_back(sum / static_cast<double>(size));
  }
  return MeanWithInterval(means);
}

TEST_P(QueueTest, MeanWaitingIsThatOfMD1) {
  const double rho = GetParam();
  const WatchedRun run = Run(rho, (rho > 0.7 ? 150'000 : 50'000) / kFewer);
  const Estimate wait = MeanWait(run.rows);
  const double theory = rho * kService / (2 * (1 - rho));
  RecordProperty("simulated_over_theory", fmt::format("{:.4f}", wait.mean / theory));
  RecordProperty("half_width_over_theory", fmt::format("{:.4f}", wait.half_width / theory));
  EXPECT_NEAR(wait.mean, theory, wait.half_width);
  EXPECT_LT(wait.half_width, 0.05 * std::sqrt(kFewer) * theory) << "too wide to say anything";
}

INSTANTIATE_TEST_SUITE_P(Load, QueueTest, testing::Values(0.3, 0.6, 0.8),
                         [](const auto& load) { return fmt::format("{:.0f}", 100 * load.param); });

}  // namespace
}  // namespace hat
