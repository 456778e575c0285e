#include "runtime/tokenizer/added_tokens.h"

#include <algorithm>

#include "runtime/tokenizer/pattern.h"

namespace hat {
namespace {

// How many bytes of white space the text begins, or ends, with.
size_t SpacesIn(std::string_view text, const Pattern& spaces) {
  size_t bytes = 0;
  spaces.Split(text, [&](std::string_view stretch, bool is_match) {
    if (is_match) bytes = stretch.size();
  });
  return bytes;
}

}  // namespace

std::vector<AddedToken> ReadAddedTokens(const JsonNode& tokenizer) {
  std::vector<AddedToken> tokens;
  if (!tokenizer.Has("added_tokens")) return tokens;
  for (const JsonNode& node : tokenizer.At("added_tokens").Items()) {
    const auto flag = [&](const char* key) { return node.Has(key) && node.At(key).Bool(); };
    if (flag("single_word")) node.At("single_word").Fail("must be false");
    AddedToken token;
    token.id = static_cast<int32_t>(node.At("id").Integer(0, 1 << 24));
    token.name = node.At("content").String();
    if (token.name.empty()) node.At("content").Fail("must not be empty");
    token.is_control = flag("special");
    token.takes_left = flag("lstrip");
    token.takes_right = flag("rstrip");
    token.is_normalized = flag("normalized");
    tokens.push_back(token);
  }
  return tokens;
}

TokenFinder::TokenFinder(const std::vector<AddedToken>& tokens, const Normalizer& normalizer) {
  for (const AddedToken& token : tokens) {
    const std::string text = token.is_normalized ? normalizer(token.name) : token.name;
    if (!text.empty()) names_[text[0]].push_back({text, token});
  }
  for (auto& [first, names] : names_) {
    std::ranges::stable_sort(names, std::ranges::greater(),
                             [](const Name& name) { return name.text.size(); });
  }
}

TokenFinder::Found TokenFinder::FindFrom(std::string_view text, size_t from) const {
  for (size_t at = from; at < text.size(); ++at) {
    const auto names = names_.find(text[at]);
    if (names == names_.end()) continue;
    for (const Name& name : names->second) {
      if (text.substr(at).starts_with(name.text)) return {at, name.text.size(), &name.token};
    }
  }
  return {};
}

std::vector<TextPart> TokenFinder::Parts(std::string_view text) const {
  static const Pattern kAtEnd("\\s+\\z", "white space"), kAtBegin("\\A\\s+", "white space");
  std::vector<TextPart> parts;
  for (size_t from = 0; from < text.size();) {
    const Found found = FindFrom(text, from);
    std::string_view before = text.substr(from, found.first - from);
    if (found.token && found.token->takes_left) {
      before.remove_suffix(SpacesIn(before, kAtEnd));
    }
    if (!before.empty()) parts.push_back({-1, std::string(before)});
    if (!found.token) break;
    parts.push_back({found.token->id, ""});
    from = found.first + found.bytes;
    if (found.token->takes_right) from += SpacesIn(text.substr(from), kAtBegin);
  }
  return parts;
}

}  // namespace hat
