// Text to token ids and back: a checkpoint's tokenizer.json or tokenizer.model. Free of torch.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/tokenizer/text_coder.h"

namespace hat {

class Tokenizer {
 public:
  // Reads `path`, a tokenizer.json if its name ends in .json, else a sentencepiece model.
  // `vocabulary`: of the model, 0: as many as there are pieces; rows beyond the pieces have no
  // text. Throws InputError: not readable, not such a file, or one of more pieces than the
  // vocabulary has.
  Tokenizer(const std::string& path, int vocabulary);

  const std::string& path() const { return path_; }
  std::string kind() const { return coder_->kind(); }  // for people
  int vocabulary() const { return vocabulary_; }
  int pieces() const { return coder_->pieces(); }

  // Without a begin-of-text token. Throws InputError if `text` is not UTF-8.
  std::vector<int32_t> Encode(const std::string& text) const;

  // The same of a prompt, in which the names of control tokens ("</s>", as chat templates have it)
  // are these tokens, as in transformers.
  std::vector<int32_t> EncodePrompt(const std::string& text) const;

  // The token that stands before a text, -1: none. A tokenizer.json says it; for another, the
  // config's, which is given.
  int BeginToken(int of_config) const { return coder_->begin_token().value_or(of_config); }

  // "</s>": what EncodePrompt takes for this control token; empty for another token.
  std::string ControlName(int32_t id) const { return coder_->ControlName(id); }

  // Control tokens and rows without a piece are silent, bytes that make no character become U+FFFD.
  // Throws InputError for an id outside the vocabulary.
  std::string Decode(std::span<const int32_t> ids) const;

 private:
  std::vector<int32_t> Encode(const std::string& text, bool finds_controls) const;

  std::string path_;
  std::unique_ptr<const TextCoder> coder_;
  int vocabulary_ = 0;
};

// The tokenizer's file of a checkpoint: tokenizer.json, which transformers goes by where there are
// both; tokenizer.model where that is missing, or of a kind that is not read here; empty: neither
// is there.
std::string FindTokenizerFile(const std::string& folder);

// `given`, or, where it is empty, the one that is found. Throws InputError if there is none.
std::string TokenizerFileOr(const std::string& given, const std::string& folder);

// Text that grows by a token at a time, for a screen: hands out only what later tokens cannot
// change (half a character waits for its other bytes).
class TextStream {
 public:
  // `before`: the tokens in front of the stream's first, which decide about a space there.
  TextStream(const Tokenizer& tokenizer, std::vector<int32_t> before);

  std::string Add(int32_t token);
  std::string Finish();  // what still waited

 private:
  std::string Rest(bool is_last);

  const Tokenizer& tokenizer_;
  std::vector<int32_t> ids_;
  size_t shown_bytes_ = 0;
};

}  // namespace hat
