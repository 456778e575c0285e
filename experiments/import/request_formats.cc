#include "experiments/import/request_formats.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "core/csv.h"
#include "core/decimal.h"
#include "core/foreign_format.h"
#include "experiments/import/json_objects.h"
#include "experiments/import/time_stamp.h"
#include "experiments/scenario/limits.h"

namespace hat {
namespace {

constexpr double kMostStamp_s = 9e9;  // in ns it fits 64 bits; the year 2255, counted from 1970

// Takes a row over, or counts why not.
void Add(const TracedRequest& request, const char* why_without_output, RequestTrace& trace) {
  ++trace.tally.rows;
  if (trace.has_outputs && request.output_tokens == 0)
    return trace.tally.LeaveOut(why_without_output);
  if (request.prompt_tokens == 0) return trace.tally.LeaveOut("without a prompt (0 tokens)");
  trace.requests.push_back(request);
}

constexpr char kNoOutput[] = "without an output (0 tokens)";

// ---- CSV

struct Columns {
  const char* arrival;
  const char* prompt;
  const char* output;
  const char* why_without_output = kNoOutput;
};

int64_t SecondsCell(const CsvFile& csv, int row, int column) {
  return std::llround(csv.Number(row, column, Range::NonNegative(kMostStamp_s)) * 1e9);
}

int64_t DateCell(const CsvFile& csv, int row, int column) {
  if (const auto ns = ParseTimeStamp(csv.Text(row, column))) return *ns;
  throw csv.Error(row, column, "a time as 2023-11-16 18:17:03.9799600, or with +00:00 behind it");
}

RequestTrace ReadCsvTrace(std::string text, const std::string& name, const Columns& columns,
                          int64_t (*arrival)(const CsvFile&, int, int)) {
  const CsvFile csv = CsvFile::Parse(std::move(text), name);
  const int prompt = csv.ColumnIndex(columns.prompt);
  const int output = csv.ColumnIndex(columns.output);
  RequestTrace trace;
  trace.has_arrivals = columns.arrival != nullptr;
  const int stamp = trace.has_arrivals ? csv.ColumnIndex(columns.arrival) : 0;
  for (int row = 0; row < csv.rows(); ++row) {
    TracedRequest request;
    if (trace.has_arrivals) request.arrival_ns = arrival(csv, row, stamp);
    request.prompt_tokens = static_cast<int>(csv.Integer(row, prompt, 0, kMostTokens));
    request.output_tokens = static_cast<int>(csv.Integer(row, output, 0, kMostTokens));
    Add(request, columns.why_without_output, trace);
  }
  return trace;
}

RequestTrace ReadAzure(std::string text, const std::string& name, const ImportOptions&) {
  return ReadCsvTrace(std::move(text), name, {"TIMESTAMP", "ContextTokens", "GeneratedTokens"},
                      DateCell);
}

RequestTrace ReadBurstGpt(std::string text, const std::string& name, const ImportOptions&) {
  return ReadCsvTrace(
      std::move(text), name,
      {"Timestamp", "Request tokens", "Response tokens", "failed (0 response tokens)"},
      SecondsCell);
}

RequestTrace ReadVidur(std::string text, const std::string& name, const ImportOptions&) {
  constexpr char kArrival[] = "arrived_at";
  const std::string header = text.substr(0, text.find('\n'));
  return ReadCsvTrace(std::move(text), name,
                      {header.find(kArrival) != std::string::npos ? kArrival : nullptr,
                       "num_prefill_tokens", "num_decode_tokens"},
                      SecondsCell);
}

// ---- JSON

int TokensAt(const JsonNode& object, const char* key) {
  return static_cast<int>(object.At(key).Integer(0, kMostTokens));
}

RequestTrace ReadMooncake(std::string text, const std::string& name, const ImportOptions&) {
  RequestTrace trace;
  int64_t blocks = 0;
  ForEachJsonObject(text, name, [&](const JsonNode& object) {
    const double ms = object.At("timestamp").Number(0, kMostStamp_s * 1e3);
    Add({std::llround(ms * 1e6), TokensAt(object, "input_length"),
         TokensAt(object, "output_length")},
        kNoOutput, trace);
    if (object.Has("hash_ids"))
      blocks += static_cast<int64_t>(object.At("hash_ids").Items().size());
    return true;
  });
  if (blocks > 0)
    trace.tally.notes.push_back(fmt::format(
        "lost: hash_ids, {} blocks of prompts that tell which prefixes are shared: every prompt is "
        "computed whole",
        blocks));
  return trace;
}

RequestTrace ReadLlmServingSim(std::string text, const std::string& name, const ImportOptions&) {
  RequestTrace trace;
  bool has_ids = false;
  ForEachJsonObject(text, name, [&](const JsonNode& object) {
    const int64_t ns = object.At("arrival_time_ns").Integer(0, int64_t{1} << 53);
    if (object.Has("sub_requests")) {
      ++trace.tally.rows;
      trace.tally.LeaveOut("sessions of an agent (their later calls have no time of arrival)");
      return true;
    }
    has_ids = has_ids || object.Has("input_tok_ids");
    Add({ns, TokensAt(object, "input_toks"), TokensAt(object, "output_toks")}, kNoOutput, trace);
    return true;
  });
  if (has_ids)
    trace.tally.notes.push_back(
        "lost: input_tok_ids, which tell which prefixes are shared: every prompt is computed "
        "whole");
  return trace;
}

// ---- Text, of which the tokens are counted or estimated

int Words(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  int words = 0;
  for (size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos; ++words)
    at = text.find_first_not_of(kBlanks, text.find_first_of(kBlanks, at));
  return words;
}

class TokenCounter {
 public:
  TokenCounter(const ImportOptions& options, const std::string& name, RequestTrace& trace)
      : options_(options) {
    if (options_.count_tokens) {
      trace.tally.notes.push_back(
          fmt::format("counted: every number of tokens, by {}", options_.tokenizer));
    } else if (options_.tokens_per_word) {
      trace.tally.notes.push_back(fmt::format(
          "estimated: every number of tokens, {:g} for each word; no tokenizer counted them",
          *options_.tokens_per_word));
    } else {
      throw InputError(
          fmt::format("{}: holds text and no numbers of tokens: --tokenizer counts them, "
                      "--tokens-per-word estimates them (4/3, a rule of thumb for English, is "
                      "1.33)",
                      name));
    }
  }

