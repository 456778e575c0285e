#include "experiments/results/results.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "core/csv.h"
#include "experiments/results/json_number.h"
#include "experiments/results/measured.h"
#include "experiments/results/saturation.h"
#include "experiments/results/statistics.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;
using State = RequestRow::State;

Json DistributionJson(const Distribution& distribution) {
  Json json = {{"mean", JsonNumber(distribution.mean)}};
  for (size_t i = 0; i < kPercentiles.size(); ++i) {
    json[std::string(kPercentiles[i].name)] = JsonNumber(distribution.percentiles[i]);
  }
  return json;
}

Json MeanParts(const std::vector<const RequestRow*>& rows) {
  Json means = Json::object();
  for (const TtftPartField& part : TtftPartFields()) {
    Seconds sum;
    for (const RequestRow* row : rows) sum += row->parts.*part.field;
    means[std::string(part.name)] =
        rows.empty() ? Json() : JsonNumber(ToMilliseconds(sum) / static_cast<double>(rows.size()));
  }
  return means;
}

// null where there is nothing to divide by.
Json Ratio(double value, int64_t by) {
  return by == 0 ? Json() : JsonNumber(value / static_cast<double>(by));
}

Json Ratio(int64_t value, int64_t by) { return Ratio(static_cast<double>(value), by); }

// `count`: requests that have a TBT.
Json MeanTbtParts(const RoundParts& sums, int64_t count) {
  Json means = Json::object();
  for (const RoundPartField& part : RoundPartFields()) {
    means[std::string(part.name)] = Ratio(ToMilliseconds(sums.*part.field), count);
  }
  return means;
}

Json MomentsJson(const Moments& moments, double scale) {
  if (moments.count() == 0) return {{"mean", nullptr}, {"std", nullptr}, {"max", nullptr}};
  return {{"mean", JsonNumber(moments.mean() * scale)},
          {"std", JsonNumber(moments.std() * scale)},
          {"max", JsonNumber(moments.max() * scale)}};
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
    devices[options.classes[i]] = JsonNumber(recorder.ClassUtilisation(static_cast<int>(i)));
  }
  Json stages = Json::array();
  for (int s = 0; s < options.stages; ++s)
    stages.push_back(JsonNumber(recorder.StageUtilisation(s)));
  return {{"device", devices},
          {"link",
           {{"up", JsonNumber(recorder.LinkUtilisation(Direction::kUp))},
            {"down", JsonNumber(recorder.LinkUtilisation(Direction::kDown))}}},
          {"stage", stages}};
}

void AddRounds(Json& summary, const Measured& measured) {
  summary["accept_length"] = Ratio(measured.later_tokens(), measured.rounds);
  summary["rounds"] = measured.rounds;
  summary["drafted"] = measured.drafted;
  summary["accepted"] = measured.accepted;
  summary["ahead_steps"] = measured.ahead_steps;
  summary["wasted_steps"] = measured.wasted_steps;
}

void AddPositions(Json& summary, const DraftCounts& counts) {
  summary["accepted_per_round"] = counts.by_accepted();
  const std::vector<int64_t> drafted = counts.DraftedAt(), accepted = counts.AcceptedAt();
  summary["drafted_by_position"] = drafted;
  Json rates = Json::array();
  for (size_t j = 0; j < drafted.size(); ++j) rates.push_back(Ratio(accepted[j], drafted[j]));
  summary["acceptance_by_position"] = rates;
}

