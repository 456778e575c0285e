// hat calibrate: fits what is not known of a scenario to published figures.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/plain_verbs.h"
#include "cli/run_plot.h"
#include "cli/shipped.h"
#include "cli/sweep_options.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/calibrate/fit.h"
#include "experiments/calibrate/report.h"
#include "experiments/calibrate/spec.h"
#include "experiments/results/statistics.h"
#include "experiments/scenario/scenario.h"
#include "experiments/sweep/unit_store.h"
#include "experiments/sweep/unit_summary.h"

namespace hat {
namespace {

struct CalibrateOptions {
  std::string spec;
  std::string out;
  std::string keys;  // file for the fitted values
  int jobs = 1;
  bool draws = true;
  bool is_quiet = false;
};

void AddOptions(CommandLine& line, CalibrateOptions& options) {
  line.description(
      "Fits up to six unknown parameters of a scenario to published figures: a search all over, "
      "then from the best. Says how well each parameter is known (profile likelihood, "
      "correlations), what each figure would have been predicted to be without it, and what other "
      "assumptions would do. Every run is kept in the folder, so that the same command goes on "
      "where an earlier one ended. More: docs/paper.md; the file's keys: docs/formats.md.\n\n"
      "  hat calibrate experiments/paper/calibrate_7b.toml --out results/calibrate_7b");
  line.add_option("spec", options.spec, "a TOML file: parameters, cases, targets")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--out", options.out,
                  "folder for the results, and the runs; without it results/NAME");
  line.add_option("--keys", options.keys,
                  "also write the fitted keys there, to be taken over with --set @FILE");
  AddJobs(line, options.jobs);
  line.add_flag("!--no-figure", options.draws, "do not draw calibration.png");
  line.add_flag("--quiet", options.is_quiet, "nothing on stderr but errors");
}

// The runs that one set of parameters takes.
class CalibrationRuns {
 public:
  CalibrationRuns(const CalibrationSpec& spec, const CalibrateOptions& options)
      : spec_(spec),
        options_(options),
        first_seed_(CheckScenarios()),
        sweep_(spec.name, {"case", "system.name", "seed"}, options.out, Simulator()),
        line_(std::chrono::seconds(30)) {}

  // Ours, by target. Throws InputError or RunError for a run that fails, RunError "interrupted".
  std::vector<std::optional<double>> Measure(const std::vector<double>& x,
                                             const std::vector<std::string>& alternative);
  // Of how many times Measure() will be called in all.
  void Expect(int evaluations) { expected_ = evaluations; }
  const std::string& label() const { return label_; }

 private:
  using Runs = std::map<std::pair<std::string, std::string>, std::vector<UnitSummary>>;

  uint64_t CheckScenarios() const;
  std::vector<std::string> SetOf(const std::vector<double>& x,
                                 const std::vector<std::string>& alternative) const;
  std::vector<std::string> Overrides(const std::vector<double>& x,
                                     const std::vector<std::string>& alternative,
                                     const CalibrationCase& one, const std::string& system) const;
  void RunAll(const std::vector<std::string>& keys);
  void CheckMeasured(const Runs& runs, const std::vector<std::optional<double>>& ours) const;
  std::optional<double> Ours(const Target& target, const Runs& runs) const;

