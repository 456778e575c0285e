// One operation's latency, as measured on a full grid of (new tokens, context), made for the
// simulator's hot path: a look-up allocates nothing and takes some 10 ns where no spread is drawn.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/units.h"

namespace hat {

// Where in the measured spread a latency is drawn: 0.5 is the median. Jitter off = always kMedian.
inline constexpr double kMedian = 0.5;

// One axis of a grid: increasing integers, and where a value lies between them.
class GridAxis {
 public:
  GridAxis() = default;
  explicit GridAxis(std::vector<int> points);  // increasing, >= 0, at least one

  struct Position {
    uint32_t index;   // of the point at or below
    double fraction;  // of the way to the next; outside 0..1 beyond the axis
  };
  Position Find(int value) const;
  bool Covers(int value) const { return value >= points_.front() && value <= points_.back(); }
  // From a position's index to the next point.
  uint32_t next() const { return points_.size() > 1 ? 1 : 0; }
  const std::vector<int>& points() const { return points_; }

 private:
  std::vector<int> points_;
  std::vector<double> inverse_widths_;  // of the segment after each point
  // For values of a bit width: the first segment that can hold them.
  std::array<uint16_t, 33> first_segment_{};
};

// At each grid point a quantile function. Latency is linear between order statistics (or given
// quantiles), linear between grid points in tokens and in context.
class LatencyGrid {
 public:
  struct Point {
    int tokens = 0;
    int context = 0;
    // At least one, in any order; or, where `quantiles` is given, the latency at each of these.
    std::vector<double> samples_us;
    // Empty, or increasing in 0..1 and as many as samples_us; constant beyond the ends.
    std::vector<double> quantiles;
  };

  LatencyGrid() = default;
  // `name` ("file: 'operations.layer'") stands in front of errors. The points are in order,
  // tokens-major, and form a full grid; latencies are finite and >= 0, or > 0 unless `may_be_zero`.
  // Throws InputError.
  LatencyGrid(std::string name, const std::vector<Point>& points, bool allow_extrapolation,
              bool may_be_zero = false);

  bool empty() const { return medians_s_.empty(); }
  bool has_spread() const { return !spreads_.empty(); }
  const GridAxis& tokens() const { return tokens_; }
  const GridAxis& contexts() const { return contexts_; }

  // Outside the grid: throws InputError that names it and its bounds, unless extrapolation is
  // allowed (then linear from the last two points, never below 0; constant if there is one point
  // only). quantile in 0..1.
  Seconds At(int tokens, int context, double quantile = kMedian) const {
    const auto few = static_cast<uint32_t>(tokens) - first_few_;
    if (few < few_.size() && context == contexts_.points().front() && quantile == kMedian) {
      return few_[few];
    }
    return Between(tokens, context, quantile);
  }

 private:
  struct Spread {
    std::vector<double> quantiles;  // empty: samples, evenly spaced
    std::vector<double> seconds;
    double At(double quantile) const;
  };

  Seconds Between(int tokens, int context, double quantile) const;
  double ValueAt(uint32_t point, double quantile) const;
  [[noreturn]] void RefuseExtrapolation(int tokens, int context) const;

  GridAxis tokens_;
  GridAxis contexts_;
  std::vector<double> medians_s_;  // tokens-major
  std::vector<Spread> spreads_;    // the same; empty if every point has one sample
  // Where there is one context: the medians of few tokens, which most look-ups ask for.
  static constexpr uint32_t kFew = 64;
  uint32_t first_few_ = 0;
  std::vector<Seconds> few_;
  bool allow_extrapolation_ = false;
  std::string name_;
};

}  // namespace hat
