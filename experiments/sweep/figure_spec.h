// What a plan's figure shows: the table [figure] of a plan (every key: docs/formats.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/config.h"
#include "experiments/results/relation.h"

namespace hat {

struct FigureSpec {
  enum class Kind {
    kLines,     // a metric over x, a line a series
    kBars,      // a bar a series
    kStacked,   // parts of a whole on top of each other, a bar a series
    kShares,    // the share of requests that take at most so long, a curve a series
    kOverTime,  // a utilisation in the course of a run, a line a series
    kTable      // a row a metric and series, a column an x (figure_table.h)
  };
  Kind kind = Kind::kBars;
  std::string question;  // that it answers
  std::string x;         // lines: an axis of the plan whose values are numbers; table: any, or none
  std::string x_label;
  bool x_is_log = false;
  std::string series;  // an axis of the plan; table: or empty
  // Of summary.json (MetricOf). shares: columns of requests.csv; over-time: of utilisation.csv.
  std::vector<std::string> metrics;
  std::vector<std::string> labels;  // of the metrics, with units
  std::string relative_to;          // a choice of `series`, or of `x`; empty: no metric has a base
  // Published beside ours: an experiment of published.csv, or a part of one ("a/b"); empty: none.
  std::string published;
  std::vector<std::string> published_metrics;  // what the metrics are called there
  std::string note;                            // what a reader has to know; empty: nothing
  // For a quick look: keys set and seeds.
  std::vector<std::string> quick_set;
  int quick_seeds = 1;
};

std::string_view Name(FigureSpec::Kind kind);  // "lines", ...

// "PATH", a path in summary.json or a sum "PATH + PATH" (UnitSummary::Metric); "speedup.PATH",
// "reduction.PATH", "saved.PATH": the same of `relative_to`, the base, related to its own at the
// same seed.
struct FigureMetric {
  std::optional<Relation> relation;
  std::string path;
};
FigureMetric MetricOf(const std::string& metric);

// Throws InputError (file, line, key).
FigureSpec ReadFigureSpec(const ConfigTable& table);
// That x and series are axes of the plan, that there may be such metrics, and that numbers stand
// on an x-axis. `values`: of the plan's cells, by axis. Throws InputError.
void CheckFigureSpec(const FigureSpec& figure, const ConfigTable& table,
                     const std::vector<std::string>& axes,
                     const std::vector<std::vector<std::string>>& values);

}  // namespace hat
