// Text to token ids and back: a sentencepiece tokenizer.model. Free of torch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace hat {

class Tokenizer {
 public:
  // Reads `path`. `vocabulary`: of the model, 0: as many as there are pieces; rows beyond the
  // pieces have no text. Throws InputError: not readable, not a sentencepiece model, or one of more
  // pieces than the vocabulary has.
  Tokenizer(const std::string& path, int vocabulary);
  ~Tokenizer();
  Tokenizer(Tokenizer&& other) noexcept;

  int vocabulary() const { return vocabulary_; }
  int pieces() const { return pieces_; }

  // Without a begin-of-text token. Throws InputError if `text` is not UTF-8.
  std::vector<int32_t> Encode(const std::string& text) const;

  // The same of a prompt, in which the names of control tokens ("</s>", as chat templates have it)
  // are these tokens, as in transformers; what is between them is encoded by itself.
  std::vector<int32_t> EncodePrompt(const std::string& text) const;

  // Control tokens and rows without a piece are silent, bytes that make no character become U+FFFD.
  // Throws InputError for an id outside the vocabulary.
  std::string Decode(std::span<const int32_t> ids) const;

 private:
  void* handle_ = nullptr;
  int pieces_ = 0;
  int vocabulary_ = 0;
  std::vector<std::pair<std::string, int32_t>> controls_;  // names and ids
};

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