  const CalibrationSpec& spec_;
  const CalibrateOptions& options_;
  const uint64_t first_seed_;
  GrowingSweep sweep_;
  ProgressLine line_;
  std::string label_ = "simulated";
  int evaluations_ = 0;
  int expected_ = 0;
};

std::vector<std::string> CalibrationRuns::SetOf(const std::vector<double>& x,
                                                const std::vector<std::string>& alternative) const {
  std::vector<std::string> set = spec_.set;
  for (const Assumption& assumption : spec_.assumptions) {
    set.insert(set.end(), assumption.set.begin(), assumption.set.end());
  }
  set.insert(set.end(), alternative.begin(), alternative.end());
  for (size_t j = 0; j < x.size(); ++j) {
    for (const ParameterKey& key : spec_.parameters[j].keys) {
      set.push_back(key.key + "=" + key.ValueAt(x[j]));
    }
  }
  return set;
}

// What is wrong with a scenario shows before anything runs. Returns the first seed.
uint64_t CalibrationRuns::CheckScenarios() const {
  const std::vector<double> prior = spec_.Priors();
  const CalibrationCase& first = spec_.cases.front();
  const auto load = [&](const std::vector<double>& x, const std::vector<std::string>& alternative,
                        const CalibrationCase& one, const std::string& system,
                        const std::string& where) {
    try {
      return LoadScenario(spec_.scenario, Overrides(x, alternative, one, system)).seed;
    } catch (const InputError& error) {
      throw InputError(fmt::format("{}: {}: {}", options_.spec, where, error.what()));
    }
  };
  for (size_t j = 0; j < prior.size(); ++j) {
    const Parameter& p = spec_.parameters[j];
    const double between = p.FromScaled(0.618 * p.Scaled(p.low) + 0.382 * p.Scaled(p.high));
    for (const double value : {p.low, p.high, between}) {
      std::vector<double> x = prior;
      x[j] = value;
      load(x, {}, first, first.systems.front(),
           fmt::format("parameter '{}' at {:g}", p.name, value));
    }
  }
  std::vector<Assumption> all = spec_.alternatives;
  all.insert(all.begin(), Assumption{});
  for (const Assumption& alternative : all) {
    for (const CalibrationCase& one : spec_.cases) {
      for (const std::string& system : one.systems) {
        const std::string under = alternative.name.empty() ? "" : ", " + alternative.name;
        load(prior, alternative.set, one, system,
             fmt::format("case '{}', {}{}", one.name, system, under));
      }
    }
  }
  return load(prior, {}, first, first.systems.front(), "");
}

std::vector<std::string> CalibrationRuns::Overrides(const std::vector<double>& x,
                                                    const std::vector<std::string>& alternative,
                                                    const CalibrationCase& one,
                                                    const std::string& system) const {
  std::vector<std::string> overrides = SetOf(x, alternative);
  overrides.insert(overrides.end(), one.set.begin(), one.set.end());
  overrides.push_back("system.name=" + system);
  return overrides;
}

std::vector<std::optional<double>> CalibrationRuns::Measure(
    const std::vector<double>& x, const std::vector<std::string>& alternative) {
  sweep_.Clear();
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> keys;
  std::vector<std::string> all;
  for (const CalibrationCase& one : spec_.cases) {
    for (const std::string& system : one.systems) {
      for (int i = 0; i < spec_.seeds; ++i) {
        Cell cell;
        cell.seed = first_seed_ + static_cast<uint64_t>(i);
        cell.name = fmt::format("{}, {}, seed {}", one.name, system, cell.seed);
        cell.scenario = spec_.scenario;
        cell.overrides = Overrides(x, alternative, one, system);
        const std::string key =
            sweep_.Add(std::move(cell), {one.name, system, std::to_string(first_seed_ + i)});
        keys[{one.name, system}].push_back(key);
        all.push_back(key);
      }
    }
  }
  RunAll(all);
  const UnitStore store(sweep_.sweep().folder);
  Runs runs;
  for (const auto& [of, its_keys] : keys) {
    for (const std::string& key : its_keys) {
      runs[of].push_back(ReadUnitSummary(store.FolderOf(key) + "/summary.json"));
    }
  }
  label_ = runs.begin()->second.front().label;
  ++evaluations_;
  std::vector<std::optional<double>> ours;
  for (const Target& target : spec_.targets) ours.push_back(Ours(target, runs));
  if (evaluations_ == 1) CheckMeasured(runs, ours);
  return ours;
}

// A figure that has no value as first assumed is taken for a mistake in the specification.
void CalibrationRuns::CheckMeasured(const Runs& runs,
                                    const std::vector<std::optional<double>>& ours) const {
  for (const auto& [of, summaries] : runs) {
    if (summaries.front().not_possible.empty()) continue;
    throw InputError(fmt::format("{}: case '{}', {} is not possible: {}", options_.spec, of.first,
                                 of.second, summaries.front().not_possible));
  }
  for (size_t i = 0; i < ours.size(); ++i) {
    const Target& target = spec_.targets[i];
    if (ours[i]) continue;
    throw InputError(fmt::format("{}: {}: no run of case '{}', {} has {}", options_.spec,
                                 target.Name(), target.case_name, target.system,
                                 fmt::join(target.metrics, " + ")));
  }
}

void CalibrationRuns::RunAll(const std::vector<std::string>& keys) {
  SweepRunOptions run;
  run.units.keys = keys;
  run.units.jobs = options_.jobs;
  run.units.retries_failed = true;
  run.is_quiet = options_.is_quiet;
  const double each = static_cast<double>(keys.size());
  const double all = each * std::max(expected_, evaluations_ + 1);
  run.part = {&line_, [&](size_t ended) {
                return Progress{.done = each * evaluations_ + double(ended), .total = all};
              }};
  const UnitStore store(sweep_.sweep().folder);
  std::vector<std::string> to_do;
  std::ranges::copy_if(keys, std::back_inserter(to_do),
                       [&](const std::string& key) { return !store.IsDone(key); });
  try {
    RunAllUnits(sweep_.sweep(), run, options_.out);
  } catch (...) {
    sweep_.Write();  // by which one that failed can be run alone
    throw;
  }
  // What there are many of, and nobody asks for: rows of single requests.
  for (const std::string& key : to_do) {
    std::error_code error;
    std::filesystem::remove(store.FolderOf(key) + "/requests.csv", error);
  }
}

// The mean over seeds of what each seed's runs give.
std::optional<double> CalibrationRuns::Ours(const Target& target, const Runs& runs) const {
  const std::string metric = fmt::format("{}", fmt::join(target.metrics, " + "));
  const auto sum = [&](const std::string& system, size_t seed) {
    return runs.at({target.case_name, system})[seed].Metric(metric);
  };
  double mean = 0;
  for (size_t seed = 0; seed < static_cast<size_t>(spec_.seeds); ++seed) {
    std::optional<double> value = sum(target.system, seed);
    if (value && target.relation) {
      const std::optional<double> base = sum(target.of, seed);
      value = base ? Related(*target.relation, *base, *value) : std::nullopt;
    }
    if (!value) return std::nullopt;
    mean += *value;
  }
  return mean / spec_.seeds;
}

int ExpectedEvaluations(const CalibrationSpec& spec) {
  const int parameters = static_cast<int>(spec.parameters.size());
  return 1 + spec.global_evaluations + spec.local_evaluations +
         parameters * (2 + 6 * (1 + spec.profile_evaluations)) +
         static_cast<int>(spec.alternatives.size()) * (1 + spec.alternative_evaluations);
}

// Where a profile comes upon a better fit than the one that it is of, all again from there.
void Profiles(const CalibrationSpec& spec, Fit& fit, Calibration& calibration) {
  std::vector<double> of;
  while (of != fit.best().x) {
    calibration.linearised = fit.Linearise();
    of = fit.best().x;
    calibration.profiles.clear();
    for (size_t j = 0; j < spec.parameters.size(); ++j) {
      calibration.profiles.push_back(fit.ProfileOf(j, spec.profile_evaluations));
    }
  }
}

void LeaveOut(const CalibrationSpec& spec, Fit& fit, Calibration& calibration) {
  std::map<std::string, std::vector<size_t>> groups;
  for (size_t i = 0; i < spec.targets.size(); ++i) {
    if (spec.targets[i].weight == 0) continue;
    calibration.each_left_out.push_back(fit.LeaveOut({i}));
    groups[spec.targets[i].group].push_back(i);
  }
  if (groups.size() < 2) return;
  for (const auto& [name, targets] : groups) {
    calibration.groups_left_out.push_back(fit.LeaveOut(targets));
  }
}

Calibration Calibrate(const CalibrationSpec& spec, CalibrationRuns& runs) {
  Calibration calibration;
  runs.Expect(ExpectedEvaluations(spec));
  const auto count = [&](const Evaluation& evaluation) {
    if (calibration.evaluations++ == 0) calibration.before = evaluation;
  };
  Fit fit(
      spec, [&](const std::vector<double>& x) { return runs.Measure(x, {}); }, count);
  fit.Search(spec.global_evaluations, spec.local_evaluations);
  Profiles(spec, fit, calibration);
  LeaveOut(spec, fit, calibration);
  calibration.fitted = fit.best();
  for (const Assumption& alternative : spec.alternatives) {
    Fit other(
        spec, [&](const std::vector<double>& x) { return runs.Measure(x, alternative.set); },
        count);
    calibration.tried.push_back(other.Improve(calibration.fitted.x, spec.alternative_evaluations));
  }
  calibration.label = runs.label();
  return calibration;
}

// Said before anything runs, not when it has.
void CheckKeysFile(const std::string& path, const std::vector<std::string>& inputs) {
  namespace fs = std::filesystem;
  if (path.empty()) return;
  RefuseTilde(path);
  std::error_code error;
  for (const std::string& input : inputs) {
    if (!fs::equivalent(path, input, error)) continue;
    throw InputError(fmt::format("--keys '{}': is read here; give another name", path));
  }
  const fs::path folder = fs::path(path).parent_path();
  if (fs::is_directory(path, error) || (!folder.empty() && !fs::is_directory(folder, error))) {
    throw InputError(fmt::format("--keys '{}': must be a file in a folder that is there", path));
  }
}

// Its files have the same names, so they would be lost.
void RefuseFolderOfAnother(const std::string& folder, const std::string& name) {
  std::error_code error;
  if (!std::filesystem::exists(std::filesystem::path(folder) / kSweepFile, error)) return;
  const std::string other = OpenSweepFolder(folder).plan.name;
  if (other == name) return;
  throw InputError(
      fmt::format("--out '{}' holds the runs of '{}'; give another folder", folder, other));
}

}  // namespace

