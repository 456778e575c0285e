// hat compare: the same requests for several systems, several seeds, side by side.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/chosen_systems.h"
#include "cli/plain_verbs.h"
#include "cli/run_plot.h"
#include "cli/set_option.h"
#include "cli/shipped.h"
#include "cli/sweep_options.h"
#include "core/config.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/results/comparison.h"
#include "experiments/results/comparison_report.h"
#include "experiments/results/published.h"
#include "experiments/scenario/scenario.h"
#include "experiments/sweep/named_results.h"
#include "experiments/sweep/unit_store.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

struct CompareOptions {
  std::string scenario;
  std::vector<std::string> systems = SystemNames();
  int seeds = 5;
  int jobs = 1;
  std::vector<std::string> overrides;
  std::string out;
  bool replace = false;
  bool resumes = false;
  bool keeps_going = false;
  int retries = 0;
  bool draws = true;
  bool is_quiet = false;

  bool keeps() const { return !out.empty(); }
};

void AddOptions(CommandLine& line, CompareOptions& options) {
  line.description(
      "Compares systems under the same requests: one simulation a system and seed, in processes of "
      "their own. Prints tables with 95% confidence intervals; with --out also writes "
      "comparison.json, .csv, .md and .png, attainment.png (the share of requests within a time), "
      "and "
      "every run's files under runs/.\n\n"
      "  hat compare experiments/paper/spec_bench_7b.toml --systems hat,u-shape --seeds 3 --out "
      "results/try");
  line.add_option("scenario", options.scenario, "a TOML file; every key: docs/formats.md")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--systems", options.systems, "which, the first is what others are compared with")
      ->delimiter(',')
      ->capture_default_str();
  line.add_option("--seeds", options.seeds, "runs a system: seeds s, s + 1, ..., s the scenario's")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  AddJobs(line, options.jobs);
  AddSetOption(line, options.overrides, "the scenario");
  CLI::Option* out =
      line.add_option("--out", options.out, "folder for the results; must not exist");
  CLI::Option* force =
      line.add_flag("--force", options.replace, "replace a folder of earlier results");
  line.add_flag("--resume", options.resumes,
                "the same, but keep of its simulations those that would come out the same")
      ->needs(out)
      ->excludes(force);
  line.add_option("--retries", options.retries,
                  "how often a simulation that failed is tried again, but for bad input")
      ->check(CLI::Range(0, 100))
      ->capture_default_str();
  line.add_flag("--keep-going", options.keeps_going,
                "after a simulation that failed run the others too");
  line.add_flag("!--no-figure", options.draws, "do not draw comparison.png, attainment.png");
  line.add_flag("--quiet", options.is_quiet, "nothing on stderr but errors");
}

// The scenario of each system: what is wrong with one shows before anything runs.
std::vector<Scenario> LoadAll(const CompareOptions& options) {
  CheckSystems(options.systems);
  std::vector<Scenario> scenarios;
  for (const std::string& system : options.systems) {
    std::vector<std::string> overrides = options.overrides;
    overrides.push_back(fmt::format("system.name={}", system));
    scenarios.push_back(LoadScenario(options.scenario, overrides));
  }
  if (scenarios.empty()) throw InputError("--systems: name at least one");
  return scenarios;
}

// Where a run's results lie in the end, below the comparison's folder.
std::string FolderOf(const std::string& system, uint64_t seed) {
  return fmt::format("runs/{}/{}", system, SeedFolder(seed));
}

// Seed by seed, so that an early look at the time left has seen every system.
void AddCells(const CompareOptions& options, uint64_t first_seed, GrowingSweep& sweep) {
  const std::vector<std::string> overrides = WithoutSeed(options.overrides);
  for (const uint64_t seed : SeedsFrom(first_seed, options.seeds)) {
    for (const std::string& system : options.systems) {
      Cell cell;
      cell.name = fmt::format("{}, seed {}", system, seed);
      cell.folder = FolderOf(system, seed);
      cell.scenario = options.scenario;
      cell.overrides = overrides;
      cell.overrides.push_back("system.name=" + system);
      cell.seed = seed;
      sweep.Add(std::move(cell), {system, std::to_string(seed)});
    }
  }
  sweep.Write();
}

constexpr const char* kManifest = "manifest.json";

// What the manifest of an earlier comparison says of its runs; nothing if it says nothing.
std::map<std::string, std::string> KeysIn(const std::string& folder) {
  const std::string path = fmt::format("{}/{}", folder, kManifest);
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  try {
    return nlohmann::json::parse(ReadFile(path))
        .value("runs", std::map<std::string, std::string>());
  } catch (const nlohmann::json::exception& problem) {
    throw InputError(fmt::format("{}: not the manifest of a comparison: {}", path, problem.what()));
  }
}

