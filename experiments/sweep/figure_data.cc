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
#include "core/error.h"
#include "experiments/results/json_number.h"
#include "experiments/sweep/figure_table.h"
#include "experiments/sweep/run_utilisation.h"
#include "experiments/sweep/unit_store.h"
#include "experiments/sweep/unit_summary.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

// The runs of one choice.
struct Group {
  std::string series, x;
  std::vector<std::string> keys, seeds;  // a run

  const std::string* KeyOfSeed(const std::string& seed) const {  // null if it has none
    const auto found = std::ranges::find(seeds, seed);
    return found == seeds.end() ? nullptr : &keys[static_cast<size_t>(found - seeds.begin())];
  }
};

std::vector<Group> GroupsOf(const Sweep& sweep) {
  const FigureSpec& spec = *sweep.plan.figure;
  const auto value_of = [&](const std::string& axis, size_t cell) {
    return axis.empty() ? "" : sweep.plan.values[cell][sweep.plan.AxisIndex(axis)];
  };
  const size_t seed = sweep.plan.AxisIndex("seed");
  std::vector<Group> groups;
  std::map<std::pair<std::string, std::string>, size_t> index;
  for (size_t cell = 0; cell < sweep.keys.size(); ++cell) {
    const std::vector<std::string>& values = sweep.plan.values[cell];
    const std::pair name(value_of(spec.series, cell), value_of(spec.x, cell));
    const auto [at, is_new] = index.try_emplace(name, groups.size());
    if (is_new) groups.push_back({name.first, name.second, {}, {}});
    groups[at->second].keys.push_back(sweep.keys[cell]);
    groups[at->second].seeds.push_back(values[seed]);
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
      : sweep_(sweep),
        spec_(*sweep.plan.figure),
        store_(sweep.folder),
        failed_(store_.Failed()),
        groups_(GroupsOf(sweep)) {}

  void AddPoints(FigureData& data) {
    const double bin_s = spec_.kind == FigureSpec::Kind::kOverTime ? BinOfLongestRun() : 0;
    for (const std::string& metric : spec_.metrics) {
      for (const Group& group : groups_) {
        if (bin_s > 0) {
          AddTimes(group, metric, bin_s, data);
        } else {
          data.points.push_back(PointOf(group, metric));
        }
      }
    }
    data.label = label_;
  }

 private:
  FigurePoint PointOf(const Group& group, const std::string& metric) {
    FigurePoint point{group.series, group.x, metric, {}, {}, 0, 0, {}, group.keys};
    std::vector<double> values, samples;
    const FigureMetric of = MetricOf(metric);
    const Group* const base = of.relation ? &BaseOf(group) : nullptr;
    if (base != nullptr && base != &group) {
      point.keys.insert(point.keys.end(), base->keys.begin(), base->keys.end());
    }
    for (size_t run = 0; run < group.keys.size(); ++run) {
      const std::string& key = group.keys[run];
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
      } else if (const std::optional<double> value =
                     base == nullptr ? summary->Metric(of.path)
                                     : RelatedTo(base->KeyOfSeed(group.seeds[run]), *summary, of)) {
        values.push_back(*value);
        ++point.runs;
      }
    }
    if (!values.empty()) point.value = MeanWithInterval(values);
    if (!samples.empty()) point.shares = SharesOf(std::move(samples));
    if (point.runs > 0) point.no_figure.reset();
    return point;
  }

  // A round number, so that the longest run has up to 40 bins. 0 where no run is done.
  double BinOfLongestRun() {
    double longest_s = 0;
    for (const Group& group : groups_) {
      for (const std::string& key : group.keys) {
        if (HasFigures(key)) longest_s = std::max(longest_s, UtilisationOf(key).end_s());
      }
    }
    return longest_s > 0 ? RoundStep(longest_s / 40) : 0;
  }

  // A point a bin of the longest of the group's runs, at its middle.
  void AddTimes(const Group& group, const std::string& metric, double bin_s, FigureData& data) {
    std::vector<const RunUtilisation*> runs;
    double end_s = 0;
    FigurePoint point = PointOf(group, "saturated");  // says how many runs there are, and why not
    point.metric = metric;
    point.value.reset();
    for (const std::string& key : group.keys) {
      if (!HasFigures(key)) continue;
      runs.push_back(&UtilisationOf(key));
      end_s = std::max(end_s, runs.back()->end_s());
    }
    if (runs.empty()) data.points.push_back(point);
    for (int bin = 0; bin * bin_s < end_s; ++bin) {
      std::vector<double> values;
      for (const RunUtilisation* const run : runs) {
        values.push_back(run->Mean(metric, bin * bin_s, (bin + 1) * bin_s));
      }
      point.x = fmt::format("{:.12g}", (bin + 0.5) * bin_s);
      point.value = MeanWithInterval(values);
      data.points.push_back(point);
    }
  }

  bool HasFigures(const std::string& key) {
    const UnitSummary* const summary = SummaryOf(key);
    return summary != nullptr && summary->not_possible.empty();
  }

  const RunUtilisation& UtilisationOf(const std::string& key) {
    const auto known = utilisations_.find(key);
    if (known != utilisations_.end()) return known->second;
    return utilisations_.emplace(key, store_.FolderOf(key) + "/utilisation.csv").first->second;
  }

  // With the same x, or in the same series.
  const Group& BaseOf(const Group& group) const {
    for (const Group& base : groups_) {
      const bool is_series = base.series == spec_.relative_to && base.x == group.x;
      const bool is_x = base.x == spec_.relative_to && base.series == group.series;
      if (is_series || is_x) return base;
    }
    throw InputError(
        fmt::format("the figure '{}': 'relative_to' names '{}', which is not there beside '{}'",
                    sweep_.plan.name, spec_.relative_to, group.x.empty() ? group.series : group.x));
  }

  // Nothing where one of the two runs has no such figure.
  std::optional<double> RelatedTo(const std::string* base_key, const UnitSummary& own,
                                  const FigureMetric& metric) {
    const UnitSummary* const base = base_key == nullptr ? nullptr : SummaryOf(*base_key);
    if (base == nullptr) return std::nullopt;
    const std::optional<double> of_base = base->Metric(metric.path),
                                of_own = own.Metric(metric.path);
    if (!of_base || !of_own) return std::nullopt;
    return Related(*metric.relation, *of_base, *of_own);
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
  const std::vector<Group> groups_;
  std::map<std::string, UnitSummary> summaries_;        // by key
  std::map<std::string, RunUtilisation> utilisations_;  // by key
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

// What the figure has published beside it.
std::vector<PublishedValue> PublishedBeside(const SweepPlan& plan, const std::string& published) {
  const FigureSpec& spec = *plan.figure;
  if (spec.published.empty()) return {};
  std::vector<PublishedValue> values = PublishedOf(published, spec.published);
  if (values.empty()) {
    throw InputError(fmt::format("the figure '{}': {} has no experiment '{}'", plan.name, published,
                                 spec.published));
  }
  for (size_t i = 0; i < spec.metrics.size(); ++i) {  // a name of its own there must be there
    const std::string& name = spec.published_metrics[i];
    if (name.empty() || name == spec.metrics[i]) continue;
    if (std::ranges::find(values, name, &PublishedValue::metric) != values.end()) continue;
    throw InputError(fmt::format("the figure '{}': no published figure of '{}' is a '{}'",
                                 plan.name, spec.published, name));
  }
  return values;
}

}  // namespace

void CheckFigure(const Sweep& sweep, const std::string& published) {
  HAT_CHECK(sweep.plan.figure.has_value());
  RequireNoOtherAxis(sweep.plan);
  PublishedBeside(sweep.plan, published);
}

FigureData MakeFigureData(const Sweep& sweep, const std::string& published) {
  HAT_CHECK(sweep.plan.figure.has_value());
  RequireNoOtherAxis(sweep.plan);
  FigureData data;
  data.name = sweep.plan.name;
  data.spec = *sweep.plan.figure;
  data.published = PublishedBeside(sweep.plan, published);
  std::set<uint64_t> seeds;
  for (const Cell& cell : sweep.plan.plan.cells) seeds.insert(cell.seed);
  data.seeds.assign(seeds.begin(), seeds.end());
  Maker(sweep).AddPoints(data);
  RequireMetrics(data);
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
  if (spec.kind == FigureSpec::Kind::kTable) json["table"] = TableOf(figure).rows;
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
