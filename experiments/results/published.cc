#include "experiments/results/published.h"

#include <algorithm>

#include "core/csv.h"

namespace hat {
namespace {

bool IsSameFigure(const PublishedValue& a, const PublishedValue& b) {
  return a.system == b.system && a.metric == b.metric;
}

}  // namespace

std::vector<PublishedValue> PublishedFor(const std::string& path, const std::string& experiment,
                                         const std::string& model, double rate_per_s) {
  const CsvFile csv = CsvFile::Load(path);
  const auto text = [&](int row, const char* column) {
    return csv.Text(row, csv.ColumnIndex(column));
  };
  std::vector<PublishedValue> at_rate, without_rate;
  for (int row = 0; row < csv.rows(); ++row) {
    const std::string name = text(row, "experiment");
    if (name.substr(0, name.find('/')) != experiment || text(row, "model") != model) continue;
    PublishedValue value;
    value.system = text(row, "system");
    value.metric = text(row, "metric");
    value.value = csv.Number(row, csv.ColumnIndex("value"), Range());
    value.unit = text(row, "unit");
    value.source = text(row, "source");
    if (text(row, "rate_per_s").empty()) {
      without_rate.push_back(value);
      continue;
    }
    value.rate_per_s = csv.Number(row, csv.ColumnIndex("rate_per_s"), Range::Positive());
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

}  // namespace hat
