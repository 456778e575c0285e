// The allowed values of a number that comes from a file or a flag. NaN and infinities are never
// allowed.
#pragma once

#include <string>

namespace hat {

struct Range {
  double low = -1e300;
  double high = 1e300;
  bool low_is_open = false;  // "> low" instead of ">= low"

  static Range Positive(double high = 1e12) { return {0, high, true}; }
  static Range NonNegative(double high = 1e12) { return {0, high, false}; }
  static Range Between(double low, double high) { return {low, high, false}; }

  bool Contains(double value) const;
  std::string Text() const;  // "> 0 and <= 1e+12"
};

}  // namespace hat
