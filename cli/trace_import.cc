// hat trace import: a draft trace from text.
#include "cli/plain_verbs.h"
#include "core/files.h"
#include "core/program.h"
#include "experiments/traces/draft_trace_text.h"

int hat::TraceImportVerb(CommandLine& line) {
  std::string input, output;
  bool replace = false;
  line.description("Makes a draft trace from JSON lines (docs/formats.md)");
  line.add_option("input", input, "JSON lines, as 'hat trace show --text' prints them")->required();
  line.add_option("--out", output, "the draft trace to write")->required();
  line.add_flag("--force", replace, "replace an existing file of other content");
  line.Parse();
  const std::string bytes = hat::ParseDraftTraceText(hat::ReadFile(input), input).ToBytes();
  if (!replace) hat::RefuseToReplace(output, bytes);
  hat::WriteFileAtomically(output, bytes);
  hat::SayWritten(output);
  return 0;
}
