#include "experiments/comparison_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <nlohmann/json.hpp>

namespace hat {
namespace {

using Json = nlohmann::ordered_json;
using Cells = std::vector<std::string>;

Json Number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.12g}", value));
}

Json Interval(const std::optional<Estimate>& estimate) {
  if (!estimate) return {{"mean", nullptr}, {"ci95", nullptr}};
  return {{"mean", Number(estimate->mean)}, {"ci95", Number(estimate->half_width)}};
}

Json SystemJson(const SystemFigures& system) {
  Json json = {{"system", system.system},
               {"runs", system.runs},
               {"saturated_runs", system.saturated_runs},
               {"not_possible", system.not_possible ? Json(*system.not_possible) : Json()}};
  if (system.not_possible) return json;
  for (size_t i = 0; i < ComparedMetrics().size(); ++i) {
    const ComparedMetric& metric = ComparedMetrics()[i];
    json["metrics"][metric.name] = Interval(system.values[i]);
    json["metrics"][metric.name]["unit"] = metric.unit;
    json["metrics"][metric.name]["versus_percent"] = Interval(system.versus_percent[i]);
  }
  return json;
}

Json PublishedJson(const std::vector<PublishedValue>& published) {
  Json json = Json::array();
  for (const PublishedValue& value : published) {
    json.push_back({{"system", value.system},
                    {"metric", value.metric},
                    {"value", Number(value.value)},
                    {"unit", value.unit},
                    {"rate_per_s", value.rate_per_s ? Number(*value.rate_per_s) : Json()},
                    {"source", value.source}});
  }
  return json;
}

// -- the table

// Digits that nobody reads are left out.
int Decimals(double value, int most) { return std::abs(value) < 1000 ? most : 0; }

std::string WithInterval(const std::optional<Estimate>& estimate, int decimals) {
  if (!estimate) return "-";
  decimals = Decimals(estimate->mean, decimals);
  if (std::isnan(estimate->half_width)) return fmt::format("{:.{}f}", estimate->mean, decimals);
  return fmt::format("{:.{}f} ± {:.{}f}", estimate->mean, decimals, estimate->half_width, decimals);
}

std::string Percent(const std::optional<Estimate>& estimate) {
  if (!estimate) return "";
  const int decimals = Decimals(estimate->mean, 1);
  if (std::isnan(estimate->half_width)) return fmt::format("{:+.{}f}%", estimate->mean, decimals);
  return fmt::format("{:+.{}f} ± {:.{}f}%", estimate->mean, decimals, estimate->half_width,
                     decimals);
}

Cells HeaderCells(const Comparison& comparison) {
  const std::string versus = "vs " + comparison.reference;
  return {"system", "TTFT ms", versus, "p90 ms", "TBT ms", versus, "p90 ms", "accept length"};
}

Cells SystemCells(const SystemFigures& system) {
  if (system.not_possible) return {system.system, "not possible"};
  const auto value = [&](const char* name, int decimals) {
    return WithInterval(system.values[MetricIndex(name)], decimals);
  };
  const auto versus = [&](const char* name) {
    return Percent(system.versus_percent[MetricIndex(name)]);
  };
  return {system.system + (system.saturated_runs > 0 ? "*" : ""),
          value("ttft_ms.mean", 1),
          versus("ttft_ms.mean"),
          value("ttft_ms.p90", 1),
          value("tbt_ms.mean", 2),
          versus("tbt_ms.mean"),
          value("tbt_ms.p90", 2),
          value("accept_length", 3)};
}

std::vector<Cells> Table(const Comparison& comparison) {
  std::vector<Cells> rows = {HeaderCells(comparison)};
  for (const SystemFigures& system : comparison.systems) rows.push_back(SystemCells(system));
  for (Cells& row : rows) row.resize(rows.front().size());
  return rows;
}

