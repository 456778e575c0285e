#include "experiments/capacity/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/csv.h"
#include "core/terminal_text.h"
#include "experiments/results/json_number.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

const char* StateOf(const CapacityPoint& point) {
  if (point.not_possible) return "not possible";
  switch (point.limit.kind) {
    case RateLimit::Kind::kNeverHolds:
      return "never met";
    case RateLimit::Kind::kAlwaysHolds:
      return "always met";
    default:
      return "found";
  }
}

// What ended the search; empty where nothing was bracketed.
const char* LimitedBy(const CapacityPoint& point) {
  if (point.not_possible || point.limit.kind != RateLimit::Kind::kFound) return "";
  return point.limit.is_limited_by_seeds ? "seeds" : "tolerance";
}

Json Optional(std::optional<double> value) { return value ? JsonNumber(*value) : Json(); }

std::optional<double> Apply(std::optional<double> rate, auto function) {
  return rate ? std::optional<double>(function(*rate)) : std::nullopt;
}

std::optional<double> ClientsAt(const CapacityPoint& point, std::optional<double> rate) {
  return Apply(rate, [&](double r) { return point.Clients(r); });
}

std::optional<double> PerGpuAt(const CapacityPoint& point, std::optional<double> rate) {
  return rate ? point.ClientsPerGpu(*rate) : std::nullopt;
}

Json ValuesJson(const RateFigures& figures, const std::vector<Objective>& objectives) {
  Json json = Json::object();
  for (size_t i = 0; i < objectives.size(); ++i) {
    const std::optional<Estimate>& value = figures.values[i];
    json[objectives[i].name] = {{"mean", value ? JsonNumber(value->mean) : Json()},
                                {"ci95", value ? JsonNumber(value->half_width) : Json()}};
  }
  return json;
}

Json TrialsJson(const CapacityPoint& point, const std::vector<Objective>& objectives) {
  Json json = Json::array();
  for (size_t i = 0; i < point.trials.size(); ++i) {
    json.push_back({{"rate_per_s", JsonNumber(point.trials[i].rate)},
                    {"met", point.trials[i].holds},
                    {"sure", point.trials[i].is_sure},
                    {"runs", point.figures[i].runs},
                    {"saturated_runs", point.figures[i].saturated_runs},
                    {"values", ValuesJson(point.figures[i], objectives)}});
  }
  return json;
}

Json PointJson(const CapacityPoint& point, const CapacityInfo& info) {
  const RateLimit& limit = point.limit;
  Json json = {{"system", point.system},
               {"value", info.over.empty() ? Json() : Json(point.value)},
               {"state", StateOf(point)},
               {"not_possible", point.not_possible ? Json(*point.not_possible) : Json()},
               {"scenario_rate_per_s", JsonNumber(point.scenario_rate)},
               {"devices", point.devices},
               {"cloud_gpus", point.gpus},
               {"rate_per_s", Optional(limit.rate)},
               {"low_per_s", Optional(limit.low)},
               {"high_per_s", Optional(limit.high)},
               {"clients", Optional(ClientsAt(point, limit.rate))},
               {"clients_per_gpu", Optional(PerGpuAt(point, limit.rate))},
               {"binds", point.Binds(info.objectives)},
               {"limited_by", LimitedBy(point)}};
  json["values"] =
      point.holding ? ValuesJson(point.figures[*point.holding], info.objectives) : Json();
  json["tried"] = TrialsJson(point, info.objectives);
  return json;
}

std::string CsvNumber(std::optional<double> value) {
  return value && std::isfinite(*value) ? fmt::format("{:.12g}", *value) : "";
}

std::string Rate(double rate) {
  return rate < 1000 ? fmt::format("{:.3g}", rate) : fmt::format("{:.0f}", rate);
}

std::string Interval(const RateLimit& limit) {
  if (limit.low && limit.high) return Rate(*limit.low) + " to " + Rate(*limit.high);
  if (limit.low) return "from " + Rate(*limit.low);
  return limit.high ? "to " + Rate(*limit.high) : "unknown";
}

