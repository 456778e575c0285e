#include "runtime/tokenizer/tokenizer.h"

#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "core/error.h"
#include "core/files.h"
#include "core/utf8.h"

namespace hat {

Tokenizer::Tokenizer(const std::string& path, int vocabulary)
    : path_(path),
      coder_(path.ends_with(".json") ? OpenTokenizerJson(path) : OpenSentencePiece(path)),
      vocabulary_(vocabulary == 0 ? coder_->pieces() : vocabulary) {
  if (pieces() <= vocabulary_) return;
  throw InputError(
      fmt::format("{}: has {} pieces, the model's vocabulary {}; it is another model's tokenizer",
                  path, pieces(), vocabulary));
}

std::vector<int32_t> Tokenizer::Encode(const std::string& text) const {
  return Encode(text, false);
}

std::vector<int32_t> Tokenizer::EncodePrompt(const std::string& text) const {
  return Encode(text, true);
}

std::vector<int32_t> Tokenizer::Encode(const std::string& text, bool finds_controls) const {
  if (!IsUtf8(text)) throw InputError("the text is not UTF-8");
  return coder_->Encode(text, finds_controls);
}

std::string Tokenizer::Decode(std::span<const int32_t> ids) const {
  std::vector<int32_t> with_text;
  for (const int32_t id : ids) {
    if (id < pieces()) with_text.push_back(id);
    if (id < 0 || id >= vocabulary_) {
      throw InputError(
          fmt::format("token id {} is outside the vocabulary, 0 to {}", id, vocabulary_ - 1));
    }
  }
  return coder_->Decode(with_text);
}

std::string TokenizerFileOr(const std::string& given, const std::string& folder) {
  if (!given.empty()) return given;
  const std::string found = FindTokenizerFile(folder);
  if (!found.empty()) return found;
  throw InputError(fmt::format("{}: has neither tokenizer.json nor tokenizer.model", folder));
}

std::string FindTokenizerFile(const std::string& folder) {
  const std::string json = folder + "/tokenizer.json";
  const std::string model = folder + "/tokenizer.model";
  if (!IsThere(json)) return IsThere(model) ? model : "";
  if (!IsThere(model)) return json;
  try {
    OpenTokenizerJson(json);
    return json;
  } catch (const InputError&) {
    return model;
  }
}

TextStream::TextStream(const Tokenizer& tokenizer, std::vector<int32_t> before)
    : tokenizer_(tokenizer), ids_(std::move(before)), shown_bytes_(tokenizer.Decode(ids_).size()) {}

std::string TextStream::Add(int32_t token) {
  ids_.push_back(token);
  return Rest(false);
}

std::string TextStream::Finish() { return Rest(true); }

std::string TextStream::Rest(bool is_last) {
  const std::string text = tokenizer_.Decode(ids_);
  if (text.size() <= shown_bytes_) return "";
  std::string rest = text.substr(shown_bytes_);
  if (!is_last && rest.ends_with(kReplacementCharacter)) return "";
  shown_bytes_ = text.size();
  return rest;
}

}  // namespace hat
