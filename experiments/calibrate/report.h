// What a calibration found, for people (Markdown), for scripts (JSON), and as keys to be taken over
// (`--set @FILE`).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "experiments/calibrate/fit.h"
#include "experiments/calibrate/spec.h"

namespace hat {

inline constexpr int kCalibrationSchema = 1;

struct Calibration {
  std::string label;                          // "simulated"
  std::map<std::string, std::string> inputs;  // SHA-256 by path: what the fit was made from
  Evaluation before;                          // every parameter at its prior
  Evaluation fitted;
  Fit::Linearised linearised;
  std::vector<ParameterProfile> profiles;  // by parameter
  std::vector<LeftOut> each_left_out;      // a target a time
  std::vector<LeftOut> groups_left_out;    // all targets of one group a time
  std::vector<Evaluation> tried;           // the best under each alternative of the specification
  int evaluations = 0;
};

std::string CalibrationMarkdown(const CalibrationSpec& spec, const Calibration& calibration);
std::string CalibrationJson(const CalibrationSpec& spec, const Calibration& calibration);
// The fitted values and the assumptions, each with its reason.
std::string CalibratedKeys(const CalibrationSpec& spec, const Calibration& calibration);

}  // namespace hat
