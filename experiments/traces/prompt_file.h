// Prompts as token ids: what a live run is asked, and what a draft trace was recorded on. The file
// is CSV (docs/formats.md), so that it serves as workload.prompts.path too.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hat {

// Token ids with one `separator` between them; nothing if `text` is something else.
std::vector<int32_t> ParseTokenIds(std::string_view text, char separator);

struct Prompt {
  std::string genre;         // letters, digits, '-', '_'
  std::vector<int32_t> ids;  // at least one

  bool operator==(const Prompt&) const = default;
};

struct PromptFile {
  std::string path;
  std::string sha256;  // of its bytes
  std::vector<Prompt> prompts;

  std::vector<int> Lengths() const;  // in tokens
};

// What the model can take.
struct PromptLimits {
  int vocabulary = 0;
  int max_tokens = 0;  // of one prompt
};

// Throws InputError that names the line: not CSV, a column is missing, rows out of order, an id
// outside the vocabulary, no id, more ids than max_tokens, another number of ids than
// prompt_tokens says; no row.
PromptFile LoadPrompts(const std::string& path, const PromptLimits& limits);
PromptFile ParsePrompts(const std::string& text, const std::string& name,
                        const PromptLimits& limits);

// The file's text. Throws InputError for a genre of other characters.
std::string PromptFileText(const std::vector<Prompt>& prompts);

}  // namespace hat
