// Which operations are timed at which (new tokens, context), how often, and in which order. Pure:
// no clock, no torch.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "profiles/operation.h"

namespace hat {

// One operation at one place of its grid. Operations are a profile's, but kLayer in a cloud's: a
// whole layer, from which kLinear follows (compose.h).
struct TimedPoint {
  Operation operation = Operation::kLayer;
  int tokens = 0;
  int context = 0;

  bool operator==(const TimedPoint&) const = default;
};

// What a profile covers: 1..max_tokens new tokens of a sequence at contexts 0..max_context; a
// cloud's batches up to twice max_tokens.
struct GridLimits {
  int max_tokens = 2048;  // >= kFewestTokens
  int max_context = 2048;
};
inline constexpr int kFewestTokens = 16;

// The axes of the operations' grids.
struct ProfileAxes {
  std::vector<int> tokens;    // 1 is always there
  std::vector<int> contexts;  // 0 is always there

  bool operator==(const ProfileAxes&) const = default;
};

// Axes that cover the limits, from the densest to the coarsest.
std::vector<ProfileAxes> AxesFromDense(const GridLimits& limits);

// All points of a role's operations, an operation after the other, each tokens-major. A cloud's
// kLayer and kEmbedding have a point at twice the last tokens: two sequences.
std::vector<TimedPoint> PointsOf(Role role, const ProfileAxes& axes);

// How often a point is timed.
inline constexpr int kFewestRounds = 5;
inline constexpr int kMostRounds = 15;
inline constexpr double kLongUs = 100e3;  // calls as long as this are warm after the first round
// Samples that a visit to a point takes, at `us` a call.
int SamplesAVisit(double us);
// What a visit takes, its warm-up calls included.
double VisitSeconds(double us);

// Latency in us that is expected at a point.
using Estimate = std::function<double(const TimedPoint&)>;

struct ProfilePlan {
  ProfileAxes axes;
  int rounds = 0;        // every round visits every point once
  double seconds = 0;    // estimated
  bool is_dense = true;  // false: the axes were thinned to fit the budget
};

// The densest axes that `budget_s` has time for, and as many rounds, kFewestRounds to kMostRounds.
// Throws InputError, with what is needed, if the coarsest are too many.
ProfilePlan PlanWithin(double budget_s, Role role, const GridLimits& limits,
                       const Estimate& estimate);

// The order in which a round visits its points: each index 0..count - 1 once.
std::vector<int> RoundOrder(uint64_t seed, int round, int count);

}  // namespace hat
