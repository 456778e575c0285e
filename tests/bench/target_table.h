// Prints results as Google Benchmark does, and after them tables to be read: speed of decoding
// beside the bare spike, speed of the paper's scenario, and what was aimed at beside what was
// measured. In front, what the numbers depend on: machine, its load, compiler, build, commit.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace hat {

class TargetTable : public benchmark::ConsoleReporter {
 public:
  TargetTable() : ConsoleReporter(OO_Tabular) {}

  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
  void Finalize() override;

 private:
  struct Result {
    std::string name;
    std::string label;
    benchmark::UserCounters counters;
    std::string Show(const std::string& counter, int decimals) const;  // "-" where it has none
  };
  const Result* Find(const std::string& name) const;
  void PrintDecoding() const;
  void PrintPaper() const;
  void PrintTargets() const;

  std::vector<Result> measured_;  // in order; medians where a benchmark was repeated
};

}  // namespace hat