std::string Value(const std::optional<Estimate>& value) {
  if (!value) return "-";
  const int decimals = value->mean < 100 ? 1 : 0;
  if (std::isnan(value->half_width)) return fmt::format("{:.{}f}", value->mean, decimals);
  return fmt::format("{:.{}f} ± {:.{}f}", value->mean, decimals, value->half_width, decimals);
}

// Name of a row: the system, and the swept key's value.
Cells Head(const CapacityPoint& point, const CapacityInfo& info) {
  Cells cells = {point.system};
  if (!info.over.empty()) cells.push_back(point.value);
  return cells;
}

std::string RatesTable(const std::vector<CapacityPoint>& points, const CapacityInfo& info) {
  std::vector<Cells> rows = {{"system"}};
  if (!info.over.empty()) rows[0].push_back(info.over.substr(info.over.rfind('.') + 1));
  for (const char* title : {"requests/s", "interval", "clients", "a GPU", "binds"}) {
    rows[0].emplace_back(title);
  }
  for (const CapacityPoint& point : points) {
    Cells& row = rows.emplace_back(Head(point, info));
    if (point.not_possible || point.limit.kind == RateLimit::Kind::kNeverHolds) {
      row.emplace_back(StateOf(point));
      continue;
    }
    const bool is_open = point.limit.kind == RateLimit::Kind::kAlwaysHolds;
    const auto clients = ClientsAt(point, point.limit.rate);
    row.push_back((is_open ? "> " : "") + Rate(*point.limit.rate));
    row.push_back(Interval(point.limit) + (point.limit.is_limited_by_seeds ? "*" : ""));
    row.push_back(fmt::format("{:.1f}", *clients));
    const auto per_gpu = PerGpuAt(point, point.limit.rate);
    row.push_back(per_gpu ? fmt::format("{:.2f}", *per_gpu) : "-");
    row.push_back(point.Binds(info.objectives));
  }
  return AlignedTable(rows);
}

std::string ValuesTable(const std::vector<CapacityPoint>& points, const CapacityInfo& info) {
  std::vector<Cells> rows = {{"at that rate"}};
  if (!info.over.empty()) rows[0].emplace_back("");
  for (const Objective& objective : info.objectives) {
    rows[0].push_back(fmt::format("{} <= {:g}", objective.name, objective.bound));
  }
  for (const CapacityPoint& point : points) {
    if (!point.holding) continue;
    Cells& row = rows.emplace_back(Head(point, info));
    for (const auto& value : point.figures[*point.holding].values) row.push_back(Value(value));
  }
  return rows.size() == 1 ? "" : "\n" + AlignedTable(rows);
}

std::string Title(const CapacityInfo& info) {
  const std::string over = info.over.empty() ? "" : fmt::format(" over {}", info.over);
  const std::string changed =
      info.overrides.empty() ? "" : fmt::format(" ({})", fmt::join(info.overrides, ", "));
  std::string label = info.label;
  label.front() = static_cast<char>(std::toupper(label.front()));
  return fmt::format(
      "{}: {}{}, largest request rate{} that meets the objectives{}. {}; {}.", info.scenario,
      info.model, changed, over, info.grows_fleet ? ", the fleet growing with it" : "", label,
      info.seeds.size() == 1 ? "one seed, so no confidence intervals"
                             : fmt::format("{} seeds, the same at every rate", info.seeds.size()));
}

