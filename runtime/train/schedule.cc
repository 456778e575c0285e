#include "runtime/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace hat {

double Schedule::Rate(int64_t step, double progress) const {
  const double warm =
      warmup_steps > 0 ? std::min(1.0, static_cast<double>(step + 1) / warmup_steps) : 1.0;
  const double wave = (1 + std::cos(std::numbers::pi * std::clamp(progress, 0.0, 1.0))) / 2;
  return peak * warm * (final_fraction + (1 - final_fraction) * wave);
}

}  // namespace hat
