#include "runtime/profile/compose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/error.h"

namespace hat {
namespace {

constexpr double kShortestUs = 0.001;  // a profile's latencies are above 0

// To a nanosecond: what a clock resolves.
double Rounded(double us) { return std::round(us * 1000) / 1000; }

using Operations = std::map<OperationKey, std::vector<LatencyGrid::Point>>;

void SplitOffLinear(Operations& operations) {
  std::map<int, double> attention_us;  // by new tokens, at context 0
  for (const LatencyGrid::Point& point : operations.at(Operation::kAttention)) {
    if (point.context == 0) attention_us[point.tokens] = MedianOf(point.samples_us);
  }
  std::vector<LatencyGrid::Point> linear = operations.at(Operation::kLayer);
  for (LatencyGrid::Point& point : linear) {
    const bool is_alone = attention_us.count(point.tokens) > 0;
    const double attended_us = is_alone ? attention_us.at(point.tokens)
                                        : 2 * attention_us.at(point.tokens / 2);  // two sequences
    for (double& us : point.samples_us) us = Rounded(std::max(us - attended_us, kShortestUs));
  }
  operations.erase(Operation::kLayer);
  operations[Operation::kLinear] = std::move(linear);
  operations[Operation::kAttentionBase] = {{1, 0, {0.0}, {}}};
}

}  // namespace

double OneMoreSequenceUs(const CallCost& call, const CallCost& one, const CallCost& two,
                         int own_layers) {
  const auto share_us = [&](const CallCost& cost) {
    return cost.layer_us + cost.plan_us / own_layers;
  };
  return std::max(0.0, share_us(call) - (2 * share_us(one) - share_us(two)));
}

double MedianOf(std::vector<double> values) {
  HAT_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

Operations OperationsFrom(Role role, const std::vector<TimedPoint>& points,
                          const std::vector<std::vector<double>>& samples_us) {
  HAT_CHECK(points.size() == samples_us.size());
  Operations operations;
  for (size_t i = 0; i < points.size(); ++i) {
    const double least = points[i].operation == Operation::kAttention ? 0 : kShortestUs;
    LatencyGrid::Point point{points[i].tokens, points[i].context, {}, {}};
    for (const double us : samples_us[i]) {
      point.samples_us.push_back(Rounded(std::max(us, least)));
    }
    operations[points[i].operation].push_back(std::move(point));
  }
  if (role == Role::kCloud) SplitOffLinear(operations);
  return operations;
}

std::string MillisecondsText(double us) { return fmt::format("{:.3f}", us / 1000); }

std::string ReferenceText(const std::vector<double>& us) {
  const auto [least, most] = std::minmax_element(us.begin(), us.end());
  return fmt::format("{} ms first, {} last, {} to {}", MillisecondsText(us.front()),
                     MillisecondsText(us.back()), MillisecondsText(*least),
                     MillisecondsText(*most));
}

}  // namespace hat
