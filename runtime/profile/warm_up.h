// Calls until two in a row take about the same, as a device that goes on and on would.
#pragma once

#include <cmath>

namespace hat {

inline constexpr double kWarmUpUs = 20e3;  // at most, with the first call
inline constexpr double kStable = 0.1;     // two calls differ by no more, of the later one

// `call` runs once and returns its time in us; `total` is how much longer a call takes than it
// says. Returns the last time. With `is_long(us)` true after the first call, that one is enough.
template <typename Call, typename IsLong>
double WarmUp(const Call& call, double total, const IsLong& is_long) {
  double us = call();
  if (is_long(us)) return us;
  for (double spent_us = us * total; spent_us < kWarmUpUs;) {
    const double next_us = call();
    spent_us += next_us * total;
    const bool is_stable = std::abs(next_us - us) <= kStable * next_us;
    us = next_us;
    if (is_stable) break;
  }
  return us;
}

}  // namespace hat
