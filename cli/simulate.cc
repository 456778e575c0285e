// hat simulate: one scenario, one seed, one folder of results.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "cli/plain_verbs.h"
#include "cli/progress_line.h"
#include "cli/set_option.h"
#include "cli/shipped.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/results/summary_text.h"
#include "experiments/scenario/scenario.h"
#include "sim/run.h"

namespace hat {
namespace {

struct SimulateOptions {
  std::string scenario;
  std::vector<std::string> overrides;
  std::string seed;
  std::string engine;
  std::string out;
  bool replace = false;
  bool check = false;
  bool gaps = false;
  bool quiet = false;
  std::string format = "text";
  std::optional<int> explain;
  std::string timeline;
};

void AddOptions(CommandLine& line, SimulateOptions& options) {
  line.description(
      "Simulates one scenario: devices, links and the cloud from latency profiles, the protocol's "
      "own code in between. Prints a summary; with --out also writes requests.csv, summary.json "
      "and manifest.json.\n\n"
      "  hat simulate experiments/paper/spec_bench_7b.toml --set system.name=u-shape\n"
      "  hat simulate experiments/paper/spec_bench_7b.toml --explain 7");
  line.add_option("scenario", options.scenario, "a TOML file; every key: docs/formats.md")
      ->required()
      ->transform(ShippedPath);
  AddSetOption(line, options.overrides, "the scenario");
  line.add_option("--seed", options.seed, "the same as --set seed=N")
      ->type_name("INT")
      ->check(MistakeInInteger);
  line.add_option("--engine", options.engine,
                  "what plays the run: fibers, or simgrid, which alone plays shared links "
                  "(default: fibers where it can)");
  CLI::Option* out =
      line.add_option("--out", options.out, "folder for the results; must not exist");
  line.add_flag("--force", options.replace, "replace earlier results");
  line.add_flag("--gaps", options.gaps, "also write gaps.csv: when each token was out")->needs(out);
  line.add_flag("--check", options.check,
                "check the model's laws on every event; exit code 1 if one is broken");
  line.add_option("--explain", options.explain,
                  "print the life of this request (its number, from 0) in place of the summary")
      ->check(CLI::Range(0, std::numeric_limits<int>::max()));
  line.add_option(
      "--timeline", options.timeline,
      "write all events to this file, in the Chrome trace format (for ui.perfetto.dev)");
  CLI::Option* format =
      line.add_option("--format", options.format,
                      "what to print: text, the summary in words; json, summary.json; vllm, the "
                      "figures under the keys of 'vllm bench serve', with --out also in vllm.json")
          ->check(CLI::IsMember({"text", "json", "vllm"}))
          ->excludes("--explain");
  line.add_flag_callback(
          "--json", [&] { options.format = "json"; }, "the same as --format json")
      ->excludes(format)
      ->excludes("--explain");
  line.add_flag("--quiet", options.quiet, "nothing on stderr but errors");
}

Scenario ScenarioOf(const SimulateOptions& options) {
  std::vector<std::string> overrides = options.overrides;
  if (!options.seed.empty()) {
    for (const std::string& override_text : overrides) {
      if (override_text.starts_with("seed=")) {
        throw InputError(
            fmt::format("--seed {} and --set {}: give one of them", options.seed, override_text));
      }
    }
    overrides.push_back("seed=" + options.seed);
  }
  return LoadScenario(options.scenario, overrides);
}

void RefuseToReplaceTimeline(const SimulateOptions& options) {
  std::error_code error;
  if (options.replace || !std::filesystem::is_regular_file(options.timeline, error)) return;
  throw InputError(fmt::format(
      "--timeline: '{}' exists; give another name, or --force to replace it", options.timeline));
}

// Before a long run, where the scenario says how many there will be.
void CheckExplained(const SimulateOptions& options, const Scenario& scenario) {
  const int requests = scenario.workload.requests;
  if (!options.explain || requests == 0 || *options.explain < requests) return;
  throw InputError(
      fmt::format("--explain {}: the run has requests 0 to {}", *options.explain, requests - 1));
}

void ShowProgress(ProgressLine& line, const std::string& system, const SimulationProgress& now) {
  line.Update(now, [&] {
    const std::string of = now.total ? fmt::format(" of {}", *now.total) : "";
    const double simulated_s = now.simulated.value();
    return fmt::format("{}: {}{} requests, {:.0f} s simulated ({:.0f} x real time)", system,
                       now.done, of, simulated_s, simulated_s / line.elapsed_s());
  });
}

RunOptions RunOptionsOf(const SimulateOptions& options) {
  RunOptions run;
  if (!options.engine.empty()) run.engine = EngineNamed(options.engine);
  run.out = options.out;
  run.replaces = options.replace;
  run.keeps_gaps = options.gaps;
  run.makes_vllm = options.format == "vllm";
  run.checks_laws = options.check;
  run.explained = options.explain;
  run.timeline = options.timeline;
  return run;
}

void Print(const RunResult& result, const std::string& format) {
  if (result.explanation) return PrintResult(*result.explanation);
  if (format == "text") return PrintResult(SummaryText(result.summary_json));
  PrintResult(result.vllm_json.value_or(result.summary_json));
}

void SayWhatWasDone(const RunResult& result, const SimulateOptions& options) {
  if (result.lawful_events) {
    std::fputs(fmt::format("all laws held for {} events\n", *result.lawful_events).c_str(), stderr);
  }
  if (!options.out.empty()) SayWritten(options.out);
  if (!options.timeline.empty() && !result.not_possible) SayWritten(options.timeline);
}

int Simulate(const SimulateOptions& options) {
  RefuseToReplaceTimeline(options);
  const Scenario scenario = ScenarioOf(options);
  CheckExplained(options, scenario);
  RunOptions run = RunOptionsOf(options);
  ProgressLine progress;
  run.on_progress = [&](const SimulationProgress& now) {
    if (!options.quiet) ShowProgress(progress, scenario.system.name, now);
    return !IsInterrupted();
  };
  const RunResult result = Run(scenario, run);
  progress.Clear();
  Print(result, options.format);
  if (result.info.is_partial) {
    throw RunError("interrupted; the results so far are marked partial");
  }
  if (!options.quiet) SayWhatWasDone(result, options);
  return 0;
}

}  // namespace

int SimulateVerb(CommandLine& line) {
  SimulateOptions options;
  AddOptions(line, options);
  line.Parse();
  CatchInterrupts();
  return Simulate(options);
}

}  // namespace hat
