// The fit of a calibration, against what linear least squares says.
#include "experiments/calibrate/fit.h"

#include <gmock/gmock.h>

#include <cmath>

#include "core/error.h"
#include "experiments/calibrate/report.h"

namespace hat {
namespace {

using testing::HasSubstr;

Parameter Unknown(const std::string& name, double prior, double spread) {
  Parameter parameter;
  parameter.name = name;
  parameter.keys = {{"link.latency_ms"}};
  parameter.low = -5;
  parameter.high = 5;
  parameter.prior = prior;
  parameter.spread = spread;
  return parameter;
}

Target Figure(const std::string& group) {
  Target target;
  target.group = group;
  target.experiment = group;
  target.published = 1;
  return target;
}

// Figures 1 + 0.1 x, 1.2 + 0.1 x + 0.1 y and 1 + 0 of published 1 each, sigma 0.1: residuals x,
// 2 + x + y and 0. Priors x = 1 with spread 1, y = 0 with spread 2. Then M = x^2 + (2 + x + y)^2 +
// (x - 1)^2 + y^2 / 4 has its least at 3 x + y = -1, x + 1.25 y = -2: x = 3/11, y = -20/11.
CalibrationSpec LinearSpec() {
  CalibrationSpec spec;
  spec.name = "linear";
  spec.sigma = 0.1;
  spec.seeds = 1;
  spec.parameters = {Unknown("x", 1, 1), Unknown("y", 0, 2)};
  spec.targets = {Figure("a"), Figure("b"), Figure("c")};
  return spec;
}

std::vector<std::optional<double>> Linear(const std::vector<double>& at) {
  return {1 + 0.1 * at[0], 1.2 + 0.1 * at[0] + 0.1 * at[1], 1};
}

TEST(FitTest, FindsTheLeastMisfitOfALinearModel) {
  const CalibrationSpec spec = LinearSpec();
  Fit fit(spec, Linear);
  fit.Search(60, 60);
  EXPECT_NEAR(fit.best().x[0], 3.0 / 11, 0.02);
  EXPECT_NEAR(fit.best().x[1], -20.0 / 11, 0.02);
  const double x = 3.0 / 11, y = -20.0 / 11;
  const double least = x * x + std::pow(2 + x + y, 2) + std::pow(x - 1, 2) + y * y / 4;
  EXPECT_NEAR(fit.best().misfit, least, 1e-3);
}

// The information is {{3, 1}, {1, 1.25}}: covariance {{1.25, -1}, {-1, 3}} / 2.75.
TEST(FitTest, DeviationsAndCorrelationsAreThoseOfTheInverseInformation) {
  const CalibrationSpec spec = LinearSpec();
  Fit fit(spec, Linear);
  fit.Search(60, 60);
  const Fit::Linearised linearised = fit.Linearise();
  EXPECT_NEAR(linearised.deviations[0], std::sqrt(1.25 / 2.75), 1e-3);
  EXPECT_NEAR(linearised.deviations[1], std::sqrt(3 / 2.75), 1e-3);
  EXPECT_NEAR(linearised.correlations[0][1], -1 / std::sqrt(3.75), 1e-3);
  EXPECT_NEAR(linearised.correlations[1][1], 1, 1e-12);
}

// Of a parabola the profile's 95% interval is 1.96 deviations on each side, but for the straight
// lines between its points: at 1 and 2 deviations misfits rise by 1 and 4, 3.84 lies at 1.947.
TEST(FitTest, TheProfileOfALinearModelIsItsParabola) {
  const CalibrationSpec spec = LinearSpec();
  Fit fit(spec, Linear);
  fit.Search(60, 80);
  const ParameterProfile profile = fit.ProfileOf(0, 30);
  ASSERT_EQ(profile.points.size(), 7u);
  const double deviation = std::sqrt(1.25 / 2.75);
  EXPECT_NEAR(profile.points[0].misfit - fit.best().misfit, 9, 0.1);
  EXPECT_NEAR(profile.points[4].misfit - fit.best().misfit, 1, 0.05);
  EXPECT_NEAR(profile.low, 3.0 / 11 - 1.947 * deviation, 0.03);
  EXPECT_NEAR(profile.high, 3.0 / 11 + 1.947 * deviation, 0.03);
  EXPECT_NEAR(profile.gain, 1 - 1.947 * deviation / 1.96, 0.02);
}

// Without figure a: 2 x + y = -1, x + 1.25 y = -2 give x = 0.5, y = -2, and a = 1.05. Without b:
// x = 0.5, y = 0, and b = 1.25.
TEST(FitTest, WhatIsLeftOutIsPredictedByTheRest) {
  const CalibrationSpec spec = LinearSpec();
  Fit fit(spec, Linear);
  fit.Search(60, 80);
  EXPECT_NEAR(fit.LeaveOut({0}).predicted[0], 1.05, 5e-3);
  EXPECT_NEAR(fit.LeaveOut({1}).predicted[0], 1.25, 5e-3);
  EXPECT_NEAR(fit.LeaveOut({2}).predicted[0], 1, 1e-9);
  const LeftOut both = fit.LeaveOut({0, 1});  // the priors are left
  EXPECT_NEAR(both.predicted[0], 1.1, 5e-3);
  EXPECT_NEAR(both.predicted[1], 1.3, 5e-3);
}

TEST(FitTest, BoundsHoldAndKnownPlacesAreNotTriedAgain) {
  CalibrationSpec spec = LinearSpec();
  spec.parameters[0].low = 0.5;
  int calls = 0, told = 0;
  Fit fit(
      spec,
      [&](const std::vector<double>& at) {
        EXPECT_GE(at[0], 0.5);
        EXPECT_LE(at[1], 5);
        ++calls;
        return Linear(at);
      },
      [&](const Evaluation&) { ++told; });
  fit.Search(40, 60);
  EXPECT_NEAR(fit.best().x[0], 0.5, 1e-6);
  EXPECT_NEAR(fit.best().x[1], -2, 0.02);
  EXPECT_EQ(calls, told);
  fit.Improve(fit.best().x, 0);
  EXPECT_EQ(calls, told);
  const ParameterProfile profile = fit.ProfileOf(0, 10);
  EXPECT_EQ(profile.low, 0.5);
}

TEST(FitTest, WhatCannotBeMeasuredIsNoFit) {
  const CalibrationSpec spec = LinearSpec();
  Fit fit(spec, [](const std::vector<double>& at) {
    auto ours = Linear(at);
    if (at[0] < 0.6) ours[0].reset();
    return ours;
  });
  fit.Search(60, 60);
  EXPECT_GE(fit.best().x[0], 0.6);
  Fit never(spec, [](const std::vector<double>&) { return std::vector<std::optional<double>>(3); });
  EXPECT_THROW(never.Search(10, 10), RunError);
}

// Below x = 0.27 figure a has no value, so the fit lies beside it: slopes are taken on one side,
// and the profile has the points that there are.
TEST(FitTest, SlopesAreThoseOfTheSideThatCanBeMeasured) {
  const CalibrationSpec spec = LinearSpec();
  Fit fit(spec, [](const std::vector<double>& at) {
    auto ours = Linear(at);
    if (at[0] < 0.27) ours[0].reset();
    return ours;
  });
  fit.Search(60, 80);
  EXPECT_NEAR(fit.Linearise().deviations[0], std::sqrt(1.25 / 2.75), 1e-3);
  const ParameterProfile profile = fit.ProfileOf(0, 20);
  EXPECT_LT(profile.points.size(), 7u);
  for (const ProfilePoint& point : profile.points) EXPECT_LT(point.misfit, 100);
}

TEST(FitTest, WhatTheModelThrowsComesThrough) {
  const CalibrationSpec spec = LinearSpec();
  int calls = 0;
  Fit fit(spec, [&](const std::vector<double>& at) {
    if (++calls == 7) throw RunError("interrupted");
    return Linear(at);
  });
  EXPECT_THROW(fit.Search(40, 40), RunError);
}

TEST(FitTest, AFigureWithoutWeightIsNotFitted) {
  CalibrationSpec spec = LinearSpec();
  spec.targets[1].weight = 0;
  Fit fit(spec, Linear);
  fit.Search(60, 60);
  EXPECT_NEAR(fit.best().x[0], 0.5, 0.02);  // 2 x = 1: a's and the prior's
  EXPECT_NEAR(fit.best().x[1], 0, 0.02);
  EXPECT_NEAR(ErrorsOf(spec, {1.1, 9, 0.8}).mean, 0.15, 1e-12);
  EXPECT_NEAR(ErrorsOf(spec, {1.1, 9, 0.8}).largest, 0.2, 1e-12);
}

TEST(FitTest, ALogarithmicParameterIsFittedInItsLogarithm) {
  CalibrationSpec spec = LinearSpec();
  spec.parameters.resize(1);
  spec.targets.resize(1);
  spec.parameters[0] = Unknown("x", 1, 1);
  spec.parameters[0].is_log = true;
  spec.parameters[0].low = 0.01;
  spec.parameters[0].high = 100;
  Fit fit(spec, [](const std::vector<double>& at) {
    return std::vector<std::optional<double>>{1 + 0.1 * (std::log(at[0]) - 2)};
  });
  fit.Search(60, 60);  // (u - 2)^2 + u^2: u = 1
  EXPECT_NEAR(fit.best().x[0], std::exp(1), 0.02);
}

TEST(CalibrationReportTest, TheKeysCanBeTakenOverAsTheyAre) {
  CalibrationSpec spec = LinearSpec();
  spec.parameters[0].keys = {{"link.up.low_mbps", 40, 10}, {"a.weights", 0, 1, "[{}, 1]"}};
  spec.parameters[0].reason = "known\nfrom a book";
  spec.assumptions = {{"in turn", {"workload.devices=in-turn"}, "a script does so"}};
  Calibration calibration;
  calibration.fitted = {{0.5, -2}, {1.05, 1.05, 1.0}, 1};
  calibration.before = calibration.fitted;
  calibration.profiles = {{{{0.5, 1}}, 0.1, 0.9, 0.9}, {{{-2, 1}}, -4, 4, 0.1}};
  const std::string keys = CalibratedKeys(spec, calibration);
  EXPECT_THAT(keys, HasSubstr("\nworkload.devices = \"in-turn\"\n"));
  EXPECT_THAT(keys, HasSubstr("\nlink.up.low_mbps = 45\n"));
  EXPECT_THAT(keys, HasSubstr("\na.weights = [ 0.5, 1 ]\n"));
  EXPECT_THAT(keys, HasSubstr("# Fitted: x = 0.5, 95% interval 0.1 to 0.9 (pinned down). known"));
  EXPECT_THAT(keys, HasSubstr("(hardly known)"));
}

}  // namespace
}  // namespace hat
