// A comparison for people, for spreadsheets and for the figure: the same numbers in each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/results/comparison.h"
#include "experiments/results/published.h"

namespace hat {

inline constexpr int kComparisonSchema = 1;

// What was compared.
struct ComparisonInfo {
  std::string label = "simulated";
  std::string scenario;
  std::string model;
  int devices = 0;
  std::optional<double> rate_per_s;    // nothing where the rate is not a key (closed loop, replay)
  std::vector<std::string> overrides;  // --set
  std::vector<uint64_t> seeds;
  std::vector<PublishedValue> published;
};

std::string ComparisonJson(const Comparison& comparison,
                           const ComparisonInfo& info);  // all numbers
// All numbers, a line per system and metric.
std::string ComparisonCsv(const Comparison& comparison);
std::string ComparisonMarkdown(const Comparison& comparison, const ComparisonInfo& info);
std::string ComparisonText(const Comparison& comparison, const ComparisonInfo& info);

}  // namespace hat
