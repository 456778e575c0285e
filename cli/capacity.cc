// hat capacity: the largest request rate at which service-level objectives are met.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/chosen_systems.h"
#include "cli/plain_verbs.h"
#include "cli/run_plot.h"
#include "cli/set_option.h"
#include "cli/shipped.h"
#include "cli/sweep_options.h"
#include "core/error.h"
#include "core/files.h"
#include "core/lines.h"
#include "core/program.h"
#include "experiments/capacity/objectives.h"
#include "experiments/capacity/report.h"
#include "experiments/capacity/search.h"
#include "experiments/scenario/scenario.h"
#include "experiments/sweep/unit_store.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

constexpr double kTolerance = 0.02;
constexpr const char* kRateKey = "workload.rate_per_s";

struct Options {
  std::string scenario;
  std::string objectives;
  std::vector<std::string> systems;
  int seeds = 5;
  int jobs = 1;
  std::vector<std::string> overrides;
  std::string over;  // "KEY=v1,v2"
  std::string out;
  bool grows_fleet = false;
  bool draws = true;
  bool is_quiet = false;
};

void AddOptions(CommandLine& line, Options& options) {
  line.description(
      "The largest request rate (workload.rate_per_s) at which every objective of --slo is met, by "
      "bisection: every rate is simulated with the same seeds. Prints it for each system, with the "
      "clients that it stands for and the objective that binds; with --out also writes "
      "capacity.json, .csv and .png. Runs are kept there, so that the same command goes on where "
      "an "
      "earlier one ended. More: docs/capacity.md.\n\n"
      "  hat capacity experiments/paper/spec_bench_7b.toml --slo ttft_p90_ms=1500,tbt_p90_ms=100 "
      "--systems hat,u-shape --over link.latency_ms=2,20,50 --out results/capacity");
  line.add_option("scenario", options.scenario, "a TOML file; every key: docs/formats.md")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--slo", options.objectives,
                  "NAME=BOUND,...; NAME is METRIC_STATISTIC_UNIT, as ttft_p90_ms, tbt_mean_ms")
      ->required();
  line.add_option("--systems", options.systems, "which; without it the scenario's")->delimiter(',');
  line.add_option("--seeds", options.seeds, "runs a rate: seeds s, s + 1, ..., s the scenario's")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  line.add_option("--over", options.over, "a key of the scenario, and values to find the rate for")
      ->type_name("KEY=V1,V2,...");
  line.add_flag("--grow-fleet", options.grows_fleet,
                "more devices in place of busier ones: fleet.scale goes with the rate");
  AddSetOption(line, options.overrides, "the scenario");
  AddJobs(line, options.jobs);
  line.add_option("--out", options.out, "folder for the results, and the runs");
  line.add_flag("!--no-figure", options.draws, "do not draw capacity.png");
  line.add_flag("--quiet", options.is_quiet, "nothing on stderr but errors");
}

struct Over {
  std::string key;                  // empty: none
  std::vector<std::string> values;  // one, empty, without a key
};

Over ParseOver(const std::string& text) {
  if (text.empty()) return {"", {""}};
  const size_t equals = text.find('=');
  const std::string values = equals == std::string::npos ? "" : text.substr(equals + 1);
  Over over{text.substr(0, equals), SplitAtCommas(values)};
  if (over.key.empty() || std::ranges::count(over.values, "") > 0) {
    throw InputError(
        fmt::format("--over must be KEY=V1,V2,..., as link.latency_ms=2,20,50, got '{}'", text));
  }
  return over;
}

std::string KeyOf(const std::string& override_text) {
  return override_text.substr(0, override_text.find('='));
}

// Keys that this verb chooses itself.
void RefuseKeys(const Options& options, const Over& over) {
  std::map<std::string, std::string> chosen = {{"system.name", "give the systems with --systems"}};
  RefuseSystemOverride(options.overrides);
  for (const std::string& text : options.overrides) {
    if (KeyOf(text) == over.key) {
      throw InputError(fmt::format("--set {}: --over chooses it", text));
    }
  }
  chosen[kRateKey] = "it is what is looked for";
  chosen["seed"] = "give their number with --seeds";
  if (options.grows_fleet) chosen["fleet.scale"] = "--grow-fleet chooses it";
  const auto refused = chosen.find(over.key);
  if (refused == chosen.end()) return;
  throw InputError(fmt::format("--over {}: {}", over.key, refused->second));
}

// One system at one value of the swept key: what is known, and the search for the rest.
struct Search {
  CapacityPoint point;
  CapacitySearch rates;
  std::vector<std::string> overrides;  // but for the rate
  double fleet_scale = 1;              // the scenario's
};

