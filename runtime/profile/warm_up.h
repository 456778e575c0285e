// Calls until two in a row take about the same, as a device that goes on and on would.
#pragma once

#include <cmath>

#include "runtime/profile/stopwatch.h"

namespace hat {

inline constexpr double kWarmUpUs = 20e3;  // at most, with the first call
inline constexpr double kStable = 0.1;     // two calls differ by no more, of the later one

// `call` runs once and returns a TimedCall. Returns the last one. With `is_long(us)` true of what
// the first call spent, that one is enough.
template <typename Call, typename IsLong>
TimedCall WarmUp(const Call& call, const IsLong& is_long) {
  TimedCall last = call();
  if (is_long(last.spent_us)) return last;
  for (double all_us = last.spent_us; all_us < kWarmUpUs;) {
    const TimedCall next = call();
    all_us += next.spent_us;
    const bool is_stable = std::abs(next.spent_us - last.spent_us) <= kStable * next.spent_us;
    last = next;
    if (is_stable) break;
  }
  return last;
}

}  // namespace hat
