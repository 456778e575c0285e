// What a tokenizer's file is read as: one of two kinds (sentencepiece_coder.cc, json_coder.cc).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hat {

class TextCoder {
 public:
  virtual ~TextCoder() = default;

  virtual std::string kind() const = 0;  // for people
  virtual int pieces() const = 0;        // above the largest id that has text
  // `text` is UTF-8. `finds_controls`: the names of control tokens in it are these tokens.
  virtual std::vector<int32_t> Encode(const std::string& text, bool finds_controls) const = 0;
  // Ids from 0 to before pieces(). Control tokens are silent.
  virtual std::string Decode(std::span<const int32_t> ids) const = 0;
  // The name of a control token ("</s>"); empty for another.
  virtual std::string ControlName(int32_t id) const = 0;
  // The token before a prompt, -1: none; nothing where the file does not say.
  virtual std::optional<int32_t> begin_token() const { return std::nullopt; }
};

// A sentencepiece tokenizer.model. Both throw InputError if it cannot be read.
std::unique_ptr<const TextCoder> OpenSentencePiece(const std::string& path);

// A tokenizer.json of Hugging Face's tokenizers whose model is byte-pair encoding; of its text,
// `name` stands for the file in messages.
std::unique_ptr<const TextCoder> OpenTokenizerJson(const std::string& path);
std::unique_ptr<const TextCoder> ParseTokenizerJson(const std::string& text,
                                                    const std::string& name);

}  // namespace hat
