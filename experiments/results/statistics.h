// Plain statistics of samples.
#pragma once

#include <vector>

namespace hat {

// Linear between order statistics: at rank q (n - 1) from 0 (the default of numpy and pandas).
// `sorted` is ascending, not empty. Percentile({1, 2, 3, 4}, 0.9) = 3.7.
double Percentile(const std::vector<double>& sorted, double q);

// A mean with the half-width of its 95% confidence interval: t(0.975, n - 1) s / sqrt(n), Student's
// t, s the sample's standard deviation. {1, 2, 3}: mean 2, half-width 4.30265 / sqrt(3) = 2.48414.
struct Estimate {
  double mean = 0;
  double half_width = 0;  // NaN for a single value: one run says nothing of the spread
};
Estimate MeanWithInterval(const std::vector<double>& values);  // not empty

}  // namespace hat
