#include "tests/bench/target_table.h"

#include <fmt/format.h>

namespace hat {
namespace {

struct Target {
  const char* benchmark;
  const char* counter;
  const char* says;
  double value;
  bool is_limit = false;  // not above; else: at least
};

// On one core of a quiet machine.
constexpr Target kTargets[] = {
    {"decode/30", "rounds/s", "rounds a second, 30 devices", 250e3},
    {"decode/10000", "rounds/s", "rounds a second, 10,000 devices", 150e3},
    {"paper/hat", "x_real_time", "times real time, the paper's scenario", 200},
    {"memory/10000", "peak_MB", "MB at 10,000 devices, 100,000 requests", 1000, true},
};

}  // namespace

void TargetTable::ReportRuns(const std::vector<Run>& runs) {
  ConsoleReporter::ReportRuns(runs);
  for (const Run& run : runs) {
    if (run.error_occurred) continue;
    const bool is_median = run.run_type == Run::RT_Aggregate && run.aggregate_name == "median";
    if (is_median || run.repetitions == 1) measured_[run.run_name.function_name] = run.counters;
  }
}

void TargetTable::Finalize() {
  ConsoleReporter::Finalize();
  std::string rows;
  for (const Target& target : kTargets) {
    const auto found = measured_.find(target.benchmark);
    if (found == measured_.end()) continue;
    const double value = found->second.at(target.counter).value;
    rows += fmt::format("{:40} {:>2} {:>9.0f} {:>10.0f} {:>14.2f}\n", target.says,
                        target.is_limit ? "<=" : ">=", target.value, value, value / target.value);
  }
  if (rows.empty()) return;
  fmt::print("\n{:40} {:>12} {:>10} {:>14}\n{}", "target", "", "measured", "of the target", rows);
  fmt::print("Medians, by processor time: on a quiet machine the same as by the clock.\n");
}

}  // namespace hat
