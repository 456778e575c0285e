// Plain statistics of samples.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "core/units.h"

namespace hat {

// Linear between order statistics: at rank q (n - 1) from 0 (the default of numpy and pandas).
// `sorted` is ascending, not empty. Percentile({1, 2, 3, 4}, 0.9) = 3.7.
double Percentile(const std::vector<double>& sorted, double q);

// The percentiles of every distribution in a summary, ascending.
struct NamedPercentile {
  std::string_view name;  // as a key
  double q = 0;
};
inline constexpr std::array<NamedPercentile, 10> kPercentiles = {{{"p1", 0.01},
                                                                  {"p5", 0.05},
                                                                  {"p10", 0.1},
                                                                  {"p25", 0.25},
                                                                  {"p50", 0.5},
                                                                  {"p75", 0.75},
                                                                  {"p90", 0.9},
                                                                  {"p95", 0.95},
                                                                  {"p99", 0.99},
                                                                  {"p99.9", 0.999}}};

// Of a sample of times, in ms; all NaN where it is empty.
struct Distribution {
  int64_t count = 0;
  double mean = std::numeric_limits<double>::quiet_NaN();
  double std = std::numeric_limits<double>::quiet_NaN();  // divides by count, as numpy's does
  std::array<double, kPercentiles.size()> percentiles = NoPercentiles();

  double At(std::string_view name) const;  // of a name in kPercentiles
  static constexpr std::array<double, kPercentiles.size()> NoPercentiles() {
    std::array<double, kPercentiles.size()> none{};
    none.fill(std::numeric_limits<double>::quiet_NaN());
    return none;
  }
};

// Exact. `zeros` more samples are 0, and are not stored; `times` are >= 0 if there are any. Takes
// two passes over `times` and copies only those near a percentile.
Distribution DistributionOf(std::span<const Seconds> times, int64_t zeros = 0);

// A mean with the half-width of its 95% confidence interval: t(0.975, n - 1) s / sqrt(n), Student's
// t, s the sample's standard deviation. {1, 2, 3}: mean 2, half-width 4.30265 / sqrt(3) = 2.48414.
struct Estimate {
  double mean = 0;
  double half_width = 0;  // NaN for a single value: one run says nothing of the spread
};
Estimate MeanWithInterval(const std::vector<double>& values);  // not empty

}  // namespace hat