int CalibrateVerb(CommandLine& line) {
  CalibrateOptions options;
  AddOptions(line, options);
  line.Parse();
  CatchInterrupts();
  const CalibrationSpec spec = LoadCalibrationSpec(options.spec);
  if (options.out.empty()) options.out = "results/" + spec.name;
  RefuseFolderOfAnother(options.out, spec.name);
  CheckKeysFile(options.keys, {options.spec, spec.scenario, spec.published});
  CalibrationRuns runs(spec, options);
  Calibration calibration = Calibrate(spec, runs);
  for (const std::string& path : {options.spec, spec.scenario, spec.published}) {
    calibration.inputs[path] = Sha256Hex(ReadFile(path));
  }
  const std::string text = CalibrationMarkdown(spec, calibration);
  const std::string json = options.out + "/calibration.json";
  WriteFileAtomically(json, CalibrationJson(spec, calibration));
  WriteFileAtomically(options.out + "/calibration.md", text);
  WriteFileAtomically(options.out + "/calibrated.toml", CalibratedKeys(spec, calibration));
  if (!options.keys.empty()) {
    WriteFileAtomically(options.keys, CalibratedKeys(spec, calibration));
  }
  PrintResult(text);
  if (!options.is_quiet) SayWritten(options.out);
  if (!options.is_quiet && !options.keys.empty()) SayWritten(options.keys);
  if (options.draws) RunPlot("calibration.py", json, options.out + "/calibration.png");
  return 0;
}

}  // namespace hat
