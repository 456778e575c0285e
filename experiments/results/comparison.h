// Systems under the same requests: what a summary.json of each (system, seed) adds up to. A figure
// of a system is the mean over seeds with a 95% confidence interval (statistics.h). A difference is
// paired by seed, since every system of a seed gets the same requests, arrivals, links and
// confidences: 100 (x / x_reference - 1) percent, seed by seed, then its mean and interval. Worked
// number: 200 and 220 ms against 100 and 100 ms: +100% and +120%, mean +110%, half-width 12.706
// * 14.142 / sqrt(2) = 127%.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/results/attainment.h"
#include "experiments/results/statistics.h"

namespace hat {

struct ComparedMetric {
  std::string name;  // path in summary.json: "ttft_ms.mean"
  std::string unit;  // "ms", "tokens", "tokens/s"
};
const std::vector<ComparedMetric>& ComparedMetrics();
size_t MetricIndex(std::string_view name);  // of a name in ComparedMetrics()

// One run, from its summary.json.
struct RunFigures {
  std::string label;  // "simulated", ...
  std::string system;
  uint64_t seed = 0;
  std::optional<std::string> not_possible;  // why
  bool is_saturated = false;
  bool is_partial = false;
  std::vector<double> values;  // by ComparedMetrics(); NaN where nothing was measured
};

// Throws InputError that names `name` if the text is not a summary.
RunFigures ParseSummary(const std::string& text, const std::string& name);

struct SystemFigures {
  std::string system;
  std::optional<std::string> not_possible;
  int runs = 0;
  int saturated_runs = 0;
  // By ComparedMetrics(). Nothing where a run did not measure it; `versus` of the reference itself
  // is empty.
  std::vector<std::optional<Estimate>> values;
  std::vector<std::optional<Estimate>> versus_percent;
  AttainmentCurves attainment;  // summaries do not hold it: left to who has the requests
};

struct Comparison {
  std::string reference;               // the first system
  std::vector<SystemFigures> systems;  // in the order of their first run
};

// Every system must have the same seeds. Throws InputError if one lacks a seed, or a run is
// partial.
Comparison CompareRuns(const std::vector<RunFigures>& runs);

// A digest of who asked for what and when (the columns of a requests.csv that the workload
// decides): equal for all systems of a seed, or they were not compared under the same requests.
std::string RequestsDigest(std::string_view requests_csv);

}  // namespace hat
