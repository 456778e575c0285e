#include "experiments/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "core/csv.h"
#include "core/error.h"
#include "core/files.h"
#include "core/terminal_text.h"
#include "experiments/report/html.h"
#include "experiments/sweep/unit_summary.h"

namespace hat {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

Json ReadJson(const fs::path& path) {
  try {
    return Json::parse(ReadFile(path));
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: not JSON: {}", path.string(), error.what()));
  }
}

Rows ReadCsv(const fs::path& path) {
  const CsvFile csv = CsvFile::Load(path);
  Rows rows = {csv.columns()};
  for (int row = 0; row < csv.rows(); ++row) {
    std::vector<std::string>& fields = rows.emplace_back();
    for (size_t i = 0; i < csv.columns().size(); ++i) {
      fields.push_back(csv.Text(row, static_cast<int>(i)));
    }
  }
  return rows;
}

// Those of the names that are there.
std::vector<std::string> Present(const fs::path& folder, const std::vector<std::string>& names) {
  std::vector<std::string> present;
  for (const std::string& name : names) {
    if (Exists(folder / name)) present.push_back(name);
  }
  return present;
}

void AddPicture(HtmlPage& page, const fs::path& png, std::string_view alternative) {
  if (Exists(png)) page.Picture(ReadFile(png), alternative);
}

// Where the numbers come from: what a manifest says, but for the scenario, which has a fold of its
// own.
void AddProvenance(HtmlPage& page, const fs::path& manifest) {
  if (!Exists(manifest)) return;
  Json json = ReadJson(manifest);
  const auto config = json.find("config");
  if (config != json.end() && config->is_string()) {
    page.BeginFold("The scenario with every key");
    page.Text(config->get<std::string>());
    page.EndFold();
    json.erase("config");
  }
  page.BeginFold("Where the numbers come from");
  page.Text(json.dump(2, ' ', false, Json::error_handler_t::replace));
  page.EndFold();
}

std::string AboutRun(const fs::path& folder) {
  const UnitSummary summary = ReadUnitSummary(folder / "summary.json");
  HtmlPage page(fmt::format("A run of {}, {}", summary.system, summary.label));
  if (!summary.not_possible.empty()) page.Paragraph("Not possible: " + summary.not_possible);
  Rows rows = {{"figure", "value"}};
  for (const auto& [name, value] : summary.metrics) {
    rows.push_back({name, fmt::format("{:.12g}", value)});
  }
  page.Heading("Summary");
  page.Table(rows);
  if (Exists(folder / "requests.csv")) {
    page.BeginFold("Every request");
    page.Table(ReadCsv(folder / "requests.csv"));
    page.EndFold();
  }
  AddProvenance(page, folder / "manifest.json");
  page.Links(Present(folder, {"summary.json", "requests.csv", "gaps.csv", "manifest.json"}));
  return page.Finish();
}

std::string AboutComparison(const fs::path& folder) {
  const Json json = ReadJson(folder / "comparison.json");
  HtmlPage page(fmt::format("Systems compared, {}", json.value("label", "simulated")));
  page.Paragraph(fmt::format("Scenario {}, {}, {}.", json.value("scenario", ""),
                             json.value("model", ""), Counted(json.value("devices", 0), "device")));
  AddPicture(page, folder / "comparison.png", "TTFT and TBT of each system");
  page.Heading("All figures");
  page.Table(ReadCsv(folder / "comparison.csv"));
  AddProvenance(page, folder / "manifest.json");
  page.Links(Present(folder, {"comparison.json", "comparison.csv", "comparison.md",
                              "comparison.png", "manifest.json"}));
  return page.Finish();
}

std::string AboutSweep(const fs::path& folder) {
  const Json json = ReadJson(folder / "sweep.json");
  HtmlPage page(fmt::format("The sweep {}", json.value("name", "")));
  if (!Exists(folder / "results.csv")) {
    throw InputError(
        fmt::format("'{}' holds a sweep without results.csv: 'hat sweep collect' "
                    "makes it",
                    folder.string()));
  }
  const Rows rows = ReadCsv(folder / "results.csv");
  page.Paragraph(fmt::format("{} runs. A click on a column's head sorts.", rows.size() - 1));
  page.Table(rows);
  page.Links(Present(folder, {"results.csv", "results.sqlite", "sweep.json"}));
  return page.Finish();
}

std::string AboutCapacity(const fs::path& folder) {
  HtmlPage page("Capacity, simulated");
  AddPicture(page, folder / "capacity.png",
             "The largest rate of each system within the objectives");
  page.Table(ReadCsv(folder / "capacity.csv"));
  page.Links(Present(folder, {"capacity.csv", "capacity.json", "capacity.png"}));
  return page.Finish();
}

// Those of `hat figures`: NAME.json with a question in it.
std::vector<std::pair<std::string, Json>> FiguresIn(const fs::path& folder) {
  std::vector<std::pair<std::string, Json>> figures;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().extension() != ".json") continue;
    Json json = ReadJson(entry.path());
    if (json.is_object() && json.contains("question")) {
      figures.emplace_back(entry.path().stem(), std::move(json));
    }
  }
  std::ranges::sort(figures, {}, &std::pair<std::string, Json>::first);
  return figures;
}

void AddTable(HtmlPage& page, const Json& json) {
  const size_t seeds = json.at("seeds").size();
  page.Paragraph(fmt::format("{} Ours: {}{}.", json.value("note", ""),
                             json.value("label", "simulated"),
                             seeds == 1 ? ", one seed"
                                        : fmt::format(", mean of {} seeds ± half of its 95% "
                                                      "confidence interval",
                                                      seeds)));
  page.Table(json.at("table").get<Rows>());
}

std::string AboutFigures(const fs::path& folder,
                         const std::vector<std::pair<std::string, Json>>& figures) {
  HtmlPage page("Figures");
  for (const auto& [name, json] : figures) {
    const std::string question = json.at("question").get<std::string>();
    page.Heading(fmt::format("{}: {}", name, question));
    if (json.contains("table")) AddTable(page, json);
    AddPicture(page, folder / (name + ".png"), question);
    page.BeginFold("Its numbers, with the keys of the runs");
    page.Table(ReadCsv(folder / (name + ".csv")));
    page.EndFold();
    page.Links(Present(folder, {name + ".png", name + ".pdf", name + ".svg", name + ".md",
                                name + ".csv", name + ".json"}));
  }
  return page.Finish();
}

std::string About(const fs::path& path) {
  if (Exists(path / "comparison.json")) return AboutComparison(path);
  if (Exists(path / "capacity.json")) return AboutCapacity(path);
  if (Exists(path / "sweep.json")) return AboutSweep(path);
  if (Exists(path / "summary.json")) return AboutRun(path);
  const auto figures = FiguresIn(path);
  if (!figures.empty()) return AboutFigures(path, figures);
  throw InputError(fmt::format(
      "'{}' holds no results: neither a run's summary.json, nor comparison.json, sweep.json or "
      "figures",
      path.string()));
}

}  // namespace

std::string ReportHtml(const std::string& folder) {
  RefuseTilde(folder);
  try {
    return About(folder);
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("'{}': a file of results is damaged: {}", folder, error.what()));
  }
}

}  // namespace hat
