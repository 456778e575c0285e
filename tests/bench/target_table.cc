#include "tests/bench/target_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "core/files.h"

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
    {"memory/10000", "peak_MB", "MB peak, 10,000 devices, 100,000 requests", 1000, true},
};

constexpr char kDecodingRow[] = "{:28} {:>9} {:>8} {:>12} {:>9} {:>8}\n";

std::string ProcessorName() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown processor";
}

// Google Benchmark before 1.8 has a flag for errors; later ones say how a run was skipped.
template <class Run>
bool HasFailed(const Run& run) {
  if constexpr (requires { run.error_occurred; }) {
    return run.error_occurred;
  } else {
    return static_cast<int>(run.skipped) != 0;
  }
}

}  // namespace

bool TargetTable::ReportContext(const Context& context) {
  const auto& cpu = context.cpu_info;
  fmt::print("machine   {}, {} cores, load {:.1f}\n", ProcessorName(), cpu.num_cpus,
             cpu.load_avg.empty() ? 0.0 : cpu.load_avg.front());
  fmt::print("compiler  GCC {}, build type {}\n", __VERSION__, HAT_BUILD_TYPE);
  fmt::print("commit    {}\n\n", BuildCommit());
  // Google Benchmark's own lines, which say less, go nowhere.
  std::ostringstream unread;
  std::ostream& errors = GetErrorStream();
  SetErrorStream(&unread);
  const bool goes_on = ConsoleReporter::ReportContext(context);
  SetErrorStream(&errors);
  return goes_on;
}

void TargetTable::ReportRuns(const std::vector<Run>& runs) {
  ConsoleReporter::ReportRuns(runs);
  for (const Run& run : runs) {
    if (HasFailed(run)) continue;
    const bool is_median = run.run_type == Run::RT_Aggregate && run.aggregate_name == "median";
    if (!is_median && run.repetitions != 1) continue;
    measured_.push_back({run.run_name.function_name, run.report_label, run.counters});
  }
}

void TargetTable::Finalize() {
  ConsoleReporter::Finalize();
  PrintDecoding();
  PrintPaper();
  PrintTargets();
}

std::string TargetTable::Result::Show(const std::string& counter, int decimals) const {
  const auto found = counters.find(counter);
  if (found == counters.end()) return "-";
  return fmt::format("{:.{}f}", found->second.value, decimals);
}

const TargetTable::Result* TargetTable::Find(const std::string& name) const {
  const auto found = std::find_if(measured_.begin(), measured_.end(),
                                  [&](const Result& result) { return result.name == name; });
  return found == measured_.end() ? nullptr : &*found;
}

void TargetTable::PrintDecoding() const {
  std::string rows;
  for (const Result& result : measured_) {
    if (!result.name.starts_with("decode/")) continue;
    rows += fmt::format(kDecodingRow, result.label, result.Show("rounds/s", 0),
                        result.Show("us/round", 2), result.Show("told/round", 2),
                        result.Show("spike_rounds/s", 0), result.Show("of_spike", 2));
  }
  if (rows.empty()) return;
  fmt::print("\n{}{}",
             fmt::format(kDecodingRow, "U-shape, closed loop", "rounds/s", "us/round",
                         "events/round", "spike", "of spike"),
             rows);
  fmt::print(
      "Events: what the recorder is told. Spike: rounds/s of the same round on SimGrid's own\n"
      "timers and actors, with no protocol and no recording, right after each run.\n");
}

void TargetTable::PrintPaper() const {
  std::string rows;
  for (const Result& result : measured_) {
    if (!result.name.starts_with("paper/")) continue;
    rows += fmt::format("{:30} {:>12} {:>12} {:>16}\n", result.label, result.Show("x_real_time", 0),
                        result.Show("us/round", 2), result.Show("told/round", 2));
  }
  if (rows.empty()) return;
  fmt::print("\n{:30} {:>12} {:>12} {:>16}\n{}", "the paper's scenario", "x real time",
             "us a round", "events a round", rows);
}

void TargetTable::PrintTargets() const {
  std::string rows;
  for (const Target& target : kTargets) {
    const Result* result = Find(target.benchmark);
    if (result == nullptr) continue;
    const double value = result->counters.at(target.counter).value;
    rows += fmt::format("{:41} {:>2} {:>9.0f} {:>10.0f} {:>14.2f}\n", target.says,
                        target.is_limit ? "<=" : ">=", target.value, value, value / target.value);
  }
  if (rows.empty()) return;
  fmt::print("\n{:41} {:>12} {:>10} {:>14}\n{}", "target", "", "measured", "of the target", rows);
  fmt::print("Medians, by processor time: on a quiet machine the same as by the clock.\n");
}

}  // namespace hat
