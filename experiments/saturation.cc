#include "experiments/saturation.h"

#include <cmath>

namespace hat {
namespace {

struct QuarterMeans {
  double found = 0;
  double ttft_s = 0;
  double stay_s = 0;
};

QuarterMeans MeansOf(std::span<const RequestRow> rows, Seconds end) {
  QuarterMeans means;
  for (const RequestRow& row : rows) {
    const bool has_ended = row.state != RequestRow::State::kInFlight;
    const Seconds left = has_ended ? row.ended : end;
    const Seconds first = row.tokens > 0 ? row.first_token : left;
    means.found += row.found;
    means.ttft_s += (first - row.request.arrival).value();
    means.stay_s += (left - row.request.arrival).value();
  }
  const auto n = static_cast<double>(rows.size());
  return {means.found / n, means.ttft_s / n, means.stay_s / n};
}

}  // namespace

bool IsSaturated(std::span<const RequestRow> measured, Seconds end) {
  if (measured.size() < kMinRequests) return false;
  const size_t quarter = measured.size() / 4;
  const QuarterMeans second = MeansOf(measured.subspan(quarter, quarter), end);
  const QuarterMeans last = MeansOf(measured.last(quarter), end);
  const double between = static_cast<double>(measured.size()) / 2;
  const bool has_more = last.found - second.found > kGrowth * between + std::sqrt(between);
  const bool waits_longer =
      last.ttft_s > kLonger * second.ttft_s || last.stay_s > kLonger * second.stay_s;
  return has_more && waits_longer;
}

}  // namespace hat
