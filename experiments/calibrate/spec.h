// What a calibration is: which keys of a scenario are not known, and which published figures they
// are to be judged by (SPEC.toml, every key: docs/formats.md).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "experiments/results/relation.h"

namespace hat {

inline constexpr size_t kMostParameters = 6;

// A key that a parameter x sets: to the text, with a + b x in place of its "{}".
struct ParameterKey {
  std::string key;
  double a = 0, b = 1;
  std::string text = "{}";

  std::string ValueAt(double x) const;  // six digits
};

// Something unknown: x in [low, high], likely near `prior`. On a logarithmic scale u = ln x, else
// u = x; the prior is a normal distribution of u with standard deviation `spread`.
struct Parameter {
  std::string name;  // with its unit, as "latency_ms"
  std::vector<ParameterKey> keys;
  double low = 0, high = 0;
  bool is_log = false;
  double prior = 0, spread = 0;
  std::string reason;  // why it may be so: what is known of it

  double Scaled(double x) const;  // u
  double FromScaled(double u) const;
};

// Runs of some systems under the same keys: each system is a run a seed.
struct CalibrationCase {
  std::string name;
  std::vector<std::string> systems;
  std::vector<std::string> set;
};

// A figure of ours beside a published one.
struct Target {
  std::string group;  // of those that one table of the specification names
  std::string experiment, published_system, published_metric;  // its row in the file of published
  double published = 0;
  std::string source;
  std::string case_name, system, of;
  std::vector<std::string> metrics;  // paths in summary.json, whose sum is m
  std::optional<Relation> relation;  // of m(of), the base, to m(system); nothing: m(system)
  double weight = 1;                 // 0: shown beside, not fitted

  std::string Name() const;  // "spec_bench_7b/ablation, hat, ttft_ms.mean"
};

// Keys that belong together, and why they may be so.
struct Assumption {
  std::string name;
  std::vector<std::string> set;
  std::string reason;
};

struct CalibrationSpec {
  std::string name;                     // the file's, without .toml
  std::string scenario, published;      // paths
  std::vector<std::string> set;         // for all runs
  std::vector<Assumption> assumptions;  // hold for all runs too, and belong to the result
  int seeds = 1;     // runs of one case and system: seeds s, s + 1, ..., s the scenario's
  double sigma = 0;  // how far off, as a share, even a right model is taken to be
  std::vector<Parameter> parameters;  // at most kMostParameters
  std::vector<CalibrationCase> cases;
  std::vector<Target> targets;
  std::vector<Assumption> alternatives;  // each to be tried in place of what is assumed
  // Evaluations (all runs of all cases once) that a part of the work may take.
  int global_evaluations = 0, local_evaluations = 0, profile_evaluations = 0,
      alternative_evaluations = 0;

  std::vector<double> Priors() const;  // x of each parameter
};

// Throws InputError (file, line, key), also for a published figure that is not in the file.
CalibrationSpec LoadCalibrationSpec(const std::string& path);

}  // namespace hat
