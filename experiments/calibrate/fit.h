// Fits parameters of a model to published figures, and says how well they are known. The model is
// any function of the parameters; what it takes to run it is its owner's business.
//
// With e_i = ours / published - 1 of target i of weight w_i, and u_j the scaled parameter j
// (spec.h) of prior v_j and spread s_j, the misfit is
//   M = sum_i w_i (e_i / sigma)^2 + sum_j ((u_j - v_j) / s_j)^2,
// -2 ln of a posterior density in which all figures are independent and normal with a relative
// standard deviation sigma: how far off even a right model may be. The least M is looked for all
// over (NLopt's DIRECT-L, Gablonsky and Kelley 2001), then from there (BOBYQA, Powell 2009), both
// within the bounds and without any randomness.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "experiments/calibrate/spec.h"

namespace hat {

// One set of parameters with what it gives.
struct Evaluation {
  std::vector<double> x;                    // by parameter
  std::vector<std::optional<double>> ours;  // by target; nothing: it could not be measured
  double misfit = 0;                        // M; infinite if something could not be measured
};

// Ours, by target.
using FittedModel = std::function<std::vector<std::optional<double>>(const std::vector<double>& x)>;

// A point of the profile of one parameter: the least misfit if it has this value.
struct ProfilePoint {
  double x = 0;
  double misfit = 0;
};

// What is known of one parameter.
struct ParameterProfile {
  // Ascending in x, the fit among them; without those where something could not be measured.
  std::vector<ProfilePoint> points;
  // Where M exceeds its least value by 3.84 (95%), linear between points; at a bound of the
  // parameter where that comes first.
  double low = 0, high = 0;
  // 1 - (high - low) / the same width by the prior alone, in u: near 1, the figures pin it down;
  // near 0, they say nothing of it.
  double gain = 0;
};

// A fit with one group of targets left out, or one target.
struct LeftOut {
  std::vector<size_t> targets;
  std::vector<double> predicted;  // of these, in their order
};

class Fit {
 public:
  // `on_evaluation`: after each that was not known already.
  Fit(const CalibrationSpec& spec, FittedModel model,
      std::function<void(const Evaluation&)> on_evaluation = {});

  // From all over, then from the best. Throws what the model throws, RunError if nothing can be
  // measured anywhere.
  const Evaluation& Search(int global_evaluations, int local_evaluations);
  const Evaluation& best() const { return best_; }

  // From `start` on, with parameter `fixed` (if any) left as it is.
  Evaluation Improve(const std::vector<double>& start, int evaluations,
                     std::optional<size_t> fixed = {});

  // All below: around best(), from its Jacobian (central differences, 2 evaluations a parameter).
  // Standard deviations in u, and correlations, of the linearised posterior.
  struct Linearised {
    std::vector<double> deviations;  // by parameter
    std::vector<std::vector<double>> correlations;
  };
  Linearised Linearise();
  // `evaluations`: for each of the six points beside the fit.
  ParameterProfile ProfileOf(size_t parameter, int evaluations);
  // By the linearised model: it is exact where the figures are linear in u.
  LeftOut LeaveOut(const std::vector<size_t>& targets);

 private:
  struct Jacobian;
  Evaluation Evaluate(const std::vector<double>& x);
  double Misfit(const Evaluation& evaluation) const;
  std::vector<double> FromUnit(const std::vector<double>& z) const;
  std::vector<double> ToUnit(const std::vector<double>& x) const;
  const Jacobian& TheJacobian();
  Jacobian JacobianAt(const Evaluation& at);
  std::vector<double> ConditionalStart(size_t parameter, double u);

  const CalibrationSpec& spec_;
  const FittedModel model_;
  const std::function<void(const Evaluation&)> on_evaluation_;
  std::vector<Evaluation> known_;
  Evaluation best_;
  std::shared_ptr<const Jacobian> jacobian_;
};

// Mean and largest |ours / published - 1| over the targets of a weight above 0 that were measured;
// NaN if none was.
struct FitErrors {
  double mean = 0, largest = 0;
};
FitErrors ErrorsOf(const CalibrationSpec& spec, const std::vector<std::optional<double>>& ours);

}  // namespace hat
