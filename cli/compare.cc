// hat compare: the same requests for several systems, several seeds, side by side.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "cli/chosen_systems.h"
#include "cli/plain_verbs.h"
#include "cli/run_plot.h"
#include "cli/set_option.h"
#include "cli/shipped.h"
#include "cli/simulations.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/plan/plan.h"
#include "experiments/plan/status.h"
#include "experiments/results/comparison.h"
#include "experiments/results/comparison_report.h"
#include "experiments/results/published.h"
#include "experiments/scenario/scenario.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string scenario;
  std::vector<std::string> systems = SystemNames();
  int seeds = 5;
  int jobs = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
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

void AddOptions(CommandLine& line, Options& options) {
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
  line.add_option("--jobs", options.jobs, "simulations at once")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
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
std::vector<Scenario> LoadAll(const Options& options) {
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

// Seed by seed, so that an early look at the time left has seen every system.
Plan PlanOf(const Options& options, uint64_t first_seed) {
  const std::vector<std::string> overrides = WithoutSeed(options.overrides);
  Plan plan;
  for (const uint64_t seed : SeedsFrom(first_seed, options.seeds)) {
    for (const std::string& system : options.systems) {
      Cell& cell = plan.cells.emplace_back();
      cell.name = fmt::format("{}, seed {}", system, seed);
      cell.folder = fmt::format("runs/{}/seed-{}", system, seed);
      cell.scenario = options.scenario;
      cell.overrides = overrides;
      cell.overrides.push_back("system.name=" + system);
      cell.seed = seed;
    }
  }
  return plan;
}

void RunAll(const Options& options, const Plan& plan, ResultFolder& folder) {
  SimulationsOptions simulations;
  simulations.plan.folder = folder.staging();
  if (options.resumes) simulations.plan.earlier = options.out;
  simulations.plan.jobs = options.jobs;
  simulations.plan.retries = options.retries;
  simulations.plan.keeps_going = options.keeps_going;
  simulations.is_quiet = options.is_quiet;
  simulations.stays = options.keeps();
  simulations.plan.on_done = [&](int done) { folder.Keep(options.keeps() && done > 0); };
  RunSimulations(plan, simulations);
}

// Common random numbers: all systems of a seed must have had the same requests. A closed loop's
// arrivals are the system's own.
void CheckSameRequests(const Plan& plan, const std::vector<RunFigures>& figures,
                       const std::string& folder) {
  std::map<uint64_t, std::pair<std::string, std::string>> first;  // seed: digest, system
  for (size_t i = 0; i < figures.size(); ++i) {
    const RunFigures& run = figures[i];
    if (run.not_possible) continue;
    const std::string path = fmt::format("{}/{}/requests.csv", folder, plan.cells[i].folder);
    const std::string digest = RequestsDigest(ReadFile(path));
    const auto& [expected, system] = first.try_emplace(run.seed, digest, run.system).first->second;
    if (digest == expected) continue;
    throw RunError(fmt::format("{} and {} did not get the same requests with seed {}", system,
                               run.system, run.seed));
  }
}

// By the plan's cells.
std::vector<RunFigures> Collect(const Plan& plan, const std::string& folder) {
  std::vector<RunFigures> figures;
  for (const Cell& cell : plan.cells) {
    const std::string path = fmt::format("{}/{}/summary.json", folder, cell.folder);
    figures.push_back(ParseSummary(ReadFile(path), path));
  }
  return figures;
}

void AddAttainment(const Plan& plan, const std::string& folder, Comparison& comparison) {
  for (SystemFigures& system : comparison.systems) {
    if (system.not_possible) continue;
    AttainmentSamples samples;
    for (const Cell& cell : plan.cells) {
      if (!cell.folder.starts_with(fmt::format("runs/{}/", system.system))) continue;
      const std::string path = fmt::format("{}/{}/requests.csv", folder, cell.folder);
      samples.Add(ReadFile(path), path);
    }
    system.attainment = std::move(samples).Curves();
  }
}

// Published figures hold for the published scenario: none if the call changes more than its load.
std::vector<PublishedValue> PublishedBeside(const Options& options, const Scenario& scenario) {
  for (const std::string& override_text : options.overrides) {
    const std::string key = override_text.substr(0, override_text.find('='));
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

ComparisonInfo InfoOf(const Options& options, const Scenario& scenario) {
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

std::string ManifestJson(const Options& options, const ComparisonInfo& info) {
  const std::string commit = BuildCommit();
  const nlohmann::ordered_json manifest = {{"schema_version", kComparisonSchema},
                                           {"world", info.label},
                                           {"commit", commit.substr(0, commit.find("-dirty"))},
                                           {"dirty", commit.ends_with("-dirty")},
                                           {"scenario", info.scenario},
                                           {"overrides", info.overrides},
                                           {"systems", options.systems},
                                           {"seeds", info.seeds}};
  return manifest.dump(2) + "\n";
}

std::string ScratchFolder() {
  std::error_code error;
  const fs::path folder = fs::temp_directory_path(error);
  if (error) throw RunError(fmt::format("no folder for temporary files: {}", error.message()));
  return folder / fmt::format("hat-compare-{}", ::getpid());
}

// Kept results may be gone on with; those for the printed tables alone go with the program.
ResultFolder FolderOf(const Options& options) {
  if (!options.keeps()) return ResultFolder(ScratchFolder());
  return ResultFolder::Resumable(options.out, options.replace || options.resumes, kStatusFile);
}

int Compare(const Options& options) {
  RefuseSystemOverride(options.overrides);
  const std::vector<Scenario> scenarios = LoadAll(options);
  const Scenario& scenario = scenarios.front();
  ComparisonInfo info = InfoOf(options, scenario);
  const Plan plan = PlanOf(options, scenario.seed);
  ResultFolder folder = FolderOf(options);
  RunAll(options, plan, folder);
  const std::vector<RunFigures> figures = Collect(plan, folder.staging());
  if (scenario.workload.arrivals.kind != ArrivalConfig::Kind::kClosedLoop) {
    CheckSameRequests(plan, figures, folder.staging());
  }
  Comparison comparison = CompareRuns(figures);
  AddAttainment(plan, folder.staging(), comparison);
  info.label = figures.front().label;
  if (options.keeps()) {
    folder.Write("comparison.json", ComparisonJson(comparison, info));
    folder.Write("comparison.csv", ComparisonCsv(comparison));
    folder.Write("comparison.md", ComparisonMarkdown(comparison, info));
    folder.Write("manifest.json", ManifestJson(options, info));
    folder.Commit();
  }
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
  Options options;
  AddOptions(line, options);
  line.Parse();
  CatchInterrupts();
  return Compare(options);
}

}  // namespace hat
