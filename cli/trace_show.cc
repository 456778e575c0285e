// hat trace show: what a draft trace holds.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "cli/plain_verbs.h"
#include "cli/shipped.h"
#include "core/csv.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/scenario/limits.h"
#include "experiments/traces/draft_trace_summary.h"
#include "experiments/traces/draft_trace_text.h"

namespace hat {
namespace {

// A column of the file that the prompts, or their lengths, are in.
std::vector<std::string> GroupsOf(const DraftTrace& trace, const std::string& prompts,
                                  const std::string& column) {
  const CsvFile csv = CsvFile::Load(prompts);
  const int group = csv.ColumnIndex(column, "--by"), tokens = csv.ColumnIndex("prompt_tokens");
  std::vector<std::string> groups;
  if (csv.rows() != trace.rows()) {
    throw InputError(
        fmt::format("{}: holds {} prompts, the draft trace {}", prompts, csv.rows(), trace.rows()));
  }
  for (int row = 0; row < csv.rows(); ++row) {
    if (csv.Integer(row, tokens, 1, kMostTokens) != trace.prompt_tokens(row)) {
      throw csv.Error(row, tokens,
                      fmt::format("{} as in the draft trace", trace.prompt_tokens(row)));
    }
    groups.push_back(csv.Text(row, group));
  }
  return groups;
}

}  // namespace

int TraceShowVerb(CommandLine& line) {
  std::string path, prompts, column = "genre";
  bool as_text = false;
  line.description(
      "Shows what a draft trace holds; with --prompts the accept lengths by the prompts' genres, "
      "as a Markdown table");
  line.footer(
      "Example:\n  hat trace show models/small/drafts.trace --prompts models/small/prompts.csv");
  line.add_option("file", path, "a draft trace")->required()->transform(ShippedPath);
  CLI::Option* text = line.add_flag("--text", as_text,
                                    "all of it, as the JSON lines that 'hat trace import' reads");
  CLI::Option* file =
      line.add_option("--prompts", prompts,
                      "CSV with a row a prompt: prompt_tokens and the column of --by")
          ->transform(ShippedPath)
          ->excludes(text);
  line.add_option("--by", column, "the column that says what a prompt belongs to")
      ->capture_default_str()
      ->needs(file);
  line.Parse();
  const DraftTrace trace = DraftTrace::Load(path);
  if (!prompts.empty()) {
    PrintResult(AcceptLengthsByGroup(trace, GroupsOf(trace, prompts, column)));
  } else {
    PrintResult(as_text ? DraftTraceText(trace) : DescribeDraftTrace(trace));
  }
  return 0;
}

}  // namespace hat
