#include "experiments/scenario/rate_trace.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "core/csv.h"
#include "core/decimal.h"
#include "core/files.h"
#include "core/lines.h"
#include "experiments/scenario/limits.h"

namespace hat {
namespace {

constexpr double kPacketBytes = 1500;
constexpr int64_t kMaxMilliseconds =
    100'000'000;  // a day and more; bounds the memory of a mahimahi trace
constexpr size_t kMaxFileBytes = size_t{1} << 28;

bool StartsWithWholeNumber(std::string_view text) {
  return ParseInteger(text.substr(0, text.find_first_of("\r\n"))).has_value();
}

// The index of the last element <= x; the first is.
size_t LastNotAbove(const std::vector<double>& ascending, double x) {
  return static_cast<size_t>(std::upper_bound(ascending.begin(), ascending.end(), x) -
                             ascending.begin()) -
         1;
}

}  // namespace

RateTrace RateTrace::Load(const std::string& path) {
  return Parse(ReadFile(path, kMaxFileBytes), path);
}

RateTrace RateTrace::Parse(const std::string& text, const std::string& name) {
  return StartsWithWholeNumber(text) ? ParseMahimahi(text, name) : ParseCsv(text, name);
}

RateTrace RateTrace::ParseCsv(const std::string& text, const std::string& name) {
  const CsvFile csv = CsvFile::Parse(text, name);
  const int seconds = csv.ColumnIndex("seconds");
  const int mbps = csv.ColumnIndex("mbps");
  std::vector<Step> steps;
  double first = 0, last = 0;
  bool carries = false;
  for (int row = 0; row < csv.rows(); ++row) {
    const double stamp = csv.Number(row, seconds, Range::NonNegative(kMostSeconds));
    const double rate = csv.Number(row, mbps, Range::NonNegative(kMostMbps));
    if (row == 0) first = stamp;
    if (row > 0 && stamp <= last)
      throw csv.Error(row, seconds, fmt::format("ascending, above {}", last));
    last = stamp;
    carries = carries || rate >= kLeastMbps;
    steps.push_back({stamp - first, MegabitsPerSecond(rate).value()});
  }
  if (!carries)
    throw InputError(fmt::format(
        "{}: {}; at least one row needs 'mbps' of {:g} or more, or nothing would ever be sent",
        name, csv.rows() == 0 ? "holds no row" : "every rate is 0 or next to it", kLeastMbps));
  const size_t n = steps.size();
  const double hold = n > 1 ? steps[n - 1].start_s - steps[n - 2].start_s : 1;
  const double period = steps.back().start_s + hold;
  return RateTrace(std::move(steps), period);
}

RateTrace RateTrace::ParseMahimahi(const std::string& text, const std::string& name) {
  std::vector<Step> steps;
  int64_t stamp = 0;
  ForEachLine(text, [&](std::string_view line, int line_number) {
    const std::optional<int64_t> value = ParseInteger(line);
    if (!value || *value < stamp || *value > kMaxMilliseconds)
      throw InputError(
          fmt::format("{}:{}: must be a whole number of milliseconds from {} to {}, got "
                      "'{}'",
                      name, line_number, stamp, kMaxMilliseconds, line.substr(0, 40)));
    stamp = *value;
    const double start_s = static_cast<double>(std::max<int64_t>(stamp, 1) - 1) * 1e-3;
    const double end_s = start_s + 1e-3;
    if (!steps.empty() && steps.back().start_s >= start_s) {
      steps.back().bytes_per_s += kPacketBytes / 1e-3;
      return;
    }
    // A gap without packets, unless the step before ends where this one starts.
    const double idle_from = steps.empty() ? 0 : steps.back().start_s + 1e-3;
    if (start_s - idle_from > 0.5e-3) steps.push_back({idle_from, 0});
    steps.push_back({start_s, kPacketBytes / (end_s - start_s)});
  });
  if (stamp == 0)
    throw InputError(fmt::format(
        "{}: every stamp is 0, so there is no period to repeat; the last one must be at "
        "least 1 (ms). A link that is always on has a constant rate_mbps instead",
        name));
  const double period = std::max(steps.back().start_s + 1e-3, static_cast<double>(stamp) * 1e-3);
  return RateTrace(std::move(steps), period);
}

RateTrace::RateTrace(std::vector<Step> steps, double period_s) {
  double sent = 0;
  for (size_t i = 0; i < steps.size(); ++i) {
    const double end = i + 1 < steps.size() ? steps[i + 1].start_s : period_s;
    starts_.push_back(steps[i].start_s);
    rates_.push_back(steps[i].bytes_per_s);
    sent_.push_back(sent);
    sent += steps[i].bytes_per_s * (end - steps[i].start_s);
  }
  starts_.push_back(period_s);
  sent_.push_back(sent);
}

BytesPerSecond RateTrace::At(Seconds t) const {
  const size_t step = LastNotAbove(starts_, std::fmod(t.value(), starts_.back()));
  return BytesPerSecond(rates_[std::min(step, rates_.size() - 1)]);
}

BytesPerSecond RateTrace::Peak() const {
  return BytesPerSecond(*std::max_element(rates_.begin(), rates_.end()));
}

RateTrace::Hold RateTrace::HoldAt(Seconds t) const {
  constexpr double kNear = 1e-9;
  double phase = std::fmod(t.value(), starts_.back());
  if (phase + kNear >= starts_.back()) phase -= starts_.back();
  size_t step = LastNotAbove(starts_, std::max(phase, 0.0));
  while (starts_[step + 1] <= phase + kNear && step + 1 < rates_.size()) ++step;
  return {BytesPerSecond(rates_[step]), t + Seconds(starts_[step + 1] - phase)};
}

double RateTrace::SentBy(double phase_s) const {
  const size_t step = std::min(LastNotAbove(starts_, phase_s), rates_.size() - 1);
  return sent_[step] + rates_[step] * (phase_s - starts_[step]);
}

Seconds RateTrace::FinishTime(Seconds start, Bytes size) const {
  if (size <= Bytes(0)) return start;
  const double period = starts_.back();
  const double phase = std::fmod(start.value(), period);
  const double whole = sent_.back();
  const double target = SentBy(phase) + size.value();  // bytes since the period's begin
  double periods = std::floor(target / whole);
  double rest = target - periods * whole;
  if (rest <= 0) periods -= 1, rest = whole;  // the earliest time, not the end of an idle step
  // The first step after which at least `rest` is out: its rate is above 0.
  const auto reached = std::lower_bound(sent_.begin() + 1, sent_.end(), rest);
  const size_t step = std::min(static_cast<size_t>(reached - sent_.begin()) - 1, rates_.size() - 1);
  const double finish = starts_[step] + (rest - sent_[step]) / rates_[step];
  return start + Seconds(periods * period + finish - phase);
}

}  // namespace hat
