#include "experiments/validate/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <cmath>

#include "core/terminal_text.h"
#include "experiments/results/json_number.h"
#include "experiments/results/statistics.h"

namespace hat {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostListed = 20;
constexpr int kCurvePoints = 101;  // shares 0, 0.01, ..., 1

// -- as JSON

Json Numbers(const std::vector<double>& values) {
  Json json = Json::array();
  for (const double value : values) json.push_back(JsonNumber(value));
  return json;
}

Json BoundsJson(const Bounds& bounds) { return Numbers({bounds.low, bounds.high}); }

Json PairJson(const FigurePair& pair) {
  return {{"simulated", JsonNumber(pair.simulated)},
          {"live", JsonNumber(pair.live)},
          {"error_percent", JsonNumber(pair.error_percent())},
          {"error_percent_ci95", BoundsJson(pair.error_bounds)},
          {"difference", JsonNumber(pair.difference())},
          {"difference_ci95", BoundsJson(pair.difference_bounds)}};
}

Json MetricsJson(const SystemValidation& system) {
  Json metrics = Json::object();
  for (size_t i = 0; i < kValidatedMetrics.size(); ++i) {
    Json metric = {{"unit", kValidatedMetrics[i].unit}};
    for (size_t j = 0; j < kValidatedStatistics.size(); ++j) {
      metric[std::string(kValidatedStatistics[j].name)] = PairJson(system.metrics[i][j]);
    }
    metrics[std::string(kValidatedMetrics[i].key)] = std::move(metric);
  }
  return metrics;
}

// The times within which 0, 1, ..., 100% of the values are; empty where there are none.
Json CurveJson(std::vector<double> values) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  std::ranges::sort(values);
  std::vector<double> curve;
  for (int i = 0; i < kCurvePoints && !values.empty(); ++i) {
    curve.push_back(Percentile(values, static_cast<double>(i) / (kCurvePoints - 1)));
  }
  return Numbers(curve);
}

Json WorldsJson(const PairedTimes& times, auto to_json) {
  return {{"simulated", to_json(times.simulated)}, {"live", to_json(times.live)}};
}

Json TimesJson(const SystemValidation& system) {
  Json json = {{"seed", Json::array()}, {"request", Json::array()}};
  for (const SeedRequest& one : system.requests) {
    json["seed"].push_back(one.seed);
    json["request"].push_back(one.request);
  }
  for (size_t i = 0; i < system.times.size(); ++i) {
    json[std::string(kValidatedMetrics[i].key)] = WorldsJson(system.times[i], Numbers);
  }
  return json;
}

Json CurvesJson(const SystemValidation& system) {
  Json json = Json::object();
  for (size_t i = 0; i < system.times.size(); ++i) {
    json[std::string(kValidatedMetrics[i].key)] = WorldsJson(system.times[i], CurveJson);
  }
  return json;
}

Json UnequalJson(const UnequalRequest& request) {
  Json counts = Json::object();
  for (const CountPair& count : request.counts) {
    counts[count.name] = {{"simulated", count.simulated}, {"live", count.live}};
  }
  Json cause;
  if (request.cause) {
    cause = {{"decision", request.cause->decision},
             {"output_index", request.cause->output_index},
             {"gap", JsonNumber(request.cause->gap)}};
  }
  return {{"seed", request.seed},
          {"request", request.request},
          {"counts", counts},
          {"other_output", request.has_other_output},
          {"near_tie", cause}};
}

Json EqualityJson(const Equality& equality) {
  Json unequal = Json::array(), unended = Json::array();
  for (const UnequalRequest& request : equality.unequal) unequal.push_back(UnequalJson(request));
  for (const UnendedRequest& request : equality.unended) {
    unended.push_back({{"seed", request.seed},
                       {"request", request.request},
                       {"simulated", request.simulated},
                       {"live", request.live}});
  }
  return {{"holds", equality.holds()},        {"compared", equality.compared},
          {"excused", equality.excused()},    {"unexplained", equality.unexplained()},
          {"not_completed", unended.size()},  {"unequal_requests", unequal},
          {"not_completed_requests", unended}};
}

