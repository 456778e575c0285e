// Moving averages that weigh the past 0.8, and a straight line fitted with the same weights (HAT,
// arXiv 2503.18989).
#pragma once

#include <algorithm>

#include "core/units.h"

namespace hat {

inline constexpr double kPastWeight = 0.8;

// 0.8 x the average so far + 0.2 x the sample; the first sample counts whole.
class MovingAverage {
 public:
  void Add(double sample) {
    value_ = has_value_ ? kPastWeight * value_ + (1 - kPastWeight) * sample : sample;
    has_value_ = true;
  }
  bool has_value() const { return has_value_; }
  double value() const { return value_; }

 private:
  double value_ = 0;
  bool has_value_ = false;
};

// A time that grows with a number of tokens: fixed + per_token x tokens.
struct LinearTime {
  Seconds fixed;
  Seconds per_token;
  Seconds At(int tokens) const { return fixed + per_token * tokens; }
};

// Least squares of (tokens, time) samples, the newest weighing 0.2, the one before 0.16, ...
// Neither part of the line is negative: a falling line becomes the mean, one that would start below
// 0 goes through the origin.
class LinearFit {
 public:
  void Add(int tokens, Seconds time) {
    x_.Add(tokens);
    y_.Add(time.value());
    xx_.Add(static_cast<double>(tokens) * tokens);
    xy_.Add(tokens * time.value());
  }
  bool has_value() const { return x_.has_value(); }

  LinearTime value() const {
    const double variance = xx_.value() - x_.value() * x_.value();
    const double covariance = xy_.value() - x_.value() * y_.value();
    double slope = variance > 1e-9 * xx_.value() ? std::max(0.0, covariance / variance) : 0.0;
    double fixed = y_.value() - slope * x_.value();
    if (fixed < 0) {
      fixed = 0;
      slope = y_.value() / x_.value();
    }
    return {Seconds(fixed), Seconds(slope)};
  }

 private:
  MovingAverage x_, y_, xx_, xy_;
};

}  // namespace hat
