#include "tests/bench/against.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "tests/bench/fresh_process.h"

namespace hat {
namespace {

struct Row {
  const char* says;
  const char* scenario;  // under experiments/
  std::vector<std::string> settings;
  int repetitions = 5;
};

std::vector<Row> Rows() {
  const char* const paper = "paper/spec_bench_7b.toml";
  std::vector<Row> rows;
  for (const char* system : {"hat", "u-shape", "u-sarathi", "u-medusa", "cloud-only"}) {
    rows.push_back({system, paper, {fmt::format("system.name={}", system)}});
  }
  rows.push_back({"one request", paper, {"workload.requests=1", "workload.warmup_requests=0"}, 15});
  rows.push_back({"closed loop, 30 devices", "scale/closed_loop_30.toml", {}});
  rows.push_back({"closed loop, 10,000 devices",
                  "scale/closed_loop_10k.toml",
                  {"workload.requests=10000"},
                  1});
  return rows;
}

// `arguments`: the program, and its verb where it has several. The scenario is that of the clone
// that the program was built in (CLONE/build/PRESET/bin/PROGRAM), where there is one: an earlier
// build may not know a newer scenario's keys.
Measured Play(std::vector<std::string> arguments, const Row& row) {
  namespace fs = std::filesystem;
  const fs::path bin = fs::absolute(arguments.front()).parent_path();
  fs::path scenario = (bin / "../../../experiments" / row.scenario).lexically_normal();
  if (!fs::exists(scenario)) scenario = fs::path(HAT_SOURCE_DIR) / "experiments" / row.scenario;
  arguments.push_back(scenario);
  arguments.push_back("--quiet");
  for (const std::string& setting : row.settings) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  return MeasureProgram(arguments);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace

void CompareAgainst(const std::string& earlier) {
  const std::string own = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "hat";
  fmt::print("\n{:28} {:>12} {:>12} {:>8} {:>12} {:>12}\n", "processor time of a process",
             "earlier, s", "this, s", "ratio", "earlier, MB", "this, MB");
  for (const Row& row : Rows()) {
    std::vector<double> before, now;
    double before_bytes = 0, now_bytes = 0;
    for (int i = 0; i < row.repetitions; ++i) {
      const Measured one = Play({earlier}, row);
      const Measured other = Play({own, "simulate"}, row);
      before.push_back(one.cpu_s);
      now.push_back(other.cpu_s);
      before_bytes = std::max(before_bytes, one.peak_bytes);
      now_bytes = std::max(now_bytes, other.peak_bytes);
    }
    fmt::print("{:28} {:12.3f} {:12.3f} {:8.2f} {:12.0f} {:12.0f}\n", row.says, Median(before),
               Median(now), Median(now) / Median(before), before_bytes / 1e6, now_bytes / 1e6);
    std::fflush(stdout);
  }
  fmt::print("earlier: {}\nMedians, user + system, the two by turns.\n", earlier);
}

}  // namespace hat