Json SetupJson(const std::optional<LiveSetup>& setup) {
  if (!setup) return nullptr;
  return {{"time_scale", JsonNumber(setup->time_scale)},
          {"shaping", setup->shaping},
          {"operations", setup->overruns.operations},
          {"overran", setup->overruns.overran},
          {"largest_overrun_ms", JsonNumber(setup->overruns.largest_ms)},
          {"frames", setup->lateness.frames},
          {"late_p50_us", JsonNumber(setup->lateness.p50_us)},
          {"late_p99_us", JsonNumber(setup->lateness.p99_us)},
          {"late_largest_us", JsonNumber(setup->lateness.largest_us)},
          {"compute_dtype", LongName(setup->compute_dtype)},
          {"state_dtype", LongName(setup->state_dtype)}};
}

Json SystemJson(const SystemValidation& system) {
  return {{"system", system.system},
          {"seeds", system.seeds},
          {"labels", {{"simulated", system.simulated_label}, {"live", system.live_label}}},
          {"saturated",
           {{"simulated", system.is_simulated_saturated}, {"live", system.is_live_saturated}}},
          {"setup", SetupJson(system.setup)},
          {"measured", system.measured},
          {"largest_arrival_difference_ms", JsonNumber(system.largest_arrival_ms)},
          {"metrics", MetricsJson(system)},
          {"equality", EqualityJson(system.equality)},
          {"curves", CurvesJson(system)},
          {"requests", TimesJson(system)}};
}

Json RequirementJson(const Requirement& requirement, const SystemValidation& system) {
  const FigurePair& pair = system.metrics[requirement.metric][requirement.statistic];
  return {{"system", system.system},
          {"name", requirement.name},
          {"bound_percent", JsonNumber(requirement.bound_percent)},
          {"error_percent", JsonNumber(pair.error_percent())},
          {"met", requirement.IsMetBy(system)}};
}

// -- for people

std::string Figure(double value) {
  if (std::isnan(value)) return "-";
  const double size = std::abs(value);
  return fmt::format("{:.{}f}", value, size < 100 ? 3 : size < 10000 ? 1 : 0);
}

// To hundredths, never "-0.00".
double Rounded(double percent) { return std::round(100 * percent) / 100 + 0.0; }

std::string Percent(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:+.2f}%", Rounded(value));
}

std::string Interval(const Bounds& bounds) {
  if (std::isnan(bounds.low)) return "-";
  return fmt::format("{:+.2f} to {:+.2f}%", Rounded(bounds.low), Rounded(bounds.high));
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  if (upper.starts_with('p')) upper.front() = 'P';
  return upper;
}

// Header and rows of a system's table; what was measured on neither side is left out.
std::vector<Cells> Rows(const SystemValidation& system) {
  std::vector<Cells> rows = {
      {"", "", system.simulated_label, system.live_label, "error", "95% interval"}};
  for (size_t i = 0; i < kValidatedMetrics.size(); ++i) {
    std::string name = fmt::format("{} ({})", kValidatedMetrics[i].name, kValidatedMetrics[i].unit);
    for (size_t j = 0; j < kValidatedStatistics.size(); ++j) {
      const FigurePair& pair = system.metrics[i][j];
      if (std::isnan(pair.simulated) && std::isnan(pair.live)) continue;
      rows.push_back({name, Upper(kValidatedStatistics[j].name), Figure(pair.simulated),
                      Figure(pair.live), Percent(pair.error_percent()),
                      Interval(pair.error_bounds)});
      name.clear();
    }
  }
  return rows;
}

// "hat: simulated against emulated, time scale 2; 900 requests measured in both"
std::string Heading(const SystemValidation& system) {
  std::string text =
      fmt::format("{}: {} against {}", system.system, system.simulated_label, system.live_label);
  if (system.setup) text += fmt::format(", time scale {:g}", system.setup->time_scale);
  return text + fmt::format("; {} measured in both", Counted(system.measured, "request"));
}

