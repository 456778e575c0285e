// Text for training and measuring, as token ids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/Tensor.h>

#include "runtime/tokenizer/tokenizer.h"

namespace hat {

struct Genre {
  std::string name;
  std::vector<int32_t> tokens;
  std::vector<size_t> documents;  // where each begins in `tokens`
  size_t bytes = 0;               // of its text
};

struct TokenText {
  std::vector<Genre> genres;

  int64_t TokenCount() const;
  // SHA-256 over names and ids: what a checkpoint recognises its text by.
  std::string Hash() const;
};

// The genres of a file or folder (genre_text.h; throws as there). `begin_token` >= 0 stands before
// each document. `finds_controls`: the names of control tokens in them are these tokens, as in
// dialogues.
TokenText ReadTokenText(const std::string& path, const Tokenizer& tokenizer, int begin_token,
                        bool finds_controls = false);

// Splits off `one_in`th of every genre's tokens, at its end, for who has no text of its own to
// measure on. A document may be cut.
TokenText SplitOffEnd(TokenText& text, int one_in);

// Windows of text in random order: every epoch cuts the text anew, from a random offset on, into
// windows side by side, and deals each once. Fixed ones are cut from the start on in every epoch.
class WindowSampler {
 public:
  WindowSampler(const TokenText& text, uint64_t seed, bool is_fixed = false);

  // Window `index` of the endless sequence of windows of this length: depends on nothing else, so
  // that a training run goes on where it stopped. A window has one token more than its length,
  // since each token's successor is wanted too. int64 [length + 1]
  at::Tensor Window(int64_t index, int64_t length) const;
  // Windows index..index + rows - 1. [rows, length + 1]
  at::Tensor Batch(int64_t index, int64_t rows, int64_t length) const;

  // Of fixed windows: their places in the text, in windows. Empty for others.
  std::vector<int64_t> Numbers(int64_t index, int64_t rows, int64_t length) const;

  // Throws InputError if the text is too short for such windows.
  void CheckLength(int64_t length) const;

 private:
  struct Order {                       // of one epoch's windows
    std::pair<uint64_t, int64_t> key;  // epoch, length
    int64_t offset = 0;
    std::vector<int> permutation;
  };

  const Order& OrderOf(uint64_t epoch, int64_t length, int64_t in_epoch) const;
  int64_t WindowsOfEpoch(int64_t length) const { return (tokens_.numel() - 1) / length - 1; }

  at::Tensor tokens_;  // int64 [all]
  uint64_t seed_;
  bool is_fixed_;
  mutable std::optional<Order> order_;  // the last one asked for
};

// At most `count` windows of `length` + 1 tokens, evenly spread over a genre; fewer if it is
// shorter. [rows, length + 1]; rows may be 0.
at::Tensor SpreadWindows(const Genre& genre, int64_t count, int64_t length);

}  // namespace hat
