#include "experiments/import/link_formats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "core/csv.h"
#include "core/decimal.h"
#include "core/error.h"
#include "core/foreign_format.h"
#include "core/lines.h"
#include "core/strict_json.h"
#include "core/utf8.h"
#include "experiments/scenario/limits.h"

namespace hat {
namespace {

constexpr double kMostPensieveStamp_s = 9e9;  // in ns it fits 64 bits; seconds since 1970 are in it
constexpr double kMostStamp = 1e13;           // ms since 1970 are in it
constexpr double kMostBytes = 1e15;           // of one measurement
constexpr double kBytesPerSecondPerMbps = 125e3;

void Add(double seconds, double mbps, LinkTrace& trace) {
  ++trace.tally.rows;
  const int64_t ns = std::llround(seconds * kNsPerSecond);
  if (ns <= 0) return trace.tally.LeaveOut("that last no time");
  trace.pieces.push_back({ns, mbps});
}

// ---- Numbers with blanks between them

struct NumberLine {
  const std::string& name;
  int line;
  std::vector<std::string_view> fields;

  double At(size_t field, const char* what, Range range) const {
    const std::optional<double> value = ParseDecimal(fields[field]);
    if (value && range.Contains(*value)) return *value;
    throw InputError(fmt::format("{}:{}: {} (column {}) must be a number {}, got '{}'", name, line,
                                 what, field + 1, range.Text(), fields[field].substr(0, 40)));
  }
};

std::vector<std::string_view> Fields(std::string_view line) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string_view> fields;
  for (size_t at = line.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    fields.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
  return fields;
}

template <typename Each>
void ForEachNumberLine(std::string_view text, const std::string& name, size_t columns,
                       const char* meaning, const Each& each) {
  ForEachLine(text, [&](std::string_view line, int number) {
    NumberLine row{name, number, Fields(line)};
    if (row.fields.size() != columns)
      throw InputError(fmt::format("{}:{}: has {} columns; {} are wanted: {}", name, number,
                                   row.fields.size(), columns, meaning));
    each(row);
  });
}

// A row's rate is that of the time since the row before it: so Pensieve itself plays it
// (sim/env.py). The first row says where time begins, and its rate is of no time.
LinkTrace ReadPensieve(const std::string& text, const std::string& name, const LinkImportOptions&) {
  LinkTrace trace;
  std::optional<double> last;
  ForEachNumberLine(text, name, 2, "seconds and Mbit/s", [&](const NumberLine& row) {
    const double stamp =
        row.At(0, "seconds", Range::Between(last.value_or(0), kMostPensieveStamp_s));
    const double mbps = row.At(1, "Mbit/s", Range::NonNegative(kMostMbps));
    if (last) Add(stamp - *last, mbps, trace);
    last = stamp;
  });
  if (last) {
    ++trace.tally.rows;
    trace.tally.LeaveOut("the first row, whose rate is of the time before it");
  }
  return trace;
}

// Bytes and milliseconds since the row before; the milliseconds add up to the trace's time.
LinkTrace ReadHsdpa(const std::string& text, const std::string& name, const LinkImportOptions&) {
  LinkTrace trace;
  double last_ms = 0;
  int back = 0;
  const auto each = [&](const NumberLine& row) {
    row.At(0, "the time since 1970", Range::NonNegative(kMostStamp));
    const double stamp_ms = row.At(1, "milliseconds", Range::NonNegative(kMostStamp));
    const double bytes = row.At(4, "bytes", Range::NonNegative(kMostBytes));
    const double ms = row.At(5, "milliseconds since the row before", Range::NonNegative(1e9));
    if (ms > 0 && bytes / ms * 1e3 > kMostMbps * kBytesPerSecondPerMbps)
      row.At(4, "bytes", Range::NonNegative(kMostMbps * kBytesPerSecondPerMbps * ms / 1e3));
    Add(ms / 1e3, ms > 0 ? bytes / ms * 1e3 / kBytesPerSecondPerMbps : 0, trace);
    back += stamp_ms < last_ms;
    last_ms = stamp_ms;
  };
  ForEachNumberLine(text, name, 6, "s, ms, latitude, longitude, bytes, ms", each);
  if (back > 0)
    trace.tally.notes.push_back(fmt::format(
        "the log's clock (column 2) goes back at {} rows: it may be several drives", back));
  return trace;
}

// ---- FCC: Measuring Broadband America, raw data (curr_webget, curr_httpgetmt and their like)

using Series = std::pair<std::string, std::string>;  // unit, target

// The one series that is left. `counts`: rows of each.
void RequireOneSeries(const std::map<Series, int>& counts, const std::string& name) {
  if (counts.size() == 1) return;
  if (counts.empty()) throw InputError(fmt::format("{}: no row of this --unit and --target", name));
  const auto longest =
      std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; });
  throw InputError(fmt::format(
      "{}: holds {} series, of a unit and a target each; name one with --unit and --target, as "
      "--unit '{}' --target '{}', which has {} rows",
      name, counts.size(), longest->first.first, longest->first.second, longest->second));
}

