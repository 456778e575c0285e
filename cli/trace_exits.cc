// hat trace exits: what exits at several depths said, as the table that 'hat offload' reads.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cli/plain_verbs.h"
#include "cli/shipped.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/traces/draft_trace.h"

namespace hat {
namespace {

// Traces of the same answers: what each adapter says first after every output token.
std::vector<DraftTrace> LoadTraces(const std::vector<std::string>& paths) {
  std::vector<DraftTrace> traces;
  for (const std::string& path : paths) {
    traces.push_back(DraftTrace::Load(path));
    const DraftTraceInfo &first = traces.front().info(), &info = traces.back().info();
    if (info.max_steps < 1) throw InputError(path + ": holds no chains");
    if (info.prompts_sha256 != first.prompts_sha256 || info.output_tokens != first.output_tokens ||
        traces.back().rows() != traces.front().rows()) {
      throw InputError(fmt::format("{}: of other prompts or lengths than {}", path, paths.front()));
    }
  }
  return traces;
}

std::string TableOf(const std::vector<DraftTrace>& traces, int64_t samples) {
  std::string text;
  for (size_t exit = 1; exit <= traces.size() + 1; ++exit) {
    text += fmt::format("{}confidence_{},right_{}", exit == 1 ? "" : ",", exit, exit);
  }
  text += "\n";
  const int64_t tokens = traces.front().info().output_tokens - 1;
  const int64_t all = tokens * traces.front().rows();
  for (int64_t i = 0; i < std::min(samples, all); ++i) {
    const int64_t place = i * all / std::min(samples, all);  // evenly spread
    for (const DraftTrace& trace : traces) {
      const TraceRow row =
          trace.Row(static_cast<int>(place / tokens), 1 + static_cast<int>(place % tokens));
      text += fmt::format("{:.4g},{},", row.confidences[0], row.agreed > 0 ? 1 : 0);
    }
    text += "1,1\n";  // the whole model is what is right
  }
  return text;
}

}  // namespace

int TraceExitsVerb(CommandLine& line) {
  std::vector<std::string> paths;
  std::string out;
  int64_t samples = 4000;
  bool replace = false;
  line.description(
      "Makes a table of early exits, for 'hat offload', of draft traces that were recorded with "
      "adapters at several depths after the same prompts: of each output token how sure each exit "
      "was "
      "of the next, and whether it was the whole model's. The last exit is the whole model.");
  line.footer(
      "Example:\n  hat trace exits split-1.trace split-2.trace split-4.trace --out exits.csv");
  line.add_option("traces", paths, "draft traces, the shallowest exit's first")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--out", out, "the table to write")->required();
  line.add_option("--samples", samples, "so many output tokens, evenly spread")
      ->capture_default_str()
      ->check(CLI::Range(1, 100'000'000));
  line.add_flag("--force", replace, "replace an existing file");
  line.Parse();
  const std::string text = TableOf(LoadTraces(paths), samples);
  if (!replace) RefuseToReplace(out, text);
  WriteFileAtomically(out, text);
  SayWritten(out);
  return 0;
}

}  // namespace hat
