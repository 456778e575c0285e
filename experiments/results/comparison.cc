#include "experiments/results/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/files.h"
#include "experiments/watch/ttft_parts.h"

namespace hat {
namespace {

using Json = nlohmann::json;
using SeedValues = std::map<uint64_t, double>;

std::vector<ComparedMetric> MakeMetrics() {
  std::vector<ComparedMetric> metrics;
  for (const char* time : {"ttft_ms", "tbt_ms", "e2e_ms"}) {
    for (const char* value : {"mean", "p50", "p90", "p99"}) {
      metrics.push_back({fmt::format("{}.{}", time, value), "ms"});
    }
  }
  for (const TtftPartField& part : TtftPartFields()) {
    metrics.push_back({fmt::format("ttft_parts_ms.{}", part.name), "ms"});
  }
  metrics.push_back({"accept_length", "tokens"});
  metrics.push_back({"tokens_per_s", "tokens/s"});
  return metrics;
}

double ValueAt(const Json& summary, std::string_view path) {
  const Json* at = &summary;
  while (!path.empty()) {
    const size_t dot = path.find('.');
    at = &at->at(std::string(path.substr(0, dot)));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return at->is_null() ? std::numeric_limits<double>::quiet_NaN() : at->get<double>();
}

RunFigures FiguresOf(const Json& summary) {
  RunFigures figures;
  summary.at("label").get_to(figures.label);
  summary.at("system").get_to(figures.system);
  summary.at("seed").get_to(figures.seed);
  summary.at("partial").get_to(figures.is_partial);
  if (summary.contains("not_possible")) {
    figures.not_possible = summary.at("not_possible").get<std::string>();
    return figures;
  }
  summary.at("saturated").get_to(figures.is_saturated);
  for (const ComparedMetric& metric : ComparedMetrics()) {
    figures.values.push_back(ValueAt(summary, metric.name));
  }
  return figures;
}

// Of one metric; nothing for a seed without it.
SeedValues ValuesOf(const std::vector<const RunFigures*>& runs, size_t metric) {
  SeedValues values;
  for (const RunFigures* run : runs) {
    if (run->not_possible || std::isnan(run->values[metric])) continue;
    values[run->seed] = run->values[metric];
  }
  return values;
}

std::optional<Estimate> MeanOf(const SeedValues& values) {
  if (values.empty()) return std::nullopt;
  std::vector<double> samples;
  for (const auto& [seed, value] : values) samples.push_back(value);
  return MeanWithInterval(samples);
}

std::optional<Estimate> PercentAgainst(const SeedValues& values, const SeedValues& reference) {
  SeedValues percent;
  for (const auto& [seed, value] : values) {
    const auto found = reference.find(seed);
    if (found == reference.end() || found->second == 0) continue;
    percent[seed] = 100 * (value / found->second - 1);
  }
  return MeanOf(percent);
}

void CheckRuns(const std::vector<RunFigures>& runs) {
  std::map<std::string, std::vector<uint64_t>> seeds;
  for (const RunFigures& run : runs) {
    if (run.is_partial) {
      throw InputError(fmt::format("the run of {} with seed {} is partial: it cannot be compared",
                                   run.system, run.seed));
    }
    seeds[run.system].push_back(run.seed);
  }
  for (auto& [system, of_system] : seeds) std::sort(of_system.begin(), of_system.end());
  for (const auto& [system, of_system] : seeds) {
    if (of_system == seeds.begin()->second) continue;
    throw InputError(
        fmt::format("{} and {} were not run with the same seeds", system, seeds.begin()->first));
  }
}

SystemFigures FiguresOfSystem(const std::vector<const RunFigures*>& runs,
                              const std::vector<const RunFigures*>& reference) {
  SystemFigures figures;
  figures.system = runs.front()->system;
  figures.runs = static_cast<int>(runs.size());
  for (const RunFigures* run : runs) {
    if (run->not_possible) figures.not_possible = run->not_possible;
    figures.saturated_runs += run->is_saturated;
  }
  for (size_t metric = 0; metric < ComparedMetrics().size(); ++metric) {
    const SeedValues values = ValuesOf(runs, metric);
    figures.values.push_back(MeanOf(values));
    figures.versus_percent.push_back(
        &runs == &reference ? std::nullopt : PercentAgainst(values, ValuesOf(reference, metric)));
  }
  return figures;
}

}  // namespace

const std::vector<ComparedMetric>& ComparedMetrics() {
  static const std::vector<ComparedMetric> metrics = MakeMetrics();
  return metrics;
}

size_t MetricIndex(std::string_view name) {
  const auto& metrics = ComparedMetrics();
  const auto found =
      std::find_if(metrics.begin(), metrics.end(),
                   [&](const ComparedMetric& metric) { return metric.name == name; });
  HAT_CHECK(found != metrics.end(), std::string(name));
  return static_cast<size_t>(found - metrics.begin());
}

RunFigures ParseSummary(const std::string& text, const std::string& name) {
  try {
    return FiguresOf(Json::parse(text));
  } catch (const Json::exception& error) {
    throw InputError(fmt::format("{}: not a summary of a run: {}", name, error.what()));
  }
}

Comparison CompareRuns(const std::vector<RunFigures>& runs) {
  HAT_CHECK(!runs.empty());
  CheckRuns(runs);
  std::vector<std::vector<const RunFigures*>> by_system;
  for (const RunFigures& run : runs) {
    auto system = std::find_if(by_system.begin(), by_system.end(), [&](const auto& group) {
      return group.front()->system == run.system;
    });
    if (system == by_system.end()) system = by_system.insert(by_system.end(), {{}});
    system->push_back(&run);
  }
  Comparison comparison;
  comparison.reference = runs.front().system;
  for (const auto& group : by_system) {
    comparison.systems.push_back(FiguresOfSystem(group, by_system.front()));
  }
  return comparison;
}

std::string RequestsDigest(std::string_view requests_csv) {
  constexpr int kColumns =
      6;  // request, device, prompt_row, prompt_tokens, output_tokens, arrival_s
  std::string asked;
  while (!requests_csv.empty()) {
    const size_t line_end = std::min(requests_csv.find('\n'), requests_csv.size() - 1) + 1;
    const std::string_view line = requests_csv.substr(0, line_end);
    size_t column_end = 0;
    for (int i = 0; i < kColumns && column_end != std::string_view::npos; ++i) {
      column_end = line.find(',', column_end + (i > 0));
    }
    asked.append(line.substr(0, column_end)).push_back('\n');
    requests_csv.remove_prefix(line_end);
  }
  return Sha256Hex(asked);
}

}  // namespace hat
