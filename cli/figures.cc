// hat figures: the paper's figures and ours beside them, from plans to pictures and tables.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cli/capacity_run.h"
#include "cli/figure_page.h"
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
#include "experiments/sweep/figure_table.h"

namespace hat {
namespace {

namespace fs = std::filesystem;

struct FiguresOptions {
  std::vector<std::string> names;
  std::string out = "results/figures";
  bool is_quick = false;
  bool lists = false;
  std::string page;  // that the tables are written into; empty: none
  SweepRunOptions run;
  std::vector<std::string> formats = {"png", "pdf"};
};

void AddOptions(CommandLine& line, FiguresOptions& options) {
  line.description(
      "Draws the paper's figures, ours beside the published numbers, and some of our own: runs "
      "what each needs that is not done yet, writes its data (OUT/NAME.csv and .json, with the "
      "keys of the runs) and its picture or, of a table, its text (NAME.md). A figure is a plan in "
      "figures/NAME.toml. With --page the tables go into a page of yours.\n\n"
      "  hat figures --quick\n  hat figures rates_7b ablation --out results/mine\n"
      "  hat figures --page docs/paper.md");
  line.add_option("name", options.names, "which; without one all (--list names them)");
  line.add_option("--out", options.out, "folder of the figures; what is done there is kept")
      ->capture_default_str();
  CLI::Option* const quick = line.add_flag("--quick", options.is_quick,
                                           "fewer requests and seeds: minutes, wider intervals");
  line.add_option("--page", options.page,
                  "a page of Markdown: draws the tables that it names (or of these those given), "
                  "and writes each between its lines '<!-- table: NAME -->' and '<!-- end -->'")
      ->excludes(quick);
  line.add_flag("--list", options.lists, "name the figures and what each answers");
  AddJobs(line, options.run.units.jobs);
  line.add_option("--formats", options.formats, "of the pictures: png, pdf, svg, with commas")
      ->delimiter(',')
      ->check(CLI::IsMember({"png", "pdf", "svg"}))
      ->capture_default_str();
  line.add_flag("--quiet", options.run.is_quiet, "nothing on stderr but errors");
}

std::string PublishedFile() { return ShareFolder() + "/experiments/paper/published.csv"; }

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
  std::vector<std::string> names;  // that ask for them
  std::vector<CapacityFigure> capacities;
};

CapacityFigure OpenCapacity(CapacityPlan plan, const std::string& path,
                            const FiguresOptions& options) {
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

// Only tables belong on a page.
void RequireTables(const FigurePage& page, const Plans& plans) {
  const auto refuse = [&](const std::string& where, const std::string& name) {
    throw InputError(fmt::format("{}: the figure '{}' is no table", where, name));
  };
  for (size_t i = 0; i < plans.sweeps.size(); ++i) {
    const bool is_table = plans.sweeps[i].plan.figure->kind == FigureSpec::Kind::kTable;
    if (!is_table) refuse(page.WhereOf(plans.names[i]), plans.names[i]);
  }
  for (const CapacityFigure& one : plans.capacities) refuse(page.path(), one.plan.name);
}

// `page`: that asks for them; null: nobody's.
std::string PlanOf(const std::string& name, const FigurePage* page) {
  try {
    return PlanOf(name);
  } catch (const InputError& error) {
    if (page == nullptr) throw;
    throw InputError(fmt::format("{}: {}", page->WhereOf(name), error.what()));
  }
}

Plans OpenAll(const FiguresOptions& options, const FigurePage* page) {
  Plans plans;
  std::set<std::string> known;
  for (const std::string& name :
       options.names.empty() && page == nullptr ? KnownFigures() : options.names) {
    const std::string plan = PlanOf(name, page);
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
    CheckFigure(sweep, PublishedFile());
    plans.sweeps.push_back(std::move(sweep));
    plans.names.push_back(name);
  }
  if (page != nullptr) RequireTables(*page, plans);
  return plans;
}

struct Drawing {
  std::string name;
  std::string script;  // empty: none, it is a table
  std::string csv, json;
};

void Draw(const Drawing& drawing, const FiguresOptions& options) {
  const std::string base = fmt::format("{}/{}", options.out, drawing.name);
  WriteFileAtomically(base + ".csv", drawing.csv);
  WriteFileAtomically(base + ".json", drawing.json);
  if (drawing.script.empty()) return;
  for (const std::string& format : options.formats) {
    RunPlot(drawing.script, base + ".json", fmt::format("{}.{}", base, format));
    if (!options.run.is_quiet) SayWritten(fmt::format("{}.{}", base, format));
  }
}

void WriteTable(const std::string& path, const FigureTable& table, const FiguresOptions& options) {
  WriteFileAtomically(path, MarkdownTable(table.rows));
  if (!options.run.is_quiet) SayWritten(path);
}

Drawing FindCapacity(CapacityFigure& figure, const FiguresOptions& options) {
  figure.run->Run(options.out + "/runs");
  CapacityInfo info = figure.run->info();
  info.question = figure.plan.question;
  const std::vector<CapacityPoint> points = figure.run->Points();
  return {figure.plan.name, "capacity.py", CapacityCsv(points, info), CapacityJson(points, info)};
}

// One that fails leaves the others.
bool DrawCapacity(CapacityFigure& figure, const FiguresOptions& options) {
  try {
    Draw(FindCapacity(figure, options), options);
    return true;
  } catch (const std::runtime_error& error) {
    if (IsInterrupted()) throw;
    std::fputs(fmt::format("{}: {}\n", figure.plan.name, error.what()).c_str(), stderr);
    return false;
  }
}

UnitOutcome RunSweeps(const Plans& plans, const FiguresOptions& options) {
  UnitOutcome outcome;
  if (!plans.sweeps.empty()) outcome = RunSweepUnits(Merged(plans.sweeps), options.run);
  if (!outcome.is_stopped) return outcome;
  throw RunError(fmt::format("interrupted; {} of {} runs are done; the same command goes on there",
                             outcome.done, outcome.all));
}

// Returns the tables among them, by the names that ask for them.
std::map<std::string, FigureTable> DrawSweeps(const Plans& plans, const FiguresOptions& options) {
  std::map<std::string, FigureTable> tables;
  for (size_t i = 0; i < plans.sweeps.size(); ++i) {
    const FigureData figure = MakeFigureData(plans.sweeps[i], PublishedFile());
    const bool is_table = figure.spec.kind == FigureSpec::Kind::kTable;
    if (is_table) {
      const FigureTable& table = tables[plans.names[i]] = TableOf(figure);
      WriteTable(fmt::format("{}/{}.md", options.out, figure.name), table, options);
    }
    Draw({figure.name, is_table ? "" : "figure.py", FigureCsv(figure), FigureJson(figure)},
         options);
  }
  return tables;
}

void WriteReport(const FiguresOptions& options) {
  const std::string report = fmt::format("{}/{}", options.out, kReportFile);
  WriteFileAtomically(report, ReportHtml(options.out));
  if (!options.run.is_quiet) SayWritten(report);
}

int Figures(FiguresOptions options) {
  std::optional<FigurePage> page;
  if (!options.page.empty()) {
    page.emplace(options.page, options.run.is_quiet);
    options.names = page->Choose(options.names);
  }
  Plans plans = OpenAll(options, page ? &*page : nullptr);
  const UnitOutcome outcome = RunSweeps(plans, options);
  const std::map<std::string, FigureTable> tables = DrawSweeps(plans, options);
  size_t not_drawn = 0;
  for (CapacityFigure& figure : plans.capacities) not_drawn += !DrawCapacity(figure, options);
  if (plans.sweeps.size() + plans.capacities.size() > not_drawn) WriteReport(options);
  const bool has_all = outcome.failed.empty() && not_drawn == 0;
  if (!page) return has_all ? 0 : 1;
  if (!has_all) throw RunError(fmt::format("{} stays as it is: some runs failed", page->path()));
  page->Write(tables);
  if (!options.run.is_quiet) SayWritten(page->path());
  return 0;
}

}  // namespace

int FiguresVerb(CommandLine& line) {
  FiguresOptions options;
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