LinkTrace ReadFcc(const std::string& text, const std::string& name,
                  const LinkImportOptions& options) {
  const CsvFile csv = CsvFile::Parse(text, name);
  const int unit = csv.ColumnIndex("unit_id"), target = csv.ColumnIndex("target");
  const int rate = csv.ColumnIndex("bytes_sec");
  const double hold_s = options.hold_s.value_or(kDefaultHoldS);
  LinkTrace trace;
  std::map<Series, int> counts;
  for (int row = 0; row < csv.rows(); ++row) {
    const Series series = {csv.Text(row, unit), csv.Text(row, target)};
    if ((!options.unit.empty() && options.unit != series.first) ||
        (!options.target.empty() && options.target != series.second)) {
      ++trace.tally.rows;
      trace.tally.LeaveOut("of other units and targets");
      continue;
    }
    ++counts[series];
    const Range range = Range::NonNegative(kMostMbps * kBytesPerSecondPerMbps);
    Add(hold_s, csv.Number(row, rate, range) / kBytesPerSecondPerMbps, trace);
  }
  RequireOneSeries(counts, name);
  trace.tally.notes.push_back(fmt::format(
      "every measurement holds for {:g} s (--hold-s), end to end; when they were made (column "
      "dtime) is lost",
      hold_s));
  return trace;
}

// ---- iperf3 -J

double BitsPerSecond(const JsonNode& interval) {
  constexpr double kMost = kMostMbps * 1e6;
  if (interval.Has("sum")) return interval.At("sum").At("bits_per_second").Number(0, kMost);
  double sum = 0;
  for (const JsonNode& stream : interval.At("streams").Items())
    sum += stream.At("bits_per_second").Number(0, kMost);
  return sum;
}

LinkTrace ReadIperf3(const std::string& text, const std::string& name, const LinkImportOptions&) {
  const nlohmann::json json = ParseJson(text, name);
  const JsonNode root(json, name);
  if (root.Has("error"))
    throw InputError(fmt::format("{}: iperf3 failed: {}", name, root.At("error").String()));
  LinkTrace trace;
  bool is_two_way = false;
  for (const JsonNode& interval : root.At("intervals").Items()) {
    const std::vector<JsonNode> streams = interval.At("streams").Items();
    if (!interval.Has("sum") && streams.empty()) interval.Fail("has neither 'sum' nor streams");
    const JsonNode times = interval.Has("sum") ? interval.At("sum") : streams[0];
    is_two_way = is_two_way || interval.Has("sum_bidir_reverse");
    if (times.Has("omitted") && times.At("omitted").Bool()) {
      ++trace.tally.rows;
      trace.tally.LeaveOut("omitted by iperf3's --omit");
      continue;
    }
    Add(times.At("seconds").Number(0, kMostSeconds), BitsPerSecond(interval) / 1e6, trace);
  }
  if (is_two_way)
    trace.tally.notes.push_back("of the two directions of --bidir, the client's sending one");
  return trace;
}

// ---- The table

