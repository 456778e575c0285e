#include "profiles/latency_grid.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "core/error.h"

namespace hat {
namespace {

void CheckLatencies(const LatencyGrid::Point& point, const std::string& where, bool may_be_zero) {
  if (point.samples_us.empty()) throw InputError(where + " has no samples");
  for (const double us : point.samples_us) {
    if (std::isfinite(us) && (us > 0 || (may_be_zero && us == 0))) continue;
    throw InputError(fmt::format("{} must be a finite number of us {} 0, got {}", where,
                                 may_be_zero ? ">=" : ">", us));
  }
  if (point.quantiles.empty()) return;
  const auto is_increasing = [](const std::vector<double>& values, bool strictly) {
    for (size_t i = 1; i < values.size(); ++i) {
      if (values[i] < values[i - 1] || (strictly && values[i] == values[i - 1])) return false;
    }
    return true;
  };
  const bool in_range = point.quantiles.front() >= 0 && point.quantiles.back() <= 1;
  if (point.quantiles.size() != point.samples_us.size() || !in_range ||
      !is_increasing(point.quantiles, true) || !is_increasing(point.samples_us, false)) {
    throw InputError(where +
                     " must have increasing quantiles in 0..1 with latencies that do not fall");
  }
}

// The distinct values of one coordinate. The points' order is checked against the two axes
// afterwards.
GridAxis AxisOf(const std::vector<LatencyGrid::Point>& points,
                int LatencyGrid::Point::*coordinate) {
  std::set<int> values;
  for (const auto& point : points) values.insert(point.*coordinate);
  return GridAxis({values.begin(), values.end()});
}

}  // namespace

GridAxis::GridAxis(std::vector<int> points) : points_(std::move(points)) {
  HAT_CHECK(!points_.empty() && points_.front() >= 0 && points_.size() < 65536);
  for (size_t i = 0; i + 1 < points_.size(); ++i) {
    HAT_CHECK(points_[i] < points_[i + 1]);
    inverse_widths_.push_back(1.0 / (points_[i + 1] - points_[i]));
  }
  inverse_widths_.resize(points_.size(), 0.0);
  for (size_t width = 0; width < first_segment_.size(); ++width) {
    const int64_t smallest = width == 0 ? 0 : int64_t{1} << (width - 1);
    size_t segment = 0;
    while (segment + 2 < points_.size() && points_[segment + 1] <= smallest) ++segment;
    first_segment_[width] = static_cast<uint16_t>(segment);
  }
}

GridAxis::Position GridAxis::Find(int value) const {
  uint32_t index = first_segment_[std::bit_width(static_cast<unsigned>(std::max(value, 0)))];
  while (index + 2 < points_.size() && points_[index + 1] <= value) ++index;
  return {index, (value - points_[index]) * inverse_widths_[index]};
}

LatencyGrid::LatencyGrid(std::string name, const std::vector<Point>& points,
                         bool allow_extrapolation, bool may_be_zero)
    : allow_extrapolation_(allow_extrapolation), name_(std::move(name)) {
  if (points.empty()) throw InputError(name_ + " has no points");
  for (size_t i = 0; i < points.size(); ++i) {
    const std::string where = fmt::format("{}: points[{}]", name_, i);
    if (points[i].tokens < 1) throw InputError(where + ".tokens must be >= 1");
    if (points[i].context < 0) throw InputError(where + ".context must be >= 0");
    CheckLatencies(points[i], where, may_be_zero);
  }
  tokens_ = AxisOf(points, &Point::tokens);
  contexts_ = AxisOf(points, &Point::context);
  const size_t width = contexts_.points().size();
  for (size_t i = 0; i < tokens_.points().size() * width; ++i) {
    const int tokens = tokens_.points()[i / width];
    const int context = contexts_.points()[i % width];
    if (i >= points.size() || points[i].tokens != tokens || points[i].context != context) {
      throw InputError(
          fmt::format("{}: the points must form a full grid, sorted by tokens, then context: "
                      "points[{}] must be "
                      "tokens {}, context {}",
                      name_, i, tokens, context));
    }
  }
  if (points.size() != tokens_.points().size() * width) {
    throw InputError(
        fmt::format("{}: points[{}] stands twice", name_, tokens_.points().size() * width));
  }
  const bool has_spread = std::any_of(
      points.begin(), points.end(), [](const Point& point) { return point.samples_us.size() > 1; });
  for (const Point& point : points) {
    Spread spread{point.quantiles, point.samples_us};
    for (double& value : spread.seconds) value *= 1e-6;
    if (spread.quantiles.empty()) std::sort(spread.seconds.begin(), spread.seconds.end());
    medians_s_.push_back(spread.At(kMedian));
    if (has_spread) spreads_.push_back(std::move(spread));
  }
  if (contexts_.points().size() > 1) return;
  first_few_ = static_cast<uint32_t>(tokens_.points().front());
  const uint32_t last = static_cast<uint32_t>(tokens_.points().back());
  for (uint32_t tokens = first_few_; tokens <= std::min(last, first_few_ + kFew - 1); ++tokens) {
    few_.push_back(Between(static_cast<int>(tokens), contexts_.points().front(), kMedian));
  }
}

double LatencyGrid::Spread::At(double quantile) const {
  const size_t count = seconds.size();
  if (count == 1) return seconds[0];
  if (quantiles.empty()) {
    const double place = std::clamp(quantile, 0.0, 1.0) * static_cast<double>(count - 1);
    const size_t below = std::min(static_cast<size_t>(place), count - 2);
    return seconds[below] +
           (seconds[below + 1] - seconds[below]) * (place - static_cast<double>(below));
  }
  const auto above = std::upper_bound(quantiles.begin(), quantiles.end(), quantile);
  if (above == quantiles.begin()) return seconds.front();
  if (above == quantiles.end()) return seconds.back();
  const size_t i = static_cast<size_t>(above - quantiles.begin());
  const double fraction = (quantile - quantiles[i - 1]) / (quantiles[i] - quantiles[i - 1]);
  return seconds[i - 1] + (seconds[i] - seconds[i - 1]) * fraction;
}

double LatencyGrid::ValueAt(uint32_t point, double quantile) const {
  if (spreads_.empty() || quantile == kMedian) return medians_s_[point];
  return spreads_[point].At(quantile);
}

Seconds LatencyGrid::Between(int tokens, int context, double quantile) const {
  if (!tokens_.Covers(tokens) || !contexts_.Covers(context)) [[unlikely]] {
    if (!allow_extrapolation_) RefuseExtrapolation(tokens, context);
  }
  const auto [row, row_fraction] = tokens_.Find(tokens);
  const auto [column, column_fraction] = contexts_.Find(context);
  const uint32_t width = static_cast<uint32_t>(contexts_.points().size());
  const uint32_t low = row * width + column;
  const uint32_t high = low + tokens_.next() * width;
  const uint32_t right = contexts_.next();
  const double low_left = ValueAt(low, quantile);
  const double high_left = ValueAt(high, quantile);
  const double low_value = low_left + (ValueAt(low + right, quantile) - low_left) * column_fraction;
  const double high_value =
      high_left + (ValueAt(high + right, quantile) - high_left) * column_fraction;
  return Seconds(std::max(0.0, low_value + (high_value - low_value) * row_fraction));
}

void LatencyGrid::RefuseExtrapolation(int tokens, int context) const {
  throw InputError(fmt::format(
      "{} covers {}..{} tokens at context {}..{}, but {} tokens at context {} were asked for; "
      "measure further, or set \"allow_extrapolation\": true in the profile",
      name_, tokens_.points().front(), tokens_.points().back(), contexts_.points().front(),
      contexts_.points().back(), tokens, context));
}

}  // namespace hat
