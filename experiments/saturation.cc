#include "experiments/saturation.h"

#include <cmath>

namespace hat {
namespace {

struct QuarterMeans {
  double found = 0;
  double stay_s = 0;
};

QuarterMeans MeansOf(std::span<const RequestRow> rows, Seconds end) {
  QuarterMeans means;
  for (const RequestRow& row : rows) {
    const bool has_ended = row.state != RequestRow::State::kInFlight;
    means.found += row.found;
    means.stay_s += ((has_ended ? row.ended : end) - row.request.arrival).value();
  }
  means.found /= static_cast<double>(rows.size());
  means.stay_s /= static_cast<double>(rows.size());
  return means;
}

}  // namespace

bool IsSaturated(std::span<const RequestRow> measured, Seconds end) {
  if (measured.size() < kMinRequests) return false;
  const size_t quarter = measured.size() / 4;
  const QuarterMeans second = MeansOf(measured.subspan(quarter, quarter), end);
  const QuarterMeans last = MeansOf(measured.last(quarter), end);
  const double between = static_cast<double>(measured.size()) / 2;
  return last.found - second.found > kGrowth * between + std::sqrt(between) &&
         last.stay_s > kLongerStay * second.stay_s;
}

}  // namespace hat
