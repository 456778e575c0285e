#include "experiments/sweep/figure_data.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/csv.h"
#include "core/decimal.h"
#include "core/error.h"
#include "experiments/results/json_number.h"
#include "experiments/sweep/unit_store.h"
#include "experiments/sweep/unit_summary.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

// The runs of one choice.
struct Group {
  std::string series, x;
  std::vector<std::string> keys;
};

std::vector<Group> GroupsOf(const Sweep& sweep) {
  const FigureSpec& spec = *sweep.plan.figure;
  const size_t series = sweep.plan.AxisIndex(spec.series);
  const bool has_x = !spec.x.empty();
  const size_t x = has_x ? sweep.plan.AxisIndex(spec.x) : 0;
  std::vector<Group> groups;
  std::map<std::pair<std::string, std::string>, size_t> index;
  for (size_t cell = 0; cell < sweep.keys.size(); ++cell) {
    const std::vector<std::string>& values = sweep.plan.values[cell];
    const std::pair name(values[series], has_x ? values[x] : "");
    if (has_x && !ParseDecimal(values[x])) {
      throw InputError(
          fmt::format("the figure '{}': lines need numbers on their x-axis, but '{}' is '{}' "
                      "in one of its runs",
                      sweep.plan.name, spec.x, values[x]));
    }
    const auto [at, is_new] = index.try_emplace(name, groups.size());
    if (is_new) groups.push_back({name.first, name.second, {}});
    groups[at->second].keys.push_back(sweep.keys[cell]);
  }
  return groups;
}

void RequireNoOtherAxis(const SweepPlan& plan) {
  for (const std::string& axis : plan.axes) {
    if (axis == "seed" || axis == plan.figure->x || axis == plan.figure->series) continue;
    throw InputError(
        fmt::format("the figure '{}': the axis '{}' of its plan is neither its x nor its series",
                    plan.name, axis));
  }
}

class Maker {
 public:
  explicit Maker(const Sweep& sweep)
      : sweep_(sweep), spec_(*sweep.plan.figure), store_(sweep.folder), failed_(store_.Failed()) {}

  void AddPoints(FigureData& data) {
    for (const std::string& metric : spec_.metrics) {
      for (const Group& group : GroupsOf(sweep_)) data.points.push_back(PointOf(group, metric));
    }
    data.label = label_;
  }

 private:
  FigurePoint PointOf(const Group& group, const std::string& metric) {
    FigurePoint point{group.series, group.x, metric, {}, {}, 0, 0, {}, group.keys};
    std::vector<double> values, samples;
    for (const std::string& key : group.keys) {
      const UnitSummary* const summary = SummaryOf(key);
      if (summary == nullptr || !summary->not_possible.empty()) {
        const auto failure = failed_.find(key);
        point.no_figure = summary != nullptr         ? summary->not_possible
                          : failure == failed_.end() ? "not run"
                                                     : failure->second.reason;
        continue;
      }
      point.saturated_runs += summary->Metric("saturated").value_or(0) != 0;
      if (spec_.kind == FigureSpec::Kind::kShares) {
        AddSamples(key, metric, samples);
        ++point.runs;
      } else if (const std::optional<double> value = summary->Metric(metric)) {
        values.push_back(*value);
        ++point.runs;
      }
    }
    if (!values.empty()) point.value = MeanWithInterval(values);
    if (!samples.empty()) point.shares = SharesOf(std::move(samples));
    if (point.runs > 0) point.no_figure.reset();
    return point;
  }

  // Null if the unit is not done.
  const UnitSummary* SummaryOf(const std::string& key) {
    if (!store_.IsDone(key)) return nullptr;
    const auto known = summaries_.find(key);
    if (known != summaries_.end()) return &known->second;
    const UnitSummary& read = summaries_[key] =
        ReadUnitSummary(store_.FolderOf(key) + "/summary.json");
    label_ = read.label;
    return &read;
  }

  // Of the measured requests that completed.
  void AddSamples(const std::string& key, const std::string& column,
                  std::vector<double>& samples) const {
    const CsvFile csv = CsvFile::Load(store_.FolderOf(key) + "/requests.csv");
    const int value = csv.ColumnIndex(column);
    const int outcome = csv.ColumnIndex("outcome");
    const int measured = csv.ColumnIndex("measured");
    for (int row = 0; row < csv.rows(); ++row) {
      const bool counts = csv.Text(row, outcome) == "completed" && csv.Text(row, measured) == "1" &&
                          !csv.Text(row, value).empty();
      if (counts) samples.push_back(csv.Number(row, value, Range()));
    }
  }

