// Every distribution against its moments and, by the Kolmogorov-Smirnov distance, against its
// cumulative function.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <boost/math/distributions/gamma.hpp>
#include <boost/math/distributions/lognormal.hpp>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "core/random.h"

namespace hat {
namespace {

constexpr int kDraws = 40000;

struct Case {
  std::string name;
  std::function<double(RngStream&)> draw;
  double mean, variance, fourth_moment;  // the latter central; it bounds the error of the variance
  std::function<double(double)> cdf;

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

// From Boost.Math's distribution of the same name.
template <class Distribution>
Case FromBoost(const std::string& name, const Distribution& d,
               std::function<double(RngStream&)> draw) {
  const double variance = boost::math::variance(d);
  return {name,
          std::move(draw),
          boost::math::mean(d),
          variance,
          boost::math::kurtosis(d) * variance * variance,
          [d](double x) { return boost::math::cdf(d, x); }};
}

std::vector<Case> Cases() {
  using boost::math::beta_distribution, boost::math::gamma_distribution;
  std::vector<Case> cases = {
      {"Uniform", [](RngStream& r) { return r.Uniform(); }, 0.5, 1.0 / 12, 1.0 / 80,
       [](double x) { return x; }},
      {"UniformBetween", [](RngStream& r) { return r.Uniform(-3, 5); }, 1, 64.0 / 12, 4096.0 / 80,
       [](double x) { return (x + 3) / 8; }},
      {"Exponential", [](RngStream& r) { return r.Exponential(2.5); }, 2.5, 6.25, 9 * 6.25 * 6.25,
       [](double x) { return 1 - std::exp(-x / 2.5); }},
      FromBoost("Normal", boost::math::normal(), [](RngStream& r) { return r.Normal(); }),
      FromBoost("LogNormal", boost::math::lognormal(1.5, 0.4),
                [](RngStream& r) { return r.LogNormal(1.5, 0.4); }),
  };
  for (const double shape : {0.05, 0.5, 1.0, 2.5, 40.0}) {
    cases.push_back(FromBoost("Gamma" + std::to_string(static_cast<int>(shape * 100)),
                              gamma_distribution<>(shape, 3.0),
                              [=](RngStream& r) { return r.Gamma(shape, 3.0); }));
  }
  for (const auto& [a, b] :
       {std::pair(1.2, 0.8), {0.05, 0.1}, {1.0, 1.0}, {5.0, 2.0}, {0.3, 9.0}}) {
    cases.push_back(FromBoost("Beta" + std::to_string(static_cast<int>(a * 100)) + "_" +
                                  std::to_string(static_cast<int>(b * 100)),
                              beta_distribution<>(a, b),
                              [a = a, b = b](RngStream& r) { return r.Beta(a, b); }));
  }
  return cases;
}

class DistributionTest : public testing::TestWithParam<Case> {
 protected:
  std::vector<double> Draw() const {
    RngStream rng(20250101, GetParam().name);
    std::vector<double> draws(kDraws);
    for (double& x : draws) x = GetParam().draw(rng);
    return draws;
  }
};

// Both within four standard errors.
TEST_P(DistributionTest, HasItsMeanAndVariance) {
  const Case& expected = GetParam();
  double sum = 0;
  double squares = 0;
  for (const double x : Draw()) {
    sum += x - expected.mean;
    squares += (x - expected.mean) * (x - expected.mean);
  }
  const double error_of_mean = std::sqrt(expected.variance / kDraws);
  EXPECT_NEAR(sum / kDraws, 0, 4 * error_of_mean);
  const double variance_of_square = expected.fourth_moment - expected.variance * expected.variance;
  EXPECT_NEAR(squares / kDraws, expected.variance, 4 * std::sqrt(variance_of_square / kDraws));
}

// The distance exceeds 1.95 / sqrt(n) in one of a thousand samples of the right distribution.
TEST_P(DistributionTest, PassesKolmogorovSmirnov) {
  std::vector<double> draws = Draw();
  std::ranges::sort(draws);
  double distance = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double p = GetParam().cdf(draws[static_cast<size_t>(i)]);
    distance = std::max({distance, p - i / double{kDraws}, (i + 1) / double{kDraws} - p});
  }
  EXPECT_LT(distance * std::sqrt(kDraws), 1.95);
}

INSTANTIATE_TEST_SUITE_P(All, DistributionTest, testing::ValuesIn(Cases()),
                         [](const auto& test) { return test.param.name; });

TEST(GeometricTest, EachNumberHasItsProbability) {
  for (const double mean : {1.0, 1.3, 4.0, 60.0}) {
    RngStream rng(3, "geometric");
    std::vector<int> counts(6);
    double sum = 0;
    for (int i = 0; i < kDraws; ++i) {
      const int n = rng.Geometric(mean);
      ASSERT_GE(n, 1);
      sum += n;
      if (n <= 5) ++counts[static_cast<size_t>(n)];
    }
    EXPECT_NEAR(sum / kDraws, mean, 4 * std::sqrt(mean * (mean - 1) / kDraws));
    for (int n = 1; n <= 5; ++n) {
      const double p = std::pow(1 - 1 / mean, n - 1) / mean;
      EXPECT_NEAR(counts[static_cast<size_t>(n)], p * kDraws, 4 * std::sqrt(p * kDraws));
    }
  }
}

TEST(BetaTest, StaysBetweenZeroAndOneForTinyParameters) {
  RngStream rng(3, "beta");
  for (int i = 0; i < 10000; ++i) {
    const double x = rng.Beta(1e-4, 1e-4);
    ASSERT_TRUE(x >= 0 && x <= 1) << x;
  }
}

}  // namespace
}  // namespace hat
