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
std::map<std::string, std::vector<LatencyGrid::Point>> OperationsFrom(
    const std::string& role, const std::vector<TimedPoint>& points,
    const std::vector<std::vector<double>>& samples_us);

double MedianOf(std::vector<double> values);  // not empty

}  // namespace hat