class CapacityRun {
 public:
  explicit CapacityRun(const Options& options);

  // Runs what it takes. Throws InputError or RunError for a run that fails, RunError "interrupted".
  void Run(const std::string& folder);

  std::vector<CapacityPoint> Points() const;
  const CapacityInfo& info() const { return info_; }

 private:
  void AddSearch(const std::string& system, const std::string& value);
  std::vector<std::string> CellKeys(const Search& search, double rate);
  void RunUnits(const std::vector<std::string>& keys);
  void Take(Search& search, const std::vector<std::string>& keys);

  const Options& options_;
  const Over over_;
  CapacityInfo info_;
  std::vector<Search> searches_;
  std::optional<GrowingSweep> sweep_;
  std::optional<ProgressLine> line_;
  size_t ended_ = 0;  // runs of the rounds before
};

CapacityRun::CapacityRun(const Options& options)
    : options_(options), over_(ParseOver(options.over)) {
  info_.objectives = ParseObjectives(options.objectives);
  info_.tolerance = kTolerance;
  info_.grows_fleet = options.grows_fleet;
  info_.overrides = options.overrides;
  info_.over = over_.key;
  RefuseKeys(options, over_);
  CheckSystems(options.systems);
  std::vector<std::string> systems = options.systems;
  std::vector<std::string> overrides = options.overrides;
  if (!systems.empty()) overrides.push_back("system.name=" + systems.front());
  const Scenario scenario = LoadScenario(options.scenario, overrides);
  if (systems.empty()) systems = {scenario.system.name};
  info_.scenario = scenario.name;
  info_.model = scenario.model.name;
  info_.seeds = SeedsFrom(scenario.seed, options.seeds);
  for (const std::string& system : systems) {
    for (const std::string& value : over_.values) AddSearch(system, value);
  }
}

// A mistake in the value of --over is told under that name.
Scenario LoadAt(const std::string& path, std::vector<std::string> overrides,
                const std::string& over) {
  if (over.empty()) return LoadScenario(path, overrides);
  LoadScenario(path, overrides);
  overrides.push_back(over);
  try {
    return LoadScenario(path, overrides);
  } catch (const InputError& error) {
    const std::string text = error.what();
    constexpr std::string_view kSet = "--set";
    if (!text.starts_with(kSet)) throw;
    throw InputError("--over" + text.substr(kSet.size()));
  }
}

// What is wrong with its scenario shows before anything runs.
void CapacityRun::AddSearch(const std::string& system, const std::string& value) {
  std::vector<std::string> overrides = WithoutSeed(options_.overrides);
  overrides.push_back("system.name=" + system);
  const std::string over = over_.key.empty() ? "" : fmt::format("{}={}", over_.key, value);
  const Scenario scenario = LoadAt(options_.scenario, overrides, over);
  if (!over.empty()) overrides.push_back(over);
  const double rate = scenario.workload.arrivals.rate_per_s;
  if (!(rate > 0)) {
    throw InputError(fmt::format(
        "{}: has no {}, as its arrivals are a closed loop or a replay: there is no rate "
        "to look for",
        scenario.path, kRateKey));
  }
  CapacityPoint point;
  point.system = system;
  point.value = value;
  point.scenario_rate = rate;
  point.devices = scenario.devices();
  if (scenario.has_cloud()) {
    point.gpus = scenario.scheduler.replicas * scenario.scheduler.stages;
  }
  searches_.push_back({std::move(point), CapacitySearch(rate, kTolerance), std::move(overrides),
                       scenario.fleet.scale});
}

std::vector<std::string> CapacityRun::CellKeys(const Search& search, double rate) {
  const CapacityPoint& point = search.point;
  const std::string shown = fmt::format("{:.12g}", rate);
  std::vector<std::string> keys;
  for (const uint64_t seed : info_.seeds) {
    Cell cell;
    const std::string value =
        over_.key.empty() ? "" : fmt::format(", {} = {}", over_.key, point.value);
    cell.name = fmt::format("{}{}, {} requests/s, seed {}", point.system, value, shown, seed);
    cell.scenario = options_.scenario;
    cell.overrides = search.overrides;
    cell.overrides.push_back(fmt::format("{}={}", kRateKey, shown));
    if (options_.grows_fleet) {
      cell.overrides.push_back(
          fmt::format("fleet.scale={:.12g}", search.fleet_scale * rate / point.scenario_rate));
    }
    cell.seed = seed;
    std::vector<std::string> values = {point.system, shown, std::to_string(seed)};
    if (!over_.key.empty()) values.insert(values.begin() + 1, point.value);
    keys.push_back(sweep_->Add(std::move(cell), std::move(values)));
  }
  return keys;
}

