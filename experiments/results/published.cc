#include "experiments/results/published.h"

#include <algorithm>

#include "core/csv.h"

namespace hat {
namespace {

bool IsSameFigure(const PublishedValue& a, const PublishedValue& b) {
  return a.system == b.system && a.metric == b.metric;
}

PublishedValue ValueIn(const CsvFile& csv, int row) {
  const auto text = [&](const char* column) { return csv.Text(row, csv.ColumnIndex(column)); };
  PublishedValue value;
  value.system = text("system");
  value.metric = text("metric");
  value.value = csv.Number(row, csv.ColumnIndex("value"), Range());
  value.unit = text("unit");
  value.source = text("source");
  if (text("rate_per_s").empty()) return value;
  value.rate_per_s = csv.Number(row, csv.ColumnIndex("rate_per_s"), Range::Positive());
  return value;
}

}  // namespace

std::vector<PublishedValue> PublishedFor(const std::string& path, const std::string& experiment,
                                         const std::string& model, double rate_per_s) {
  const CsvFile csv = CsvFile::Load(path);
  std::vector<PublishedValue> at_rate, without_rate;
  for (int row = 0; row < csv.rows(); ++row) {
    const std::string name = csv.Text(row, csv.ColumnIndex("experiment"));
    const bool is_meant = name.substr(0, name.find('/')) == experiment &&
                          csv.Text(row, csv.ColumnIndex("model")) == model;
    if (!is_meant) continue;
    const PublishedValue value = ValueIn(csv, row);
    if (!value.rate_per_s) without_rate.push_back(value);
    if (value.rate_per_s == rate_per_s) at_rate.push_back(value);
  }
  for (const PublishedValue& value : without_rate) {
    const bool is_known = std::any_of(at_rate.begin(), at_rate.end(), [&](const auto& other) {
      return other.rate_per_s && IsSameFigure(value, other);
    });
    if (!is_known) at_rate.push_back(value);
  }
  return at_rate;
}

std::vector<PublishedValue> PublishedOf(const std::string& path, const std::string& experiment) {
  const CsvFile csv = CsvFile::Load(path);
  std::vector<PublishedValue> values;
  for (int row = 0; row < csv.rows(); ++row) {
    if (csv.Text(row, csv.ColumnIndex("experiment")) == experiment) {
      values.push_back(ValueIn(csv, row));
    }
  }
  return values;
}

}  // namespace hat
