#include "offload/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/files.h"
#include "core/terminal_text.h"
#include "experiments/results/json_number.h"

namespace hat {
namespace {

std::string Text(const Estimate& estimate, int digits, double scale = 1) {
  if (std::isnan(estimate.half_width)) return fmt::format("{:.{}f}", scale * estimate.mean, digits);
  return fmt::format("{:.{}f} ± {:.{}f}", scale * estimate.mean, digits,
                     scale * estimate.half_width, digits);
}

// Where nodes are beyond their capacity the formula is of no use.
std::string FormulaText(const Estimate& error) {
  return error.mean > 1 ? "> 100" : Text(error, 1, 100);
}

nlohmann::ordered_json Json(const Estimate& estimate) {
  return {{"mean", JsonNumber(estimate.mean)}, {"half_width", JsonNumber(estimate.half_width)}};
}

std::string About(const OffloadSpec& spec) {
  std::string text = fmt::format("{}: {}, {}", spec.name, Counted(spec.network.devices, "device"),
                                 Counted(std::ssize(spec.network.stages), "stage"));
  for (const DrawnStage& stage : spec.network.stages)
    text += fmt::format(", {} {}", stage.nodes, stage.name);
  if (spec.changes.every_s > 0) {
    text += fmt::format(
        "; every {:g} s capacities change by up to {:.0f}%, and {:.0f}% of the nodes fail",
        spec.changes.every_s, 100 * spec.changes.spread, 100 * spec.changes.fail_share);
  }
  return text;
}

}  // namespace

std::string OffloadText(const OffloadSpec& spec, const OffloadStudy& study) {
  std::string text =
      Paragraph("", About(spec) + fmt::format(". Simulated; {} a row, {:g} s of play each.",
                                              Counted(spec.seeds, "seed"), spec.seconds));
  std::vector<Cells> rows;
  double load = -1;
  const auto end_table = [&] {
    if (!rows.empty()) text.append("\n").append(AlignedTable(rows));
    rows.clear();
  };
  for (const OffloadCell& cell : study.cells) {
    if (cell.load != load) {
      end_table();
      load = cell.load;
      rows.push_back({fmt::format("load {:g}", load), "delay, ms", "p90, ms", "accuracy, %",
                      "dto-ee saves, %", "formula, %", "fullest"});
    }
    rows.push_back(
        {cell.decider, Text(cell.delay_ms, 1), Text(cell.p90_ms, 1), Text(cell.accuracy, 2, 100),
         cell.saved ? Text(*cell.saved, 1, 100) : "", FormulaText(cell.formula_error),
         fmt::format("{:.2f}{}", cell.load_factor, cell.load_factor >= 1 ? " overloaded" : "")});
  }
  end_table();
  text.append("\n").append(
      Paragraph("", fmt::format("Formula: expected delay / played - 1. Fullest: the load "
                                "factor of the fullest stage under one's own thresholds; from "
                                "1 on no plan can carry the tasks. As actors, at load {:g}: {} "
                                "messages in {:.1f} s of the network's time; within 1% of "
                                "its end after {:.1f} s.",
                                spec.loads.back(), study.actors.messages, study.actors.seconds,
                                study.actors.within_1pct_s)));
  return text;
}

std::string OffloadManifest(const OffloadSpec& spec) {
  const nlohmann::ordered_json json = {
      {"schema_version", kOffloadSchema},
      {"label", "simulated"},
      {"commit", BuildCommit()},
      {"spec", spec.name},
      {"seed", spec.seed},
      {"config", spec.resolved},
      {"table", {{"path", spec.table_path}, {"sha256", Sha256Hex(ReadFile(spec.table_path))}}}};
  return json.dump(1) + "\n";
}

std::string OffloadCsv(const OffloadStudy& study) {
  std::string text =
      "load,decider,seed,tasks,delay_mean_s,delay_p50_s,delay_p90_s,delay_p99_s,accuracy,expected_"
      "s,load_factor,thresholds\n";
  for (const OffloadRun& run : study.runs) {
    const Played& played = run.played;
    text += fmt::format("{:g},{},{},{},{:.9g},{:.9g},{:.9g},{:.9g},{:.9g},{:.9g},{:.9g},{:g}\n",
                        run.load, run.decider, run.seed, played.tasks, played.delay_mean_s,
                        played.delay_p50_s, played.delay_p90_s, played.delay_p99_s, played.accuracy,
                        run.expected_s, run.load_factor, fmt::join(run.thresholds, " "));
  }
  return text;
}

std::string OffloadJson(const OffloadSpec& spec, const OffloadStudy& study) {
  nlohmann::ordered_json cells = nlohmann::ordered_json::array();
  for (const OffloadCell& cell : study.cells) {
    nlohmann::ordered_json entry = {{"load", cell.load},
                                    {"decider", cell.decider},
                                    {"delay_ms", Json(cell.delay_ms)},
                                    {"p90_ms", Json(cell.p90_ms)},
                                    {"accuracy", Json(cell.accuracy)},
                                    {"formula_error", Json(cell.formula_error)},
                                    {"load_factor", cell.load_factor}};
    entry["saved"] = cell.saved ? Json(*cell.saved) : nlohmann::ordered_json();
    cells.push_back(std::move(entry));
  }
  nlohmann::ordered_json json = {{"schema_version", kOffloadSchema},
                                 {"label", "simulated"},
                                 {"commit", BuildCommit()},
                                 {"spec", spec.name},
                                 {"about", About(spec)},
                                 {"seeds", spec.seeds},
                                 {"seconds", spec.seconds},
                                 {"cells", std::move(cells)},
                                 {"actors",
                                  {{"messages", study.actors.messages},
                                   {"seconds", study.actors.seconds},
                                   {"within_1pct_s", study.actors.within_1pct_s}}}};
  return json.dump(1) + "\n";
}

}  // namespace hat
