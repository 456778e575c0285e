// hat bench sim: how fast the simulator is on this machine. Options are Google Benchmark's, e.g.
// --benchmark_filter=decode/30, and --against PROGRAM, an earlier build's hat-simulate to be played
// beside this one's.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "tests/bench/against.h"
#include "tests/bench/micro.h"
#include "tests/bench/simulations.h"
#include "tests/bench/target_table.h"

namespace {

// Takes --against and its word out of the arguments; empty: it is not there.
std::string TakeAgainst(int& argc, char** argv) {
  char** const end = argv + argc;
  char** const option =
      std::find_if(argv, end, [](std::string_view word) { return word == "--against"; });
  if (end - option < 2) return "";
  const std::string program = option[1];
  std::copy(option + 2, end, option);
  argc -= 2;
  return program;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string earlier = TakeAgainst(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  hat::RegisterSimulationBenchmarks();
  hat::RegisterMicroBenchmarks();
  hat::TargetTable table;
  benchmark::RunSpecifiedBenchmarks(&table);
  try {
    if (!earlier.empty()) hat::CompareAgainst(earlier);
  } catch (const std::exception& error) {
    fmt::print(stderr, "hat bench sim: {}\n", error.what());
    return 1;
  }
  return 0;
}