void AddCosts(Json& summary, const Measured& measured) {
  summary["verified_per_token"] = measured.rounds == 0 ? Json()
                                                       : Ratio(measured.rounds + measured.drafted,
                                                               measured.rounds + measured.accepted);
  summary["bytes_per_token"] = {
      {"up", Ratio(measured.bytes_up.value(), measured.tokens)},
      {"down", Ratio(measured.bytes_down.value(), measured.tokens)},
      {"decode_up", Ratio(measured.decode_bytes_up.value(), measured.later_tokens())},
      {"decode_down", Ratio(measured.decode_bytes_down.value(), measured.later_tokens())}};
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
  const std::string tbt_ms = row.tokens > 1 ? OptionalMs(true, row.Tbt()) : "";
  fmt::format_to(out, ",{},{},{},{},{},{},{},{},{:.0f},{:.0f},{},{},{},{}\n", tbt_ms,
                 is_complete ? OptionalMs(true, row.E2e()) : "", row.tokens, row.rounds,
                 row.drafted, row.accepted, row.ahead_steps, row.wasted_steps, row.bytes_up.value(),
                 row.bytes_down.value(), StateName(row.state),
                 request.id >= warmup_requests ? 1 : 0, tbt_ms,
                 is_complete ? OptionalMs(true, row.Ntpot()) : "");
}

}  // namespace

std::string SummaryJson(const Recorder& recorder, const RunInfo& info) {
  const Measured measured = MeasuredOf(recorder);
  Json summary = SummaryHead(info);
  summary["requests"] = RequestCounts(recorder, measured.rows.size());
  summary["saturated"] = IsSaturated(recorder);
  summary["ttft_ms"] = DistributionJson(measured.ttft_ms);
  summary["ttft_parts_ms"] = MeanParts(measured.rows);
  summary["tbt_ms"] = DistributionJson(measured.tbt_ms);
  summary["e2e_ms"] = DistributionJson(measured.e2e_ms);
  AddRounds(summary, measured);
  const double window_s = recorder.window().value();
  summary["window_s"] = JsonNumber(window_s);
  summary["tokens_per_s"] =
      window_s > 0 ? JsonNumber(static_cast<double>(recorder.window_tokens()) / window_s) : Json();
  summary["batch_tokens"] = MomentsJson(recorder.batch_tokens(), 1);
  summary["stage_ms"] = MomentsJson(recorder.stage_s(), 1e3);
  summary["utilisation"] = Utilisations(recorder);
  summary["tpot_ms"] = summary["tbt_ms"];
  summary["ntpot_ms"] = DistributionJson(measured.ntpot_ms);
  summary["itl_ms"] = DistributionJson(measured.itl_ms);
  summary["round_gap_ms"] = DistributionJson(measured.round_gap_ms);
  AddPositions(summary, recorder.draft_counts());
  AddCosts(summary, measured);
  summary["tbt_parts_ms"] = MeanTbtParts(recorder.tbt_parts(), measured.tbt_ms.count);
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
                 "bytes_down,outcome,measured,tpot_ms,ntpot_ms\n");
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

std::string UtilisationCsv(const Recorder& recorder) {
  const RecorderOptions& options = recorder.options();
  std::string csv = "from_s,to_s";
  for (const std::string& name : options.classes) csv += "," + CsvField("device." + name);
  csv += ",link.up,link.down";
  for (int stage = 0; stage < options.stages; ++stage) csv += fmt::format(",stage.{}", stage);
  csv += "\n";
  for (const Recorder::TimeBin& bin : recorder.UtilisationOverTime()) {
    csv += fmt::format("{:.12g},{:.12g}", bin.from.value(), bin.to.value());
    for (const double utilisation : bin.utilisation) csv += fmt::format(",{:.6g}", utilisation);
    csv += "\n";
  }
  return csv;
}

void WriteResults(ResultFolder& folder, const Recorder& recorder, const RunInfo& info) {
  folder.Write("requests.csv", RequestsCsv(recorder));
  if (recorder.options().keep_gaps) folder.Write("gaps.csv", GapsCsv(recorder));
  folder.Write("utilisation.csv", UtilisationCsv(recorder));
  folder.Write("summary.json", SummaryJson(recorder, info));
  folder.Write("manifest.json", ManifestJson(info));
}

void WriteNotPossible(ResultFolder& folder, const RunInfo& info, const std::string& reason) {
  folder.Write("summary.json", NotPossibleJson(info, reason));
  folder.Write("manifest.json", ManifestJson(info));
}

}  // namespace hat
