// The learning rate over a training run.
#pragma once

#include <cstdint>

namespace hat {

struct Schedule {
  double peak = 3e-3;
  double final_fraction = 0.05;  // of the peak, at the end
  int64_t warmup_steps = 100;

  // peak * min(1, (step + 1) / warmup_steps) * (f + (1 - f) (1 + cos(pi progress)) / 2), f the
  // final fraction: linear warm-up under a cosine (Loshchilov, Hutter 2017). `step` counts from 0,
  // `progress` is how much of the run lies behind it, 0..1 (clamped).
  double Rate(int64_t step, double progress) const;
};

}  // namespace hat
