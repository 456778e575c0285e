#include "experiments/results/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <span>

#include "core/error.h"

namespace hat {
namespace {

// Where a percentile lies among n samples: between two ranks.
struct Place {
  size_t below, above;
  double beyond;  // `below`, in [0, 1)
};

Place PlaceOf(double q, size_t n) {
  const double rank = q * static_cast<double>(n - 1);
  const auto below = static_cast<size_t>(rank);
  return {below, std::min(below + 1, n - 1), rank - static_cast<double>(below)};
}

// Puts the values of these ranks (ascending, in [first, last)) where sorting would put them. Takes
// a third of the time of sorting.
void PlaceRanks(std::vector<double>& values, size_t first, size_t last,
                std::span<const size_t> ranks) {
  if (ranks.empty()) return;
  const auto at = [&](size_t i) { return values.begin() + static_cast<std::ptrdiff_t>(i); };
  const size_t middle = ranks.size() / 2;
  const size_t rank = ranks[middle];
  std::nth_element(at(first), at(rank), at(last));
  PlaceRanks(values, first, rank, ranks.first(middle));
  PlaceRanks(values, rank + 1, last, ranks.subspan(middle + 1));
}

// All that Percentile will read.
void PlacePercentiles(std::vector<double>& values, size_t zeros) {
  std::vector<size_t> ranks;
  for (const NamedPercentile& percentile : kPercentiles) {
    const Place place = PlaceOf(percentile.q, zeros + values.size());
    for (const size_t rank : {place.below, place.above}) {
      if (rank >= zeros) ranks.push_back(rank - zeros);
    }
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  PlaceRanks(values, 0, values.size(), ranks);
}

}  // namespace

double Percentile(const std::vector<double>& sorted, double q, int64_t zeros) {
  const auto none = static_cast<size_t>(zeros);
  HAT_CHECK(none + sorted.size() > 0 && q >= 0 && q <= 1);
  const auto at = [&](size_t rank) { return rank < none ? 0 : sorted[rank - none]; };
  const Place place = PlaceOf(q, none + sorted.size());
  return at(place.below) + place.beyond * (at(place.above) - at(place.below));
}

double Distribution::At(std::string_view name) const {
  for (size_t i = 0; i < kPercentiles.size(); ++i) {
    if (kPercentiles[i].name == name) return percentiles[i];
  }
  HAT_CHECK(false, std::string(name));
}

Distribution DistributionOf(std::vector<double>& values, int64_t zeros) {
  Distribution result;
  result.count = zeros + static_cast<int64_t>(values.size());
  if (result.count == 0) return result;
  const auto n = static_cast<double>(result.count);
  double sum = 0;
  for (const double value : values) sum += value;
  result.mean = sum / n;
  double squares = static_cast<double>(zeros) * result.mean * result.mean;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.std = std::sqrt(squares / n);
  PlacePercentiles(values, static_cast<size_t>(zeros));
  for (size_t i = 0; i < kPercentiles.size(); ++i) {
    result.percentiles[i] = Percentile(values, kPercentiles[i].q, zeros);
  }
  return result;
}

Estimate MeanWithInterval(const std::vector<double>& values) {
  HAT_CHECK(!values.empty());
  const auto n = static_cast<double>(values.size());
  double mean = 0;
  for (const double value : values) mean += value / n;
  if (values.size() == 1) return {mean, std::numeric_limits<double>::quiet_NaN()};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const boost::math::students_t student(n - 1);
  return {mean, boost::math::quantile(student, 0.975) * std::sqrt(squares / (n - 1) / n)};
}

}  // namespace hat
