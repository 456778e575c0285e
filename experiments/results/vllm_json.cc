#include "experiments/results/vllm_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "experiments/results/json_number.h"
#include "experiments/results/measured.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;
using State = RequestRow::State;

// The most requests that were in the system at one time, of those measured. One that ends when
// another arrives has gone.
int64_t MostConcurrent(const std::vector<const RequestRow*>& rows) {
  std::vector<std::pair<Seconds, int>> changes;
  for (const RequestRow* row : rows) {
    changes.emplace_back(row->request.arrival, 1);
    changes.emplace_back(row->last_token, -1);
  }
  std::sort(changes.begin(), changes.end());
  int64_t now = 0, most = 0;
  for (const auto& [at, change] : changes) most = std::max(most, now += change);
  return most;
}

// From the first arrival to the last token.
Seconds DurationOf(const std::vector<const RequestRow*>& rows) {
  Seconds end;
  for (const RequestRow* row : rows) end = std::max(end, row->last_token);
  return rows.empty() ? Seconds() : end - rows.front()->request.arrival;
}

int64_t FailedAfterWarmUp(const Recorder& recorder) {
  return std::count_if(recorder.rows().begin(), recorder.rows().end(), [&](const RequestRow& row) {
    return row.state == State::kFailed && row.request.id >= recorder.options().warmup_requests;
  });
}

Json Head(const RunInfo& info) {
  Json json = {{"label", info.system},      {"model_id", info.model}, {"scenario", info.scenario},
               {"system", info.system},     {"world", info.world},    {"seed", info.seed},
               {"partial", info.is_partial}};
  if (info.rate_per_s) json["request_rate"] = JsonNumber(*info.rate_per_s);
  return json;
}

void AddThroughput(Json& json, const Measured& measured) {
  const double duration_s = DurationOf(measured.rows).value();
  if (duration_s <= 0) return;
  const auto rate = [&](int64_t count) {
    return JsonNumber(static_cast<double>(count) / duration_s);
  };
  json["duration"] = JsonNumber(duration_s);
  json["request_throughput"] = rate(static_cast<int64_t>(measured.rows.size()));
  json["output_throughput"] = rate(measured.tokens);
  json["total_token_throughput"] = rate(measured.prompt_tokens + measured.tokens);
}

void AddDrafts(Json& json, const Recorder& recorder, const Measured& measured) {
  const std::vector<int64_t> drafted = recorder.draft_counts().DraftedAt();
  if (drafted.empty()) return;
  const auto drafts = static_cast<double>(drafted[0]);
  const auto accepted = static_cast<double>(measured.accepted);
  Json rates = Json::array();
  for (const int64_t count : recorder.draft_counts().AcceptedAt()) {
    rates.push_back(JsonNumber(static_cast<double>(count) / drafts));
  }
  json["spec_decode_acceptance_rate"] =
      JsonNumber(100 * accepted / static_cast<double>(measured.drafted));
  json["spec_decode_acceptance_length"] = JsonNumber(1 + accepted / drafts);
  json["spec_decode_num_drafts"] = drafted[0];
  json["spec_decode_draft_tokens"] = measured.drafted;
  json["spec_decode_accepted_tokens"] = measured.accepted;
  json["spec_decode_per_position_acceptance_rates"] = rates;
}

void AddTimes(Json& json, const char* name, const Distribution& times_ms) {
  if (times_ms.count == 0) return;
  json[fmt::format("mean_{}_ms", name)] = JsonNumber(times_ms.mean);
  json[fmt::format("median_{}_ms", name)] = JsonNumber(times_ms.At("p50"));
  json[fmt::format("std_{}_ms", name)] = JsonNumber(times_ms.std);
  for (size_t i = 0; i < kPercentiles.size(); ++i) {
    json[fmt::format("{}_{}_ms", kPercentiles[i].name, name)] = JsonNumber(times_ms.percentiles[i]);
  }
}

}  // namespace

std::string VllmJson(const Recorder& recorder, const RunInfo& info) {
  const Measured measured = MeasuredOf(recorder);
  Json json = Head(info);
  const auto completed = static_cast<int64_t>(measured.rows.size());
  const int64_t failed = FailedAfterWarmUp(recorder);
  json["num_prompts"] = completed + failed;
  json["completed"] = completed;
  json["failed"] = failed;
  json["total_input_tokens"] = measured.prompt_tokens;
  json["total_output_tokens"] = measured.tokens;
  AddThroughput(json, measured);
  if (completed > 0) json["max_concurrent_requests"] = MostConcurrent(measured.rows);
  AddDrafts(json, recorder, measured);
  AddTimes(json, "ttft", measured.ttft_ms);
  AddTimes(json, "tpot", measured.tbt_ms);
  AddTimes(json, "itl", measured.round_gap_ms);  // vLLM's is a chunk's, not a token's
  AddTimes(json, "e2el", measured.e2e_ms);
  return json.dump(2) + "\n";
}

}  // namespace hat