std::string EqualityNote(const SystemValidation& system) {
  const Equality& equality = system.equality;
  const auto equal = equality.compared - static_cast<int>(equality.unequal.size());
  std::string text = fmt::format("{} of {} equal in tokens, rounds, drafted and accepted", equal,
                                 Counted(equality.compared, "request"));
  if (equality.excused() > 0) {
    text += fmt::format("; {} excused by near-ties", equality.excused());
  }
  if (equality.unexplained() > 0) text += fmt::format("; {} unexplained", equality.unexplained());
  if (!equality.unended.empty()) {
    text += fmt::format("; {} did not complete in both worlds", equality.unended.size());
  }
  return text + ".";
}

// What the times rest on, in sentences.
std::vector<std::string> Notes(const SystemValidation& system) {
  std::vector<std::string> notes = {EqualityNote(system)};
  if (const auto& setup = system.setup) {
    const ReceiptOverruns& overruns = setup->overruns;
    if (overruns.operations > 0) {
      notes.push_back(fmt::format(
          "{} of {} paced operations overran ({:.2f}%), by at most {:.1f} ms of the machine's "
          "clock.",
          overruns.overran, overruns.operations,
          100.0 * static_cast<double>(overruns.overran) / static_cast<double>(overruns.operations),
          overruns.largest_ms));
    }
    const ReceiptLateness& late = setup->lateness;
    if (late.frames > 0) {
      notes.push_back(
          fmt::format("{} frames, late by {:.0f} us at P50, {:.0f} at P99, {:.0f} at most{}.",
                      late.frames, late.p50_us, late.p99_us, late.largest_us,
                      system.seeds.size() > 1 ? ", each in the seed where it is worst" : ""));
    }
  } else {
    notes.emplace_back("The live run has no receipt.json: set-up and near-ties are not known.");
  }
  if (!system.has_batches) {
    notes.emplace_back(
        "Batches and stages by their means alone: the live run kept no events.jsonl.");
  }
  if (system.is_simulated_saturated || system.is_live_saturated) {
    notes.push_back(fmt::format(
        "Saturated ({}): queues grew for as long as requests came, and times with them.",
        system.is_simulated_saturated && system.is_live_saturated ? "both"
        : system.is_live_saturated                                ? system.live_label
                                                                  : system.simulated_label));
  }
  if (system.largest_arrival_ms >= 1) {
    notes.push_back(fmt::format("Arrivals differ by up to {:.3g} ms.", system.largest_arrival_ms));
  }
  return notes;
}

std::vector<std::string> ListedRequests(const SystemValidation& system, size_t most) {
  const auto named = [&system](const auto& one) {
    if (system.seeds.size() == 1) return fmt::format("request {}", one.request);
    return fmt::format("seed {}, request {}", one.seed, one.request);
  };
  std::vector<std::string> lines;
  for (const UnequalRequest& request : system.equality.unequal) {
    lines.push_back(fmt::format("{}: {}", named(request), WhatDiffers(request)));
  }
  for (const UnendedRequest& request : system.equality.unended) {
    lines.push_back(
        fmt::format("{}: {} simulated, {} live", named(request), request.simulated, request.live));
  }
  const size_t all = lines.size();
  if (all > most) {
    lines.resize(most);
    lines.push_back(fmt::format("and {} more: validation.json", all - most));
  }
  return lines;
}

std::string RankingNote(const Ranking& ranking) {
  const std::string name = ranking.metric == "ttft_ms" ? "TTFT" : "TBT";
  const std::string simulated = fmt::format("{}", fmt::join(ranking.simulated, ", "));
  if (ranking.is_same()) {
    return fmt::format("By mean {}, least first: {}; the same in both worlds.", name, simulated);
  }
  return fmt::format("By mean {}, least first: {} simulated, but {} live: NOT the same.", name,
                     simulated, fmt::join(ranking.live, ", "));
}

std::string Title(const ValidationInfo& info) {
  std::string title = fmt::format("{}: {}, {}, seed{} {}", info.scenario, info.model,
                                  Counted(info.devices, "device"),
                                  info.seeds.size() == 1 ? "" : "s", fmt::join(info.seeds, ", "));
  if (!info.overrides.empty()) title += fmt::format(" ({})", fmt::join(info.overrides, ", "));
  return title + fmt::format(
                     ". Error: simulated / live - 1; interval: bootstrap, 95%, {} resamples "
                     "of the requests.",
                     kResamples);
}

