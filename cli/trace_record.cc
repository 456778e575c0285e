// hat trace record: what a model's drafters say at every position of its own output, as a draft
// trace.
#include <fmt/format.h>

#include "cli/progress_line.h"
#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "cli/trace_model.h"
#include "core/error.h"
#include "core/files.h"
#include "experiments/traces/draft_trace_summary.h"

namespace hat {
namespace {

struct TraceRecordOptions {
  std::string prompts, out;
  TraceRecording recording;
  bool replace = false;
};

void AddOptions(CommandLine& line, TraceRecordOptions& options) {
  line.description(
      "Records a draft trace: after every prompt the model's own greedy output and, at every "
      "position of it, what its adapter and its Medusa heads would say. 'hat simulate' replays it "
      "exactly. Computed in fp32.");
  line.footer(
      "Example:\n"
      "  hat trace record --model model --prompts model/prompts.csv --out model/drafts.trace");
  line.add_option("--prompts", options.prompts, "prompts as token ids, CSV (docs/formats.md)")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--out", options.out, "the draft trace to write")->required();
  line.add_option("--max-new-tokens", options.recording.output_tokens, "output tokens a prompt")
      ->capture_default_str()
      ->check(CLI::Range(1, DraftTraceInfo::kMaxOutputTokens));
  line.add_option("--max-draft", options.recording.max_draft, "the longest draft that replays")
      ->capture_default_str()
      ->check(CLI::Range(0, DraftTraceInfo::kMaxSteps - 1));
  line.add_flag("--force", options.replace, "replace an existing file");
}

int Record(TraceRecordOptions& options) {
  TraceRecording& recording = options.recording;
  const ModelConfig config = ReadModelConfig(recording.model.folder);
  const PromptFile prompts =
      LoadPrompts(options.prompts, PromptLimitsOf(config, recording.output_tokens));
  if (!options.replace) RefuseToReplace(options.out, "");
  AtomicFile file(options.out);  // a place that cannot be written is known at once
  const auto rows = static_cast<int>(prompts.prompts.size());
  ProgressLine progress(std::chrono::seconds(60));
  const std::optional<DraftTrace> trace = RecordTrace(recording, prompts, [&](int done) {
    progress.Update({double(done), rows},
                    [&] { return fmt::format("hat trace record: {} of {} prompts", done, rows); });
    return !IsInterrupted();
  });
  progress.Clear();
  if (!trace) throw RunError("interrupted; nothing was written");
  file.Write(trace->ToBytes());
  file.Commit();
  PrintResult(DescribeDraftTrace(*trace));
  SayWritten(options.out);
  return 0;
}

}  // namespace

int TraceRecordVerb(CommandLine& line) {
  TraceRecordOptions options;
  AddOptions(line, options);
  const TraceModelOptions model(line);
  line.Parse();
  options.recording.model = model.Read();
  SetThreads(model.threads());
  CatchInterrupts();
  return Record(options);
}

}  // namespace hat