// The number of characters, not bytes.
size_t Width(const std::string& utf8) {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::vector<size_t> Widths(const std::vector<Cells>& rows) {
  std::vector<size_t> widths(rows.front().size());
  for (const Cells& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  return widths;
}

std::string Padded(const std::string& text, size_t width, bool to_the_right) {
  const std::string space(width - Width(text), ' ');
  return to_the_right ? space + text : text + space;
}

std::string Title(const ComparisonInfo& info) {
  std::string title = fmt::format("{}: {}, {} devices", info.scenario, info.model, info.devices);
  if (info.rate_per_s) title += fmt::format(", {:g} requests/s", *info.rate_per_s);
  if (!info.overrides.empty()) title += fmt::format(" ({})", fmt::join(info.overrides, ", "));
  title += fmt::format(". {}{}; ", static_cast<char>(std::toupper(info.label.front())),
                       info.label.substr(1));
  if (info.seeds.size() == 1) return title + "one seed, so no confidence intervals.";
  return title +
         fmt::format("mean of {} seeds ± 95% confidence interval, differences paired by seed.",
                     info.seeds.size());
}

std::string Notes(const Comparison& comparison) {
  std::string notes;
  for (const SystemFigures& system : comparison.systems) {
    if (system.not_possible) {
      notes += fmt::format("{} is not possible: {}\n", system.system, *system.not_possible);
    } else if (system.saturated_runs > 0) {
      notes += fmt::format(
          "* {} is saturated in {} of {} runs: queues grow as long as requests come, so its times "
          "depend "
          "on the run's length\n",
          system.system, system.saturated_runs, system.runs);
    }
  }
  return notes;
}

std::string CsvText(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::string CsvInterval(const std::optional<Estimate>& estimate) {
  if (!estimate) return ",";
  if (std::isnan(estimate->half_width)) return fmt::format("{:.12g},", estimate->mean);
  return fmt::format("{:.12g},{:.12g}", estimate->mean, estimate->half_width);
}

}  // namespace

std::string ComparisonJson(const Comparison& comparison, const ComparisonInfo& info) {
  Json systems = Json::array();
  for (const SystemFigures& system : comparison.systems) systems.push_back(SystemJson(system));
  const Json json = {{"schema_version", kComparisonSchema},
                     {"label", info.label},
                     {"scenario", info.scenario},
                     {"model", info.model},
                     {"devices", info.devices},
                     {"rate_per_s", info.rate_per_s ? Number(*info.rate_per_s) : Json()},
                     {"overrides", info.overrides},
                     {"seeds", info.seeds},
                     {"reference", comparison.reference},
                     {"systems", systems},
                     {"published", PublishedJson(info.published)}};
  return json.dump(2) + "\n";
}

std::string ComparisonCsv(const Comparison& comparison) {
  std::string csv =
      "system,metric,unit,mean,ci95,versus_percent,versus_percent_ci95,runs,saturated_runs,"
      "not_possible\n";
  for (const SystemFigures& system : comparison.systems) {
    const std::string tail = fmt::format("{},{},", system.runs, system.saturated_runs);
    if (system.not_possible) {
      csv += fmt::format("{},,,,,,,{}{}\n", system.system, tail, CsvText(*system.not_possible));
      continue;
    }
    for (size_t i = 0; i < ComparedMetrics().size(); ++i) {
      csv += fmt::format("{},{},{},{},{},{}\n", system.system, ComparedMetrics()[i].name,
                         ComparedMetrics()[i].unit, CsvInterval(system.values[i]),
                         CsvInterval(system.versus_percent[i]), tail);
    }
  }
  return csv;
}

std::string ComparisonMarkdown(const Comparison& comparison, const ComparisonInfo& info) {
  std::string text = Title(info) + "\n\n";
  const std::vector<Cells> rows = Table(comparison);
  for (size_t i = 0; i < rows.size(); ++i) {
    text += fmt::format("| {} |\n", fmt::join(rows[i], " | "));
    if (i > 0) continue;
    text += "|---";
    for (size_t column = 1; column < rows[0].size(); ++column) text += "|--:";
    text += "|\n";
  }
  const std::string notes = Notes(comparison);
  return notes.empty() ? text : text + "\n" + notes;
}

std::string ComparisonText(const Comparison& comparison, const ComparisonInfo& info) {
  std::string text = Title(info) + "\n\n";
  const std::vector<Cells> rows = Table(comparison);
  const std::vector<size_t> widths = Widths(rows);
  for (const Cells& row : rows) {
    std::string line = Padded(row[0], widths[0], false);
    for (size_t i = 1; i < row.size(); ++i) line += "   " + Padded(row[i], widths[i], true);
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  const std::string notes = Notes(comparison);
  return notes.empty() ? text : text + "\n" + notes;
}

}  // namespace hat