std::string MarkdownTable(const std::vector<Cells>& rows) {
  std::string text;
  for (size_t i = 0; i < rows.size(); ++i) {
    text += fmt::format("| {} |\n", fmt::join(rows[i], " | "));
    if (i == 0) text += "|---|---|--:|--:|--:|--:|\n";
  }
  return text;
}

}  // namespace

std::string ValidationJson(const std::vector<SystemValidation>& systems,
                           const ValidationInfo& info) {
  Json json = {{"schema_version", kValidationSchema},
               {"scenario", info.scenario},
               {"model", info.model},
               {"devices", info.devices},
               {"seeds", info.seeds},
               {"overrides", info.overrides},
               {"resamples", kResamples},
               {"holds", Failures(systems, info).empty()}};
  json["rankings"] = Json::array();
  for (const Ranking& ranking : RankingsOf(systems)) {
    json["rankings"].push_back({{"metric", ranking.metric},
                                {"simulated", ranking.simulated},
                                {"live", ranking.live},
                                {"same", ranking.is_same()}});
  }
  json["required"] = Json::array();
  for (const SystemValidation& system : systems) {
    for (const Requirement& requirement : info.requirements) {
      json["required"].push_back(RequirementJson(requirement, system));
    }
  }
  json["systems"] = Json::array();
  for (const SystemValidation& system : systems) json["systems"].push_back(SystemJson(system));
  return json.dump(1) + "\n";
}

std::string ValidationMarkdown(const std::vector<SystemValidation>& systems,
                               const ValidationInfo& info) {
  std::string text = Title(info) + "\n";
  for (const SystemValidation& system : systems) {
    text += fmt::format("\n**{}**\n\n{}\n", Heading(system), MarkdownTable(Rows(system)));
    for (const std::string& note : Notes(system)) text += fmt::format("- {}\n", note);
    for (const std::string& line : ListedRequests(system, SIZE_MAX)) {
      text += fmt::format("  - {}\n", line);
    }
  }
  if (systems.size() < 2) return text;
  text += "\n";
  for (const Ranking& ranking : RankingsOf(systems)) {
    text += fmt::format("- {}\n", RankingNote(ranking));
  }
  return text;
}

std::string ValidationText(const std::vector<SystemValidation>& systems,
                           const ValidationInfo& info) {
  std::string text = Paragraph("", Title(info));
  for (const SystemValidation& system : systems) {
    text += "\n";
    text += Paragraph("", Heading(system));
    text += AlignedTable(Rows(system));
    for (const std::string& note : Notes(system)) text += Paragraph("", note);
    for (const std::string& line : ListedRequests(system, kMostListed)) {
      text += Paragraph("  ", line);
    }
  }
  if (systems.size() < 2) return text;
  text += "\n";
  for (const Ranking& ranking : RankingsOf(systems)) text += Paragraph("", RankingNote(ranking));
  return text;
}

std::vector<std::string> Failures(const std::vector<SystemValidation>& systems,
                                  const ValidationInfo& info) {
  std::vector<std::string> failures;
  for (const SystemValidation& system : systems) {
    const Equality& equality = system.equality;
    if (!equality.holds()) {
      failures.push_back(fmt::format(
          "{}: the two worlds did not do the same: of {} requests {} differ without a near-tie, {} "
          "with one, {} did not complete in both",
          system.system, equality.compared + static_cast<int>(equality.unended.size()),
          equality.unexplained(), equality.excused(), equality.unended.size()));
    }
    for (const Requirement& requirement : info.requirements) {
      if (requirement.IsMetBy(system)) continue;
      const FigurePair& pair = system.metrics[requirement.metric][requirement.statistic];
      failures.push_back(fmt::format("{}: {} is {} off, --require allows {:g}%", system.system,
                                     requirement.name, Percent(pair.error_percent()),
                                     requirement.bound_percent));
    }
  }
  return failures;
}

}  // namespace hat
