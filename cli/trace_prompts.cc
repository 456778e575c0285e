// hat trace prompts: prompts as token ids, cut from text.
#include <fmt/format.h>

#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "core/csv.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "runtime/model/config.h"
#include "runtime/trace/cut_prompts.h"
#include "runtime/trace/trace_recording.h"

namespace hat {
namespace {

struct TracePromptsOptions {
  std::string model, tokenizer, text, lengths, out;
  int output_tokens = TraceRecording().output_tokens;
  uint64_t seed = PromptCut().seed;
  bool replace = false;
};

void AddOptions(CommandLine& line, TracePromptsOptions& options) {
  line.description(
      "Cuts prompts of wanted lengths from text, its genres by turns, and writes them as token ids "
      "for 'hat trace record'");
  line.footer(
      "Example:\n"
      "  hat trace prompts --model model --text text/held_out --lengths "
      "experiments/workloads/spec_bench_prompt_tokens.csv --out model/prompts.csv");
  line.add_option("--model", options.model,
                  "folder of a checkpoint; of it the config and the tokenizer are read")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--tokenizer", options.tokenizer, "a tokenizer's file; the model's unless given");
  line.add_option("--text", options.text, "UTF-8 text: a file, or a folder of *.txt, a genre each")
      ->required();
  line.add_option("--lengths", options.lengths, "CSV with a column prompt_tokens")->required();
  line.add_option("--out", options.out, "the file to write")->required();
  line.add_option("--max-new-tokens", options.output_tokens,
                  "room that each prompt must leave within the model's positions")
      ->capture_default_str()
      ->check(CLI::Range(1, DraftTraceInfo::kMaxOutputTokens));
  line.add_option("--seed", options.seed, "of which prompt lies where in the text")
      ->capture_default_str();
  line.add_flag("--force", options.replace, "replace an existing file of other content");
}

int CutAndWrite(const TracePromptsOptions& options) {
  const ModelConfig config = ReadModelConfig(options.model);
  const Tokenizer tokenizer(TokenizerFileOr(options.tokenizer, options.model),
                            config.shape.vocabulary);
  const PromptLimits limits = PromptLimitsOf(config, options.output_tokens);
  const CsvFile lengths = CsvFile::Load(options.lengths);
  const int column = lengths.ColumnIndex("prompt_tokens");
  PromptCut cut;
  cut.seed = options.seed;
  cut.begin_token = tokenizer.BeginToken(config.bos_token);
  for (int row = 0; row < lengths.rows(); ++row) {
    cut.lengths.push_back(static_cast<int>(lengths.Integer(row, column, 1, limits.max_tokens)));
  }
  const std::string text = PromptFileText(CutPrompts(ReadGenres(options.text), tokenizer, cut));
  const PromptFile written = ParsePrompts(text, options.out, limits);
  if (!options.replace) RefuseToReplace(options.out, text);
  WriteFileAtomically(options.out, text);
  PrintResult(fmt::format("{} prompts, sha256 {}\n", written.prompts.size(), written.sha256));
  SayWritten(options.out);
  return 0;
}

}  // namespace

int TracePromptsVerb(CommandLine& line) {
  TracePromptsOptions options;
  AddOptions(line, options);
  line.Parse();
  return CutAndWrite(options);
}

}  // namespace hat
