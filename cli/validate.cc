// hat validate: how far a simulation is from the live run of the same requests.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/chosen_systems.h"
#include "cli/live_runs.h"
#include "cli/plain_verbs.h"
#include "cli/progress_line.h"
#include "cli/run_plot.h"
#include "cli/set_option.h"
#include "cli/shipped.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/results/results.h"
#include "experiments/scenario/scenario.h"
#include "experiments/traces/draft_trace.h"
#include "experiments/validate/report.h"
#include "experiments/validate/settings.h"
#include "experiments/validate/validation.h"
#include "experiments/watch/event_file.h"
#include "sim/run.h"

namespace hat {
namespace {

struct ValidateOptions {
  std::string scenario;
  std::string live;
  std::vector<std::string> systems;
  std::vector<std::string> overrides;
  std::string require;
  std::string out;
  bool replace = false;
  bool draws = true;
  bool is_quiet = false;
};

void AddOptions(CommandLine& line, ValidateOptions& options) {
  line.description(
      "How far the simulator is from the same requests served live. Simulates what 'hat replay' "
      "served, and prints for each system TTFT, TBT, E2E, accept length, batch tokens and stage "
      "time in both worlds, with the error of the mean, P50, P90 and P99 and how well it is known; "
      "checks that both did the same request by request; says whether they rank the systems alike. "
      "With --out also writes validation.json, .md, .png and .pdf.\n\n"
      "  hat replay experiments/measured/small_model.toml --systems hat,u-shape --out "
      "results/live\n"
      "  hat validate experiments/measured/small_model.toml --live results/live --out "
      "results/gap\n\n"
      "Exit code 1 if a request's tokens, rounds, drafted or accepted differ without a near-tie "
      "that the replay listed, or over 1% of the requests' with one; if a request completed in one "
      "world alone; if an error is larger than --require allows. Errors by themselves fail "
      "nothing. "
      "How to read it: docs/validation.md.");
  line.add_option("scenario", options.scenario, "the TOML file that was replayed")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--live", options.live,
                  "folder of 'hat replay --out'; several seeds of a system are pooled")
      ->required();
  line.add_option("--systems", options.systems, "which of those in --live (default: all)")
      ->delimiter(',');
  AddSetOption(line, options.overrides, "the scenario; the same as the replay had");
  line.add_option("--require", options.require,
                  "fail if an error is larger, either way: NAME=PERCENT,...; NAME is "
                  "METRIC_STATISTIC, as ttft_p50, tbt_mean, stage_p99")
      ->type_name("NAME=PERCENT,...");
  line.add_option("--out", options.out, "folder for the results; must not exist");
  line.add_flag("--force", options.replace, "replace earlier results");
  line.add_flag("!--no-figure", options.draws, "do not draw validation.png, validation.pdf");
  line.add_flag("--quiet", options.is_quiet, "nothing on stderr but errors");
}

// -- the simulation of the same requests

void RefuseWhatCannotBePaired(const Scenario& scenario) {
  if (scenario.workload.arrivals.kind == ArrivalConfig::Kind::kClosedLoop) {
    throw InputError(fmt::format(
        "{}: 'workload.arrivals' closed-loop: who asks next depends on the answers' times, so that "
        "requests of two worlds are not the same ones",
        scenario.path));
  }
  if (scenario.system.drafts() && scenario.acceptance.trace_path.empty()) {
    throw InputError(fmt::format(
        "{}: no 'acceptance.trace': a drawn drafter does not draft what the served model does; "
        "record a draft trace of it (hat trace record)",
        scenario.path));
  }
}

std::string TraceModel(const Scenario& scenario) {
  if (!scenario.system.drafts()) return "";
  return DraftTrace::Load(scenario.acceptance.trace_path).info().model_sha256;
}

// All that can be known before the simulation.
Scenario ScenarioOf(const ValidateOptions& options, const LiveRun& live) {
  std::vector<std::string> overrides = options.overrides;
  if (live.is_of_seeds) {
    overrides = WithoutSeed(std::move(overrides));
    overrides.push_back(fmt::format("seed={}", live.manifest.seed));
  }
  overrides.push_back("system.name=" + live.manifest.system);
  Scenario scenario = LoadScenario(options.scenario, overrides);
  RefuseWhatCannotBePaired(scenario);
  RefuseDifferences(
      ConfigDifferences(scenario.resolved, live.manifest.config, live.File("manifest.json")),
      live.folder);
  if (!live.receipt) return scenario;
  RefuseDifferences(ReceiptDifferences(scenario, TraceModel(scenario), *live.receipt),
                    live.File("receipt.json"));
  return scenario;
}

RunOfSystem Simulate(const Scenario& scenario, const LiveRun& live, bool is_quiet) {
  BatchSamples batches(scenario.workload.warmup_requests);
  RunOptions run;
  run.observers = {&batches};
  ProgressLine line;
  run.on_progress = [&](const SimulationProgress& now) {
    const auto words = [&] {
      return scenario.system.name + fmt::format(": {} requests", now.done);
    };
    if (!is_quiet) line.Update(now, words);
    return !IsInterrupted();
  };
  const RunResult result = Run(scenario, run);
  if (result.not_possible) throw InputError(scenario.path + ": " + *result.not_possible);
  if (result.info.is_partial) throw RunError("interrupted; nothing was written");
  const std::string name = "the simulation";
  RefuseDifferences(FileDifferences(ParseManifest(ManifestJson(result.info), name), live.manifest),
                    live.folder);
  RunOfSystem simulated = ReadRun(result.summary_json, name, RequestsCsv(*result.recorder), name);
  simulated.batches = std::move(batches);
  return simulated;
}

RunOfSystem ReadLive(const LiveRun& live, int warmup_requests) {
  const std::string summary = live.File("summary.json"), requests = live.File("requests.csv");
  RunOfSystem run = ReadRun(ReadFile(summary), summary, ReadFile(requests), requests);
  if (!live.Has("events.jsonl")) return run;
  run.batches.emplace(warmup_requests);
  ReadEvents({live.File("events.jsonl")}, *run.batches);
  return run;
}

// A system's runs, the scenario of each with it.
struct System {
  LiveSystem live;
  std::vector<Scenario> scenarios;
};

std::vector<System> OpenAll(const ValidateOptions& options) {
  std::vector<System> systems;
  for (LiveSystem& live : OpenLive(options.live, options.systems)) {
    System& system = systems.emplace_back();
    for (const LiveRun& run : live.runs) system.scenarios.push_back(ScenarioOf(options, run));
    system.live = std::move(live);
  }
  return systems;
}

SystemValidation ValidateOne(const System& system, bool is_quiet) {
  std::vector<SeedRuns> all;
  for (size_t i = 0; i < system.scenarios.size(); ++i) {
    const LiveRun& live = system.live.runs[i];
    const Scenario& scenario = system.scenarios[i];
    SeedRuns& seed = all.emplace_back();
    seed.seed = scenario.seed;
    seed.live = ReadLive(live, scenario.workload.warmup_requests);
    seed.simulated = Simulate(scenario, live, is_quiet);
    seed.receipt = live.receipt;
    seed.live_name = live.File("requests.csv");
  }
  return ValidateSystem(system.live.system, all);
}

// -- what is written

ValidationInfo InfoOf(const ValidateOptions& options, const std::vector<System>& systems) {
  const Scenario& scenario = systems.front().scenarios.front();
  ValidationInfo info;
  info.scenario = scenario.name;
  info.model = scenario.model.name;
  info.devices = scenario.devices();
  for (const System& system : systems) {
    for (const LiveRun& run : system.live.runs) {
      if (std::ranges::count(info.seeds, run.manifest.seed) == 0) {
        info.seeds.push_back(run.manifest.seed);
      }
    }
  }
  std::ranges::sort(info.seeds);
  info.overrides = options.overrides;
  return info;
}

std::string ValidationManifest(const ValidationInfo& info, const std::vector<System>& systems) {
  const std::string commit = BuildCommit();
  nlohmann::ordered_json live = nlohmann::ordered_json::object();
  for (const System& system : systems) {
    nlohmann::ordered_json& runs = live[system.live.system];
    for (const LiveRun& run : system.live.runs) {
      runs.push_back({{"seed", run.manifest.seed},
                      {"world", run.manifest.world},
                      {"commit", run.manifest.commit},
                      {"requests_sha256", Sha256Hex(ReadFile(run.File("requests.csv")))}});
    }
  }
  const std::string& world = systems.front().live.runs.front().manifest.world;
  const nlohmann::ordered_json manifest = {{"schema_version", kValidationSchema},
                                           {"world", world},
                                           {"commit", commit.substr(0, commit.find("-dirty"))},
                                           {"dirty", commit.ends_with("-dirty")},
                                           {"scenario", info.scenario},
                                           {"overrides", info.overrides},
                                           {"seeds", info.seeds},
                                           {"live", live}};
  return manifest.dump(2) + "\n";
}

int Validate(const ValidateOptions& options) {
  RefuseSystemOverride(options.overrides);
  RefuseTilde(options.live);
  std::vector<Requirement> requirements;
  if (!options.require.empty()) requirements = ParseRequirements(options.require);
  const std::vector<System> opened = OpenAll(options);
  ValidationInfo info = InfoOf(options, opened);
  info.requirements = std::move(requirements);
  std::optional<ResultFolder> folder;
  if (!options.out.empty()) folder.emplace(options.out, options.replace);
  std::vector<SystemValidation> systems;
  for (const System& system : opened) systems.push_back(ValidateOne(system, options.is_quiet));
  if (folder) {
    folder->Write("validation.json", ValidationJson(systems, info));
    folder->Write("validation.md", ValidationMarkdown(systems, info));
    folder->Write("manifest.json", ValidationManifest(info, opened));
    folder->Commit();
  }
  PrintResult(ValidationText(systems, info));
  if (folder && !options.is_quiet) SayWritten(options.out);
  for (const char* image : {"/validation.png", "/validation.pdf"}) {
    if (!folder || !options.draws) break;
    RunPlot("validate.py", options.out + "/validation.json", options.out + image);
  }
  const std::vector<std::string> failures = Failures(systems, info);
  if (!failures.empty()) throw RunError(fmt::format("{}", fmt::join(failures, "; ")));
  return 0;
}

}  // namespace

int ValidateVerb(CommandLine& line) {
  ValidateOptions options;
  AddOptions(line, options);
  line.Parse();
  CatchInterrupts();
  return Validate(options);
}

}  // namespace hat