// Of earlier comparisons, here and where this one is to lie, what would come out the same.
void TakeEarlier(const CompareOptions& options, const Sweep& sweep) {
  TakeNamedResults(sweep.folder, KeysIn(sweep.folder), sweep);
  if (options.resumes) TakeNamedResults(options.out, KeysIn(options.out), sweep);
  std::error_code error;
  fs::remove_all(fs::path(sweep.folder) / "runs", error);
  if (error) throw RunError(fmt::format("cannot remove '{}/runs'", sweep.folder));
  UnitStore(sweep.folder).Clean(sweep.units);
}

// The reasons are those of the runs' own processes.
[[noreturn]] void Fail(const Sweep& sweep, const UnitOutcome& outcome, const std::string& kept) {
  const std::string& key = outcome.failed.front();
  const UnitFailure failure = UnitStore(sweep.folder).Failed().at(key);
  const auto cell = std::ranges::find(sweep.keys, key) - sweep.keys.begin();
  std::string message =
      fmt::format("{}: {}", sweep.plan.plan.cells[static_cast<size_t>(cell)].name, failure.reason);
  if (outcome.failed.size() > 1) {
    message = fmt::format("{} simulations failed; the first: {}", outcome.failed.size(), message);
  }
  if (!kept.empty()) message += "; " + kept;
  if (failure.exit_code == 2) throw InputError(message);
  throw RunError(message);
}

void RunAll(const CompareOptions& options, const Sweep& sweep, ResultFolder& folder) {
  SweepRunOptions run;
  run.units.keys = sweep.keys;
  run.units.jobs = options.jobs;
  run.units.retries = options.retries;
  run.units.retries_failed = true;
  run.units.stops_at_failure = !options.keeps_going;
  run.is_quiet = options.is_quiet;
  run.says_failures = !options.is_quiet;
  run.keeps_units = options.keeps();
  const size_t done = UnitStore(sweep.folder).Done().size();
  if (!options.is_quiet) {
    const std::string already = done == 0 ? "" : fmt::format(", {} of them done already", done);
    std::fputs(
        fmt::format("{} simulations{}, {} at once\n", sweep.keys.size(), already, options.jobs)
            .c_str(),
        stderr);
  }
  folder.Keep(options.keeps());
  const UnitOutcome outcome = RunSweepUnits(sweep, run);
  const bool is_kept = options.keeps() && outcome.done > 0;
  folder.Keep(is_kept);
  const std::string kept =
      is_kept
          ? fmt::format(
                "{} of {} simulations are done and stay in '{}': the same command goes on there",
                outcome.done, outcome.all, sweep.folder)
          : "";
  if (outcome.is_stopped) {
    throw RunError("interrupted; " + (is_kept ? kept : "nothing was written"));
  }
  if (!outcome.failed.empty()) Fail(sweep, outcome, kept);
}

// Common random numbers: all systems of a seed must have had the same requests. A closed loop's
// arrivals are the system's own.
void CheckSameRequests(const Sweep& sweep, const std::vector<RunFigures>& figures) {
  const UnitStore store(sweep.folder);
  std::map<uint64_t, std::pair<std::string, std::string>> first;  // seed: digest, system
  for (size_t i = 0; i < figures.size(); ++i) {
    const RunFigures& run = figures[i];
    if (run.not_possible) continue;
    const std::string digest =
        RequestsDigest(ReadFile(store.FolderOf(sweep.keys[i]) + "/requests.csv"));
    const auto& [expected, system] = first.try_emplace(run.seed, digest, run.system).first->second;
    if (digest == expected) continue;
    throw RunError(fmt::format("{} and {} did not get the same requests with seed {}", system,
                               run.system, run.seed));
  }
}

// By the sweep's cells.
std::vector<RunFigures> Collect(const Sweep& sweep) {
  const UnitStore store(sweep.folder);
  std::vector<RunFigures> figures;
  for (const std::string& key : sweep.keys) {
    const std::string path = store.FolderOf(key) + "/summary.json";
    figures.push_back(ParseSummary(ReadFile(path), path));
  }
  return figures;
}

void AddAttainment(const Sweep& sweep, Comparison& comparison) {
  const UnitStore store(sweep.folder);
  for (SystemFigures& system : comparison.systems) {
    if (system.not_possible) continue;
    AttainmentSamples samples;
    for (size_t i = 0; i < sweep.keys.size(); ++i) {
      if (sweep.plan.values[i].front() != system.system) continue;
      const std::string path = store.FolderOf(sweep.keys[i]) + "/requests.csv";
      samples.Add(ReadFile(path), path);
    }
    system.attainment = std::move(samples).Curves();
  }
}

