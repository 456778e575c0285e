// hat simulate: one scenario, one seed, one folder of results.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/plain_verbs.h"
#include "cli/progress_line.h"
#include "cli/shipped.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/laws/laws.h"
#include "experiments/results/results.h"
#include "experiments/results/summary_text.h"
#include "experiments/scenario/input_files.h"
#include "experiments/watch/explain.h"
#include "experiments/watch/timeline.h"
#include "sim/simulation.h"

namespace hat {
namespace {

struct Options {
  std::string scenario;
  std::vector<std::string> overrides;
  std::string seed;
  std::string engine;
  std::string out;
  bool replace = false;
  bool check = false;
  bool gaps = false;
  bool quiet = false;
  bool as_json = false;
  std::optional<int> explain;
  std::string timeline;
};

void AddOptions(CommandLine& line, Options& options) {
  line.description(
      "Simulates one scenario: devices, links and the cloud from latency profiles, the protocol's "
      "own code in between. Prints a summary; with --out also writes requests.csv, summary.json "
      "and manifest.json.\n\n"
      "  hat simulate experiments/paper/spec_bench_7b.toml --set system.name=u-shape\n"
      "  hat simulate experiments/paper/spec_bench_7b.toml --explain 7");
  line.add_option("scenario", options.scenario, "a TOML file; every key: docs/formats.md")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--set", options.overrides,
                  "sets a key of the scenario, e.g. --set workload.rate_per_s=4; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
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
  line.add_flag("--json", options.as_json, "print summary.json in place of the summary in words")
      ->excludes("--explain");
  line.add_flag("--quiet", options.quiet, "nothing on stderr but errors");
}

RecorderOptions RecorderOptionsFor(const Simulation& simulation, bool keep_gaps) {
  const Scenario& scenario = simulation.scenario();
  RecorderOptions options;
  for (const DeviceClass& device_class : scenario.fleet.classes) {
    options.classes.push_back(device_class.name);
  }
  for (int d = 0; d < simulation.fleet().size(); ++d) {
    options.class_of_device.push_back(simulation.fleet().class_of(d));
  }
  options.replicas = scenario.scheduler.replicas;
  options.stages = scenario.has_cloud() ? scenario.scheduler.stages : 0;
  options.warmup_requests = scenario.workload.warmup_requests;
  options.keep_gaps = keep_gaps;
  return options;
}

LawOptions LawOptionsFor(const Simulation& simulation) {
  const Scenario& scenario = simulation.scenario();
  LawOptions options;
  options.kind = scenario.system.kind;
  options.hidden = scenario.model.hidden;
  options.devices = simulation.fleet().size();
  options.replicas = scenario.scheduler.replicas;
  options.stages = scenario.has_cloud() ? scenario.scheduler.stages : 0;
  options.token_budget =
      scenario.system.prefill_cut == "whole" ? 0 : scenario.scheduler.token_budget;
  return options;
}

RunInfo InfoOf(const Simulation& simulation) {
  const Scenario& scenario = simulation.scenario();
  RunInfo info;
  info.engine = Description(simulation.engine());
  info.scenario = scenario.name;
  info.system = scenario.system.name;
  info.seed = scenario.seed;
  info.config = scenario.resolved;
  info.profiles = simulation.profiles();
  info.inputs = InputFilesOf(scenario);
  return info;
}

std::string Shown(const std::string& summary_json, bool as_json) {
  return as_json ? summary_json : SummaryText(summary_json);
}

// The observers that the options ask for, and what becomes of them after the run.
class Observers {
 public:
  Observers(const Simulation& simulation, const Options& options)
      : recorder_(RecorderOptionsFor(simulation, options.gaps)) {
    list_.Add(&recorder_);
    if (options.check) list_.Add(&laws_.emplace(LawOptionsFor(simulation)));
    if (options.explain) list_.Add(&explain_.emplace(*options.explain));
    if (!options.timeline.empty()) list_.Add(&timeline_.emplace(options.timeline));
  }

  Observer& all() { return list_; }
  const Recorder& recorder() const { return recorder_; }

  // Throws RunError if one is broken. Returns how many events they held for; nothing where they
  // were not checked.
  std::optional<int64_t> CheckLaws(bool is_partial) {
    if (!laws_) return std::nullopt;
    laws_->Finish(is_partial);
    laws_->Require();
    return laws_->events();
  }
  std::string Text(const RunInfo& info, bool as_json) const {
    const bool explains = explain_ && (explain_->has_arrived() || !info.is_partial);
    if (explains) return explain_->Text();
    return Shown(SummaryJson(recorder_, info), as_json);
  }
  void FinishTimeline() {
    if (timeline_) timeline_->Finish();
  }

