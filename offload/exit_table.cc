#include "offload/exit_table.h"

#include <fmt/format.h>

#include "core/error.h"

namespace hat {

ExitTable ExitTable::Load(const std::string& path) { return FromCsv(CsvFile::Load(path)); }

ExitTable ExitTable::FromCsv(const CsvFile& csv) {
  ExitTable table;
  std::vector<int> confidences, rights;
  while (csv.HasColumn(fmt::format("confidence_{}", confidences.size() + 1))) {
    const size_t exit = confidences.size() + 1;
    confidences.push_back(csv.ColumnIndex(fmt::format("confidence_{}", exit)));
    rights.push_back(csv.ColumnIndex(fmt::format("right_{}", exit)));
  }
  if (confidences.empty()) csv.ColumnIndex("confidence_1");  // says what there is
  if (csv.rows() == 0) throw InputError(csv.name() + ": has no samples");
  table.exits_ = static_cast<int>(confidences.size());
  for (int row = 0; row < csv.rows(); ++row) {
    for (size_t exit = 0; exit < confidences.size(); ++exit) {
      table.confidences_.push_back(csv.Number(row, confidences[exit], Range::Between(0, 1)));
      table.right_.push_back(static_cast<char>(csv.Integer(row, rights[exit], 0, 1)));
    }
  }
  return table;
}

int ExitTable::ExitOf(int sample, const std::vector<double>& thresholds) const {
  HAT_CHECK(static_cast<int>(thresholds.size()) == exits_ - 1);
  for (int exit = 1; exit < exits_; ++exit) {
    if (confidences_[Index(sample, exit)] >= thresholds[static_cast<size_t>(exit) - 1]) return exit;
  }
  return exits_;
}

std::vector<double> SameThresholds(const ExitTable& table, double threshold) {
  return std::vector<double>(static_cast<size_t>(table.exits()) - 1, threshold);
}

ExitShares SharesAt(const ExitTable& table, const std::vector<double>& thresholds) {
  std::vector<int64_t> exits(static_cast<size_t>(table.exits()));
  int64_t right = 0;
  for (int sample = 0; sample < table.samples(); ++sample) {
    const int exit = table.ExitOf(sample, thresholds);
    ++exits[static_cast<size_t>(exit) - 1];
    right += table.IsRight(sample, exit);
  }
  ExitShares shares;
  shares.going_on = {1};
  int64_t reach = table.samples();
  for (const int64_t exited : exits) {
    const int64_t left = reach - exited;
    shares.going_on.push_back(reach == 0 ? 0
                                         : static_cast<double>(left) / static_cast<double>(reach));
    reach = left;
  }
  shares.accuracy = static_cast<double>(right) / table.samples();
  return shares;
}

}  // namespace hat
