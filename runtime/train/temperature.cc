#include "runtime/train/temperature.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "core/error.h"

namespace hat {
namespace {

constexpr double kColdest = 0.05, kHottest = 20;

}  // namespace

double FitTemperature(const at::Tensor& logits, const at::Tensor& targets) {
  at::NoGradGuard no_gradient;
  HAT_CHECK(logits.size(0) > 0 && logits.size(0) == targets.size(0));
  const at::Tensor z = logits.to(at::kFloat);
  const double target = z.gather(1, targets.unsqueeze(1)).mean(at::kDouble).item<double>();
  // d/dbeta of the mean log likelihood, beta = 1 / T: the target's logit less the expected one.
  const auto slope = [&](double temperature) {
    const at::Tensor expected = (at::softmax(z / temperature, 1) * z).sum(1);
    return target - expected.mean(at::kDouble).item<double>();
  };
  double low = kColdest, high = kHottest;
  while (high / low > 1 + 1e-6) {
    const double middle = std::sqrt(low * high);
    // Too flat: colder. Also where fp32 sees no difference any more: all targets are the likeliest.
    (slope(middle) >= 0 ? high : low) = middle;
  }
  return std::sqrt(low * high);
}

}  // namespace hat
