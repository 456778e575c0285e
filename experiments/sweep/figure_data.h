// What a figure shows, made of the results of its plan's runs: a point for each choice of all axes
// but the seed, its mean over seeds with a 95% confidence interval (results/statistics.h). A
// plotting script draws it and computes nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/results/published.h"
#include "experiments/results/statistics.h"
#include "experiments/sweep/sweep.h"

namespace hat {

inline constexpr int kFigureSchema = 1;

struct FigurePoint {
  std::string series, x;
  std::string metric;
  std::optional<Estimate> value;  // nothing where no run measured it
  std::vector<double> shares;     // shares: the times that 0, 1, ..., 100% of all measured
                                  // requests of all seeds do not exceed
  int runs = 0;                   // that have the metric
  int saturated_runs = 0;
  std::optional<std::string> no_figure;  // why there is none: not possible, failed, not done
  std::vector<std::string> keys;         // of the units that it is made of
};

struct FigureData {
  std::string name;
  std::string label;  // "simulated"
  FigureSpec spec;
  std::vector<uint64_t> seeds;            // how many runs a point has at most, for the caption
  std::vector<FigurePoint> points;        // in the order of the plan, metric by metric
  std::vector<PublishedValue> published;  // of spec.published
};

// What is wrong with the figure shows before its runs are done: throws InputError where a point is
// not one choice (the plan has an axis that is neither x nor series), and for what the file
// `published` (published.h) should have and has not.
void CheckFigure(const Sweep& sweep, const std::string& published);

// Throws as CheckFigure, and InputError for a damaged summary.
FigureData MakeFigureData(const Sweep& sweep, const std::string& published);

std::string FigureJson(const FigureData& figure);  // for the script
std::string FigureCsv(const FigureData& figure);   // for people: a row a point

}  // namespace hat
