#include "experiments/calibrate/fit.h"

#include <fmt/format.h>

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <nlopt.hpp>

#include "core/error.h"

namespace hat {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();
constexpr double kInterval = 3.841458820694124;  // chi^2 of one degree of freedom, 95%
constexpr double kNormal95 = 1.959963984540054;
// In the unit cube of the scaled parameters.
constexpr double kDifference = 0.03;
constexpr double kFirstStep = 0.1;
constexpr double kPrecision = 1e-3;
constexpr double kNotMeasured = 1e9;  // for NLopt, which wants numbers

// Six digits: what a user can type again.
double Rounded(double x) { return std::stod(fmt::format("{:.6g}", x)); }

// The misfit over the cube, or over the part of it where `fixed` is as in `start`.
class CubeSearch {
 public:
  using Objective = std::function<double(const std::vector<double>& z)>;

  CubeSearch(Objective objective, std::vector<double> start, std::optional<size_t> fixed)
      : objective_(std::move(objective)), whole_(std::move(start)), fixed_(fixed) {}

  void Run(nlopt::algorithm algorithm, int evaluations) {
    std::vector<double> free = Free();
    if (evaluations < 1 || free.empty()) return;
    nlopt::opt search(algorithm, static_cast<unsigned>(free.size()));
    search.set_lower_bounds(0.0);
    search.set_upper_bounds(1.0);
    search.set_maxeval(evaluations);
    search.set_xtol_abs(kPrecision);
    search.set_initial_step(kFirstStep);
    search.set_min_objective(Call, this);
    double least = 0;
    try {
      search.optimize(free, least);
    } catch (const nlopt::roundoff_limited&) {  // it has got as near as it can
    } catch (const nlopt::forced_stop&) {       // by Call()
    }
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::vector<double> Free() const {
    std::vector<double> free = whole_;
    if (fixed_) free.erase(free.begin() + static_cast<std::ptrdiff_t>(*fixed_));
    return free;
  }

  static double Call(const std::vector<double>& free, std::vector<double>& /*gradient*/,
                     void* self) {
    auto& search = *static_cast<CubeSearch*>(self);
    std::vector<double> z = free;
    if (search.fixed_) {
      z.insert(z.begin() + static_cast<std::ptrdiff_t>(*search.fixed_),
               search.whole_[*search.fixed_]);
    }
    try {
      return std::min(search.objective_(z), kNotMeasured);
    } catch (...) {
      search.failure_ = std::current_exception();
      throw nlopt::forced_stop();
    }
  }

  const Objective objective_;
  const std::vector<double> whole_;
  const std::optional<size_t> fixed_;
  std::exception_ptr failure_;
};

// From the least point outwards to where the limit is crossed.
void FindInterval(const Parameter& p, ParameterProfile& profile) {
  const std::vector<ProfilePoint>& points = profile.points;
  const auto least = std::ranges::min_element(points, {}, &ProfilePoint::misfit);
  const double limit = least->misfit + kInterval;
  const auto cross = [&](int step, double bound) {
    auto inside = least;
    while (true) {
      const bool is_last = step < 0 ? inside == points.begin() : inside + 1 == points.end();
      if (is_last) return bound;
      const auto next = inside + step;
      if (next->misfit >= limit) {
        const double share = (limit - inside->misfit) / (next->misfit - inside->misfit);
        const double from = p.Scaled(inside->x);
        return p.FromScaled(from + share * (p.Scaled(next->x) - from));
      }
      inside = next;
    }
  };
  profile.low = cross(-1, p.low);
  profile.high = cross(1, p.high);
  const auto width = [&](double from, double to) {
    return std::min(p.Scaled(to), p.Scaled(p.high)) - std::max(p.Scaled(from), p.Scaled(p.low));
  };
  const double prior = p.Scaled(p.prior);
  const double by_prior =
      width(p.FromScaled(prior - kNormal95 * p.spread), p.FromScaled(prior + kNormal95 * p.spread));
  profile.gain = 1 - width(profile.low, profile.high) / by_prior;
}

}  // namespace

// Of the weighted residuals by u, at the fit.
struct Fit::Jacobian {
  Eigen::MatrixXd slopes;       // [target][parameter]
  Eigen::VectorXd residuals;    // by target
  Eigen::MatrixXd information;  // J'J + the priors'
};

Fit::Fit(const CalibrationSpec& spec, FittedModel model,
         std::function<void(const Evaluation&)> on_evaluation)
    : spec_(spec), model_(std::move(model)), on_evaluation_(std::move(on_evaluation)) {
  best_.misfit = kInfinity;
}

std::vector<double> Fit::FromUnit(const std::vector<double>& z) const {
  std::vector<double> x;
  for (size_t j = 0; j < z.size(); ++j) {
    const Parameter& p = spec_.parameters[j];
    const double low = p.Scaled(p.low), high = p.Scaled(p.high);
    x.push_back(std::clamp(Rounded(p.FromScaled(low + z[j] * (high - low))), p.low, p.high));
  }
  return x;
}

std::vector<double> Fit::ToUnit(const std::vector<double>& x) const {
  std::vector<double> z;
  for (size_t j = 0; j < x.size(); ++j) {
    const Parameter& p = spec_.parameters[j];
    const double low = p.Scaled(p.low), high = p.Scaled(p.high);
    z.push_back(std::clamp((p.Scaled(x[j]) - low) / (high - low), 0.0, 1.0));
  }
  return z;
}

double Fit::Misfit(const Evaluation& evaluation) const {
  double misfit = 0;
  for (size_t i = 0; i < spec_.targets.size(); ++i) {
    const Target& target = spec_.targets[i];
    if (target.weight == 0) continue;
    if (!evaluation.ours[i]) return kInfinity;
    misfit +=
        target.weight * std::pow((*evaluation.ours[i] / target.published - 1) / spec_.sigma, 2);
  }
  for (size_t j = 0; j < spec_.parameters.size(); ++j) {
    const Parameter& p = spec_.parameters[j];
    misfit += std::pow((p.Scaled(evaluation.x[j]) - p.Scaled(p.prior)) / p.spread, 2);
  }
  return misfit;
}

Evaluation Fit::Evaluate(const std::vector<double>& x) {
  const auto known = std::ranges::find(known_, x, &Evaluation::x);
  if (known != known_.end()) return *known;
  Evaluation evaluation{x, model_(x), 0};
  evaluation.misfit = Misfit(evaluation);
  if (evaluation.misfit < best_.misfit) {
    best_ = evaluation;
    jacobian_.reset();
  }
  known_.push_back(std::move(evaluation));
  if (on_evaluation_) on_evaluation_(known_.back());
  return known_.back();
}

const Evaluation& Fit::Search(int global_evaluations, int local_evaluations) {
  const std::vector<double> prior = spec_.Priors();
  Evaluate(prior);
  const auto objective = [this](const std::vector<double>& z) {
    return Evaluate(FromUnit(z)).misfit;
  };
  CubeSearch(objective, ToUnit(prior), {}).Run(nlopt::GN_DIRECT_L, global_evaluations);
  if (best_.misfit == kInfinity) {
    throw RunError("no set of parameters was found of which all figures can be measured");
  }
  Improve(std::vector<double>(best_.x), local_evaluations);
  return best_;
}

Evaluation Fit::Improve(const std::vector<double>& start, int evaluations,
                        std::optional<size_t> fixed) {
  Evaluation least = Evaluate(start);
  const auto objective = [&](const std::vector<double>& z) {
    std::vector<double> x = FromUnit(z);
    if (fixed) x[*fixed] = start[*fixed];
    const Evaluation evaluation = Evaluate(x);
    if (evaluation.misfit < least.misfit) least = evaluation;
    return evaluation.misfit;
  };
  CubeSearch(objective, ToUnit(start), fixed).Run(nlopt::LN_BOBYQA, evaluations);
  return least;
}

// A difference may find a better place, whose own slopes are then to be found.
const Fit::Jacobian& Fit::TheJacobian() {
  while (!jacobian_) {
    const Evaluation at = best_;
    auto jacobian = std::make_shared<const Jacobian>(JacobianAt(at));
    if (best_.x == at.x) jacobian_ = std::move(jacobian);
  }
  return *jacobian_;
}

Fit::Jacobian Fit::JacobianAt(const Evaluation& at) {
  const auto parameters = static_cast<Eigen::Index>(spec_.parameters.size());
  const auto targets = static_cast<Eigen::Index>(spec_.targets.size());
  Jacobian jacobian{Eigen::MatrixXd::Zero(targets, parameters), Eigen::VectorXd::Zero(targets),
                    Eigen::MatrixXd::Zero(parameters, parameters)};
  const auto residual = [&](const Evaluation& evaluation, Eigen::Index i) {
    const Target& target = spec_.targets[static_cast<size_t>(i)];
    const double ours = *evaluation.ours[static_cast<size_t>(i)];
    return std::sqrt(target.weight) * (ours / target.published - 1) / spec_.sigma;
  };
  for (Eigen::Index d = 0; d < parameters; ++d) {
    const auto j = static_cast<size_t>(d);
    const Parameter& p = spec_.parameters[j];
    std::vector<double> low = ToUnit(at.x), high = low;
    low[j] = std::max(low[j] - kDifference, 0.0);
    high[j] = std::min(high[j] + kDifference, 1.0);
    // On one side alone where the other one could not be measured.
    Evaluation before = Evaluate(FromUnit(low)), after = Evaluate(FromUnit(high));
    if (before.misfit == kInfinity) before = at;
    if (after.misfit == kInfinity) after = at;
    const double width = p.Scaled(after.x[j]) - p.Scaled(before.x[j]);
    if (width == 0) {
      throw RunError(fmt::format("beside the fit no other value of {} gives all figures", p.name));
    }
    for (Eigen::Index i = 0; i < targets; ++i) {
      if (spec_.targets[static_cast<size_t>(i)].weight == 0) continue;
      jacobian.residuals[i] = residual(at, i);
      jacobian.slopes(i, d) = (residual(after, i) - residual(before, i)) / width;
    }
    jacobian.information(d, d) = 1 / (p.spread * p.spread);
  }
  jacobian.information += jacobian.slopes.transpose() * jacobian.slopes;
  return jacobian;
}

Fit::Linearised Fit::Linearise() {
  const Eigen::MatrixXd covariance = TheJacobian().information.inverse();
  Linearised linearised;
  for (Eigen::Index j = 0; j < covariance.rows(); ++j) {
    linearised.deviations.push_back(std::sqrt(covariance(j, j)));
    linearised.correlations.emplace_back();
    for (Eigen::Index k = 0; k < covariance.rows(); ++k) {
      linearised.correlations.back().push_back(covariance(j, k) /
                                               std::sqrt(covariance(j, j) * covariance(k, k)));
    }
  }
  return linearised;
}

// Where the linearised misfit is least if u of the parameter is this.
std::vector<double> Fit::ConditionalStart(size_t parameter, double u) {
  const Eigen::MatrixXd covariance = TheJacobian().information.inverse();
  const auto d = static_cast<Eigen::Index>(parameter);
  const Parameter& own = spec_.parameters[parameter];
  const double step = u - own.Scaled(best_.x[parameter]);
  std::vector<double> x;
  for (size_t j = 0; j < spec_.parameters.size(); ++j) {
    const Parameter& p = spec_.parameters[j];
    const double moved = p.Scaled(best_.x[j]) +
                         covariance(static_cast<Eigen::Index>(j), d) / covariance(d, d) * step;
    const double at = j == parameter ? u : moved;
    x.push_back(std::clamp(Rounded(p.FromScaled(at)), p.low, p.high));
  }
  return x;
}

ParameterProfile Fit::ProfileOf(size_t parameter, int evaluations) {
  const Parameter& p = spec_.parameters[parameter];
  const double deviation = Linearise().deviations[parameter];
  const double at = p.Scaled(best_.x[parameter]);
  const double low = p.Scaled(p.low), high = p.Scaled(p.high);
  ParameterProfile profile;
  profile.points.push_back({best_.x[parameter], best_.misfit});
  for (const double steps : {-3.0, -2.0, -1.0, 1.0, 2.0, 3.0}) {
    const double u = std::clamp(at + steps * deviation, low, high);
    const std::vector<double> start = ConditionalStart(parameter, u);
    const Evaluation found = Improve(start, evaluations, parameter);
    if (found.misfit < kInfinity) profile.points.push_back({found.x[parameter], found.misfit});
  }
  std::ranges::sort(profile.points, {}, &ProfilePoint::x);
  const auto same = std::ranges::unique(profile.points, {}, &ProfilePoint::x);
  profile.points.erase(same.begin(), same.end());
  FindInterval(p, profile);
  return profile;
}

// At the least of M its slope is 0, so without targets K it is -2 J_K' r_K there, and one step of
// Newton's with the information of the rest leads to the least of what is left.
LeftOut Fit::LeaveOut(const std::vector<size_t>& targets) {
  const Jacobian& jacobian = TheJacobian();
  Eigen::MatrixXd information = jacobian.information;
  Eigen::VectorXd pull = Eigen::VectorXd::Zero(information.rows());
  for (const size_t target : targets) {
    const Eigen::VectorXd slope = jacobian.slopes.row(static_cast<Eigen::Index>(target));
    information -= slope * slope.transpose();
    pull += slope * jacobian.residuals[static_cast<Eigen::Index>(target)];
  }
  const Eigen::VectorXd step = information.ldlt().solve(pull);
  LeftOut left_out{targets, {}};
  for (const size_t i : targets) {
    const Target& target = spec_.targets[i];
    HAT_CHECK(target.weight > 0);
    const double residual = jacobian.residuals[static_cast<Eigen::Index>(i)] +
                            jacobian.slopes.row(static_cast<Eigen::Index>(i)).dot(step);
    left_out.predicted.push_back(target.published *
                                 (1 + spec_.sigma * residual / std::sqrt(target.weight)));
  }
  return left_out;
}

FitErrors ErrorsOf(const CalibrationSpec& spec, const std::vector<std::optional<double>>& ours) {
  FitErrors errors;
  int count = 0;
  for (size_t i = 0; i < spec.targets.size(); ++i) {
    if (spec.targets[i].weight == 0 || !ours[i]) continue;
    const double error = std::abs(*ours[i] / spec.targets[i].published - 1);
    errors.mean += error;
    errors.largest = std::max(errors.largest, error);
    ++count;
  }
  if (count == 0) return {kNotANumber, kNotANumber};
  errors.mean /= count;
  return errors;
}

}  // namespace hat