std::vector<std::string> Notes(const std::vector<CapacityPoint>& points, const CapacityInfo& info) {
  std::vector<std::string> notes;
  const bool has_doubts = std::ranges::any_of(
      points, [](const CapacityPoint& point) { return point.limit.is_limited_by_seeds; });
  if (has_doubts) {
    notes.push_back(
        fmt::format("* limited by the seeds: some rates inside are in doubt, and more seeds would "
                    "narrow it; the "
                    "others are limited by the search's tolerance, {:g}%",
                    100 * info.tolerance));
  }
  for (const CapacityPoint& point : points) {
    const std::string name = fmt::format("{}", fmt::join(Head(point, info), " "));
    if (point.not_possible) {
      notes.push_back(fmt::format("{} is not possible: {}", name, *point.not_possible));
    } else if (point.limit.kind == RateLimit::Kind::kNeverHolds) {
      notes.push_back(fmt::format("{} never meets them: {} fails even at {} requests/s", name,
                                  point.Binds(info.objectives),
                                  Rate(point.trials[*point.failing].rate)));
    } else if (point.limit.kind == RateLimit::Kind::kAlwaysHolds) {
      notes.push_back(fmt::format("{} meets them at every rate tried", name));
    }
  }
  return notes;
}

}  // namespace

std::optional<double> CapacityPoint::ClientsPerGpu(double rate) const {
  if (gpus == 0) return std::nullopt;
  return Clients(rate) / gpus;
}

std::string CapacityPoint::Binds(const std::vector<Objective>& objectives) const {
  if (!failing) return "";
  const std::optional<size_t> worst = figures[*failing].worst;
  return worst ? objectives[*worst].name : "saturation";
}

std::string CapacityJson(const std::vector<CapacityPoint>& points, const CapacityInfo& info) {
  Json objectives = Json::array();
  for (const Objective& objective : info.objectives) {
    objectives.push_back({{"name", objective.name},
                          {"metric", objective.metric},
                          {"bound", JsonNumber(objective.bound)},
                          {"unit", "ms"}});
  }
  Json systems = Json::array();
  for (const CapacityPoint& point : points) systems.push_back(PointJson(point, info));
  Json json = {{"schema_version", kCapacitySchema},
               {"label", info.label},
               {"scenario", info.scenario},
               {"model", info.model},
               {"overrides", info.overrides},
               {"seeds", info.seeds},
               {"objectives", objectives},
               {"tolerance", JsonNumber(info.tolerance)},
               {"grows_fleet", info.grows_fleet},
               {"over", info.over.empty() ? Json() : Json(info.over)},
               {"points", systems}};
  if (!info.question.empty()) json["question"] = info.question;
  return json.dump(2) + "\n";
}

std::string CapacityCsv(const std::vector<CapacityPoint>& points, const CapacityInfo& info) {
  std::string csv =
      "label,system,over,value,state,rate_per_s,low_per_s,high_per_s,clients,clients_per_gpu,binds,"
      "limited_by";
  for (const Objective& objective : info.objectives) {
    csv += fmt::format(",{0},{0}_ci95", objective.name);
  }
  csv += ",keys\n";
  for (const CapacityPoint& point : points) {
    const RateLimit& limit = point.limit;
    csv += fmt::format(
        "{},{},{},{},{},{},{},{},{},{},{},{}", info.label, CsvField(point.system),
        CsvField(info.over), CsvField(point.value), StateOf(point), CsvNumber(limit.rate),
        CsvNumber(limit.low), CsvNumber(limit.high), CsvNumber(ClientsAt(point, limit.rate)),
        CsvNumber(PerGpuAt(point, limit.rate)), point.Binds(info.objectives), LimitedBy(point));
    for (size_t i = 0; i < info.objectives.size(); ++i) {
      const auto value = point.holding ? point.figures[*point.holding].values[i] : std::nullopt;
      csv += "," + (value ? CsvNumber(value->mean) : "");
      csv += "," + (value ? CsvNumber(value->half_width) : "");
    }
    csv += fmt::format(",{}\n", fmt::join(point.keys, " "));
  }
  return csv;
}

std::string CapacityText(const std::vector<CapacityPoint>& points, const CapacityInfo& info) {
  std::string text = Paragraph("", Title(info));
  text += "\n" + RatesTable(points, info) + ValuesTable(points, info);
  const std::vector<std::string> notes = Notes(points, info);
  if (!notes.empty()) text += "\n";
  for (const std::string& note : notes) text += Paragraph("", note);
  return text;
}

}  // namespace hat
