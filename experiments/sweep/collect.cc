#include "experiments/sweep/collect.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/files.h"
#include "experiments/sweep/sqlite_file.h"
#include "experiments/sweep/unit_store.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

// What summary.json says of a unit, flat: "ttft_ms.p90", "utilisation.stage.0". Numbers as text.
struct Figures {
  std::string label, system, not_possible;
  std::vector<std::pair<std::string, std::string>> metrics;
};

void Flatten(const Json& json, const std::string& path, Figures& figures) {
  const auto below = [&](const std::string& name) {
    return path.empty() ? name : path + "." + name;
  };
  if (json.is_object()) {
    for (const auto& [name, value] : json.items()) Flatten(value, below(name), figures);
  } else if (json.is_array()) {
    for (size_t i = 0; i < json.size(); ++i) Flatten(json[i], below(std::to_string(i)), figures);
  } else if (json.is_boolean()) {
    figures.metrics.emplace_back(path, json.get<bool>() ? "1" : "0");
  } else if (json.is_number()) {
    figures.metrics.emplace_back(path, fmt::format("{:.12g}", json.get<double>()));
  }
}

Figures ReadFigures(const std::string& path) {
  try {
    Json json = Json::parse(ReadFile(path));
    Figures figures;
    json.at("label").get_to(figures.label);
    json.at("system").get_to(figures.system);
    figures.not_possible = json.value("not_possible", "");
    for (const char* known : {"schema_version", "seed"}) json.erase(known);
    Flatten(json, "", figures);
    return figures;
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: not a summary of a run: {}", path, error.what()));
  }
}

std::string CsvField(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::vector<std::string_view> Split(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const size_t comma = line.find(',');
    fields.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return fields;
    line.remove_prefix(comma + 1);
  }
}

std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

class Collector {
 public:
  Collector(const Sweep& sweep, const CollectOptions& options)
      : sweep_(sweep),
        options_(options),
        store_(sweep.folder),
        done_(store_.Done()),
        failed_(store_.Failed()),
        sqlite_(sweep.folder + "/results.sqlite") {}

  Collected Run() {
    ReadUnits();
    WriteUnitsTable();
    WriteMetricsTable();
    if (options_.has_requests) WriteRequestsTable();
    result_.csv = sweep_.folder + "/results.csv";
    result_.sqlite = sweep_.folder + "/results.sqlite";
    result_.cells = sweep_.keys.size();
    WriteFileAtomically(result_.csv, Csv());
    sqlite_.Commit();
    return result_;
  }

 private:
  void ReadUnits() {
    std::set<std::string> known;
    for (const std::string& key : sweep_.keys) {
      if (!done_.contains(key) || figures_.contains(key)) continue;
      Figures& figures = figures_[key] = ReadFigures(store_.FolderOf(key) + "/summary.json");
      for (const auto& [name, value] : figures.metrics) {
        if (known.insert(name).second) metrics_.push_back(name);
      }
    }
  }

  // What is told of a cell beside its figures, in the order of Header().
  std::vector<std::string> Head(size_t cell) {
    const std::string& key = sweep_.keys[cell];
    const auto figures = figures_.find(key);
    const auto failure = failed_.find(key);
    std::vector<std::string> row = {key};
    std::string reason;
    if (figures != figures_.end()) {
      const bool is_possible = figures->second.not_possible.empty();
      row.push_back(is_possible ? "done" : "not possible");
      reason = figures->second.not_possible;
    } else {
      row.push_back(failure == failed_.end() ? "todo" : "failed");
      if (failure != failed_.end()) reason = failure->second.reason;
    }
    row.push_back(reason);
    row.push_back(figures == figures_.end() ? "" : figures->second.label);
    row.push_back(figures == figures_.end() ? "" : figures->second.system);
    const std::vector<std::string>& values = sweep_.plan.values[cell];
    row.insert(row.end(), values.begin(), values.end());
    return row;
  }

  std::vector<std::string> Header() const {
    std::vector<std::string> header = {"key", "state", "reason", "label", "system"};
    header.insert(header.end(), sweep_.plan.axes.begin(), sweep_.plan.axes.end());
    return header;
  }

