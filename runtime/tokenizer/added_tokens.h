// The "added_tokens" of a tokenizer.json: names that are found in text before it is split.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/strict_json.h"
#include "runtime/tokenizer/text_steps.h"

namespace hat {

struct AddedToken {
  int32_t id = 0;
  std::string name;
  bool is_control = false;     // "special": silent in what is decoded
  bool takes_left = false;     // white space before it ("lstrip")
  bool takes_right = false;    // and after it
  bool is_normalized = false;  // it is looked for in normalized text, itself normalized
};

std::vector<AddedToken> ReadAddedTokens(const JsonNode& tokenizer);  // throws InputError

// A part of a text: an added token or what is to be split into words.
struct TextPart {
  int32_t token = -1;  // -1: text
  std::string text;
};

// Finds some added tokens, the first one first, the longest of those that begin there.
class TokenFinder {
 public:
  TokenFinder(const std::vector<AddedToken>& tokens, const Normalizer& normalizer);

  std::vector<TextPart> Parts(std::string_view text) const;

 private:
  struct Found {
    size_t first = std::string_view::npos;
    size_t bytes = 0;
    const AddedToken* token = nullptr;
  };
  Found FindFrom(std::string_view text, size_t from) const;

  struct Name {
    std::string text;
    AddedToken token;
  };
  std::map<char, std::vector<Name>> names_;  // by their first byte, long ones first
};

}  // namespace hat
