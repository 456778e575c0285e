#include "experiments/traces/draft_trace_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "core/lines.h"
#include "core/strict_json.h"

namespace hat {
namespace {

struct Line {
  std::string where;  // "file:line"
  nlohmann::json json;
};

std::vector<Line> ParseLines(const std::string& text, const std::string& name) {
  std::vector<Line> lines;
  ForEachLine(text, [&](std::string_view line, int number) {
    const std::string where = fmt::format("{}:{}", name, number);
    lines.push_back({where, ParseJson(std::string(line), where)});
  });
  if (lines.empty())
    throw InputError(fmt::format("{}: empty; a header line must come first", name));
  return lines;
}

DraftTraceInfo ParseInfo(const Line& line) {
  const JsonNode node(line.json, line.where);
  node.AllowOnly({"model", "model_sha256", "prompts_sha256", "output_tokens", "max_steps",
                  "medusa_heads", "drafter"});
  DraftTraceInfo info;
  info.model = node.At("model").String();
  info.model_sha256 = node.At("model_sha256").String();
  info.prompts_sha256 = node.At("prompts_sha256").String();
  info.output_tokens =
      static_cast<int>(node.At("output_tokens").Integer(1, DraftTraceInfo::kMaxOutputTokens));
  info.max_steps = static_cast<int>(node.At("max_steps").Integer(0, DraftTraceInfo::kMaxSteps));
  info.medusa_heads =
      static_cast<int>(node.At("medusa_heads").Integer(0, DraftTraceInfo::kMaxMedusaHeads));
  if (node.Has("drafter")) info.drafter = node.At("drafter").String();
  return info;
}

// The head of a row's line: its prompt's tokens. `entries` is N - 1.
int ParsePromptTokens(const Line& line, int row, int entries) {
  const JsonNode node(line.json, line.where);
  node.AllowOnly({"row", "prompt_tokens", "t"});
  node.At("row").Integer(row, row);
  const size_t count = node.At("t").Items().size();
  if (count != static_cast<size_t>(entries))
    node.At("t").Fail(
        fmt::format("must hold {} entries, one for each of t = 1..output_tokens - 1, "
                    "got {}",
                    entries, count));
  return static_cast<int>(node.At("prompt_tokens").Integer(1, kMostTokens));
}

void ParseEntry(const JsonNode& node, int row, int t, DraftTrace& trace) {
  node.AllowOnly({"confidence", "agreed", "rank", "medusa"});
  std::vector<float> confidences;
  if (node.Has("confidence")) {
    for (const JsonNode& value : node.At("confidence").Items())
      confidences.push_back(static_cast<float>(value.Number(0, 1)));
  }
  std::vector<uint16_t> medusa;
  if (node.Has("medusa")) {
    for (const JsonNode& value : node.At("medusa").Items())
      medusa.push_back(static_cast<uint16_t>(value.Integer(1, UINT16_MAX)));
  }
  const auto integer = [&](const char* key) {
    return node.Has(key) ? static_cast<int>(node.At(key).Integer(0, UINT16_MAX)) : 0;
  };
  try {
    trace.Set(row, t, {confidences, integer("agreed"), integer("rank"), medusa});
  } catch (const InputError& error) {
    node.Fail(fmt::format("is not allowed: {}", error.what()));
  }
}

std::string EntryText(const TraceRow& entry) {
  std::string text = "{";
  if (!entry.confidences.empty()) {
    text += fmt::format("\"confidence\": [{}], \"agreed\": {}", fmt::join(entry.confidences, ", "),
                        entry.agreed);
    if (entry.mismatch_rank > 0) text += fmt::format(", \"rank\": {}", entry.mismatch_rank);
  }
  if (!entry.medusa_ranks.empty())
    text += fmt::format("{}\"medusa\": [{}]", text.size() > 1 ? ", " : "",
                        fmt::join(entry.medusa_ranks, ", "));
  return text + "}";
}

}  // namespace

std::string DraftTraceText(const DraftTrace& trace) {
  const DraftTraceInfo& info = trace.info();
  std::string text = fmt::format(
      "{{\"model\": {}, \"model_sha256\": \"{}\", \"prompts_sha256\": \"{}\", "
      "\"output_tokens\": {}, \"max_steps\": {}, \"medusa_heads\": {}{}}}\n",
      nlohmann::json(info.model).dump(), info.model_sha256, info.prompts_sha256, info.output_tokens,
      info.max_steps, info.medusa_heads,
      info.drafter == DraftTraceInfo().drafter
          ? ""
          : fmt::format(", \"drafter\": \"{}\"", info.drafter));
  for (int row = 0; row < trace.rows(); ++row) {
    text += fmt::format("{{\"row\": {}, \"prompt_tokens\": {}, \"t\": [", row,
                        trace.prompt_tokens(row));
    for (int t = 1; t < info.output_tokens; ++t)
      text += (t > 1 ? ", " : "") + EntryText(trace.Row(row, t));
    text += "]}\n";
  }
  return text;
}

DraftTrace ParseDraftTraceText(const std::string& text, const std::string& name) {
  const std::vector<Line> lines = ParseLines(text, name);
  const DraftTraceInfo info = ParseInfo(lines[0]);
  std::vector<int> prompt_tokens;
  for (size_t i = 1; i < lines.size(); ++i)
    prompt_tokens.push_back(
        ParsePromptTokens(lines[i], static_cast<int>(i) - 1, info.output_tokens - 1));
  try {
    DraftTrace trace(info, std::move(prompt_tokens));
    for (int row = 0; row < trace.rows(); ++row) {
      const Line& line = lines[static_cast<size_t>(row) + 1];
      const JsonNode node(line.json, line.where);
      int t = 0;
      for (const JsonNode& entry : node.At("t").Items()) ParseEntry(entry, row, ++t, trace);
    }
    return trace;
  } catch (const InputError& error) {
    const std::string problem = error.what();
    if (problem.starts_with(name)) throw;
    throw InputError(fmt::format("{}: {}", name, problem));
  }
}

}  // namespace hat