  std::string Csv() {
    std::string csv;
    std::vector<std::string> header = Header();
    header.insert(header.end(), metrics_.begin(), metrics_.end());
    const auto add = [&csv](const std::vector<std::string>& row) {
      for (size_t i = 0; i < row.size(); ++i) csv += (i == 0 ? "" : ",") + CsvField(row[i]);
      csv += '\n';
    };
    add(header);
    for (size_t cell = 0; cell < sweep_.keys.size(); ++cell) {
      std::vector<std::string> row = Head(cell);
      Count(row[1]);
      const auto figures = figures_.find(sweep_.keys[cell]);
      std::map<std::string, std::string> values;
      if (figures != figures_.end()) {
        values.insert(figures->second.metrics.begin(), figures->second.metrics.end());
      }
      for (const std::string& metric : metrics_) row.push_back(values[metric]);
      add(row);
    }
    return csv;
  }

  void Count(const std::string& state) {
    result_.done += state == "done" || state == "not possible";
    result_.failed += state == "failed";
  }

  void WriteUnitsTable() {
    std::vector<SqliteFile::Column> columns = {{"cell", "INTEGER"}};
    for (const std::string& name : Header()) columns.push_back({name, "NUMERIC"});
    for (size_t i = 1; i <= 5; ++i) columns[i].type = "TEXT";
    sqlite_.MakeTable("units", columns);
    for (size_t cell = 0; cell < sweep_.keys.size(); ++cell) {
      const std::string number = std::to_string(cell);
      const std::vector<std::string> row = Head(cell);
      std::vector<std::string_view> fields = {number};
      fields.insert(fields.end(), row.begin(), row.end());
      sqlite_.Insert("units", fields);
    }
    sqlite_.MakeIndex("units", "key");
  }

  void WriteMetricsTable() {
    sqlite_.MakeTable("metrics", {{"key", "TEXT"}, {"metric", "TEXT"}, {"value", "REAL"}});
    for (const auto& [key, figures] : figures_) {
      for (const auto& [name, value] : figures.metrics)
        sqlite_.Insert("metrics", {key, name, value});
    }
    sqlite_.MakeIndex("metrics", "key");
  }

  void WriteRequestsTable() {
    size_t columns = 0;
    for (const auto& [key, figures] : figures_) {
      if (!figures.not_possible.empty()) continue;
      const std::string file = store_.FolderOf(key) + "/requests.csv";
      const std::string content = ReadFile(file);
      std::string_view rest = content;
      const std::vector<std::string_view> header = Split(TakeLine(rest));
      if (columns == 0) MakeRequestsTable(header);
      if (columns != 0 && header.size() != columns) {
        throw InputError(
            fmt::format("{}: has {} columns, other units' files {}", file, header.size(), columns));
      }
      columns = header.size();
      while (!rest.empty()) {
        std::vector<std::string_view> fields = Split(TakeLine(rest));
        fields.insert(fields.begin(), key);
        fields.resize(columns + 1);
        sqlite_.Insert("requests", fields);
      }
    }
    if (columns != 0) sqlite_.MakeIndex("requests", "key");
  }

  void MakeRequestsTable(const std::vector<std::string_view>& header) {
    std::vector<SqliteFile::Column> table = {{"key", "TEXT"}};
    for (const std::string_view name : header) table.push_back({std::string(name), "NUMERIC"});
    sqlite_.MakeTable("requests", table);
  }

  const Sweep& sweep_;
  const CollectOptions options_;
  const UnitStore store_;
  const std::set<std::string> done_;
  const std::map<std::string, UnitFailure> failed_;
  SqliteFile sqlite_;
  std::map<std::string, Figures> figures_;  // by key
  std::vector<std::string> metrics_;        // names, in the order in which they occur
  Collected result_;
};

}  // namespace

Collected CollectSweep(const Sweep& sweep, const CollectOptions& options) {
  return Collector(sweep, options).Run();
}

}  // namespace hat