struct LinkFormat {
  std::string_view name;
  LinkTrace (*read)(const std::string& text, const std::string& name, const LinkImportOptions&);
};

constexpr LinkFormat kLinkFormats[] = {
    {"fcc", ReadFcc}, {"hsdpa", ReadHsdpa}, {"iperf3", ReadIperf3}, {"pensieve", ReadPensieve}};

// The name of a format; throws InputError that says what the content is instead.
std::string_view Recognise(std::string_view text, const std::string& name) {
  if (!IsUtf8(text)) throw InputError(fmt::format("{}: not valid UTF-8", name));
  if (!JsonFormat(text).empty()) return "iperf3";
  const size_t begin = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  const std::string_view first = text.substr(begin, text.find_first_of("\r\n", begin) - begin);
  if (first.find("unit_id") != std::string_view::npos) return "fcc";
  const std::vector<std::string_view> fields = Fields(first);
  const bool is_numbers = std::ranges::all_of(
      fields, [](std::string_view field) { return ParseDecimal(field).has_value(); });
  if (is_numbers && fields.size() == 2) return "pensieve";
  if (is_numbers && fields.size() == 6) return "hsdpa";
  if ((is_numbers && fields.size() == 1) || first.find("mbps") != std::string_view::npos)
    throw InputError(fmt::format(
        "{}: is a rate trace that scenarios read as it is (link.up.trace, link.down.trace)", name));
  throw InputError(fmt::format("{}: of none of the formats {}; it begins with '{}'", name,
                               LinkFormatNames(), first.substr(0, 60)));
}

}  // namespace

std::string LinkFormatNames() {
  std::vector<std::string_view> names;
  for (const LinkFormat& format : kLinkFormats) names.push_back(format.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

LinkTrace ReadLinkTrace(const std::string& format, std::string text, const std::string& name,
                        const LinkImportOptions& options) {
  const auto named = std::ranges::find(kLinkFormats, std::string_view(format), &LinkFormat::name);
  if (format != "auto" && named == std::end(kLinkFormats))
    throw InputError(
        fmt::format("there is no format '{}'; there are {} and auto", format, LinkFormatNames()));
  if (const std::string binary = BinaryFormat(text); !binary.empty())
    throw InputError(fmt::format("{}: {}", name, binary));
  const LinkFormat& found =
      format == "auto" ? *std::ranges::find(kLinkFormats, Recognise(text, name), &LinkFormat::name)
                       : *named;
  const bool has_options = !options.unit.empty() || !options.target.empty() || options.hold_s;
  if (has_options && found.name != "fcc") {
    throw InputError(fmt::format(
        "{}: is of the format {}; --unit, --target and --hold-s are for fcc", name, found.name));
  }
  LinkTrace trace = found.read(text, name, options);
  trace.format = found.name;
  if (trace.pieces.empty()) throw InputError(fmt::format("{}: holds no rate", name));
  double seconds = 0;
  for (const LinkPiece& piece : trace.pieces)
    seconds += static_cast<double>(piece.ns) / kNsPerSecond;
  if (seconds > kMostSeconds)
    throw InputError(
        fmt::format("{}: lasts {:g} s; at most {:g} s are played", name, seconds, kMostSeconds));
  return trace;
}

std::string RateTraceCsv(const LinkTrace& trace) {
  HAT_CHECK(!trace.pieces.empty());
  std::vector<LinkPiece> pieces = trace.pieces;
  const size_t n = pieces.size();
  if (n > 1 ? pieces[n - 1].ns != pieces[n - 2].ns : pieces[0].ns != std::llround(kNsPerSecond)) {
    const LinkPiece last = pieces.back();
    pieces.back().ns = last.ns / 2;
    if (last.ns > 1) pieces.push_back({last.ns - last.ns / 2, last.mbps});
  }
  std::string text = "seconds,mbps\n";
  int64_t at_ns = 0;
  for (const LinkPiece& piece : pieces) {
    text += fmt::format("{},{}\n", SecondsText(at_ns), ShortestDecimal(piece.mbps));
    at_ns += piece.ns;
  }
  return text;
}

}  // namespace hat
