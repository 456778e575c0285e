// What utilisation.csv of a run says, in whatever bins of time a figure wants.
#pragma once

#include <string>

#include "core/csv.h"

namespace hat {

class RunUtilisation {
 public:
  // Throws InputError that names the file.
  explicit RunUtilisation(const std::string& path);

  double end_s() const { return end_s_; }  // since the first arrival

  // Of the column ("stage.0"), from one time to another; after the end nothing is busy. Throws
  // InputError where there is no such column.
  double Mean(const std::string& column, double from_s, double to_s) const;

 private:
  CsvFile csv_;
  double end_s_ = 0;
};

// 1, 2 or 5 times a power of ten: the least that is >= `value`, > 0. 2.34 gives 5.
double RoundStep(double value);

}  // namespace hat
