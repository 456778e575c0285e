#include "experiments/results/attainment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/decimal.h"
#include "core/error.h"
#include "experiments/results/statistics.h"

namespace hat {
namespace {

// Takes the text up to `end` off the front.
std::string_view TakeUpTo(std::string_view& text, char end) {
  const size_t at = text.find(end);
  const std::string_view taken = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return taken;
}

enum Column { kTtft, kTbt, kOutcome, kMeasured, kColumns };
constexpr std::array<std::string_view, kColumns> kColumnNames = {"ttft_ms", "tbt_ms", "outcome",
                                                                 "measured"};

// By the file's columns: which of ours each is, kColumns if none.
std::vector<int> ColumnsOf(std::string_view header, const std::string& name) {
  std::vector<int> columns;
  while (!header.empty()) {
    const auto known = std::ranges::find(kColumnNames, TakeUpTo(header, ','));
    columns.push_back(static_cast<int>(known - kColumnNames.begin()));
  }
  for (int column = 0; column < kColumns; ++column) {
    if (std::ranges::count(columns, column) == 1) continue;
    throw InputError(fmt::format("{}: not the requests of a run: no column '{}'", name,
                                 kColumnNames[static_cast<size_t>(column)]));
  }
  return columns;
}

void AddTime(std::string_view field, const std::string& name, std::vector<double>& times) {
  if (field.empty()) return;
  const std::optional<double> time = ParseDecimal(field);
  if (!time) throw InputError(fmt::format("{}: '{}' is no time", name, field));
  times.push_back(*time);
}

std::vector<double> CurveOf(std::vector<double> times) {
  std::vector<double> curve;
  std::ranges::sort(times);
  for (int i = 0; i < kAttainmentPoints && !times.empty(); ++i) {
    curve.push_back(Percentile(times, static_cast<double>(i) / (kAttainmentPoints - 1)));
  }
  return curve;
}

}  // namespace

void AttainmentSamples::Add(std::string_view requests_csv, const std::string& name) {
  const std::vector<int> columns = ColumnsOf(TakeUpTo(requests_csv, '\n'), name);
  while (!requests_csv.empty()) {
    std::string_view line = TakeUpTo(requests_csv, '\n');
    std::array<std::string_view, kColumns + 1> fields;  // the last one: of other columns
    for (const int column : columns) fields[static_cast<size_t>(column)] = TakeUpTo(line, ',');
    if (fields[kOutcome] != "completed" || fields[kMeasured] != "1") continue;
    AddTime(fields[kTtft], name, ttft_ms_);
    AddTime(fields[kTbt], name, tbt_ms_);
  }
}

AttainmentCurves AttainmentSamples::Curves() && {
  return {CurveOf(std::move(ttft_ms_)), CurveOf(std::move(tbt_ms_))};
}

}  // namespace hat