 private:
  ObserverList list_;
  Recorder recorder_;
  std::optional<Laws> laws_;
  std::optional<Explain> explain_;
  std::optional<Timeline> timeline_;
};

Scenario ScenarioOf(const Options& options) {
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

void RefuseToReplaceTimeline(const Options& options) {
  std::error_code error;
  if (options.replace || !std::filesystem::is_regular_file(options.timeline, error)) return;
  throw InputError(fmt::format(
      "--timeline: '{}' exists; give another name, or --force to replace it", options.timeline));
}

// Before a long run, where the scenario says how many there will be.
void CheckExplained(const Options& options, const Scenario& scenario) {
  const int requests = scenario.workload.requests;
  if (!options.explain || requests == 0 || *options.explain < requests) return;
  throw InputError(
      fmt::format("--explain {}: the run has requests 0 to {}", *options.explain, requests - 1));
}

void ShowProgress(ProgressLine& line, const std::string& system, const Progress& now) {
  const std::string of = now.expected ? fmt::format(" of {}", *now.expected) : "";
  const double simulated_s = now.simulated.value();
  std::optional<double> share;
  if (now.expected) share = double(now.completed) / std::max(1, *now.expected);
  line.Show(fmt::format("{}: {}{} requests, {:.0f} s simulated ({:.0f} x real time)", system,
                        now.completed, of, simulated_s, simulated_s / line.elapsed_s()),
            share);
}

void SayWhatIsWritten(const Options& options, bool has_timeline) {
  if (!options.out.empty()) SayWritten(options.out);
  if (has_timeline && !options.timeline.empty()) SayWritten(options.timeline);
}

// A run that measured nobody has no figures: better said than shown as dashes.
void RequireMeasured(const Recorder& recorder, const Scenario& scenario) {
  const WorkloadConfig& workload = scenario.workload;
  const auto arrived = std::ranges::count_if(recorder.rows(), [](const RequestRow& row) {
    return row.state != RequestRow::State::kUnseen;
  });
  const double duration_s = workload.duration.value();  // 0: none, as a replay may have
  const std::string within =
      duration_s > 0 ? fmt::format(" within workload.duration_s = {:g}", duration_s) : "";
  if (arrived == 0) {
    throw InputError(
        fmt::format("{}: no request arrived{}; make it longer, or raise "
                    "workload.rate_per_s",
                    scenario.path, within));
  }
  if (arrived > workload.warmup_requests) return;
  throw InputError(
      fmt::format("{}: {} requests arrived{}, all of them in the warm-up, so nothing was measured; "
                  "lower workload.warmup_requests = {}",
                  scenario.path, arrived, within, workload.warmup_requests));
}

int Simulate(const Options& options) {
  RefuseToReplaceTimeline(options);
  std::optional<ResultFolder> folder;
  if (!options.out.empty()) folder.emplace(options.out, options.replace);
  std::optional<EngineKind> engine;
  if (!options.engine.empty()) engine = EngineNamed(options.engine);
  Simulation simulation(ScenarioOf(options), engine);
  CheckExplained(options, simulation.scenario());
  RunInfo info = InfoOf(simulation);

  if (const std::optional<std::string> reason = simulation.not_possible()) {
    if (folder) WriteNotPossible(*folder, info, *reason), folder->Commit();
    PrintResult(Shown(NotPossibleJson(info, *reason), options.as_json));
    if (!options.quiet) SayWhatIsWritten(options, false);
    return 0;
  }

  Observers observers(simulation, options);
  ProgressLine progress;
  const bool is_complete = simulation.Run(observers.all(), [&](const Progress& now) {
    if (!options.quiet && progress.IsDue()) ShowProgress(progress, info.system, now);
    return !IsInterrupted();
  });
  progress.Clear();
  info.is_partial = !is_complete;
  const bool shows_single_requests = options.explain || !options.timeline.empty();
  if (is_complete && !shows_single_requests) {
    RequireMeasured(observers.recorder(), simulation.scenario());
  }
  const std::string text = observers.Text(info, options.as_json);
  observers.FinishTimeline();
  const std::optional<int64_t> checked = observers.CheckLaws(info.is_partial);
  if (folder) WriteResults(*folder, observers.recorder(), info), folder->Commit();
  PrintResult(text);
  if (!is_complete) throw RunError("interrupted; the results so far are marked partial");
  if (checked && !options.quiet) {
    std::fputs(fmt::format("all laws held for {} events\n", *checked).c_str(), stderr);
  }
  if (!options.quiet) SayWhatIsWritten(options, true);
  return 0;
}

}  // namespace

int SimulateVerb(CommandLine& line) {
  Options options;
  AddOptions(line, options);
  line.Parse();
  CatchInterrupts();
  return Simulate(options);
}

}  // namespace hat
