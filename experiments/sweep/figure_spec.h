// What a plan's figure shows: the table [figure] of a plan (every key: docs/formats.md).
#pragma once

#include <string>
#include <vector>

#include "core/config.h"

namespace hat {

struct FigureSpec {
  enum class Kind {
    kLines,    // a metric over x, a line a series
    kBars,     // a bar a series
    kStacked,  // parts of a whole on top of each other, a bar a series
    kShares    // the share of requests that take at most so long, a curve a series
  };
  Kind kind = Kind::kBars;
  std::string question;  // that it answers
  std::string x;         // lines: an axis of the plan whose values are numbers
  std::string x_label;
  bool x_is_log = false;
  std::string series;                // an axis of the plan
  std::vector<std::string> metrics;  // paths in summary.json; shares: columns of requests.csv
  std::vector<std::string> labels;   // of the metrics, with units
  // Published beside ours: an experiment of published.csv, or a part of one ("a/b"); empty: none.
  std::string published;
  std::string note;  // what a reader has to know; empty: nothing
  // For a quick look: keys set and seeds.
  std::vector<std::string> quick_set;
  int quick_seeds = 1;
};

std::string_view Name(FigureSpec::Kind kind);  // "lines", ...

// Throws InputError (file, line, key).
FigureSpec ReadFigureSpec(const ConfigTable& table);
// That x and series are axes of the plan; throws InputError.
void CheckFigureSpec(const FigureSpec& figure, const ConfigTable& table,
                     const std::vector<std::string>& axes);

}  // namespace hat
