// A figure of one run related to the same figure of another: what papers publish where they leave
// out the figures themselves.
#pragma once

#include <optional>

namespace hat {

enum class Relation {
  kSpeedup,    // base / own
  kReduction,  // by how many percent the base is below: 100 (1 - base / own)
  kSaved,      // by how much it is below: own - base
};

// Nothing where it would divide by 0. Related(kReduction, 30, 40) = 25.
inline std::optional<double> Related(Relation relation, double base, double own) {
  if (relation == Relation::kSaved) return own - base;
  if (own == 0) return std::nullopt;
  return relation == Relation::kSpeedup ? base / own : 100 * (1 - base / own);
}

}  // namespace hat
