#include "profiles/latency_grid.h"

#include <cmath>
#include <limits>

#include "tests/core/expect_error.h"

namespace hat {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using Points = std::vector<LatencyGrid::Point>;

LatencyGrid Make(const Points& points, bool allow_extrapolation = false) {
  return LatencyGrid("p.json: 'operations.layer'", points, allow_extrapolation);
}

double Us(const LatencyGrid& grid, int tokens, int context, double quantile = kMedian) {
  return ToMicroseconds(grid.At(tokens, context, quantile));
}

// 7 + 3 n + 0.5 c + 0.01 n c on an uneven grid: bilinear, so that interpolation has no error.
double Bilinear(int n, int c) { return 7 + 3.0 * n + 0.5 * c + 0.01 * n * c; }

LatencyGrid BilinearGrid(bool allow_extrapolation) {
  Points points;
  for (const int n : {1, 2, 5, 32, 33, 100, 4096}) {
    for (const int c : {0, 10, 1000}) points.push_back({n, c, {Bilinear(n, c)}, {}});
  }
  return Make(points, allow_extrapolation);
}

TEST(LatencyGridTest, InterpolationOfBilinearDataIsExact) {
  const LatencyGrid grid = BilinearGrid(false);
  for (int n = 1; n <= 4096; n = n < 200 ? n + 1 : n + 97) {
    for (int c = 0; c <= 1000; c += 7) {
      ASSERT_NEAR(Us(grid, n, c), Bilinear(n, c), 1e-9 * Bilinear(n, c)) << n << " " << c;
    }
  }
}

TEST(LatencyGridTest, EveryAxisValueFallsIntoItsSegment) {
  const GridAxis axis({1, 2, 3, 31, 32, 33, 63, 1000, 16384});
  for (int value = 1; value <= 16384; ++value) {
    const auto [index, fraction] = axis.Find(value);
    ASSERT_LE(axis.points()[index], value);
    ASSERT_GE(axis.points()[index + 1], value);
    ASSERT_NEAR(axis.points()[index] + fraction * (axis.points()[index + 1] - axis.points()[index]),
                value, 1e-9);
  }
}

TEST(LatencyGridTest, HalfWayBetweenTwoPointsIsTheirMean) {
  const LatencyGrid grid = Make({{10, 0, {100}, {}}, {20, 0, {300}, {}}});
  EXPECT_DOUBLE_EQ(Us(grid, 15, 0), 200);
}

// A second context that changes nothing keeps the other grid from its table of few tokens.
TEST(LatencyGridTest, WhatFewTokensTakeIsWhatTheGridSays) {
  Points one, two;
  for (const int n : {3, 5, 32, 50, 4096}) {
    const std::vector<double> samples = {n * 0.7, n * 1.1, n * 5.3};
    one.push_back({n, 0, samples, {}});
    two.insert(two.end(), {{n, 0, samples, {}}, {n, 9, samples, {}}});
  }
  const LatencyGrid table = Make(one), grid = Make(two);
  for (int n = 3; n <= 200; ++n) {
    ASSERT_EQ(table.At(n, 0), grid.At(n, 0)) << n;
    ASSERT_EQ(table.At(n, 0, 0.2), grid.At(n, 0, 0.2)) << n;
  }
  EXPECT_THROW(table.At(2, 0), InputError);
  EXPECT_THROW(table.At(3, 1), InputError);
}

TEST(LatencyGridTest, ExtrapolationIsRefusedWithTheBounds) {
  const LatencyGrid grid = BilinearGrid(false);
  for (const auto& [n, c] : {std::pair(4097, 0), {1, 1001}, {1, -1}, {0, 0}}) {
    EXPECT_INPUT_ERROR(grid.At(n, c),
                       AllOf(HasSubstr("p.json: 'operations.layer'"), HasSubstr("1..4096 tokens"),
                             HasSubstr("0..1000"), HasSubstr("allow_extrapolation")));
  }
}

TEST(LatencyGridTest, AllowedExtrapolationContinuesTheLastSegment) {
  const LatencyGrid grid = BilinearGrid(true);
  EXPECT_NEAR(Us(grid, 10000, 5000), Bilinear(10000, 5000), 1e-6);
}

TEST(LatencyGridTest, AllowedExtrapolationIsNeverNegative) {
  const LatencyGrid grid = Make({{10, 0, {1}, {}}, {20, 0, {100}, {}}}, true);
  EXPECT_EQ(Us(grid, 1, 0), 0);
}

TEST(LatencyGridTest, ExtrapolationFromOnePointIsConstant) {
  const LatencyGrid grid = Make({{10, 5, {7}, {}}}, true);
  EXPECT_DOUBLE_EQ(Us(grid, 1000, 1000), 7);
}

TEST(LatencyGridTest, QuantilesOfSamplesAreLinearBetweenOrderStatistics) {
  const LatencyGrid grid = Make({{1, 0, {40, 10, 20, 30, 50}, {}}});
  EXPECT_DOUBLE_EQ(Us(grid, 1, 0, 0.0), 10);
  EXPECT_DOUBLE_EQ(Us(grid, 1, 0), 30);
  EXPECT_DOUBLE_EQ(Us(grid, 1, 0, 0.875), 45);
  EXPECT_DOUBLE_EQ(Us(grid, 1, 0, 1.0), 50);
}

TEST(LatencyGridTest, MedianOfAnEvenNumberOfSamplesIsTheMiddleOne) {
  EXPECT_DOUBLE_EQ(Us(Make({{1, 0, {40, 10, 20, 30}, {}}}), 1, 0), 25);
}

TEST(LatencyGridTest, GivenQuantilesAreLinearBetweenAndConstantBeyond) {
  const LatencyGrid grid = Make({{1, 0, {10, 20, 60}, {0.1, 0.5, 0.9}}});
  EXPECT_DOUBLE_EQ(Us(grid, 1, 0, 0.0), 10);
  EXPECT_DOUBLE_EQ(Us(grid, 1, 0, 0.3), 15);
  EXPECT_DOUBLE_EQ(Us(grid, 1, 0), 20);
  EXPECT_DOUBLE_EQ(Us(grid, 1, 0, 0.8), 50);
  EXPECT_DOUBLE_EQ(Us(grid, 1, 0, 1.0), 60);
}

TEST(LatencyGridTest, BetweenPointsAQuantileIsTakenAtBothEnds) {
  const LatencyGrid grid = Make({{1, 0, {10, 20}, {}}, {3, 0, {30, 60}, {}}});
  EXPECT_DOUBLE_EQ(Us(grid, 2, 0, 1.0), 40);
  EXPECT_DOUBLE_EQ(Us(grid, 2, 0, 0.0), 20);
}

TEST(LatencyGridTest, OneSampleHasNoSpread) {
  const LatencyGrid grid = Make({{1, 0, {10}, {}}});
  EXPECT_FALSE(grid.has_spread());
  EXPECT_DOUBLE_EQ(Us(grid, 1, 0, 0.99), 10);
}

TEST(LatencyGridTest, BadPointsAreNamed) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const struct {
    Points points;
    const char* problem;
  } cases[] = {
      {{}, "has no points"},
      {{{0, 0, {1}, {}}}, "points[0].tokens must be >= 1"},
      {{{1, -1, {1}, {}}}, "points[0].context must be >= 0"},
      {{{1, 0, {}, {}}}, "points[0] has no samples"},
      {{{1, 0, {1}, {}}, {2, 0, {0}, {}}}, "points[1] must be a finite number of us > 0, got 0"},
      {{{1, 0, {nan}, {}}}, "points[0] must be a finite number"},
      {{{1, 0, {1, 2}, {0.5, 0.5}}}, "increasing quantiles"},
      {{{1, 0, {2, 1}, {0.1, 0.5}}}, "increasing quantiles"},
      {{{1, 0, {1, 2}, {0.1}}}, "increasing quantiles"},
      {{{1, 0, {1}, {}}, {1, 8, {1}, {}}, {2, 0, {1}, {}}},
       "points[3] must be tokens 2, context 8"},
      {{{2, 0, {1}, {}}, {1, 0, {1}, {}}}, "points[0] must be tokens 1, context 0"},
      {{{1, 0, {1}, {}}, {1, 0, {1}, {}}}, "points[1] stands twice"},
  };
  for (const auto& [points, problem] : cases) {
    EXPECT_INPUT_ERROR(Make(points),
                       AllOf(HasSubstr("p.json: 'operations.layer'"), HasSubstr(problem)));
  }
}

TEST(LatencyGridTest, ZeroIsAllowedWhereSaid) {
  EXPECT_EQ(LatencyGrid("a0", {{1, 0, {0}, {}}}, false, true).At(1, 0), Seconds(0));
}

}  // namespace
}  // namespace hat
