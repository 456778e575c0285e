#include "experiments/results/comparison_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <cmath>
#include <iterator>

#include "core/terminal_text.h"
#include "experiments/results/json_number.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

Json Numbers(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double value : values) json.push_back(JsonNumber(value));
  return json;
}

Json Interval(const std::optional<Estimate>& estimate) {
  if (!estimate) return {{"mean", nullptr}, {"ci95", nullptr}};
  return {{"mean", JsonNumber(estimate->mean)}, {"ci95", JsonNumber(estimate->half_width)}};
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
  json["attainment"] = {{"ttft_ms", Numbers(system.attainment.ttft_ms)},
                        {"tbt_ms", Numbers(system.attainment.tbt_ms)}};
  return json;
}

Json PublishedJson(const std::vector<PublishedValue>& published) {
  Json json = Json::array();
  for (const PublishedValue& value : published) {
    json.push_back({{"system", value.system},
                    {"metric", value.metric},
                    {"value", JsonNumber(value.value)},
                    {"unit", value.unit},
                    {"rate_per_s", value.rate_per_s ? JsonNumber(*value.rate_per_s) : Json()},
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

// What is shown of one figure: mean, difference, 90th percentile.
struct Block {
  std::string title;  // of the mean's column
  std::string mean, p90;
  int decimals;
  bool has_accept_length;
};
const Block kBlocks[] = {{"TTFT ms", "ttft_ms.mean", "ttft_ms.p90", 1, false},
                         {"TBT ms", "tbt_ms.mean", "tbt_ms.p90", 2, true}};

Cells HeaderCells(const Block& block, const std::string& reference) {
  Cells cells = {block.title, "vs " + reference, "p90 ms"};
  if (block.has_accept_length) cells.emplace_back("accept length");
  return cells;
}

Cells FigureCells(const Block& block, const SystemFigures& system) {
  const auto value = [&](const std::string& name, int decimals) {
    return WithInterval(system.values[MetricIndex(name)], decimals);
  };
  Cells cells = {value(block.mean, block.decimals),
                 Percent(system.versus_percent[MetricIndex(block.mean)]),
                 value(block.p90, block.decimals)};
  if (block.has_accept_length) cells.push_back(value("accept_length", 3));
  return cells;
}

std::string ShownName(const SystemFigures& system) {
  return system.system + (system.saturated_runs > 0 ? "*" : "");
}

// Rows of the blocks from `first` to `last`, side by side.
std::vector<Cells> Rows(const Comparison& comparison, const Block* first, const Block* last) {
  std::vector<Cells> rows = {{"system"}};
  for (const SystemFigures& system : comparison.systems) rows.push_back({ShownName(system)});
  for (const Block* block = first; block != last; ++block) {
    const auto append = [](Cells& row, const Cells& more) {
      row.insert(row.end(), more.begin(), more.end());
    };
    append(rows[0], HeaderCells(*block, comparison.reference));
    for (size_t i = 0; i < comparison.systems.size(); ++i) {
      const SystemFigures& system = comparison.systems[i];
      if (!system.not_possible) append(rows[i + 1], FigureCells(*block, system));
    }
  }
  for (size_t i = 0; i < comparison.systems.size(); ++i) {
    if (comparison.systems[i].not_possible) rows[i + 1].emplace_back("not possible");
    rows[i + 1].resize(rows[0].size());
  }
  return rows;
}

std::string Title(const ComparisonInfo& info) {
  std::string title =
      fmt::format("{}: {}, {}", info.scenario, info.model, Counted(info.devices, "device"));
  if (info.rate_per_s) title += fmt::format(", {:g} requests/s", *info.rate_per_s);
  if (!info.overrides.empty()) title += fmt::format(" ({})", fmt::join(info.overrides, ", "));
  title += fmt::format(". {}{}; ", static_cast<char>(std::toupper(info.label.front())),
                       info.label.substr(1));
  if (info.seeds.size() == 1) return title + "one seed, so no confidence intervals.";
  return title +
         fmt::format("mean of {} seeds ± 95% confidence interval, differences paired by seed.",
                     info.seeds.size());
}

// What the table leaves out, a line each.
std::vector<std::string> Notes(const Comparison& comparison) {
  std::vector<std::string> notes;
  for (const SystemFigures& system : comparison.systems) {
    if (system.not_possible) {
      notes.push_back(fmt::format("{} is not possible: {}", system.system, *system.not_possible));
    } else if (system.saturated_runs > 0) {
      notes.push_back(
          fmt::format("* {} is saturated in {} of {} runs: queues grow as long as requests come, "
                      "so its times depend on the run's length",
                      system.system, system.saturated_runs, system.runs));
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
                     {"rate_per_s", info.rate_per_s ? JsonNumber(*info.rate_per_s) : Json()},
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
  const std::vector<Cells> rows = Rows(comparison, std::begin(kBlocks), std::end(kBlocks));
  for (size_t i = 0; i < rows.size(); ++i) {
    text += fmt::format("| {} |\n", fmt::join(rows[i], " | "));
    if (i > 0) continue;
    text += "|---";
    for (size_t column = 1; column < rows[0].size(); ++column) text += "|--:";
    text += "|\n";
  }
  const std::vector<std::string> notes = Notes(comparison);
  if (!notes.empty()) text += "\n";
  for (const std::string& note : notes) text += note + "\n";
  return text;
}

std::string ComparisonText(const Comparison& comparison, const ComparisonInfo& info) {
  std::string text = Paragraph("", Title(info));
  for (const Block& block : kBlocks) {
    text += "\n" + AlignedTable(Rows(comparison, &block, &block + 1));
  }
  const std::vector<std::string> notes = Notes(comparison);
  if (!notes.empty()) text += "\n";
  for (const std::string& note : notes) text += Paragraph("", note);
  return text;
}

}  // namespace hat
