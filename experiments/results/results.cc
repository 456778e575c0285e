#include "experiments/results/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>

#include "experiments/results/saturation.h"
#include "experiments/results/statistics.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;
using State = RequestRow::State;

// 12 digits: what is after them is rounding noise. null stands for what was not measured.
Json Number(double value) {
  if (!std::isfinite(value)) return nullptr;
  return std::stod(fmt::format("{:.12g}", value));
}

std::vector<const RequestRow*> MeasuredAndCompleted(const Recorder& recorder) {
  std::vector<const RequestRow*> rows;
  for (const RequestRow& row : recorder.rows()) {
    const bool is_measured = row.request.id >= recorder.options().warmup_requests;
    if (is_measured && row.state == State::kCompleted) rows.push_back(&row);
  }
  return rows;
}

Json Distribution(std::vector<double> values) {
  if (values.empty())
    return {{"mean", nullptr}, {"p50", nullptr}, {"p90", nullptr}, {"p99", nullptr}};
  double sum = 0;
  for (const double value : values) sum += value;
  std::sort(values.begin(), values.end());
  return {{"mean", Number(sum / static_cast<double>(values.size()))},
          {"p50", Number(Percentile(values, 0.5))},
          {"p90", Number(Percentile(values, 0.9))},
          {"p99", Number(Percentile(values, 0.99))}};
}

Json DistributionOf(const std::vector<const RequestRow*>& rows,
                    Seconds (RequestRow::*time)() const) {
  std::vector<double> values_ms;
  for (const RequestRow* row : rows) {
    const bool has_gaps = row->tokens > 1;
    if (has_gaps || time != &RequestRow::Tbt) values_ms.push_back(ToMilliseconds((row->*time)()));
  }
  return Distribution(std::move(values_ms));
}

Json MeanParts(const std::vector<const RequestRow*>& rows) {
  Json means = Json::object();
  for (const TtftPartField& part : TtftPartFields()) {
    Seconds sum;
    for (const RequestRow* row : rows) sum += row->parts.*part.field;
    means[std::string(part.name)] =
        rows.empty() ? Json() : Number(ToMilliseconds(sum) / static_cast<double>(rows.size()));
  }
  return means;
}

Json MeanAndStd(const Moments& moments, double scale) {
  if (moments.count() == 0) return {{"mean", nullptr}, {"std", nullptr}};
  return {{"mean", Number(moments.mean() * scale)}, {"std", Number(moments.std() * scale)}};
}

Json RequestCounts(const Recorder& recorder, size_t measured) {
  int counts[4] = {};
  for (const RequestRow& row : recorder.rows()) ++counts[static_cast<int>(row.state)];
  const int in_flight = counts[static_cast<int>(State::kInFlight)];
  const int completed = counts[static_cast<int>(State::kCompleted)];
  const int failed = counts[static_cast<int>(State::kFailed)];
  return {{"arrived", in_flight + completed + failed},
          {"completed", completed},
          {"failed", failed},
          {"in_flight", in_flight},
          {"measured", measured}};
}

Json Utilisations(const Recorder& recorder) {
  const RecorderOptions& options = recorder.options();
  Json devices = Json::object();
  for (size_t i = 0; i < options.classes.size(); ++i) {
    devices[options.classes[i]] = Number(recorder.ClassUtilisation(static_cast<int>(i)));
  }
  Json stages = Json::array();
  for (int s = 0; s < options.stages; ++s) stages.push_back(Number(recorder.StageUtilisation(s)));
  return {{"device", devices},
          {"link",
           {{"up", Number(recorder.LinkUtilisation(Direction::kUp))},
            {"down", Number(recorder.LinkUtilisation(Direction::kDown))}}},
          {"stage", stages}};
}

void AddRounds(Json& summary, const std::vector<const RequestRow*>& rows) {
  int64_t tokens = 0, rounds = 0, drafted = 0, accepted = 0, ahead = 0, wasted = 0;
  for (const RequestRow* row : rows) {
    tokens += row->tokens - 1;
    rounds += row->rounds;
    drafted += row->drafted;
    accepted += row->accepted;
    ahead += row->ahead_steps;
    wasted += row->wasted_steps;
  }
  summary["accept_length"] =
      rounds == 0 ? Json() : Number(static_cast<double>(tokens) / static_cast<double>(rounds));
  summary["rounds"] = rounds;
  summary["drafted"] = drafted;
  summary["accepted"] = accepted;
  summary["ahead_steps"] = ahead;
  summary["wasted_steps"] = wasted;
}

Json SummaryHead(const RunInfo& info) {
  return {{"schema_version", kResultsSchema},
          {"label", info.world},
          {"scenario", info.scenario},
          {"system", info.system},
          {"seed", info.seed},
          {"partial", info.is_partial}};
}

Json Profiles(const RunInfo& info) {
  Json profiles = Json::array();
  for (const ProfileInfo& profile : info.profiles) {
    profiles.push_back({{"id", profile.id},
                        {"role", Name(profile.role)},
                        {"provenance", Name(profile.provenance)},
                        {"hardware", profile.hardware},
                        {"power_mode", profile.power_mode},
                        {"model", profile.model.name},
                        {"source", profile.source},
                        {"sha256", profile.sha256}});
  }
  return profiles;
}

Json Inputs(const RunInfo& info) {
  Json inputs = Json::array();
  for (const InputFile& input : info.inputs) {
    inputs.push_back({{"role", input.role}, {"name", input.name}, {"sha256", input.sha256}});
  }
  return inputs;
}

std::string_view StateName(State state) {
  switch (state) {
    case State::kCompleted:
      return "completed";
    case State::kFailed:
      return "failed";
    default:
      return "in_flight";
  }
}

