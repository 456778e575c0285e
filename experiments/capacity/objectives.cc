#include "experiments/capacity/objectives.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "core/decimal.h"
#include "core/error.h"
#include "core/lines.h"

namespace hat {
namespace {

// "ttft_ms.p90" is "ttft_p90_ms"; nothing for what is no time of a request, or no statistic of it.
std::optional<std::string> ObjectiveName(const ComparedMetric& metric) {
  const size_t dot = metric.name.find("_ms.");
  if (metric.unit != "ms" || dot == std::string::npos) return std::nullopt;
  const std::string statistic = metric.name.substr(dot + 4);
  const bool is_percentile = statistic.size() > 1 && statistic.front() == 'p' &&
                             statistic.find_first_not_of("0123456789", 1) == std::string::npos;
  if (statistic != "mean" && !is_percentile) return std::nullopt;
  return fmt::format("{}_{}_ms", metric.name.substr(0, dot), statistic);
}

Objective ParseObjective(const std::string& text) {
  const size_t equals = text.find('=');
  Objective objective;
  objective.name = text.substr(0, equals);
  for (const ComparedMetric& metric : ComparedMetrics()) {
    if (ObjectiveName(metric) == objective.name) objective.metric = metric.name;
  }
  if (objective.metric.empty()) {
    throw InputError(fmt::format("--slo: unknown objective '{}'; known: {}", objective.name,
                                 fmt::join(ObjectiveNames(), ", ")));
  }
  const std::string bound = equals == std::string::npos ? "" : text.substr(equals + 1);
  objective.bound = ParseDecimal(bound).value_or(0);
  if (!(objective.bound > 0) || !std::isfinite(objective.bound)) {
    throw InputError(
        fmt::format("--slo: the bound of '{}' must be a number > 0, as {}=1500, got '{}'",
                    objective.name, objective.name, bound));
  }
  return objective;
}

}  // namespace

std::vector<std::string> ObjectiveNames() {
  std::vector<std::string> names;
  for (const ComparedMetric& metric : ComparedMetrics()) {
    if (const auto name = ObjectiveName(metric)) names.push_back(*name);
  }
  return names;
}

std::vector<Objective> ParseObjectives(const std::string& text) {
  std::vector<Objective> objectives;
  for (const std::string& part : SplitAtCommas(text)) {
    Objective objective = ParseObjective(part);
    if (std::ranges::count(objectives, objective.name, &Objective::name) > 0) {
      throw InputError(fmt::format("--slo: '{}' is named twice", objective.name));
    }
    objectives.push_back(std::move(objective));
  }
  return objectives;
}

RateFigures Judge(const std::vector<Objective>& objectives, const std::vector<RunFigures>& runs) {
  const Comparison all = CompareRuns(runs);
  const SystemFigures& system = all.systems.front();
  HAT_CHECK(all.systems.size() == 1 && !system.not_possible);
  RateFigures figures;
  figures.runs = system.runs;
  figures.saturated_runs = system.saturated_runs;
  bool surely_holds = system.saturated_runs == 0;
  bool surely_fails = system.saturated_runs == system.runs;
  double worst = 1;
  for (size_t i = 0; i < objectives.size(); ++i) {
    const size_t metric = MetricIndex(objectives[i].metric);
    const bool is_measured = std::ranges::none_of(
        runs, [&](const RunFigures& run) { return std::isnan(run.values[metric]); });
    figures.values.push_back(is_measured ? system.values[metric] : std::nullopt);
    const Estimate value = is_measured ? *system.values[metric] : Estimate{INFINITY, NAN};
    const double half_width = std::isnan(value.half_width) ? 0 : value.half_width;
    surely_holds = surely_holds && value.mean + half_width <= objectives[i].bound;
    surely_fails = surely_fails || value.mean - half_width > objectives[i].bound;
    if (value.mean / objectives[i].bound > worst) {
      worst = value.mean / objectives[i].bound;
      figures.worst = i;
    }
  }
  figures.holds = system.saturated_runs == 0 && !figures.worst;
  figures.is_sure = figures.holds ? surely_holds : surely_fails;
  return figures;
}

}  // namespace hat
