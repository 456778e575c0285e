// A sweep as its user writes it: base scenarios, systems, axes of values, seeds (PLAN.toml, every
// key: docs/formats.md). The product of all is a list of cells, each one run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "experiments/plan/plan.h"
#include "experiments/sweep/figure_spec.h"

namespace hat {

inline constexpr size_t kMostCells = 1'000'000;

struct SweepPlan {
  std::string name;               // default: the file's name without .toml
  std::vector<std::string> axes;  // what tells cells apart, in order: "scenario" where there are
                                  // several, "system.name", the axes' names or keys, "seed"
  Plan plan;  // cells without a folder, in the order of the product: the last axis varies fastest
  std::vector<std::vector<std::string>> values;  // [cell][axis]; empty where an axis is left out
  std::optional<FigureSpec> figure;              // the table [figure], if there is one
  std::vector<std::string> files;                // whose keys 'set' takes over

  size_t AxisIndex(const std::string& axis) const;  // of a name in `axes`
};

// `overrides`: as --set takes them, for every cell, on top of the plan's own 'set'. Throws
// InputError for a plan that is wrong (file, line, key), for an override of what the plan chooses,
// and for more than kMostCells cells. What the cells' scenarios say is checked by who loads them.
// `is_quick`: with what [figure] says for a quick look in place of the plan's seeds.
SweepPlan LoadSweepPlan(const std::string& path, const std::vector<std::string>& overrides = {},
                        bool is_quick = false);

// The table [figure] of such a plan alone.
std::optional<FigureSpec> LoadFigureSpec(const std::string& path);

}  // namespace hat