  static std::vector<double> SharesOf(std::vector<double> samples) {
    std::ranges::sort(samples);
    std::vector<double> shares;
    for (int percent = 0; percent <= 100; ++percent) {
      shares.push_back(Percentile(samples, percent / 100.0));
    }
    return shares;
  }

  const Sweep& sweep_;
  const FigureSpec& spec_;
  const UnitStore store_;
  const std::map<std::string, UnitFailure> failed_;
  std::map<std::string, UnitSummary> summaries_;  // by key
  std::string label_ = "simulated";
};

Json PointJson(const FigurePoint& point) {
  Json json = {{"series", point.series}, {"x", point.x}, {"metric", point.metric}};
  json["mean"] = point.value ? JsonNumber(point.value->mean) : Json();
  json["ci95"] = point.value ? JsonNumber(point.value->half_width) : Json();
  json["runs"] = point.runs;
  json["saturated_runs"] = point.saturated_runs;
  json["no_figure"] = point.no_figure ? Json(*point.no_figure) : Json();
  json["shares"] = Json::array();
  for (const double time : point.shares) json["shares"].push_back(JsonNumber(time));
  json["keys"] = point.keys;
  return json;
}

// A metric that no run has is a typing mistake, unless none ran.
void RequireMetrics(const FigureData& data) {
  for (const std::string& metric : data.spec.metrics) {
    const auto is_of = [&](const FigurePoint& point) { return point.metric == metric; };
    const bool ran = std::ranges::any_of(data.points, [](const auto& p) { return p.runs > 0; });
    const bool has = std::ranges::any_of(
        data.points, [&](const FigurePoint& point) { return is_of(point) && point.runs > 0; });
    if (has || !ran) continue;
    throw InputError(
        fmt::format("the figure '{}': no run has the figure '{}' (the paths in "
                    "summary.json are those of docs/formats.md)",
                    data.name, metric));
  }
}

}  // namespace

FigureData MakeFigureData(const Sweep& sweep, const std::string& published) {
  HAT_CHECK(sweep.plan.figure.has_value());
  RequireNoOtherAxis(sweep.plan);
  FigureData data;
  data.name = sweep.plan.name;
  data.spec = *sweep.plan.figure;
  std::set<uint64_t> seeds;
  for (const Cell& cell : sweep.plan.plan.cells) seeds.insert(cell.seed);
  data.seeds.assign(seeds.begin(), seeds.end());
  Maker(sweep).AddPoints(data);
  RequireMetrics(data);
  if (data.spec.published.empty()) return data;
  data.published = PublishedOf(published, data.spec.published);
  if (data.published.empty()) {
    throw InputError(fmt::format("the figure '{}': {} has no experiment '{}'", data.name, published,
                                 data.spec.published));
  }
  return data;
}

std::string FigureJson(const FigureData& figure) {
  const FigureSpec& spec = figure.spec;
  Json json = {{"schema_version", kFigureSchema},
               {"name", figure.name},
               {"label", figure.label},
               {"kind", Name(spec.kind)},
               {"question", spec.question},
               {"note", spec.note},
               {"x", spec.x},
               {"x_label", spec.x_label},
               {"x_is_log", spec.x_is_log},
               {"series", spec.series},
               {"metrics", spec.metrics},
               {"labels", spec.labels},
               {"seeds", figure.seeds},
               {"points", Json::array()},
               {"published", Json::array()}};
  for (const FigurePoint& point : figure.points) json["points"].push_back(PointJson(point));
  for (const PublishedValue& value : figure.published) {
    json["published"].push_back(
        {{"system", value.system},
         {"metric", value.metric},
         {"value", value.value},
         {"rate_per_s", value.rate_per_s ? Json(*value.rate_per_s) : Json()},
         {"source", value.source}});
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string FigureCsv(const FigureData& figure) {
  std::string csv = "label,series,x,metric,mean,ci95,runs,saturated_runs,no_figure,keys\n";
  const auto number = [](const std::optional<Estimate>& value, double Estimate::*field) {
    if (!value || !std::isfinite((*value).*field)) return std::string();
    return fmt::format("{:.12g}", (*value).*field);
  };
  for (const FigurePoint& point : figure.points) {
    csv += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", figure.label, CsvField(point.series),
                       CsvField(point.x), point.metric, number(point.value, &Estimate::mean),
                       number(point.value, &Estimate::half_width), point.runs, point.saturated_runs,
                       CsvField(point.no_figure.value_or("")), fmt::join(point.keys, " "));
  }
  for (const PublishedValue& value : figure.published) {
    csv += fmt::format("published,{},{},{},{:.12g},,,,{},\n", CsvField(value.system),
                       value.rate_per_s ? fmt::format("{:g}", *value.rate_per_s) : "", value.metric,
                       value.value, CsvField(value.source));
  }
  return csv;
}

}  // namespace hat
