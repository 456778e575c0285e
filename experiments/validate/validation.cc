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

// The pairs of one seed's requests, and those of them that were measured.
struct SeedPairs {
  explicit SeedPairs(const SeedRuns& runs)
      : seed(runs.seed),
        all(PairRequests(runs.simulated.requests, runs.live.requests, runs.live_name)) {
    for (const RequestPair& pair : all) {
      if (pair.is_measured()) measured.push_back(&pair);
    }
  }
  SeedPairs(SeedPairs&&) = default;  // the pairs stay where they are

  uint64_t seed;
  std::vector<RequestPair> all;
  std::vector<const RequestPair*> measured;
};

PairedSamples OfRequests(const std::vector<SeedPairs>& seeds, size_t metric) {
  PairedSamples samples;
  for (const SeedPairs& seed : seeds) {
    for (const RequestPair* pair : seed.measured) {
      AddSample(*pair->simulated, metric, samples.units, samples.simulated);
      AddSample(*pair->live, metric, samples.units, samples.live);
      ++samples.units;
    }
  }
  return samples;
}

FigurePairs MeansAlone(const std::vector<SeedRuns>& runs, double RunOfSystem::*mean) {
  FigurePairs pairs;
  pairs[0].simulated = pairs[0].live = 0;
  const auto count = static_cast<double>(runs.size());
  for (const SeedRuns& seed : runs) {
    pairs[0].simulated += seed.simulated.*mean / count;
    pairs[0].live += seed.live.*mean / count;
  }
  return pairs;
}

FigurePairs OfStretches(const std::vector<SeedRuns>& runs,
                        const std::vector<TimedSample>& (BatchSamples::*samples)() const) {
  PairedSamples all;
  for (const SeedRuns& seed : runs) {
    all.Add(
        PairedByStretch(((*seed.simulated.batches).*samples)(), ((*seed.live.batches).*samples)()));
  }
  return CompareWorlds(all);
}

void AddBatches(const std::vector<SeedRuns>& runs, SystemValidation& result) {
  result.has_batches = std::ranges::all_of(
      runs, [](const SeedRuns& seed) { return seed.simulated.batches && seed.live.batches; });
  result.metrics[kBatchTokens] = result.has_batches
                                     ? OfStretches(runs, &BatchSamples::batch_tokens)
                                     : MeansAlone(runs, &RunOfSystem::batch_tokens_mean);
  result.metrics[kStageMs] = result.has_batches ? OfStretches(runs, &BatchSamples::stage_ms)
                                                : MeansAlone(runs, &RunOfSystem::stage_ms_mean);
}

void AddTimes(const SeedPairs& seed, SystemValidation& result) {
  for (const RequestPair* pair : seed.measured) {
    result.requests.push_back({seed.seed, pair->live->request});
    for (size_t metric = 0; metric < result.times.size(); ++metric) {
      result.times[metric].simulated.push_back(Value(*pair->simulated, metric).value);
      result.times[metric].live.push_back(Value(*pair->live, metric).value);
    }
  }
}

void AddSetup(const Receipt& receipt, const std::string& live_name,
              std::optional<LiveSetup>& setup) {
  if (!setup) {
    setup = {receipt.time_scale,          receipt.shaping, {}, {}, receipt.settings.compute_dtype,
             receipt.settings.state_dtype};
  }
  if (setup->time_scale != receipt.time_scale) {
    throw InputError(fmt::format("{}: its time scale is {:g}, that of another seed's run {:g}",
                                 live_name, receipt.time_scale, setup->time_scale));
  }
  ReceiptOverruns& overruns = setup->overruns;
  overruns.operations += receipt.overruns.operations;
  overruns.overran += receipt.overruns.overran;
  overruns.largest_ms = std::max(overruns.largest_ms, receipt.overruns.largest_ms);
  ReceiptLateness& late = setup->lateness;
  late.frames += receipt.lateness.frames;
  late.p50_us = std::max(late.p50_us, receipt.lateness.p50_us);
  late.p99_us = std::max(late.p99_us, receipt.lateness.p99_us);
  late.largest_us = std::max(late.largest_us, receipt.lateness.largest_us);
}

std::optional<LiveSetup> SetupOf(const std::vector<SeedRuns>& runs) {
  std::optional<LiveSetup> setup;
  for (const SeedRuns& seed : runs) {
    if (!seed.receipt) return std::nullopt;
    AddSetup(*seed.receipt, seed.live_name, setup);
  }
  return setup;
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

SystemValidation ValidateSystem(const std::string& system, const std::vector<SeedRuns>& runs) {
  HAT_CHECK(!runs.empty());
  SystemValidation result;
  result.system = system;
  result.simulated_label = runs.front().simulated.label;
  result.live_label = runs.front().live.label;
  result.setup = SetupOf(runs);
  std::vector<SeedPairs> seeds;
  for (const SeedRuns& seed : runs) {
    const SeedPairs& pairs = seeds.emplace_back(seed);
    result.seeds.push_back(seed.seed);
    result.is_simulated_saturated |= seed.simulated.is_saturated;
    result.is_live_saturated |= seed.live.is_saturated;
    result.measured += static_cast<int>(pairs.measured.size());
    result.largest_arrival_ms =
        std::max(result.largest_arrival_ms, LargestArrivalDifferenceMs(pairs.all));
    AddTimes(pairs, result);
    result.equality.Add(
        CompareRequests(pairs.all, seed.receipt ? &*seed.receipt : nullptr, seed.seed));
  }
  if (result.measured == 0) {
    throw InputError(
        fmt::format("{}: no request after the warm-up completed in both worlds: nothing to compare",
                    runs.front().live_name));
  }
  for (size_t metric = 0; metric < kBatchTokens; ++metric) {
    result.metrics[metric] = CompareWorlds(OfRequests(seeds, metric));
  }
  AddBatches(runs, result);
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
