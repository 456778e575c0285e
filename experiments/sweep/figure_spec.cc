#include "experiments/sweep/figure_spec.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/error.h"

namespace hat {
namespace {

using Kind = FigureSpec::Kind;

constexpr std::array kKinds = {Kind::kLines, Kind::kBars, Kind::kStacked, Kind::kShares,
                               Kind::kOverTime};

Kind KindNamed(const std::string& name) {
  return *std::ranges::find(kKinds, name, [](Kind kind) { return Name(kind); });
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
  }
  return "";
}

std::optional<std::string> SpeedupOf(const std::string& metric) {
  constexpr std::string_view kPrefix = "speedup.";
  if (!metric.starts_with(kPrefix)) return std::nullopt;
  return metric.substr(kPrefix.size());
}

FigureSpec ReadFigureSpec(const ConfigTable& table) {
  FigureSpec figure;
  std::vector<std::string> kinds;
  for (const Kind kind : kKinds) kinds.emplace_back(Name(kind));
  figure.kind = KindNamed(table.Choice("kind", kinds));
  figure.question = table.String("question");
  figure.series = table.String("series");
  figure.x = table.String("x", "");
  figure.x_label = table.String(
      "x_label", figure.kind == Kind::kOverTime ? "s since the first arrival" : figure.x);
  figure.x_is_log = table.Bool("x_log", false);
  figure.metrics = table.Strings("metrics");
  figure.labels = table.Strings("labels", figure.metrics);
  figure.relative_to = table.String("relative_to", "");
  figure.published = table.String("published", "");
  figure.note = table.String("note", "");
  figure.quick_set = table.Overrides("quick_set");
  figure.quick_seeds = static_cast<int>(table.Integer("quick_seeds", 1, 1000, 1));
  if (figure.metrics.empty()) throw table.Error("metrics", "must name at least one");
  if (figure.labels.size() != figure.metrics.size()) {
    throw table.Error("labels", fmt::format("must be {}, one for each metric, got {}",
                                            figure.metrics.size(), figure.labels.size()));
  }
  const bool has_speedup = std::ranges::any_of(
      figure.metrics, [](const std::string& metric) { return SpeedupOf(metric).has_value(); });
  if (has_speedup == figure.relative_to.empty()) {
    throw table.Error("relative_to", has_speedup
                                         ? "must name the series that a speedup is over"
                                         : "is for metrics \"speedup.PATH\", and there is none");
  }
  if (has_speedup && (figure.kind == Kind::kShares || figure.kind == Kind::kOverTime)) {
    throw table.Error("metrics", "\"speedup.PATH\" is of a run, not of its requests or its time");
  }
  if ((figure.kind == Kind::kLines) == figure.x.empty()) {
    throw table.Error("x", figure.x.empty() ? "must name an axis: it is what the lines go over"
                                            : "is for kind = \"lines\" alone");
  }
  return figure;
}

void CheckFigureSpec(const FigureSpec& figure, const ConfigTable& table,
                     const std::vector<std::string>& axes) {
  const auto check = [&](const char* key, const std::string& axis) {
    if (axis.empty() || std::ranges::count(axes, axis)) return;
    throw table.Error(key, fmt::format("must be an axis of the plan ({}), got '{}'",
                                       fmt::join(axes, ", "), axis));
  };
  check("x", figure.x);
  check("series", figure.series);
}

}  // namespace hat
