#include "experiments/validate/validation.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/decimal.h"
#include "core/error.h"
#include "core/lines.h"

namespace hat {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr size_t kBatchTokens = 4, kStageMs = 5;  // in kValidatedMetrics

struct RequestValue {
  double value = kNone, weight = 1;
};

RequestValue Value(const RunRequest& request, size_t metric) {
  switch (metric) {
    case 0:
      return {request.ttft_ms};
    case 1:
      return {request.tbt_ms};
    case 2:
      return {request.e2e_ms};
    default:
      if (request.rounds == 0) return {};
      const auto rounds = static_cast<double>(request.rounds);
      return {static_cast<double>(request.tokens - 1) / rounds, rounds};
  }
}

void AddSample(const RunRequest& request, size_t metric, int unit,
               std::vector<UnitSample>& samples) {
  const RequestValue value = Value(request, metric);
  if (!std::isnan(value.value)) samples.push_back({unit, value.value, value.weight});
}

PairedSamples OfRequests(const std::vector<const RequestPair*>& pairs, size_t metric) {
  PairedSamples samples;
  for (const RequestPair* pair : pairs) {
    AddSample(*pair->simulated, metric, samples.units, samples.simulated);
    AddSample(*pair->live, metric, samples.units, samples.live);
    ++samples.units;
  }
  return samples;
}

FigurePairs MeansAlone(double simulated, double live) {
  FigurePairs pairs;
  pairs[0].simulated = simulated;
  pairs[0].live = live;
  return pairs;
}

void AddBatches(const RunOfSystem& simulated, const RunOfSystem& live, SystemValidation& result) {
  result.has_batches = simulated.batches && live.batches;
  if (!result.has_batches) {
    result.metrics[kBatchTokens] = MeansAlone(simulated.batch_tokens_mean, live.batch_tokens_mean);
    result.metrics[kStageMs] = MeansAlone(simulated.stage_ms_mean, live.stage_ms_mean);
    return;
  }
  const BatchSamples& ours = *simulated.batches;
  const BatchSamples& theirs = *live.batches;
  result.metrics[kBatchTokens] =
      CompareWorlds(PairedByStretch(ours.batch_tokens(), theirs.batch_tokens()));
  result.metrics[kStageMs] = CompareWorlds(PairedByStretch(ours.stage_ms(), theirs.stage_ms()));
}

void AddTimes(const std::vector<const RequestPair*>& pairs, SystemValidation& result) {
  for (const RequestPair* pair : pairs) {
    result.requests.push_back(pair->live->request);
    for (size_t metric = 0; metric < result.times.size(); ++metric) {
      result.times[metric].simulated.push_back(Value(*pair->simulated, metric).value);
      result.times[metric].live.push_back(Value(*pair->live, metric).value);
    }
  }
}

double LargestArrivalDifferenceMs(const std::vector<RequestPair>& pairs) {
  double largest = 0;
  for (const RequestPair& pair : pairs) {
    if (!pair.simulated || !pair.live) continue;
    const double seconds = std::abs(pair.simulated->arrival_s - pair.live->arrival_s);
    largest = std::max(largest, 1e3 * seconds);
  }
  return largest;
}

std::vector<std::string> Ranked(const std::vector<SystemValidation>& systems, size_t metric,
                                double FigurePair::*world) {
  std::vector<std::pair<double, std::string>> values;
  for (const SystemValidation& system : systems) {
    const double mean = system.metrics[metric][0].*world;
    if (!std::isnan(mean)) values.emplace_back(mean, system.system);
  }
  std::ranges::sort(values);
  std::vector<std::string> names;
  for (const auto& [mean, name] : values) names.push_back(name);
  return names;
}

std::vector<Requirement> KnownRequirements() {
  std::vector<Requirement> known;
  for (size_t metric = 0; metric < kValidatedMetrics.size(); ++metric) {
    for (size_t statistic = 0; statistic < kValidatedStatistics.size(); ++statistic) {
      known.push_back({fmt::format("{}_{}", kValidatedMetrics[metric].required,
                                   kValidatedStatistics[statistic].name),
                       metric, statistic});
    }
  }
  return known;
}

Requirement ParseRequirement(const std::string& text) {
  const size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  const std::vector<Requirement> known = KnownRequirements();
  const auto found = std::ranges::find(known, name, &Requirement::name);
  if (found == known.end()) {
    std::vector<std::string> names;
    for (const Requirement& one : known) names.push_back(one.name);
    throw InputError(
        fmt::format("--require: unknown figure '{}'; known: {}", name, fmt::join(names, ", ")));
  }
  Requirement requirement = *found;
  const std::string bound = equals == std::string::npos ? "" : text.substr(equals + 1);
  requirement.bound_percent = ParseDecimal(bound).value_or(0);
  if (requirement.bound_percent > 0 && std::isfinite(requirement.bound_percent)) return requirement;
  throw InputError(
      fmt::format("--require: the bound of '{}' must be a number of percent > 0, as {}=3, got '{}'",
                  name, name, bound));
}

double MeanIn(const nlohmann::json& summary, const char* key) {
  const nlohmann::json& mean = summary.at(key).at("mean");
  return mean.is_null() ? kNone : mean.get<double>();
}

}  // namespace