// A time that may not have come yet: empty then.
std::string OptionalMs(bool is_known, Seconds time) {
  return is_known ? fmt::format("{:.12g}", ToMilliseconds(time)) : std::string();
}

void AppendRow(fmt::memory_buffer& csv, const RequestRow& row, int warmup_requests) {
  auto out = std::back_inserter(csv);
  const Request& request = row.request;
  const bool has_first = row.tokens > 0;
  fmt::format_to(out, "{},{},{},{},{},{:.12g},{}", request.id, request.device, request.prompt_row,
                 request.prompt_tokens, request.output_tokens, request.arrival.value(),
                 has_first ? OptionalMs(true, row.Ttft()) : "");
  for (const TtftPartField& part : TtftPartFields()) {
    fmt::format_to(out, ",{}", OptionalMs(has_first, row.parts.*part.field));
  }
  const bool is_complete = row.state == State::kCompleted;
  fmt::format_to(out, ",{},{},{},{},{},{},{},{},{:.0f},{:.0f},{},{}\n",
                 row.tokens > 1 ? OptionalMs(true, row.Tbt()) : "",
                 is_complete ? OptionalMs(true, row.E2e()) : "", row.tokens, row.rounds,
                 row.drafted, row.accepted, row.ahead_steps, row.wasted_steps, row.bytes_up.value(),
                 row.bytes_down.value(), StateName(row.state),
                 request.id >= warmup_requests ? 1 : 0);
}

}  // namespace

std::string SummaryJson(const Recorder& recorder, const RunInfo& info) {
  const std::vector<const RequestRow*> rows = MeasuredAndCompleted(recorder);
  Json summary = SummaryHead(info);
  summary["requests"] = RequestCounts(recorder, rows.size());
  summary["saturated"] = IsSaturated(recorder);
  summary["ttft_ms"] = DistributionOf(rows, &RequestRow::Ttft);
  summary["ttft_parts_ms"] = MeanParts(rows);
  summary["tbt_ms"] = DistributionOf(rows, &RequestRow::Tbt);
  summary["e2e_ms"] = DistributionOf(rows, &RequestRow::E2e);
  AddRounds(summary, rows);
  const double window_s = recorder.window().value();
  summary["window_s"] = Number(window_s);
  summary["tokens_per_s"] =
      window_s > 0 ? Number(static_cast<double>(recorder.window_tokens()) / window_s) : Json();
  summary["batch_tokens"] = MeanAndStd(recorder.batch_tokens(), 1);
  summary["stage_ms"] = MeanAndStd(recorder.stage_s(), 1e3);
  summary["utilisation"] = Utilisations(recorder);
  return summary.dump(2) + "\n";
}

std::string NotPossibleJson(const RunInfo& info, const std::string& reason) {
  Json summary = SummaryHead(info);
  summary["not_possible"] = reason;
  return summary.dump(2) + "\n";
}

std::string ManifestJson(const RunInfo& info) {
  const std::string commit = BuildCommit();
  const Json manifest = {{"schema_version", kResultsSchema},
                         {"world", info.world},
                         {"engine", info.engine},
                         {"commit", commit.substr(0, commit.find("-dirty"))},
                         {"dirty", commit.ends_with("-dirty")},
                         {"scenario", info.scenario},
                         {"system", info.system},
                         {"seed", info.seed},
                         {"partial", info.is_partial},
                         {"profiles", Profiles(info)},
                         {"inputs", Inputs(info)},
                         {"config", info.config}};
  return manifest.dump(2) + "\n";
}

std::string RequestsCsv(const Recorder& recorder) {
  fmt::memory_buffer csv;
  fmt::format_to(std::back_inserter(csv),
                 "request,device,prompt_row,prompt_tokens,output_tokens,arrival_s,ttft_ms");
  for (const TtftPartField& part : TtftPartFields()) {
    fmt::format_to(std::back_inserter(csv), ",{}_ms", part.name);
  }
  fmt::format_to(std::back_inserter(csv),
                 ",tbt_ms,e2e_ms,tokens,rounds,drafted,accepted,ahead_steps,wasted_steps,bytes_up,"
                 "bytes_down,outcome,measured\n");
  for (const RequestRow& row : recorder.rows()) {
    if (row.state != State::kUnseen) AppendRow(csv, row, recorder.options().warmup_requests);
  }
  return fmt::to_string(csv);
}

std::string GapsCsv(const Recorder& recorder) {
  struct Last {
    int token = 0;
    Seconds at;
  };
  std::vector<Last> last(recorder.rows().size());
  fmt::memory_buffer csv;
  fmt::format_to(std::back_inserter(csv), "request,token,gap_ms\n");
  for (const TokenEvent& event : recorder.token_events()) {
    Last& previous = last[static_cast<size_t>(event.request)];
    for (int i = 0; i < event.count; ++i) {
      ++previous.token;
      if (previous.token > 1) {
        fmt::format_to(std::back_inserter(csv), "{},{},{:.12g}\n", event.request, previous.token,
                       ToMilliseconds(event.at - previous.at));
      }
      previous.at = event.at;
    }
  }
  return fmt::to_string(csv);
}

void WriteResults(ResultFolder& folder, const Recorder& recorder, const RunInfo& info) {
  folder.Write("requests.csv", RequestsCsv(recorder));
  if (recorder.options().keep_gaps) folder.Write("gaps.csv", GapsCsv(recorder));
  folder.Write("summary.json", SummaryJson(recorder, info));
  folder.Write("manifest.json", ManifestJson(info));
}

void WriteNotPossible(ResultFolder& folder, const RunInfo& info, const std::string& reason) {
  folder.Write("summary.json", NotPossibleJson(info, reason));
  folder.Write("manifest.json", ManifestJson(info));
}

}  // namespace hat
