#include "experiments/results/saturation.h"

#include <cmath>
#include <vector>

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

bool IsSaturated(std::span<const RequestRow> measured, Seconds end, double busiest) {
  if (measured.size() < kMinRequests) return false;
  const size_t quarter = measured.size() / 4;
  const QuarterMeans second = MeansOf(measured.subspan(quarter, quarter), end);
  const QuarterMeans last = MeansOf(measured.last(quarter), end);
  const double between = static_cast<double>(measured.size()) / 2;
  const bool has_more = last.found - second.found > kGrowth * between + std::sqrt(between);
  const bool waits_longer =
      last.ttft_s > kLonger * second.ttft_s || last.stay_s > kLonger * second.stay_s;
  return has_more && (waits_longer || busiest > kBusy);
}

bool IsSaturated(const Recorder& recorder) {
  std::vector<RequestRow> measured;
  for (const RequestRow& row : recorder.rows()) {
    const bool is_measured = row.request.id >= recorder.options().warmup_requests;
    if (is_measured && row.state != RequestRow::State::kUnseen) measured.push_back(row);
  }
  return IsSaturated(measured, recorder.window_start() + recorder.window(),
                     recorder.BusiestUntilLastArrival());
}

}  // namespace hat
