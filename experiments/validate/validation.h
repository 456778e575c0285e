// How far a simulation is from the live run of the same requests, system by system: figures in both
// worlds with their errors, what had to be equal, the order of the systems.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "experiments/validate/batch_samples.h"
#include "experiments/validate/bootstrap.h"
#include "experiments/validate/equality.h"
#include "experiments/validate/receipt.h"
#include "experiments/validate/run_requests.h"

namespace hat {

// What is compared; the keys are those of summary.json.
struct ValidatedMetric {
  std::string_view key;       // "ttft_ms"
  std::string_view name;      // for people: "TTFT"
  std::string_view unit;      // "ms", "tokens"
  std::string_view required;  // how --require calls it: "ttft"
};
inline constexpr std::array<ValidatedMetric, 6> kValidatedMetrics = {
    {{"ttft_ms", "TTFT", "ms", "ttft"},
     {"tbt_ms", "TBT", "ms", "tbt"},
     {"e2e_ms", "E2E", "ms", "e2e"},
     {"accept_length", "accept length", "tokens", "accept_length"},
     {"batch_tokens", "batch tokens", "tokens", "batch_tokens"},
     {"stage_ms", "stage time", "ms", "stage"}}};

// One run of one system, as its files tell it.
struct RunOfSystem {
  std::string label;  // "simulated", "emulated", "measured"
  std::vector<RunRequest> requests;
  double batch_tokens_mean = 0, stage_ms_mean = 0;  // of summary.json; NaN where there is none
  bool is_saturated = false;
  std::optional<BatchSamples> batches;  // nothing where the run kept no events
};

// Throws InputError that names `name`.
RunOfSystem ReadRun(const std::string& summary_json, const std::string& summary_name,
                    std::string requests_csv, const std::string& requests_name);

// The runs of one seed in both worlds.
struct SeedRuns {
  uint64_t seed = 0;
  RunOfSystem simulated, live;
  std::optional<Receipt> receipt;  // nothing where the live run has none
  std::string live_name;           // its requests.csv, for messages
};

// A request among several seeds' runs.
struct SeedRequest {
  uint64_t seed = 0;
  int request = 0;
};

// What the receipts of a system's live runs say of how they were served.
struct LiveSetup {
  double time_scale = 1;
  std::string shaping;
  ReceiptOverruns overruns;  // of all runs
  ReceiptLateness lateness;  // frames of all runs; the times of the run where they are worst
  Dtype compute_dtype = Dtype::kFloat32, state_dtype = Dtype::kFloat32;
};

// Of requests that were measured in both worlds, in their order; NaN where there is none.
struct PairedTimes {
  std::vector<double> simulated, live;
};

struct SystemValidation {
  std::string system;
  std::string simulated_label, live_label;
  bool is_simulated_saturated = false, is_live_saturated = false;
  std::vector<uint64_t> seeds;
  std::optional<LiveSetup> setup;                             // nothing where a receipt is missing
  int measured = 0;                                           // requests, in both worlds
  std::array<FigurePairs, kValidatedMetrics.size()> metrics;  // by kValidatedMetrics
  bool has_batches = false;                                   // percentiles of the last two
  double largest_arrival_ms = 0;                              // by which two arrivals differ
  std::vector<SeedRequest> requests;                          // of the times below
  std::array<PairedTimes, 3> times;                           // by the first three metrics
  Equality equality;
};

// Pools what the runs of all seeds, one at least, measured. Throws InputError if a request is not
// the same in both runs of a seed, nothing was measured in both, or the live runs had several time
// scales.
//
// TTFT, TBT, E2E and the accept length are of requests completed after the warm-up in both worlds:
// a value each; the mean accept length weighs them by their rounds, as summary.json does. Batches
// and stages are all of the window's (batch_samples.h); where a run kept no events, only the means
// of the summaries, and of those the mean over seeds, without an interval.
SystemValidation ValidateSystem(const std::string& system, const std::vector<SeedRuns>& runs);

// The systems by a mean, least first; ties by name.
struct Ranking {
  std::string_view metric;  // "ttft_ms", "tbt_ms"
  std::vector<std::string> simulated, live;

  bool is_same() const { return simulated == live; }
};
std::vector<Ranking> RankingsOf(const std::vector<SystemValidation>& systems);

// A bound on an error, for continuous integration: "ttft_p50=3" is met by a system if its P50 of
// the TTFT is at most 3% off, either way. The figure alone counts, not its interval.
struct Requirement {
  std::string name;  // METRIC_STATISTIC
  size_t metric = 0, statistic = 0;
  double bound_percent = 0;

  // A figure that was not measured does not meet it.
  bool IsMetBy(const SystemValidation& system) const;
};
// "NAME=PERCENT,...". Throws InputError for an unknown name (lists the known ones), one that stands
// there twice, and a bound that is no number above 0.
std::vector<Requirement> ParseRequirements(const std::string& text);

}  // namespace hat
