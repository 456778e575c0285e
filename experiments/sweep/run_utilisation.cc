#include "experiments/sweep/run_utilisation.h"

#include <algorithm>
#include <cmath>

namespace hat {
namespace {

constexpr Range kAny{};  // what the program itself has written

}  // namespace

RunUtilisation::RunUtilisation(const std::string& path) : csv_(CsvFile::Load(path)) {
  if (csv_.rows() > 0) end_s_ = csv_.Number(csv_.rows() - 1, csv_.ColumnIndex("to_s"), kAny);
}

double RunUtilisation::Mean(const std::string& column, double from_s, double to_s) const {
  const int value = csv_.ColumnIndex(column);
  const int from = csv_.ColumnIndex("from_s"), to = csv_.ColumnIndex("to_s");
  double busy_s = 0;
  for (int row = 0; row < csv_.rows(); ++row) {
    const double start_s = std::max(from_s, csv_.Number(row, from, kAny));
    const double end_s = std::min(to_s, csv_.Number(row, to, kAny));
    if (end_s > start_s) busy_s += (end_s - start_s) * csv_.Number(row, value, kAny);
  }
  return busy_s / (to_s - from_s);
}

double RoundStep(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  for (const double step : {1, 2, 5}) {
    if (step * power >= value) return step * power;
  }
  return 10 * power;
}

}  // namespace hat
