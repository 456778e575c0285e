#include "experiments/results/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <string>

#include "core/error.h"

namespace hat {
namespace {

// `at(rank)` gives the order statistics of n samples.
template <class At>
double PercentileOf(size_t n, double q, At at) {
  const double rank = q * static_cast<double>(n - 1);
  const auto below = static_cast<size_t>(rank);
  const size_t above = std::min(below + 1, n - 1);
  return at(below) + (rank - static_cast<double>(below)) * (at(above) - at(below));
}

// Ascending: every rank that the percentiles of n samples read.
std::vector<size_t> RanksOfPercentiles(size_t n) {
  std::vector<size_t> ranks;
  for (const NamedPercentile& percentile : kPercentiles) {
    PercentileOf(n, percentile.q, [&](size_t rank) {
      ranks.push_back(rank);
      return 0.0;
    });
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

// What sorting would put at these ranks (ascending), in their order: counts the times in buckets of
// equal width and sorts those that share one with a time that is wanted.
std::vector<double> ValuesAt(std::span<const Seconds> times, const std::vector<size_t>& ranks) {
  if (ranks.empty()) return {};
  const auto [low, high] = std::minmax_element(times.begin(), times.end());
  std::vector<size_t> counts(times.size() / 4 + 1);
  const double width = (*high - *low).value() / static_cast<double>(counts.size());
  const double scale = width > 0 ? 1 / width : 0;
  const auto bucket_of = [&, lowest = *low](Seconds time) {
    return std::min(static_cast<size_t>((time - lowest).value() * scale), counts.size() - 1);
  };
  for (const Seconds time : times) ++counts[bucket_of(time)];
  std::vector<char> is_wanted(counts.size());
  std::vector<size_t> places;  // of the ranks, among those that are wanted
  size_t before = 0, left_out = 0, next = 0;
  for (size_t bucket = 0; bucket < counts.size(); before += counts[bucket++]) {
    for (; next < ranks.size() && ranks[next] < before + counts[bucket]; ++next) {
      is_wanted[bucket] = 1;
      places.push_back(ranks[next] - left_out);
    }
    if (!is_wanted[bucket]) left_out += counts[bucket];
  }
  std::vector<double> values;
  for (const Seconds time : times) {
    if (is_wanted[bucket_of(time)]) values.push_back(ToMilliseconds(time));
  }
  std::sort(values.begin(), values.end());
  std::vector<double> at_ranks;
  for (const size_t place : places) at_ranks.push_back(values[place]);
  return at_ranks;
}

}  // namespace

double Percentile(const std::vector<double>& sorted, double q) {
  HAT_CHECK(!sorted.empty() && q >= 0 && q <= 1);
  return PercentileOf(sorted.size(), q, [&](size_t rank) { return sorted[rank]; });
}

double Distribution::At(std::string_view name) const {
  for (size_t i = 0; i < kPercentiles.size(); ++i) {
    if (kPercentiles[i].name == name) return percentiles[i];
  }
  HAT_CHECK(false, std::string(name));
}

Distribution DistributionOf(std::span<const Seconds> times, int64_t zeros) {
  Distribution result;
  const auto none = static_cast<size_t>(zeros);
  const size_t n = none + times.size();
  result.count = static_cast<int64_t>(n);
  if (n == 0) return result;
  double sum = 0;
  for (const Seconds time : times) sum += ToMilliseconds(time);
  result.mean = sum / static_cast<double>(n);
  double squares = static_cast<double>(zeros) * result.mean * result.mean;
  for (const Seconds time : times) {
    const double off = ToMilliseconds(time) - result.mean;
    squares += off * off;
  }
  result.std = std::sqrt(squares / static_cast<double>(n));

  std::vector<size_t> ranks = RanksOfPercentiles(n);
  ranks.erase(ranks.begin(), std::lower_bound(ranks.begin(), ranks.end(), none));
  for (size_t& rank : ranks) rank -= none;
  const std::vector<double> values = ValuesAt(times, ranks);
  const auto at = [&](size_t rank) {
    if (rank < none) return 0.0;
    const auto found = std::lower_bound(ranks.begin(), ranks.end(), rank - none);
    return values[static_cast<size_t>(found - ranks.begin())];
  };
  for (size_t i = 0; i < kPercentiles.size(); ++i) {
    result.percentiles[i] = PercentileOf(n, kPercentiles[i].q, at);
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