void CapacityRun::RunUnits(const std::vector<std::string>& keys) {
  SweepRunOptions run;
  run.units.keys = keys;
  run.units.jobs = options_.jobs;
  run.units.retries_failed = true;
  run.is_quiet = options_.is_quiet;
  run.says_failures = !options_.is_quiet;
  run.stays = !options_.out.empty();
  double expected = 0;
  for (const Search& search : searches_) {
    if (!search.point.not_possible) expected += search.rates.ExpectedLeft();
  }
  const double all = static_cast<double>(ended_) + expected * options_.seeds;
  run.part = {&*line_,
              [&](size_t ended) { return Progress{.done = double(ended_ + ended), .total = all}; }};
  const UnitOutcome outcome = RunSweepUnits(sweep_->sweep(), run);
  ended_ += outcome.all;
  if (outcome.is_stopped) {
    throw RunError(options_.out.empty()
                       ? "interrupted"
                       : fmt::format("interrupted; what is done stays in '{}': the same command "
                                     "goes on there",
                                     options_.out));
  }
  if (outcome.failed.empty()) return;
  const UnitFailure failure = UnitStore(sweep_->sweep().folder).Failed().at(outcome.failed.front());
  if (failure.exit_code == 2) throw InputError(failure.reason);
  throw RunError(failure.reason);
}

void CapacityRun::Take(Search& search, const std::vector<std::string>& keys) {
  const UnitStore store(sweep_->sweep().folder);
  std::vector<RunFigures> runs;
  for (const std::string& key : keys) {
    const std::string path = store.FolderOf(key) + "/summary.json";
    runs.push_back(ParseSummary(ReadFile(path), path));
  }
  info_.label = runs.front().label;
  if (runs.front().not_possible) {
    search.point.not_possible = runs.front().not_possible;
    return;
  }
  search.point.figures.push_back(Judge(info_.objectives, runs));
  search.rates.Take(search.point.figures.back().holds, search.point.figures.back().is_sure);
}

// All searches a step at a time, so that their runs share the jobs.
void CapacityRun::Run(const std::string& folder) {
  std::vector<std::string> axes = {"system.name", kRateKey, "seed"};
  if (!over_.key.empty()) axes.insert(axes.begin() + 1, over_.key);
  sweep_.emplace(info_.scenario, axes, folder, Simulator());
  line_.emplace(std::chrono::seconds(30));
  while (true) {
    std::vector<std::pair<Search*, std::vector<std::string>>> round;
    std::vector<std::string> all;
    for (Search& search : searches_) {
      const std::optional<double> rate = search.rates.Next();
      if (!rate || search.point.not_possible) continue;
      round.emplace_back(&search, CellKeys(search, *rate));
      all.insert(all.end(), round.back().second.begin(), round.back().second.end());
    }
    if (round.empty()) break;
    sweep_->Write();
    RunUnits(all);
    for (auto& [search, keys] : round) Take(*search, keys);
  }
}

std::vector<CapacityPoint> CapacityRun::Points() const {
  std::vector<CapacityPoint> points;
  for (const Search& search : searches_) {
    CapacityPoint& point = points.emplace_back(search.point);
    if (point.not_possible) continue;
    point.limit = search.rates.Limit();
    point.trials = search.rates.trials();
    point.holding = search.rates.HoldingTrial();
    point.failing = search.rates.FailingTrial();
  }
  return points;
}

// Runs that nobody asked to keep go with the program.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::error_code error;
    const fs::path temporary = fs::temp_directory_path(error);
    if (error) throw RunError(fmt::format("no folder for temporary files: {}", error.message()));
    path_ = temporary / fmt::format("hat-capacity-{}", ::getpid());
  }
  ~ScratchFolder() {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace

int CapacityVerb(CommandLine& line) {
  Options options;
  AddOptions(line, options);
  line.Parse();
  CatchInterrupts();
  CapacityRun run(options);
  std::optional<ScratchFolder> scratch;
  if (options.out.empty()) scratch.emplace();
  run.Run(scratch ? scratch->path() : options.out);
  const std::vector<CapacityPoint> points = run.Points();
  if (!scratch) {
    WriteFileAtomically(options.out + "/capacity.json", CapacityJson(points, run.info()));
    WriteFileAtomically(options.out + "/capacity.csv", CapacityCsv(points, run.info()));
  }
  PrintResult(CapacityText(points, run.info()));
  if (!scratch && !options.is_quiet) SayWritten(options.out);
  if (!scratch && options.draws) {
    RunPlot("capacity.py", options.out + "/capacity.json", options.out + "/capacity.png");
  }
  return 0;
}

}  // namespace hat
