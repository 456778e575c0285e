// What turns a gradient into a step.
#pragma once

#include <map>
#include <string>

#include <ATen/core/Tensor.h>

#include "runtime/train/options.h"
#include "runtime/train/parameters.h"

namespace hat {

class Optimizer {
 public:
  Optimizer(Parameters& parameters, const OptimizerOptions& options);

  // AdamW (Loshchilov, Hutter 2019) with the rate that is given: w -= rate * (decay * w + m^ /
  // (sqrt(v^)
  // + epsilon)), m^ and v^ corrected for their start. Clips first. Returns the gradient's norm
  // before clipping; a gradient that is not finite throws RunError and leaves all as it was.
  double Step(double rate);

  // Its memory beside the parameters, to be saved and copied back; steps() belongs to it.
  std::map<std::string, at::Tensor> State() const;
  int64_t steps() const { return steps_; }
  void SetSteps(int64_t steps) { steps_ = steps; }

 private:
  void StepMuon(const at::Tensor& gradient, double rate);

  Parameters& parameters_;
  OptimizerOptions options_;
  at::Tensor mean_;      // [size]; of Muon's matrices: their momentum
  at::Tensor variance_;  // [size]
  at::Tensor by_adam_;   // [size], 1 where AdamW steps, 0 where Muon does; undefined without Muon
  int64_t steps_ = 0;
};

// The nearest orthogonal matrix, roughly: five steps of a quintic Newton-Schulz iteration, after
// which every singular value of a full-rank matrix lies in about 0.7..1.2. Two dimensions.
at::Tensor Orthogonalized(const at::Tensor& matrix);

}  // namespace hat
