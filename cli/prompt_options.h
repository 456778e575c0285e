// The options of verbs that answer one prompt, and how the answer is shown.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/program.h"
#include "runtime/session/generation.h"
#include "runtime/tokenizer/tokenizer.h"

namespace hat {

struct PromptOptions {
  std::optional<std::string> prompt;
  std::optional<std::string> chat;
  std::string chat_template;
  std::optional<std::string> prompt_ids;
  std::optional<int> max_new_tokens;

  bool is_given() const { return is_text() || prompt_ids; }
  bool is_text() const { return prompt || chat; }
};

void AddPromptOptions(CommandLine& line, PromptOptions& options);

// That of the model's folder, where there is one; ids need none, nor one that can be read, which is
// said then. Throws InputError if the prompt is text and there is none.
std::optional<Tokenizer> FindTokenizer(const PromptOptions& options, const std::string& model,
                                       const ModelConfig& config);

// Throws InputError: no prompt, or as ChatPrompt, CheckRequest.
GenerationRequest RequestOf(const PromptOptions& options, const std::string& model,
                            const ModelConfig& config, const std::optional<Tokenizer>& tokenizer);

// Prints tokens as they come: text, or ids where there is no tokenizer.
class Screen {
 public:
  Screen(const std::optional<Tokenizer>& tokenizer, const std::vector<int32_t>& prompt);
  void Show(std::span<const int32_t> tokens);
  void Finish();

 private:
  std::optional<TextStream> text_;
  bool is_first_ = true;
};

}  // namespace hat
