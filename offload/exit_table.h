// What a model's exits said of validation samples, recorded once: how sure each was, and whether it
// was right. Which tasks exit where, and how often they are right, follows for all thresholds at
// once.
#pragma once

#include <string>
#include <vector>

#include "core/csv.h"
#include "offload/network.h"

namespace hat {

class ExitTable {
 public:
  // CSV: confidence_1, right_1, ..., confidence_H, right_H, a row a sample; the last exit is the
  // model's end, and its confidence counts for nothing. Throws InputError: columns missing, a
  // confidence outside 0..1, right other than 0 or 1, no rows.
  static ExitTable Load(const std::string& path);
  static ExitTable FromCsv(const CsvFile& csv);

  int exits() const { return exits_; }
  int samples() const { return static_cast<int>(confidences_.size()) / exits_; }

  // The first exit (from 1) whose confidence is at least its threshold, or the last. thresholds: of
  // all but the last.
  int ExitOf(int sample, const std::vector<double>& thresholds) const;
  bool IsRight(int sample, int exit) const { return right_[Index(sample, exit)] != 0; }

 private:
  size_t Index(int sample, int exit) const {
    return static_cast<size_t>(sample) * static_cast<size_t>(exits_) +
           static_cast<size_t>(exit - 1);
  }

  int exits_ = 0;
  std::vector<double> confidences_;  // [sample][exit]
  std::vector<char> right_;
};

// Above all confidences: nothing exits there.
inline constexpr double kNoExit = 1.5;

// The same at every exit.
std::vector<double> SameThresholds(const ExitTable& table, double threshold);

struct ExitShares {
  GoingOn going_on;     // of devices 1, of each stage; of the last 0
  double accuracy = 0;  // share of samples that are right where they exit
};
ExitShares SharesAt(const ExitTable& table, const std::vector<double>& thresholds);

}  // namespace hat
