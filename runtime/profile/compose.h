// From samples, point by point, to the operations of a profile. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "profiles/profile_file.h"
#include "runtime/profile/grid.h"

namespace hat {

// `samples_us[i]`: of points[i], at least one each. A device's operations are the samples as they
// are. Of a cloud's, linear(n) = layer(n, 0) - the median of attention(n, 0), so that
// linear(n) + a0 + attention(n, 0) is the layer that was timed; a0, which is timed with it, is 0.
std::map<OperationKey, std::vector<LatencyGrid::Point>> OperationsFrom(
    Role role, const std::vector<TimedPoint>& points,
    const std::vector<std::vector<double>>& samples_us);

// What a forward call takes: its layers, one by one, and its plan, once.
struct CallCost {
  double layer_us = 0;  // (the call - its plan) / layers
  double plan_us = 0;
};
// What one more sequence takes, a layer, where `own_layers` layers share the plan. `call` has that
// sequence alone, `one` and `two` one and two small ones alike: 2 one - two is a call without any.
// Not below 0.
double OneMoreSequenceUs(const CallCost& call, const CallCost& one, const CallCost& two,
                         int own_layers);

double MedianOf(std::vector<double> values);  // not empty

// Of the reference's times in the order in which they were taken, not empty: "0.410 ms first, 0.420
// last, 0.400 to 0.550".
std::string ReferenceText(const std::vector<double>& us);
std::string MillisecondsText(double us);  // "0.410"

}  // namespace hat
