// Published figures beside ours: a CSV with the columns experiment, model, workload, rate_per_s,
// system, metric, value, unit, source. `experiment` is a scenario's name, with "/detail" after it
// for tables beside the main one; `metric` a path in summary.json, "speedup." and one (over
// u-shape), or a name of its own; rate_per_s is empty where the source does not state it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace hat {

struct PublishedValue {
  std::string system;
  std::string metric;
  double value = 0;
  std::string unit;
  std::optional<double> rate_per_s;
  std::string source;
};

// The figures of the scenario `experiment` on `model` at `rate_per_s`. Where the source states no
// rate a figure counts too, unless there is one of the same system and metric at this rate. Throws
// InputError (file, line, column).
std::vector<PublishedValue> PublishedFor(const std::string& path, const std::string& experiment,
                                         const std::string& model, double rate_per_s);

// All figures of `experiment`, which may be a part of one ("spec_bench_7b/ablation"), as they stand
// there. Throws InputError (file, line, column).
std::vector<PublishedValue> PublishedOf(const std::string& path, const std::string& experiment);

}  // namespace hat