// Published figures hold for the published scenario: none if the call changes more than its load.
std::vector<PublishedValue> PublishedBeside(const CompareOptions& options,
                                            const Scenario& scenario) {
  for (const std::string& override_text : options.overrides) {
    const std::string key = KeyOfOverride(override_text);
    const bool keeps_scenario = key == "workload.requests" || key == "workload.rate_per_s" ||
                                key == "workload.warmup_requests" || key == "seed";
    if (!keeps_scenario) return {};
  }
  const fs::path path = fs::path(options.scenario).parent_path() / "published.csv";
  std::error_code error;
  if (!fs::exists(path, error)) return {};
  return PublishedFor(path, scenario.name, scenario.model.name,
                      scenario.workload.arrivals.rate_per_s);
}

ComparisonInfo InfoOf(const CompareOptions& options, const Scenario& scenario) {
  ComparisonInfo info;
  info.scenario = scenario.name;
  info.model = scenario.model.name;
  info.devices = scenario.devices();
  if (scenario.workload.arrivals.rate_per_s > 0) {
    info.rate_per_s = scenario.workload.arrivals.rate_per_s;
  }
  info.overrides = options.overrides;
  info.seeds = SeedsFrom(scenario.seed, options.seeds);
  info.published = PublishedBeside(options, scenario);
  return info;
}

// `runs`: their keys by their folders.
std::string ManifestJson(const CompareOptions& options, const ComparisonInfo& info,
                         const std::map<std::string, std::string>& runs) {
  const std::string commit = BuildCommit();
  const nlohmann::ordered_json manifest = {{"schema_version", kComparisonSchema},
                                           {"world", info.label},
                                           {"commit", commit.substr(0, commit.find("-dirty"))},
                                           {"dirty", commit.ends_with("-dirty")},
                                           {"scenario", info.scenario},
                                           {"overrides", info.overrides},
                                           {"systems", options.systems},
                                           {"seeds", info.seeds},
                                           {"runs", runs}};
  return manifest.dump(2) + "\n";
}

std::string ScratchFolder() {
  std::error_code error;
  const fs::path folder = fs::temp_directory_path(error);
  if (error) throw RunError(fmt::format("no folder for temporary files: {}", error.message()));
  return folder / fmt::format("hat-compare-{}", ::getpid());
}

// Kept results may be gone on with; those for the printed tables alone go with the program.
ResultFolder FolderOf(const CompareOptions& options) {
  if (!options.keeps()) return ResultFolder(ScratchFolder());
  return ResultFolder::Resumable(options.out, options.replace || options.resumes, kManifest);
}

// Makes it known as that of a comparison first, then as one of a sweep, whatever was there.
void PrepareFolder(const CompareOptions& options, const ComparisonInfo& info,
                   ResultFolder& folder) {
  const fs::path staging(folder.staging());
  if (!fs::exists(staging / kManifest)) folder.Write(kManifest, ManifestJson(options, info, {}));
  std::error_code error;
  fs::create_directories(staging / "units", error);
  if (error) throw RunError(fmt::format("cannot write '{}/units'", staging.string()));
}

void WriteAll(const Comparison& comparison, const ComparisonInfo& info, const Sweep& sweep,
              ResultFolder& folder) {
  folder.Write("comparison.json", ComparisonJson(comparison, info));
  folder.Write("comparison.csv", ComparisonCsv(comparison));
  folder.Write("comparison.md", ComparisonMarkdown(comparison, info));
  NameResults(sweep);
  folder.Commit();
}

int Compare(const CompareOptions& options) {
  RefuseSystemOverride(options.overrides);
  const std::vector<Scenario> scenarios = LoadAll(options);
  const Scenario& scenario = scenarios.front();
  ComparisonInfo info = InfoOf(options, scenario);
  ResultFolder folder = FolderOf(options);
  PrepareFolder(options, info, folder);
  GrowingSweep growing(scenario.name, {"system.name", "seed"}, folder.staging(), Simulator());
  AddCells(options, scenario.seed, growing);
  const Sweep& sweep = growing.sweep();
  TakeEarlier(options, sweep);
  folder.Write(kManifest, ManifestJson(options, info, KeysByFolder(sweep)));
  RunAll(options, sweep, folder);
  const std::vector<RunFigures> figures = Collect(sweep);
  if (scenario.workload.arrivals.kind != ArrivalConfig::Kind::kClosedLoop) {
    CheckSameRequests(sweep, figures);
  }
  Comparison comparison = CompareRuns(figures);
  AddAttainment(sweep, comparison);
  info.label = figures.front().label;
  if (options.keeps()) WriteAll(comparison, info, sweep, folder);
  PrintResult(ComparisonText(comparison, info));
  if (options.keeps() && !options.is_quiet) SayWritten(options.out);
  if (options.keeps() && options.draws) {
    const std::string data = options.out + "/comparison.json";
    RunPlot("compare.py", data, options.out + "/comparison.png");
    RunPlot("attainment.py", data, options.out + "/attainment.png");
  }
  return 0;
}

}  // namespace

int CompareVerb(CommandLine& line) {
  CompareOptions options;
  AddOptions(line, options);
  line.Parse();
  CatchInterrupts();
  return Compare(options);
}

}  // namespace hat
