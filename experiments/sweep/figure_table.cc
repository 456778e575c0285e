#include "experiments/sweep/figure_table.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/error.h"

namespace hat {
namespace {

constexpr double kFar = 0.2;

std::string Shown(const Estimate& value) {
  const double size = std::abs(value.mean);
  const int before_point = size > 0 ? static_cast<int>(std::floor(std::log10(size))) : 0;
  const int digits = std::clamp(3 - before_point, 0, 2);
  const std::string mean = fmt::format("{:.{}f}", value.mean, digits);
  if (std::isnan(value.half_width)) return mean;
  return fmt::format("{} ± {:.{}f}", mean, value.half_width, digits);
}

// What a reader of the mean has to know of its runs; empty: nothing.
std::string Remark(const FigurePoint& point, size_t seeds) {
  std::vector<std::string> remarks;
  if (point.saturated_runs > 0) {
    remarks.push_back(fmt::format("{} of {} saturated", point.saturated_runs, seeds));
  }
  if (point.runs < static_cast<int>(seeds)) {
    remarks.push_back(fmt::format("{} of {} runs", point.runs, seeds));
  }
  return remarks.empty() ? "" : fmt::format(" ({})", fmt::join(remarks, ", "));
}

class TableMaker {
 public:
  explicit TableMaker(const FigureData& figure) : figure_(figure), spec_(figure.spec) {
    for (const FigurePoint& point : figure.points) {
      AddNew(series_, point.series);
      AddNew(table_.columns, point.x);
    }
    table_.errors.resize(table_.columns.size());
  }

  FigureTable Make() {
    AddHead();
    for (size_t metric = 0; metric < spec_.metrics.size(); ++metric) {
      const bool has_base = MetricOf(spec_.metrics[metric]).relation.has_value();
      std::vector<std::string> shown = series_;
      if (has_base) std::erase(shown, spec_.relative_to);
      for (const std::string& series : shown) {
        const std::string& label = spec_.labels[metric];
        const bool is_one = spec_.labels.size() > 1 && shown.size() == 1;
        AddRow(metric, series,
               is_one                    ? label
               : spec_.labels.size() > 1 ? label + ": " + series
                                         : series);
      }
    }
    if (spec_.x.empty()) table_.columns = {"ours"};
    return std::move(table_);
  }

 private:
  static void AddNew(std::vector<std::string>& names, const std::string& name) {
    if (!std::ranges::count(names, name)) names.push_back(name);
  }

  bool has_published() const { return !spec_.published.empty(); }

  void AddHead() {
    std::vector<std::string> head = {spec_.labels.size() == 1 ? spec_.labels[0] : ""};
    if (has_published()) head.push_back("published");
    for (const std::string& x : table_.columns) {
      head.push_back(spec_.x.empty() ? "ours" : x);
      if (has_published()) head.push_back("error");
    }
    table_.rows.push_back(std::move(head));
  }

  void AddRow(size_t metric, const std::string& series, const std::string& label) {
    std::vector<std::string> row = {label};
    const std::optional<double> published = Published(metric, series);
    if (has_published()) row.push_back(published ? fmt::format("{:g}", *published) : "");
    for (size_t column = 0; column < table_.columns.size(); ++column) {
      const FigurePoint* const point = PointAt(metric, series, table_.columns[column]);
      row.push_back(Cell(metric, point));
      if (!has_published()) continue;
      row.emplace_back();
      if (!published || *published == 0 || point == nullptr || !point->value) continue;
      const double error = point->value->mean / *published - 1;
      row.back() = fmt::format("{:+.0f}%", 100 * error);
      table_.errors[column].push_back(error);
    }
    table_.rows.push_back(std::move(row));
  }

  std::string Cell(size_t metric, const FigurePoint* point) const {
    if (point == nullptr) return "";
    const bool is_base = MetricOf(spec_.metrics[metric]).relation && point->x == spec_.relative_to;
    if (is_base) return "";
    if (!point->value) return point->no_figure.value_or("-");
    return Shown(*point->value) + Remark(*point, figure_.seeds.size());
  }

  const FigurePoint* PointAt(size_t metric, const std::string& series, const std::string& x) const {
    for (const FigurePoint& point : figure_.points) {
      const bool is_it = point.metric == spec_.metrics[metric] && point.series == series;
      if (is_it && point.x == x) return &point;
    }
    return nullptr;
  }

  std::optional<double> Published(size_t metric, const std::string& series) const {
    for (const PublishedValue& value : figure_.published) {
      const bool is_it = value.metric == spec_.published_metrics[metric] && value.system == series;
      if (is_it) return value.value;
    }
    return std::nullopt;
  }

  const FigureData& figure_;
  const FigureSpec& spec_;
  std::vector<std::string> series_;
  FigureTable table_;
};

std::string Escaped(const std::string& field) {
  std::string text;
  for (const char c : field) {
    if (c == '|') text += '\\';
    text += c == '\n' ? ' ' : c;
  }
  return text;
}

}  // namespace

FigureTable TableOf(const FigureData& figure) {
  HAT_CHECK(figure.spec.kind == FigureSpec::Kind::kTable);
  return TableMaker(figure).Make();
}

TextRows ErrorRows(const std::vector<FigureTable>& tables) {
  HAT_CHECK(!tables.empty());
  TextRows rows = {{"", "figures", "mean error", "beyond 20%", "largest"}};
  for (const std::string& column : tables.front().columns) {
    std::vector<double> errors;
    bool is_in_all = true;
    for (const FigureTable& table : tables) {
      const auto found = std::ranges::find(table.columns, column);
      is_in_all = is_in_all && found != table.columns.end();
      if (!is_in_all) break;
      const auto& more = table.errors[static_cast<size_t>(found - table.columns.begin())];
      for (const double error : more) errors.push_back(std::abs(error));
    }
    if (!is_in_all || errors.empty()) continue;
    double mean = 0;
    for (const double error : errors) mean += error / static_cast<double>(errors.size());
    rows.push_back(
        {column, fmt::format("{}", errors.size()), fmt::format("{:.1f}%", 100 * mean),
         fmt::format("{}", std::ranges::count_if(errors, [](double e) { return e > kFar; })),
         fmt::format("{:.0f}%", 100 * std::ranges::max(errors))});
  }
  if (rows.size() > 1) return rows;
  throw InputError("the tables have no column in common that has published figures");
}

std::string MarkdownTable(const TextRows& rows) {
  std::string text;
  for (size_t row = 0; row < rows.size(); ++row) {
    std::vector<std::string> fields;
    for (const std::string& field : rows[row]) fields.push_back(Escaped(field));
    text += fields[0].empty() ? "| |" : fmt::format("| {} |", fields[0]);
    for (size_t i = 1; i < fields.size(); ++i) {
      text += fields[i].empty() ? " |" : fmt::format(" {} |", fields[i]);
    }
    text += "\n";
    if (row > 0) continue;
    text += "|---|";
    for (size_t i = 1; i < fields.size(); ++i) text += "--:|";
    text += "\n";
  }
  return text;
}

}  // namespace hat
