// What summary.json of a unit says, flat.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hat {

struct UnitSummary {
  std::string label, system;
  std::string not_possible;  // why; empty: it was possible
  // Every number by its path ("ttft_ms.p90", "utilisation.stage.0"), in the file's order; true is
  // 1. What was not measured is not among them.
  std::vector<std::pair<std::string, double>> metrics;

  std::optional<double> Metric(std::string_view path) const;
};

// Throws InputError that names the file.
UnitSummary ReadUnitSummary(const std::string& path);

}  // namespace hat
