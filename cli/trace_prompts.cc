// hat trace prompts: prompts as token ids, cut from text or of questions.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "cli/chat_prompt.h"
#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "core/csv.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "core/strict_json.h"
#include "runtime/model/config.h"
#include "runtime/trace/cut_prompts.h"
#include "runtime/trace/trace_recording.h"

namespace hat {
namespace {

struct TracePromptsOptions {
  std::string model, tokenizer, text, lengths, spec_bench, chat_template, out;
  int output_tokens = TraceRecording().output_tokens;
  uint64_t seed = PromptCut().seed;
  bool replace = false;
};

void AddOptions(CommandLine& line, TracePromptsOptions& options) {
  line.description(
      "Writes prompts as token ids for 'hat trace record': cut from text to wanted lengths, its "
      "genres by turns; or the first turns of Spec-Bench's questions, in the model's chat "
      "template");
  line.footer(
      "Examples:\n"
      "  hat trace prompts --model model --text text/held_out --lengths "
      "experiments/workloads/spec_bench_prompt_tokens.csv --out model/prompts.csv\n"
      "  hat trace prompts --model smollm2-135m --spec-bench question.jsonl --out prompts.csv");
  line.add_option("--model", options.model,
                  "folder of a checkpoint; of it the config and the tokenizer are read")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--tokenizer", options.tokenizer, "a tokenizer's file; the model's unless given");
  CLI::Option* text = line.add_option("--text", options.text,
                                      "UTF-8 text: a file, or a folder of *.txt, a genre each");
  CLI::Option* lengths =
      line.add_option("--lengths", options.lengths, "CSV with a column prompt_tokens");
  text->needs(lengths);
  CLI::Option* questions =
      line.add_option("--spec-bench", options.spec_bench,
                      "Spec-Bench's question.jsonl: category and turns of each question")
          ->excludes(text)
          ->excludes(lengths);
  line.add_option("--chat-template", options.chat_template,
                  "of questions, in place of the model's own: a Jinja file, or chatml, llama-2, "
                  "llama-3, vicuna")
      ->needs(questions);
  line.add_option("--out", options.out, "the file to write")->required();
  line.add_option("--max-new-tokens", options.output_tokens,
                  "room that each prompt must leave within the model's positions")
      ->capture_default_str()
      ->check(CLI::Range(1, DraftTraceInfo::kMaxOutputTokens));
  line.add_option("--seed", options.seed, "of which prompt lies where in the text")
      ->capture_default_str();
  line.add_flag("--force", options.replace, "replace an existing file of other content");
}

std::vector<Prompt> CutOf(const TracePromptsOptions& options, const Tokenizer& tokenizer,
                          int begin_token, int most) {
  const CsvFile lengths = CsvFile::Load(options.lengths);
  const int column = lengths.ColumnIndex("prompt_tokens");
  PromptCut cut;
  cut.seed = options.seed;
  cut.begin_token = begin_token;
  for (int row = 0; row < lengths.rows(); ++row) {
    cut.lengths.push_back(static_cast<int>(lengths.Integer(row, column, 1, most)));
  }
  return CutPrompts(ReadGenres(options.text), tokenizer, cut);
}

// Spec-Bench counts eight categories, MT-bench's, as one task.
std::string TaskOf(const std::string& category) {
  for (const char* task : {"translation", "summarization", "qa", "math_reasoning", "rag"}) {
    if (category == task) return category;
  }
  return "multi_turn";
}

std::vector<Prompt> QuestionsOf(const TracePromptsOptions& options, const Tokenizer& tokenizer) {
  std::vector<Prompt> prompts;
  std::vector<std::string> users;
  std::istringstream file(ReadFile(options.spec_bench));
  for (std::string line; std::getline(file, line);) {
    const std::string where = fmt::format("{}:{}", options.spec_bench, users.size() + 1);
    const nlohmann::json document = ParseJson(line, where);
    const JsonNode question(document, where);
    const std::vector<JsonNode> turns = question.At("turns").Items();
    if (turns.empty()) question.At("turns").Fail("must have a turn");
    users.push_back(turns[0].String());
    prompts.push_back({TaskOf(question.At("category").String()), {}});
  }
  const std::vector<std::string> texts = ChatPrompts(options.model, options.chat_template, users);
  for (size_t i = 0; i < texts.size(); ++i) prompts[i].ids = tokenizer.EncodePrompt(texts[i]);
  return prompts;
}

int MakeAndWrite(const TracePromptsOptions& options) {
  if (options.text.empty() && options.spec_bench.empty()) {
    throw InputError("give --text and --lengths, or --spec-bench");
  }
  const ModelConfig config = ReadModelConfig(options.model);
  const Tokenizer tokenizer(TokenizerFileOr(options.tokenizer, options.model),
                            config.shape.vocabulary);
  const PromptLimits limits = PromptLimitsOf(config, options.output_tokens);
  const std::string text = PromptFileText(
      options.spec_bench.empty()
          ? CutOf(options, tokenizer, tokenizer.BeginToken(config.bos_token), limits.max_tokens)
          : QuestionsOf(options, tokenizer));
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
  return MakeAndWrite(options);
}

}  // namespace hat
