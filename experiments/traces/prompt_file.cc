#include "experiments/traces/prompt_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "core/csv.h"
#include "core/decimal.h"
#include "core/files.h"

namespace hat {
namespace {

constexpr const char* kRow = "prompt_row";
constexpr const char* kGenre = "genre";
constexpr const char* kTokens = "prompt_tokens";
constexpr const char* kIds = "token_ids";

bool IsGenre(std::string_view text) {
  constexpr const char* kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return !text.empty() && text.find_first_not_of(kAllowed) == std::string_view::npos;
}

Prompt ReadPrompt(const CsvFile& csv, int row, const PromptLimits& limits) {
  const int row_column = csv.ColumnIndex(kRow);
  if (ParseInteger(csv.Text(row, row_column)) != row) {
    throw csv.Error(row, row_column, fmt::format("{}, the rows counted from 0", row));
  }
  const int genre_column = csv.ColumnIndex(kGenre);
  Prompt prompt{csv.Text(row, genre_column), {}};
  if (!IsGenre(prompt.genre)) {
    throw csv.Error(row, genre_column, "letters, digits, '-' or '_'");
  }
  const int tokens_column = csv.ColumnIndex(kTokens);
  const auto tokens = csv.Integer(row, tokens_column, 1, limits.max_tokens);
  const int ids_column = csv.ColumnIndex(kIds);
  prompt.ids = ParseTokenIds(csv.Text(row, ids_column), ' ');
  const auto fail = [&](const std::string& problem) {
    return InputError(fmt::format("{}: '{}' {}", csv.Place(row), kIds, problem));
  };
  if (prompt.ids.empty()) throw fail("must be token ids with one space between them");
  for (const int32_t id : prompt.ids) {
    if (id < 0 || id >= limits.vocabulary) {
      throw fail(fmt::format("holds {}, which is outside the model's vocabulary, 0 to {}", id,
                             limits.vocabulary - 1));
    }
  }
  if (static_cast<int64_t>(prompt.ids.size()) != tokens) {
    throw fail(fmt::format("holds {} ids, '{}' says {}", prompt.ids.size(), kTokens, tokens));
  }
  return prompt;
}

}  // namespace

std::vector<int32_t> ParseTokenIds(std::string_view text, char separator) {
  std::vector<int32_t> ids;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    const auto [behind, error] = std::from_chars(at, end, ids.emplace_back());
    if (error != std::errc() || (behind != end && *behind != separator)) return {};
    if (behind == end) return ids;
    at = behind + 1;
  }
}

std::vector<int> PromptFile::Lengths() const {
  std::vector<int> lengths;
  for (const Prompt& prompt : prompts) lengths.push_back(static_cast<int>(prompt.ids.size()));
  return lengths;
}

PromptFile LoadPrompts(const std::string& path, const PromptLimits& limits) {
  return ParsePrompts(ReadFile(path), path, limits);
}

PromptFile ParsePrompts(const std::string& text, const std::string& name,
                        const PromptLimits& limits) {
  const CsvFile csv = CsvFile::Parse(text, name);
  if (csv.rows() == 0) throw InputError(fmt::format("{}: holds no prompt", name));
  PromptFile file{name, Sha256Hex(text), {}};
  for (int row = 0; row < csv.rows(); ++row) file.prompts.push_back(ReadPrompt(csv, row, limits));
  return file;
}

std::string PromptFileText(const std::vector<Prompt>& prompts) {
  std::string text = fmt::format("{},{},{},{}\n", kRow, kGenre, kTokens, kIds);
  for (size_t row = 0; row < prompts.size(); ++row) {
    const Prompt& prompt = prompts[row];
    if (!IsGenre(prompt.genre)) {
      throw InputError(
          fmt::format("'{}' is no name of a genre: letters, digits, '-' or '_'", prompt.genre));
    }
    text += fmt::format("{},{},{},{}\n", row, prompt.genre, prompt.ids.size(),
                        fmt::join(prompt.ids, " "));
  }
  return text;
}

}  // namespace hat
