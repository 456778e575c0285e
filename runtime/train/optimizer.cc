#include "runtime/train/optimizer.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace hat {
namespace {

constexpr double kMuonMomentum = 0.95;

// Muon is made for matrices between hidden states.
bool IsMuons(const Parameters::Slot& slot) {
  return slot.shape.size() == 2 && slot.name.find(".layers.") != std::string::npos;
}

}  // namespace

at::Tensor Orthogonalized(const at::Tensor& matrix) {
  const bool is_tall = matrix.size(0) > matrix.size(1);
  at::Tensor x = is_tall ? matrix.t() : matrix;
  x = x / (x.norm() + 1e-7);
  for (int i = 0; i < 5; ++i) {
    const at::Tensor gram = at::mm(x, x.t());
    const at::Tensor square = at::addmm(gram, gram, gram, /*beta=*/-4.7750, /*alpha=*/2.0315);
    x = at::addmm(x, square, x, /*beta=*/3.4445);
  }
  return is_tall ? x.t() : x;
}

Optimizer::Optimizer(Parameters& parameters, const OptimizerOptions& options)
    : parameters_(parameters),
      options_(options),
      mean_(at::zeros_like(parameters.flat())),
      variance_(at::zeros_like(parameters.flat())) {
  if (options.muon_share <= 0) return;
  by_adam_ = at::ones_like(parameters.flat());
  for (const Parameters::Slot& slot : parameters.slots()) {
    if (IsMuons(slot)) {
      by_adam_.narrow(0, slot.start, c10::multiply_integers(slot.shape)).zero_();
    }
  }
}

void Optimizer::StepMuon(const at::Tensor& gradient, double rate) {
  for (const Parameters::Slot& slot : parameters_.slots()) {
    if (!IsMuons(slot)) continue;
    const int64_t count = c10::multiply_integers(slot.shape);
    const auto part = [&](const at::Tensor& all) {
      return all.narrow(0, slot.start, count).view(slot.shape);
    };
    at::Tensor momentum = part(mean_);
    momentum.mul_(kMuonMomentum).add_(part(gradient));
    const at::Tensor step = Orthogonalized(part(gradient) + kMuonMomentum * momentum);
    const double ratio = static_cast<double>(slot.shape[0]) / static_cast<double>(slot.shape[1]);
    part(parameters_.flat()).add_(step, -rate * std::sqrt(std::max(1.0, ratio)));
  }
}

double Optimizer::Step(double rate) {
  at::NoGradGuard no_gradient;
  at::Tensor gradient = parameters_.gradient();
  const double norm = gradient.norm().item<double>();
  if (!std::isfinite(norm)) throw RunError("the gradient is not finite; lower the learning rate");
  ++steps_;
  if (options_.clip_norm > 0 && norm > options_.clip_norm) gradient *= options_.clip_norm / norm;
  const at::Tensor& values = parameters_.flat();
  values.narrow(0, 0, parameters_.matrix_size()).mul_(1 - rate * options_.weight_decay);
  if (by_adam_.defined()) {
    StepMuon(gradient, rate * options_.muon_share);
    gradient *= by_adam_;
    mean_.lerp_(gradient, by_adam_ * (1 - options_.beta1));
  } else {
    mean_.lerp_(gradient, 1 - options_.beta1);
  }
  variance_.mul_(options_.beta2).addcmul_(gradient, gradient, 1 - options_.beta2);
  const double steps = static_cast<double>(steps_);
  at::Tensor change = (variance_ / (1 - std::pow(options_.beta2, steps))).sqrt_();
  change.add_(options_.epsilon).reciprocal_().mul_(mean_);
  if (by_adam_.defined()) change.mul_(by_adam_);
  values.add_(change, -rate / (1 - std::pow(options_.beta1, steps)));
  parameters_.Publish();
  parameters_.ClearGradient();
  return norm;
}

std::map<std::string, at::Tensor> Optimizer::State() const {
  return {{"optimizer.mean", mean_}, {"optimizer.variance", variance_}};
}

}  // namespace hat