RunOfSystem ReadRun(const std::string& summary_json, const std::string& summary_name,
                    std::string requests_csv, const std::string& requests_name) {
  RunOfSystem run;
  try {
    const auto summary = nlohmann::json::parse(summary_json);
    summary.at("label").get_to(run.label);
    summary.at("saturated").get_to(run.is_saturated);
    run.batch_tokens_mean = MeanIn(summary, "batch_tokens");
    run.stage_ms_mean = MeanIn(summary, "stage_ms");
  } catch (const nlohmann::json::exception& error) {
    throw InputError(fmt::format("{}: not the summary of a run: {}", summary_name, error.what()));
  }
  run.requests = ParseRequests(std::move(requests_csv), requests_name);
  return run;
}

SystemValidation ValidateSystem(const std::string& system, const RunOfSystem& simulated,
                                const RunOfSystem& live, std::optional<Receipt> receipt,
                                const std::string& live_name) {
  const std::vector<RequestPair> pairs = PairRequests(simulated.requests, live.requests, live_name);
  std::vector<const RequestPair*> measured;
  for (const RequestPair& pair : pairs) {
    if (pair.is_measured()) measured.push_back(&pair);
  }
  if (measured.empty()) {
    throw InputError(
        fmt::format("{}: no request after the warm-up completed in both worlds: nothing to compare",
                    live_name));
  }
  SystemValidation result;
  result.system = system;
  result.simulated_label = simulated.label;
  result.live_label = live.label;
  result.is_simulated_saturated = simulated.is_saturated;
  result.is_live_saturated = live.is_saturated;
  result.measured = static_cast<int>(measured.size());
  result.largest_arrival_ms = LargestArrivalDifferenceMs(pairs);
  for (size_t metric = 0; metric < kBatchTokens; ++metric) {
    result.metrics[metric] = CompareWorlds(OfRequests(measured, metric));
  }
  AddBatches(simulated, live, result);
  AddTimes(measured, result);
  result.equality = CompareRequests(pairs, receipt ? &*receipt : nullptr);
  result.receipt = std::move(receipt);
  return result;
}

std::vector<Ranking> RankingsOf(const std::vector<SystemValidation>& systems) {
  std::vector<Ranking> rankings;
  for (const size_t metric : {size_t{0}, size_t{1}}) {
    rankings.push_back({kValidatedMetrics[metric].key,
                        Ranked(systems, metric, &FigurePair::simulated),
                        Ranked(systems, metric, &FigurePair::live)});
  }
  return rankings;
}

bool Requirement::IsMetBy(const SystemValidation& system) const {
  return std::abs(system.metrics[metric][statistic].error_percent()) <= bound_percent;
}

std::vector<Requirement> ParseRequirements(const std::string& text) {
  std::vector<Requirement> requirements;
  for (const std::string& part : SplitAtCommas(text)) {
    Requirement requirement = ParseRequirement(part);
    if (std::ranges::count(requirements, requirement.name, &Requirement::name) > 0) {
      throw InputError(fmt::format("--require: '{}' stands there twice", requirement.name));
    }
    requirements.push_back(std::move(requirement));
  }
  return requirements;
}

}  // namespace hat
