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

  // "PATH", or the sum "PATH + PATH + ..."; nothing if one of them was not measured.
  std::optional<double> Metric(std::string_view metric) const;
};

// Of a metric the paths that it is the sum of, one or more.
std::vector<std::string> PathsOf(std::string_view metric);

// Throws InputError that names the file.
UnitSummary ReadUnitSummary(const std::string& path);

}  // namespace hat