  int Of(const JsonNode& text) const {
    if (options_.count_tokens) return Checked(options_.count_tokens(text.String()), text);
    return Checked(std::ceil(Words(text.String()) * *options_.tokens_per_word - 1e-9), text);
  }

 private:
  static int Checked(double tokens, const JsonNode& text) {
    if (tokens > kMostTokens) {
      text.Fail(
          fmt::format("has {} words: more than {} tokens", Words(text.String()), kMostTokens));
    }
    return static_cast<int>(tokens);
  }

  const ImportOptions& options_;
};

// The first two turns, as vLLM's benchmark takes them, whoever speaks.
RequestTrace ReadShareGpt(std::string text, const std::string& name, const ImportOptions& options) {
  RequestTrace trace;
  trace.has_arrivals = false;
  const TokenCounter tokens(options, name, trace);
  ForEachJsonObject(text, name, [&](const JsonNode& object) {
    const std::vector<JsonNode> turns = object.At("conversations").Items();
    if (turns.size() < 2) {
      ++trace.tally.rows;
      trace.tally.LeaveOut("of fewer than two turns");
      return true;
    }
    Add({0, tokens.Of(turns[0].At("value")), tokens.Of(turns[1].At("value"))}, kNoOutput, trace);
    return true;
  });
  trace.tally.notes.push_back("lost: all turns after a conversation's first two");
  return trace;
}

RequestTrace ReadSpecBench(std::string text, const std::string& name,
                           const ImportOptions& options) {
  RequestTrace trace;
  trace.has_arrivals = trace.has_outputs = false;
  const TokenCounter tokens(options, name, trace);
  ForEachJsonObject(text, name, [&](const JsonNode& object) {
    const std::vector<JsonNode> turns = object.At("turns").Items();
    Add({0, turns.empty() ? 0 : tokens.Of(turns[0]), 0}, kNoOutput, trace);
    return true;
  });
  trace.tally.notes.push_back("lost: all turns after a question's first");
  return trace;
}

// ---- The table

struct RequestFormat {
  std::string_view name;
  std::vector<std::string_view> keys;  // columns, or keys of its objects, by which it is known
  RequestTrace (*read)(std::string text, const std::string& name, const ImportOptions& options);
  bool holds_text = false;  // and no numbers of tokens
};

const RequestFormat kRequestFormats[] = {
    {"azure", {"TIMESTAMP", "ContextTokens", "GeneratedTokens"}, ReadAzure},
    {"burstgpt", {"Timestamp", "Request tokens", "Response tokens"}, ReadBurstGpt},
    {"llmservingsim", {"arrival_time_ns"}, ReadLlmServingSim},
    {"mooncake", {"timestamp", "input_length", "output_length"}, ReadMooncake},
    {"sharegpt", {"conversations"}, ReadShareGpt, true},
    {"spec-bench", {"turns"}, ReadSpecBench, true},
    {"vidur", {"num_prefill_tokens", "num_decode_tokens"}, ReadVidur},
};

// The columns, or the first object's keys.
std::vector<std::string> KeysOf(const std::string& text, const std::string& name) {
  std::vector<std::string> keys;
  if (!JsonFormat(text).empty()) {
    ForEachJsonObject(text, name, [&](const JsonNode& object) {
      keys = object.Keys();
      return false;
    });
    return keys;
  }
  return CsvFile::Parse(text.substr(0, text.find('\n')), name).columns();
}

const RequestFormat* FormatOf(const std::vector<std::string>& keys) {
  for (const RequestFormat& format : kRequestFormats) {
    const auto is_there = [&](std::string_view key) { return std::ranges::count(keys, key) > 0; };
    if (std::ranges::all_of(format.keys, is_there)) return &format;
  }
  return nullptr;
}

const RequestFormat& Find(const std::string& wanted, const std::string& text,
                          const std::string& name) {
  const auto named =
      std::ranges::find(kRequestFormats, std::string_view(wanted), &RequestFormat::name);
  if (wanted != "auto" && named == std::end(kRequestFormats))
    throw InputError(fmt::format("there is no format '{}'; there are {} and auto", wanted,
                                 RequestFormatNames()));
  if (const std::string binary = BinaryFormat(text); !binary.empty())
    throw InputError(fmt::format("{}: {}", name, binary));
  const std::vector<std::string> keys = KeysOf(text, name);
  const RequestFormat* const known = FormatOf(keys);
  if (wanted == "auto" && known == nullptr)
    throw InputError(fmt::format("{}: of none of the formats {}: its columns or keys are '{}'",
                                 name, RequestFormatNames(), fmt::join(keys, "', '")));
  if (wanted == "auto") return *known;
  if (known != nullptr && known != named)
    throw InputError(fmt::format("{}: is of the format {}, not {}", name, known->name, wanted));
  return *named;
}

}  // namespace

std::string RequestFormatNames() {
  std::vector<std::string_view> names;
  for (const RequestFormat& format : kRequestFormats) names.push_back(format.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

ImportedRequests ReadRequestTrace(const std::string& format, std::string text,
                                  const std::string& name, const ImportOptions& options) {
  const RequestFormat& found = Find(format, text, name);
  if ((options.tokens_per_word || options.count_tokens) && !found.holds_text) {
    throw InputError(fmt::format("{}: {} holds numbers of tokens, which {} is not for", name,
                                 found.name,
                                 options.count_tokens ? "--tokenizer" : "--tokens-per-word"));
  }
  return {std::string(found.name), found.read(std::move(text), name, options)};
}

}  // namespace hat
