#include "experiments/sweep/collect.h"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "core/csv.h"
#include "core/error.h"
#include "core/files.h"
#include "experiments/sweep/sqlite_file.h"
#include "experiments/sweep/unit_store.h"
#include "experiments/sweep/unit_summary.h"

namespace hat {
namespace {

std::string NumberText(double value) { return fmt::format("{:.12g}", value); }

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
      UnitSummary& figures = figures_[key] =
          ReadUnitSummary(store_.FolderOf(key) + "/summary.json");
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
      std::map<std::string, double> values;
      if (figures != figures_.end()) {
        values.insert(figures->second.metrics.begin(), figures->second.metrics.end());
      }
      for (const std::string& metric : metrics_) {
        const auto value = values.find(metric);
        row.push_back(value == values.end() ? "" : NumberText(value->second));
      }
      add(row);
    }
    return csv;
  }

  void Count(const std::string& state) {
    result_.done += state == "done" || state == "not possible";
    result_.failed += state == "failed";
  }

  // A unit's number is what its rows in the other tables have: a key takes ten times the room.
  void WriteUnitsTable() {
    std::vector<SqliteFile::Column> columns = {{"cell", "INTEGER"}, {"unit", "INTEGER"}};
    for (const std::string& name : Header()) columns.push_back({name, "NUMERIC"});
    for (size_t i = 2; i <= 6; ++i) columns[i].type = "TEXT";
    sqlite_.MakeTable("units", columns);
    for (size_t cell = 0; cell < sweep_.keys.size(); ++cell) {
      const std::string& key = sweep_.keys[cell];
      numbers_.try_emplace(key, std::to_string(numbers_.size()));
      const std::string number = std::to_string(cell);
      const std::vector<std::string> row = Head(cell);
      std::vector<std::string_view> fields = {number, numbers_[key]};
      fields.insert(fields.end(), row.begin(), row.end());
      sqlite_.Insert("units", fields);
    }
  }

  void WriteMetricsTable() {
    sqlite_.MakeTable("metrics", {{"unit", "INTEGER"}, {"metric", "TEXT"}, {"value", "REAL"}});
    for (const auto& [key, figures] : figures_) {
      for (const auto& [name, value] : figures.metrics) {
        const std::string text = NumberText(value);
        sqlite_.Insert("metrics", {numbers_[key], name, text});
      }
    }
    sqlite_.MakeIndex("metrics", "unit");
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
            fmt::format("{}: has {} columns, units before it {}: one of them is damaged; remove "
                        "its folder and run the sweep again",
                        file, header.size(), columns));
      }
      columns = header.size();
      while (!rest.empty()) {
        std::vector<std::string_view> fields = Split(TakeLine(rest));
        fields.insert(fields.begin(), numbers_[key]);
        fields.resize(columns + 1);
        sqlite_.Insert("requests", fields);
      }
    }
    if (columns != 0) sqlite_.MakeIndex("requests", "unit");
  }

  void MakeRequestsTable(const std::vector<std::string_view>& header) {
    std::vector<SqliteFile::Column> table = {{"unit", "INTEGER"}};
    for (const std::string_view name : header) table.push_back({std::string(name), "NUMERIC"});
    sqlite_.MakeTable("requests", table);
  }

  const Sweep& sweep_;
  const CollectOptions options_;
  const UnitStore store_;
  const std::set<std::string> done_;
  const std::map<std::string, UnitFailure> failed_;
  SqliteFile sqlite_;
  std::map<std::string, UnitSummary> figures_;  // by key
  std::map<std::string, std::string> numbers_;  // of units, by key
  std::vector<std::string> metrics_;            // names, in the order in which they occur
  Collected result_;
};

}  // namespace

Collected CollectSweep(const Sweep& sweep, const CollectOptions& options) {
  return Collector(sweep, options).Run();
}

}  // namespace hat
