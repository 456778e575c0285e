// hat model tokens: what a tokenizer makes of text.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/shipped.h"
#include "cli/torch_verbs.h"
#include "core/error.h"
#include "core/files.h"
#include "core/program.h"
#include "core/strict_json.h"
#include "runtime/tokenizer/tokenizer.h"

namespace hat {
namespace {

// Of each line of stdin, a JSON string.
void AnswerLines(const Tokenizer& tokenizer) {
  std::string answers;
  for (std::string line; std::getline(std::cin, line);) {
    const nlohmann::json document = ParseJson(line, "stdin");
    const std::vector<int32_t> ids = tokenizer.EncodePrompt(JsonNode(document, "stdin").String());
    const nlohmann::json answer = {{"ids", ids}, {"decoded", tokenizer.Decode(ids)}};
    answers += answer.dump() + "\n";
  }
  PrintResult(answers);
}

}  // namespace

int ModelTokensVerb(CommandLine& line) {
  std::string path;
  std::optional<std::string> text;
  bool is_in_lines = false;
  line.description(
      "Prints the token ids of a text, as --prompt-ids takes them: names of special tokens in it "
      "are these tokens, nothing stands before it.");
  line.footer("Example:\n  hat model tokens models/small --text 'In the beginning'");
  line.add_option("path", path, "folder of a checkpoint, or a tokenizer.json or tokenizer.model")
      ->required()
      ->transform(ShippedPath);
  CLI::Option* given = line.add_option("--text", text, "to be split");
  line.add_flag("--json-lines", is_in_lines,
                "of each line of stdin, a JSON string, print {\"ids\": ..., \"decoded\": ...}")
      ->excludes(given);
  line.Parse();
  if (!text && !is_in_lines)
    throw InputError("give --text TEXT, or --json-lines and lines on stdin");
  const Tokenizer tokenizer(std::filesystem::is_directory(path) ? TokenizerFileOr("", path) : path,
                            0);
  if (is_in_lines) {
    AnswerLines(tokenizer);
  } else {
    PrintResult(fmt::format("{}\n", fmt::join(tokenizer.EncodePrompt(*text), ",")));
  }
  return 0;
}

}  // namespace hat
