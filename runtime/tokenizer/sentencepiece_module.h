// What the module hat_sentencepiece.so offers: sentencepiece behind plain C functions, so that the
// library can be loaded where its own protobuf stays out of everyone else's sight.
#pragma once

#include <cstddef>

namespace hat {

// Results go to `emit`, with `out` passed through. Nothing throws; false or null is a failure.
struct SentencePieceApi {
  void* (*open)(const char* model, size_t bytes);  // a tokenizer.model's bytes; null: it is none
  void (*close)(void* tokenizer);
  int (*size)(const void* tokenizer);  // pieces
  bool (*encode)(const void* tokenizer, const char* text, size_t bytes, void* out,
                 void (*emit)(void* out, int id));
  bool (*decode)(const void* tokenizer, const int* ids, size_t count, void* out,
                 void (*emit)(void* out, const char* text, size_t bytes));
  // The text of a control piece, which encode never makes; null: another piece. Lives as long as
  // the tokenizer.
  const char* (*control)(const void* tokenizer, int id);
};

// The module's one symbol, of type `const SentencePieceApi*()`.
inline constexpr char kSentencePieceSymbol[] = "HatSentencePiece";

}  // namespace hat
