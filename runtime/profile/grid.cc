#include "runtime/profile/grid.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"

namespace hat {
namespace {

const std::vector<std::vector<int>> kTokenAxes = {
    {1,   2,   3,   4,   6,   8,   12,   16,   24,   32,   48,   64,   96,
     128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 4096, 8192, 16384},
    {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384},
    {1, 4, 8, 16, 64, 256, 1024, 4096, 16384},
    {1, 8, 16, 64, 256}};
const std::vector<std::vector<int>> kContextAxes = {
    {0, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}, {0, 256, 1024, 4096}, {0, 512}, {0}};
// Pairs of the two, from dense to coarse.
constexpr std::pair<int, int> kLevels[] = {{0, 0}, {1, 0}, {1, 1}, {2, 1}, {2, 2}, {3, 2}, {3, 3}};

constexpr int kHeadRows[] = {1, 2, 4, 8, 16, 64, 256};  // verified, or yielding a token, at once
constexpr int kDraftWidths[] = {1, 2, 4, 8, 16};

constexpr double kVisitUs = 4000;   // samples of short operations fill so much
constexpr int kMostSamples = 8;     // a visit
constexpr double kWarmUpCalls = 2;  // of operations shorter than kLongUs, on average

std::vector<int> Clipped(const std::vector<int>& axis, int last) {
  std::vector<int> points;
  for (const int point : axis) {
    if (point < last) points.push_back(point);
  }
  points.push_back(last);
  return points;
}

template <typename Tokens>
void AddPoints(Operation operation, const Tokens& tokens, const std::vector<int>& contexts,
               std::vector<TimedPoint>& points) {
  for (const int n : tokens) {
    for (const int context : contexts) points.push_back({operation, n, context});
  }
}

}  // namespace

std::vector<ProfileAxes> AxesFromDense(const GridLimits& limits) {
  HAT_CHECK(limits.max_tokens >= kFewestTokens && limits.max_context >= 0);
  std::vector<ProfileAxes> all;
  for (const auto& [tokens, contexts] : kLevels) {
    const ProfileAxes axes = {
        Clipped(kTokenAxes[static_cast<size_t>(tokens)], limits.max_tokens),
        Clipped(kContextAxes[static_cast<size_t>(contexts)], limits.max_context)};
    if (all.empty() || !(all.back() == axes)) all.push_back(axes);
  }
  return all;
}

std::vector<TimedPoint> PointsOf(Role role, const ProfileAxes& axes) {
  std::vector<TimedPoint> points;
  std::vector<int> batches = axes.tokens;
  if (role == Role::kCloud) batches.push_back(2 * axes.tokens.back());
  AddPoints(Operation::kEmbedding, batches, {0}, points);
  AddPoints(Operation::kHead, kHeadRows, {0}, points);
  if (role == Role::kDevice) {
    AddPoints(Operation::kLayer, axes.tokens, axes.contexts, points);
    AddPoints(Operation::kAdapter, axes.tokens, axes.contexts, points);
    AddPoints(Operation::kMedusa, std::vector<int>{1}, {0}, points);
    AddPoints(Operation::kDraft, kDraftWidths, axes.contexts, points);
    return points;
  }
  AddPoints(Operation::kLayer, batches, {0}, points);
  AddPoints(Operation::kAttention, axes.tokens, axes.contexts, points);
  return points;
}

int SamplesAVisit(double us) {
  return static_cast<int>(std::clamp(kVisitUs / std::max(us, 1e-3), 1.0, double{kMostSamples}));
}

double VisitSeconds(double us) {
  const double warm_up = us < kLongUs ? kWarmUpCalls : 1.0 / kFewestRounds;
  return (SamplesAVisit(us) + warm_up) * us * 1e-6;
}

ProfilePlan PlanWithin(double budget_s, Role role, const GridLimits& limits,
                       const Estimate& estimate) {
  ProfilePlan plan;
  double round_s = 0;
  for (const ProfileAxes& axes : AxesFromDense(limits)) {
    round_s = 0;
    for (const TimedPoint& point : PointsOf(role, axes)) round_s += VisitSeconds(estimate(point));
    if (kFewestRounds * round_s <= budget_s) {
      plan.axes = axes;
      plan.rounds = static_cast<int>(
          std::clamp(budget_s / round_s, double{kFewestRounds}, double{kMostRounds}));
      plan.seconds = plan.rounds * round_s;
      return plan;
    }
    plan.is_dense = false;
  }
  throw InputError(fmt::format(
      "the coarsest grid up to {} tokens at context {} takes about {:.0f} s, more than --budget-s "
      "{:.0f}; give it more, or lower --max-tokens or --max-context",
      limits.max_tokens, limits.max_context, std::ceil(kFewestRounds * round_s), budget_s));
}

std::vector<int> RoundOrder(uint64_t seed, int round, int count) {
  return RandomPermutation(RngStream(seed, "profile order").At(static_cast<uint64_t>(round)),
                           count);
}

}  // namespace hat
