// hat figures: the paper's figures and ours beside them, from plans to pictures.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/capacity_run.h"
#include "cli/plain_verbs.h"
#include "cli/run_plot.h"
#include "cli/shipped.h"
#include "cli/sweep_options.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/program.h"
#include "experiments/capacity/capacity_plan.h"
#include "experiments/report/report.h"
#include "experiments/sweep/figure_data.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::vector<std::string> names;
  std::string out = "results/figures";
  bool is_quick = false;
  bool lists = false;
  SweepRunOptions run;
  std::vector<std::string> formats = {"png", "pdf"};
};

void AddOptions(CommandLine& line, Options& options) {
  line.description(
      "Draws the paper's figures, ours beside the published numbers, and some of our own: runs "
      "what each needs that is not done yet, writes its data (OUT/NAME.csv and .json, with the "
      "keys "
      "of the runs) and its picture. A figure is a plan in figures/NAME.toml.\n\n"
      "  hat figures --quick\n  hat figures rates_7b ablation --out results/mine");
  line.add_option("name", options.names, "which; without one all (--list names them)");
  line.add_option("--out", options.out, "folder of the figures; what is done there is kept")
      ->capture_default_str();
  line.add_flag("--quick", options.is_quick, "fewer requests and seeds: minutes, wider intervals");
  line.add_flag("--list", options.lists, "name the figures and what each answers");
  AddJobs(line, options.run.units.jobs);
  line.add_option("--formats", options.formats, "of the pictures: png, pdf, svg, with commas")
      ->delimiter(',')
      ->check(CLI::IsMember({"png", "pdf", "svg"}))
      ->capture_default_str();
  line.add_flag("--quiet", options.run.is_quiet, "nothing on stderr but errors");
}

// The shipped ones, by name.
std::vector<std::string> KnownFigures() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(ShareFolder() + "/figures", error)) {
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem());
  }
  std::ranges::sort(names);
  return names;
}

// A shipped figure's name, or the path of a plan with a figure.
std::string PlanOf(const std::string& name) {
  const std::string shipped = fmt::format("{}/figures/{}.toml", ShareFolder(), name);
  std::error_code error;
  if (fs::exists(shipped, error)) return shipped;
  if (name.ends_with(".toml")) return name;
  throw InputError(
      fmt::format("there is no figure '{}'; there are {}, and a plan's path may stand "
                  "in place of a name",
                  name, fmt::join(KnownFigures(), ", ")));
}

std::string List() {
  std::string text;
  for (const std::string& name : KnownFigures()) {
    const std::string plan = PlanOf(name);
    const std::optional<CapacityPlan> capacity = LoadCapacityPlan(plan, false);
    text += fmt::format("{:<22} {}\n", name,
                        capacity ? capacity->question : LoadSweepPlan(plan).figure->question);
  }
  return text;
}

// What is to be drawn: of ready plans the runs are known beforehand, capacities find out which they
// need.
struct CapacityFigure {
  CapacityPlan plan;
  std::unique_ptr<CapacityRun> run;
};
struct Plans {
  std::vector<Sweep> sweeps;
  std::vector<CapacityFigure> capacities;
};

CapacityFigure OpenCapacity(CapacityPlan plan, const std::string& path, const Options& options) {
  CapacityQuestion question;
  question.scenario = plan.scenario;
  question.objectives = plan.objectives;
  question.systems = plan.systems;
  question.seeds = plan.seeds;
  question.overrides = plan.set;
  question.over = plan.over;
  question.grows_fleet = plan.grows_fleet;
  question.jobs = options.run.units.jobs;
  question.is_quiet = options.run.is_quiet;
  question.goes_on_in = options.out;
  try {
    return {std::move(plan), std::make_unique<CapacityRun>(std::move(question))};
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", path, error.what()));
  }
}

Plans OpenAll(const Options& options) {
  Plans plans;
  std::set<std::string> known;
  for (const std::string& name : options.names.empty() ? KnownFigures() : options.names) {
    const std::string plan = PlanOf(name);
    if (!known.insert(fs::path(plan).stem()).second) {
      throw InputError(fmt::format("there are two figures '{}': their files would be the same",
                                   fs::path(plan).stem().string()));
    }
    if (std::optional<CapacityPlan> capacity = LoadCapacityPlan(plan, options.is_quick)) {
      plans.capacities.push_back(OpenCapacity(*std::move(capacity), plan, options));
      continue;
    }
    Sweep sweep = OpenSweep(
        FigureSweep{.plan = plan, .folder = options.out + "/runs", .is_quick = options.is_quick});
    if (!sweep.plan.figure) {
      throw InputError(fmt::format("{}: the plan has no table [figure]", plan));
    }
    plans.sweeps.push_back(std::move(sweep));
  }
  return plans;
}

struct Drawing {
  std::string name;
  std::string script;
  std::string csv, json;
};

void Draw(const Drawing& drawing, const Options& options) {
  const std::string base = fmt::format("{}/{}", options.out, drawing.name);
  WriteFileAtomically(base + ".csv", drawing.csv);
  WriteFileAtomically(base + ".json", drawing.json);
  for (const std::string& format : options.formats) {
    RunPlot(drawing.script, base + ".json", fmt::format("{}.{}", base, format));
    if (!options.run.is_quiet) SayWritten(fmt::format("{}.{}", base, format));
  }
}

Drawing FindCapacity(CapacityFigure& figure, const Options& options) {
  figure.run->Run(options.out + "/runs");
  CapacityInfo info = figure.run->info();
  info.question = figure.plan.question;
  const std::vector<CapacityPoint> points = figure.run->Points();
  return {figure.plan.name, "capacity.py", CapacityCsv(points, info), CapacityJson(points, info)};
}

int Figures(const Options& options) {
  Plans plans = OpenAll(options);
  UnitOutcome outcome;
  if (!plans.sweeps.empty()) outcome = RunSweepUnits(Merged(plans.sweeps), options.run);
  if (outcome.is_stopped) {
    throw RunError(
        fmt::format("interrupted; {} of {} runs are done; the same command goes on there",
                    outcome.done, outcome.all));
  }
  const std::string published = ShareFolder() + "/experiments/paper/published.csv";
  for (const Sweep& sweep : plans.sweeps) {
    const FigureData figure = MakeFigureData(sweep, published);
    Draw({figure.name, "figure.py", FigureCsv(figure), FigureJson(figure)}, options);
  }
  for (CapacityFigure& figure : plans.capacities) Draw(FindCapacity(figure, options), options);
  const std::string page = fmt::format("{}/{}", options.out, kReportFile);
  WriteFileAtomically(page, ReportHtml(options.out));
  if (!options.run.is_quiet) SayWritten(page);
  return outcome.failed.empty() ? 0 : 1;
}

}  // namespace

int FiguresVerb(CommandLine& line) {
  Options options;
  AddOptions(line, options);
  line.Parse();
  options.run.units.retries_failed = true;
  if (options.lists) {
    PrintResult(List());
    return 0;
  }
  CatchInterrupts();
  return Figures(options);
}

}  // namespace hat
