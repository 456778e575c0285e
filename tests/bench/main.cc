// hat bench sim: how fast the simulator is on this machine. Options are Google Benchmark's, e.g.
// --benchmark_filter=decode/30.
#include <benchmark/benchmark.h>

#include "tests/bench/micro.h"
#include "tests/bench/simulations.h"
#include "tests/bench/target_table.h"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  hat::RegisterSimulationBenchmarks();
  hat::RegisterMicroBenchmarks();
  hat::TargetTable table;
  benchmark::RunSpecifiedBenchmarks(&table);
  return 0;
}
