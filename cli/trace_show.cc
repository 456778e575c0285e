// hat trace show: what a draft trace holds.
#include "cli/plain_verbs.h"
#include "cli/shipped.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/traces/draft_trace_summary.h"
#include "experiments/traces/draft_trace_text.h"

int hat::TraceShowVerb(CommandLine& line) {
  std::string path;
  bool as_text = false;
  line.description("Shows what a draft trace holds");
  line.add_option("file", path, "a draft trace")->required()->transform(hat::ShippedPath);
  line.add_flag("--text", as_text, "all of it, as the JSON lines that 'hat trace import' reads");
  line.Parse();
  const hat::DraftTrace trace = hat::DraftTrace::Load(path);
  hat::PrintResult(as_text ? hat::DraftTraceText(trace) : hat::DescribeDraftTrace(trace));
  return 0;
}
