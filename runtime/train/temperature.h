// Calibration of a drafter's confidence (Guo et al. 2017).
#pragma once

#include <ATen/core/Tensor.h>

namespace hat {

// The temperature T for which softmax(logits / T) makes the targets likeliest: the root of a
// monotone derivative, by bisection, to 1e-6 relative, within 0.05..20 (the limit where there is no
// root between). logits [rows, vocabulary]; targets int64 [rows]; rows > 0.
double FitTemperature(const at::Tensor& logits, const at::Tensor& targets);

}  // namespace hat
