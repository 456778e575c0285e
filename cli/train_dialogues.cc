// hat train dialogues: what an instruction model asks and answers, as text to distil from.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "cli/chat_prompt.h"
#include "cli/progress_line.h"
#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/interrupt.h"
#include "core/program.h"
#include "experiments/scenario/limits.h"
#include "runtime/model/config.h"
#include "runtime/tokenizer/tokenizer.h"
#include "runtime/train/dialogues.h"

namespace hat {
namespace {

constexpr const char* kTurn = "HAT-USER-TURN";  // stands for what a user says
constexpr const char* kDocumentEnd = "\n\f\n";

struct Options {
  std::string model, out, chat_template, dtype = "fp32";
  int count = 1000;
  int threads = 0;
  DialogueOptions dialogues;
};

void Declare(CommandLine& line, Options& options) {
  line.description(
      "Lets an instruction model ask itself questions, drawn from its own distribution of a user's "
      "turn, and answer them greedily: text for 'hat train adapter --special-tokens'. Dialogue i "
      "depends on the seed and i alone, so that a run that was stopped goes on where it was.");
  line.footer(
      "Example:\n  hat train dialogues --model smollm2-135m --count 4000 --out dialogues.txt");
  line.add_option("--model", options.model, "Folder of a checkpoint with a chat template")
      ->required()
      ->transform(ShippedPath);
  line.add_option("--out", options.out, "Text file, a dialogue a document; goes on if it is there")
      ->required();
  const auto number = [&](const char* name, int& value, int low, const char* text) {
    line.add_option(name, value, text)->capture_default_str()->check(CLI::Range(low, 1 << 24));
  };
  number("--count", options.count, 1, "Dialogues in all");
  number("--user-tokens", options.dialogues.user_tokens, 1, "Longest user's turn");
  number("--answer-tokens", options.dialogues.answer_tokens, 1, "Longest answer");
  number("--together", options.dialogues.together, 1, "Dialogues at once");
  number("--top", options.dialogues.most_likely, 1, "A user's token is drawn from so many");
  line.add_option("--temperature", options.dialogues.temperature, "Of what a user says")
      ->capture_default_str()
      ->check(CLI::Range(0.01, 10.0));
  line.add_option("--seed", options.dialogues.seed, "Of the draws")->capture_default_str();
  line.add_option("--chat-template", options.chat_template, "In place of the model's own");
  line.add_option("--dtype", options.dtype, "fp32 or bf16")->capture_default_str();
  line.add_option("--threads", options.threads, "CPU threads; all cores unless given")
      ->check(CLI::Range(1, kMostThreads));
}

// How many whole documents the file has; one that was cut off is removed.
int DocumentsIn(const std::string& path) {
  if (!IsThere(path)) return 0;
  const std::string text = ReadFile(path);
  int count = 0;
  size_t end = 0;
  for (size_t at = 0; (at = text.find(kDocumentEnd, at)) != std::string::npos; ++count) {
    end = at += std::string(kDocumentEnd).size();
  }
  if (end < text.size()) WriteFileAtomically(path, text.substr(0, end));
  return count;
}

class Appender {
 public:
  explicit Appender(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "ab")) {
    if (file_ == nullptr) throw RunError(fmt::format("cannot write '{}'", path));
  }
  ~Appender() { std::fclose(file_); }
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  void Add(const std::string& text) {
    const bool is_written = std::fwrite(text.data(), 1, text.size(), file_) == text.size();
    if (!is_written || std::fflush(file_) != 0)
      throw RunError(fmt::format("cannot write '{}'", path_));
  }

 private:
  std::string path_;
  std::FILE* file_;
};

int Make(Options& options) {
  const ModelConfig config = ReadModelConfig(options.model);
  options.dialogues.compute.dtype = ParseDtype(options.dtype, "--dtype");
  if (options.threads > 0) SetThreads(options.threads);
  const Tokenizer tokenizer(TokenizerFileOr("", options.model), config.shape.vocabulary);
  const std::string prompt = ChatPrompt(options.model, options.chat_template, kTurn);
  const size_t turn = prompt.find(kTurn);
  if (turn == std::string::npos || turn == 0) {
    throw InputError("the chat template does not show what a user says as it stands");
  }
  const std::string before = prompt.substr(0, turn);
  const std::string between = prompt.substr(turn + std::string(kTurn).size());
  const int done = DocumentsIn(options.out);
  if (done >= options.count) {
    SayLine(fmt::format("{} has {} dialogues", options.out, done));
    return 0;
  }
  CatchInterrupts();
  Appender file(options.out);
  ProgressLine line(std::chrono::seconds(60));
  int made = done;
  size_t tokens = 0;
  MakeDialogues(
      options.model, tokenizer.EncodePrompt(before), tokenizer.EncodePrompt(between),
      options.dialogues, done, options.count - done, [&](const Dialogue& dialogue) {
        std::string text = before + tokenizer.Decode(dialogue.user) + between;
        const std::vector<int32_t>& answer = dialogue.answer;
        text += tokenizer.Decode(answer);
        if (!answer.empty()) text += tokenizer.ControlName(answer.back());
        file.Add(text + kDocumentEnd);
        tokens += dialogue.user.size() + answer.size();
        line.Update(
            {.done = double(++made), .total = double(options.count), .counts_from_first = true},
            [&] { return fmt::format("{} dialogues, {} tokens written", made, tokens); });
        return !IsInterrupted();
      });
  if (IsInterrupted()) throw RunError("interrupted; the same command goes on");
  SayWritten(options.out);
  return 0;
}

}  // namespace

int TrainDialoguesVerb(CommandLine& line) {
  Options options;
  Declare(line, options);
  line.Parse();
  return Make(options);
}

}  // namespace hat
