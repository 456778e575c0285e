#include "cli/capacity_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "cli/chosen_systems.h"
#include "cli/sweep_options.h"
#include "core/config.h"
#include "core/error.h"
#include "core/files.h"
#include "core/lines.h"
#include "experiments/capacity/objectives.h"
#include "experiments/scenario/scenario.h"
#include "experiments/sweep/unit_store.h"

namespace hat {
namespace {

constexpr double kTolerance = 0.02;
constexpr const char* kRateKey = "workload.rate_per_s";

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

}  // namespace

CapacityRun::Over CapacityRun::ParseOver(const std::string& text) {
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

// Keys that the search chooses itself.
void CapacityRun::RefuseKeys() const {
  std::map<std::string, std::string> chosen = {{"system.name", "give the systems with --systems"}};
  RefuseSystemOverride(question_.overrides);
  for (const std::string& text : question_.overrides) {
    if (KeyOfOverride(text) == over_.key) {
      throw InputError(fmt::format("--set {}: --over chooses it", text));
    }
  }
  chosen[kRateKey] = "it is what is looked for";
  chosen["seed"] = "give their number with --seeds";
  if (question_.grows_fleet) chosen["fleet.scale"] = "--grow-fleet chooses it";
  const auto refused = chosen.find(over_.key);
  if (refused == chosen.end()) return;
  throw InputError(fmt::format("--over {}: {}", over_.key, refused->second));
}

CapacityRun::CapacityRun(CapacityQuestion question)
    : question_(std::move(question)), over_(ParseOver(question_.over)) {
  info_.objectives = ParseObjectives(question_.objectives);
  info_.tolerance = kTolerance;
  info_.grows_fleet = question_.grows_fleet;
  info_.overrides = question_.overrides;
  info_.over = over_.key;
  RefuseKeys();
  CheckSystems(question_.systems);
  std::vector<std::string> systems = question_.systems;
  std::vector<std::string> overrides = question_.overrides;
  if (!systems.empty()) overrides.push_back("system.name=" + systems.front());
  const Scenario scenario = LoadScenario(question_.scenario, overrides);
  if (systems.empty()) systems = {scenario.system.name};
  info_.scenario = scenario.name;
  info_.model = scenario.model.name;
  info_.seeds = SeedsFrom(scenario.seed, question_.seeds);
  for (const std::string& system : systems) {
    for (const std::string& value : over_.values) AddSearch(system, value);
  }
}

// What is wrong with its scenario shows before anything runs.
void CapacityRun::AddSearch(const std::string& system, const std::string& value) {
  std::vector<std::string> overrides = WithoutSeed(question_.overrides);
  overrides.push_back("system.name=" + system);
  const std::string over = over_.key.empty() ? "" : fmt::format("{}={}", over_.key, value);
  const Scenario scenario = LoadAt(question_.scenario, overrides, over);
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
    cell.scenario = question_.scenario;
    cell.overrides = search.overrides;
    cell.overrides.push_back(fmt::format("{}={}", kRateKey, shown));
    if (question_.grows_fleet) {
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
  run.units.jobs = question_.jobs;
  run.units.retries_failed = true;
  run.is_quiet = question_.is_quiet;
  run.says_failures = !question_.is_quiet;
  run.keeps_units = !question_.goes_on_in.empty();
  double expected = 0;
  for (const Search& search : searches_) {
    if (!search.point.not_possible) expected += search.rates.ExpectedLeft();
  }
  const double all = static_cast<double>(ended_) + expected * question_.seeds;
  run.part = {&*line_,
              [&](size_t ended) { return Progress{.done = double(ended_ + ended), .total = all}; }};
  ended_ += RunAllUnits(sweep_->sweep(), run, question_.goes_on_in).all;
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
  search.keys.push_back(keys);
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
    if (point.holding) point.keys = search.keys[*point.holding];
  }
  return points;
}

}  // namespace hat
