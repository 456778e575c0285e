#include "cli/prompt_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "cli/chat_prompt.h"
#include "core/error.h"
#include "core/files.h"
#include "experiments/traces/prompt_file.h"
#include "runtime/model/config.h"

namespace hat {
namespace {

std::vector<int32_t> ParseIds(const std::string& text) {
  std::vector<int32_t> ids = ParseTokenIds(text, ',');
  if (ids.empty()) {
    throw InputError(
        fmt::format("--prompt-ids: numbers with commas between them (1,17,4), not '{}'", text));
  }
  return ids;
}

}  // namespace

void AddPromptOptions(CommandLine& line, PromptOptions& options) {
  CLI::Option* prompt = line.add_option("--prompt", options.prompt, "text; needs the tokenizer");
  CLI::Option* chat = line.add_option("--chat", options.chat,
                                      "text, said as a user's turn: in the model's chat template");
  line.add_option("--chat-template", options.chat_template,
                  "in place of the model's own: a Jinja file, or chatml, llama-2, llama-3, vicuna")
      ->needs(chat);
  CLI::Option* ids = line.add_option("--prompt-ids", options.prompt_ids, "token ids: 1,17,4");
  prompt->excludes(ids)->excludes(chat);
  chat->excludes(ids);
  line.add_option("--max-new-tokens", options.max_new_tokens,
                  "ends it (default: 64, fewer where the model's positions end before)")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()));
}

std::optional<Tokenizer> FindTokenizer(const PromptOptions& options, const std::string& model,
                                       const ModelConfig& config) {
  if (!options.is_text() && FindTokenizerFile(model).empty()) return std::nullopt;
  try {
    return Tokenizer(TokenizerFileOr("", model), config.shape.vocabulary);
  } catch (const InputError& why) {
    if (options.is_text()) throw;
    SayLine(fmt::format("{}; so the answer is in token ids", why.what()));
    return std::nullopt;
  }
}

GenerationRequest RequestOf(const PromptOptions& options, const std::string& model,
                            const ModelConfig& config, const std::optional<Tokenizer>& tokenizer) {
  if (!options.is_given()) {
    throw InputError("give a prompt: --prompt TEXT, --chat TEXT or --prompt-ids 1,2,3");
  }
  GenerationRequest request;
  if (options.prompt_ids) request.prompt = ParseIds(*options.prompt_ids);
  if (options.prompt) {
    const int begin_token = tokenizer->BeginToken(config.bos_token);
    if (begin_token >= 0) request.prompt.push_back(begin_token);
    const std::vector<int32_t> text = tokenizer->EncodePrompt(*options.prompt);
    request.prompt.insert(request.prompt.end(), text.begin(), text.end());
  }
  if (options.chat) {  // the template says what stands before
    request.prompt =
        tokenizer->EncodePrompt(ChatPrompt(model, options.chat_template, *options.chat));
  }
  const int room = config.max_positions - static_cast<int>(request.prompt.size()) + 1;
  request.max_new_tokens = options.max_new_tokens.value_or(std::clamp(room, 1, 64));
  CheckRequest(request, config);
  return request;
}

Screen::Screen(const std::optional<Tokenizer>& tokenizer, const std::vector<int32_t>& prompt) {
  if (tokenizer) text_.emplace(*tokenizer, prompt);
}

void Screen::Show(std::span<const int32_t> tokens) {
  for (const int32_t token : tokens) {
    PrintResult(text_ ? text_->Add(token) : fmt::format("{}{}", is_first_ ? "" : " ", token));
    is_first_ = false;
  }
}

void Screen::Finish() { PrintResult((text_ ? text_->Finish() : "") + "\n"); }

}  // namespace hat
