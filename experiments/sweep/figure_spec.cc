#include "experiments/sweep/figure_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/decimal.h"
#include "core/error.h"
#include "experiments/results/result_names.h"
#include "experiments/sweep/unit_summary.h"

namespace hat {
namespace {

using Kind = FigureSpec::Kind;

constexpr std::array kKinds = {Kind::kLines,  Kind::kBars,     Kind::kStacked,
                               Kind::kShares, Kind::kOverTime, Kind::kTable};

constexpr std::array kRelations = {std::pair("speedup.", Relation::kSpeedup),
                                   std::pair("reduction.", Relation::kReduction),
                                   std::pair("saved.", Relation::kSaved)};

Kind KindNamed(const std::string& name) {
  return *std::ranges::find(kKinds, name, [](Kind kind) { return Name(kind); });
}

bool IsOfRuns(const FigureSpec& figure) {  // its metrics are, not of requests or of times
  return figure.kind != Kind::kShares && figure.kind != Kind::kOverTime;
}

// A typing mistake shows before anything runs.
void CheckMetrics(const FigureSpec& figure, const ConfigTable& table) {
  const ResultNames names = figure.kind == Kind::kShares     ? NamesInRequestsCsv()
                            : figure.kind == Kind::kOverTime ? NamesInUtilisationCsv()
                                                             : NamesInSummary();
  for (const std::string& metric : figure.metrics) {
    const std::vector<std::string> paths =
        IsOfRuns(figure) ? PathsOf(MetricOf(metric).path) : std::vector<std::string>{metric};
    for (const std::string& path : paths) {
      if (names.MayHave(path)) continue;
      throw table.Error("metrics", fmt::format("names '{}', which {} never has{}", path, names.file,
                                               names.Hint(path)));
    }
  }
}

}  // namespace

std::string_view Name(FigureSpec::Kind kind) {
  switch (kind) {
    case Kind::kLines:
      return "lines";
    case Kind::kBars:
      return "bars";
    case Kind::kStacked:
      return "stacked";
    case Kind::kShares:
      return "shares";
    case Kind::kOverTime:
      return "over-time";
    case Kind::kTable:
      return "table";
  }
  return "";
}

FigureMetric MetricOf(const std::string& metric) {
  for (const auto& [prefix, relation] : kRelations) {
    if (metric.starts_with(prefix)) return {relation, metric.substr(std::strlen(prefix))};
  }
  return {{}, metric};
}

FigureSpec ReadFigureSpec(const ConfigTable& table) {
  FigureSpec figure;
  std::vector<std::string> kinds;
  for (const Kind kind : kKinds) kinds.emplace_back(Name(kind));
  figure.kind = KindNamed(table.Choice("kind", kinds));
  figure.question = table.String("question");
  const bool is_table = figure.kind == Kind::kTable;
  figure.series = table.String("series", is_table ? std::optional<std::string>("") : std::nullopt);
  figure.x = table.String("x", "");
  figure.x_label = table.String(
      "x_label", figure.kind == Kind::kOverTime ? "s since the first arrival" : figure.x);
  figure.x_is_log = table.Bool("x_log", false);
  figure.metrics = table.Strings("metrics");
  figure.labels = table.Strings("labels", figure.metrics);
  figure.relative_to = table.String("relative_to", "");
  figure.published = table.String("published", "");
  figure.published_metrics = table.Strings("published_metrics", figure.metrics);
  figure.note = table.String("note", "");
  figure.quick_set = table.Overrides("quick_set");
  figure.quick_seeds = static_cast<int>(table.Integer("quick_seeds", 1, 1000, 1));
  if (figure.metrics.empty()) throw table.Error("metrics", "must name at least one");
  if (figure.labels.size() != figure.metrics.size()) {
    throw table.Error("labels", fmt::format("must be {}, one for each metric, got {}",
                                            figure.metrics.size(), figure.labels.size()));
  }
  if (!is_table && table.Has("published_metrics")) {
    throw table.Error("published_metrics", "is for kind = \"table\" alone");
  }
  if (figure.published_metrics.size() != figure.metrics.size()) {
    throw table.Error("published_metrics",
                      fmt::format("must be {}, one for each metric, got {}", figure.metrics.size(),
                                  figure.published_metrics.size()));
  }
  const bool has_base = std::ranges::any_of(figure.metrics, [](const std::string& metric) {
    return MetricOf(metric).relation.has_value();
  });
  if (has_base == figure.relative_to.empty()) {
    throw table.Error("relative_to",
                      has_base
                          ? "must name what \"speedup.\", \"reduction.\" and \"saved.\" relate to"
                          : "is for metrics \"speedup.PATH\", \"reduction.PATH\" and "
                            "\"saved.PATH\", and there is none");
  }
  if (has_base && !IsOfRuns(figure)) {
    throw table.Error("metrics", "\"speedup.PATH\" is of a run, not of its requests or its time");
  }
  if (!is_table && (figure.kind == Kind::kLines) == figure.x.empty()) {
    throw table.Error("x", figure.x.empty() ? "must name an axis: it is what the lines go over"
                                            : "is for kind = \"lines\" or \"table\" alone");
  }
  if (is_table && figure.series.empty() && (figure.x.empty() || !figure.published.empty())) {
    throw table.Error("series", figure.x.empty()
                                    ? "must name an axis, or 'x' must"
                                    : "must name an axis: 'published' is by its choices");
  }
  return figure;
}

void CheckFigureSpec(const FigureSpec& figure, const ConfigTable& table,
                     const std::vector<std::string>& axes,
                     const std::vector<std::vector<std::string>>& values) {
  const auto check = [&](const char* key, const std::string& axis) {
    if (axis.empty() || std::ranges::count(axes, axis)) return;
    throw table.Error(key, fmt::format("must be an axis of the plan ({}), got '{}'",
                                       fmt::join(axes, ", "), axis));
  };
  check("x", figure.x);
  check("series", figure.series);
  CheckMetrics(figure, table);
  if (figure.kind != Kind::kLines) return;
  const auto x = static_cast<size_t>(std::ranges::find(axes, figure.x) - axes.begin());
  for (const std::vector<std::string>& cell : values) {
    const std::optional<double> number = ParseDecimal(cell[x]);
    if (number && (*number > 0 || !figure.x_is_log)) continue;
    throw table.Error(number ? "x_log" : "x",
                      fmt::format("needs numbers{}, but '{}' is '{}' in one of the plan's runs",
                                  number ? " above 0" : "", figure.x, cell[x]));
  }
}

}  // namespace hat
