// Prints results as Google Benchmark does, and behind them what was aimed at beside what was
// measured.
#pragma once

#include <benchmark/benchmark.h>

#include <map>
#include <string>
#include <vector>

namespace hat {

class TargetTable : public benchmark::ConsoleReporter {
 public:
  TargetTable() : ConsoleReporter(OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

 private:
  // By the benchmark's name; medians where it was repeated.
  std::map<std::string, benchmark::UserCounters> measured_;
};

}  // namespace hat
