// What a plan's figure shows: the table [figure] of a plan (every key: docs/formats.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config.h"

namespace hat {

struct FigureSpec {
  enum class Kind {
    kLines,    // a metric over x, a line a series
    kBars,     // a bar a series
    kStacked,  // parts of a whole on top of each other, a bar a series
    kShares,   // the share of requests that take at most so long, a curve a series
    kOverTime  // a utilisation in the course of a run, a line a series
  };
  Kind kind = Kind::kBars;
  std::string question;  // that it answers
  std::string x;         // lines: an axis of the plan whose values are numbers
  std::string x_label;
  bool x_is_log = false;
  std::string series;  // an axis of the plan
  // Paths in summary.json; "speedup.PATH": how much smaller PATH is than in the series relative_to.
  // shares: columns of requests.csv; over-time: of utilisation.csv.
  std::vector<std::string> metrics;
  std::vector<std::string> labels;  // of the metrics, with units
  std::string relative_to;          // a choice of `series`; empty: no metric is a speed-up
  // Published beside ours: an experiment of published.csv, or a part of one ("a/b"); empty: none.
  std::string published;
  std::string note;  // what a reader has to know; empty: nothing
  // For a quick look: keys set and seeds.
  std::vector<std::string> quick_set;
  int quick_seeds = 1;
};

std::string_view Name(FigureSpec::Kind kind);  // "lines", ...

// Of a metric "speedup.PATH" PATH, of any other nothing.
std::optional<std::string> SpeedupOf(const std::string& metric);

// Throws InputError (file, line, key).
FigureSpec ReadFigureSpec(const ConfigTable& table);
// That x and series are axes of the plan; throws InputError.
void CheckFigureSpec(const FigureSpec& figure, const ConfigTable& table,
                     const std::vector<std::string>& axes);

}  // namespace hat
