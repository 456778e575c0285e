// hat capacity: the largest request rate at which service-level objectives are met.
#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "cli/capacity_run.h"
#include "cli/plain_verbs.h"
#include "cli/run_plot.h"
#include "cli/set_option.h"
#include "cli/shipped.h"
#include "cli/sweep_options.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/program.h"
#include "core/scratch_folder.h"
#include "experiments/capacity/report.h"

namespace hat {
namespace {

struct CapacityOptions {
  CapacityQuestion question;
  std::string out;
  bool draws = true;
};

void AddOptions(CommandLine& line, CapacityOptions& options) {
  line.description(
      "The largest request rate (workload.rate_per_s) at which every objective of --slo is met, by "
      "bisection: every rate is simulated with the same seeds. Prints it for each system, with the "
      "clients that it stands for and the objective that binds; with --out also writes "
      "capacity.json, .csv and .png. Runs are kept there, so that the same command goes on where "
      "an earlier one ended. More: docs/capacity.md.\n\n"
      "  hat capacity experiments/paper/spec_bench_7b.toml --slo ttft_p90_ms=1500,tbt_p90_ms=100 "
      "--systems hat,u-shape --over link.latency_ms=2,20,50 --out results/capacity");
  line.add_option("scenario", options.question.scenario, "a TOML file; every key: docs/formats.md")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--slo", options.question.objectives,
                  "NAME=BOUND,...; NAME is METRIC_STATISTIC_UNIT, as ttft_p90_ms, tbt_mean_ms")
      ->required();
  line.add_option("--systems", options.question.systems, "which; without it the scenario's")
      ->delimiter(',');
  line.add_option("--seeds", options.question.seeds,
                  "runs a rate: seeds s, s + 1, ..., s the scenario's")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  line.add_option("--over", options.question.over,
                  "a key of the scenario, and values to find the rate for")
      ->type_name("KEY=V1,V2,...");
  line.add_flag("--grow-fleet", options.question.grows_fleet,
                "more devices in place of busier ones: fleet.scale goes with the rate");
  AddSetOption(line, options.question.overrides, "the scenario");
  AddJobs(line, options.question.jobs);
  line.add_option("--out", options.out, "folder for the results, and the runs");
  line.add_flag("!--no-figure", options.draws, "do not draw capacity.png");
  line.add_flag("--quiet", options.question.is_quiet, "nothing on stderr but errors");
}

}  // namespace

int CapacityVerb(CommandLine& line) {
  CapacityOptions options;
  AddOptions(line, options);
  line.Parse();
  CatchInterrupts();
  options.question.goes_on_in = options.out;
  CapacityRun run(options.question);
  std::optional<ScratchFolder> scratch;  // runs that nobody asked to keep go with the program
  if (options.out.empty()) scratch.emplace("hat-capacity");
  run.Run(scratch ? *scratch / "runs" : options.out);
  const std::vector<CapacityPoint> points = run.Points();
  if (!scratch) {
    WriteFileAtomically(options.out + "/capacity.json", CapacityJson(points, run.info()));
    WriteFileAtomically(options.out + "/capacity.csv", CapacityCsv(points, run.info()));
  }
  PrintResult(CapacityText(points, run.info()));
  if (!scratch && !options.question.is_quiet) SayWritten(options.out);
  if (!scratch && options.draws) {
    RunPlot("capacity.py", options.out + "/capacity.json", options.out + "/capacity.png");
  }
  return 0;
}

}  // namespace hat
