// Writes a sentencepiece tokenizer.model of given pieces, for what has them in another form.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace hat {

// sentencepiece's numbers; GGUF's token types are the same.
enum class PieceKind {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6
};

struct SentencePiece {
  std::string text;  // U+2581 stands for a space
  float score = 0;   // of two merges, that with the higher one comes first
  PieceKind kind = PieceKind::kNormal;
};

// Byte-pair encoding, no normalisation but, if wanted, a space before the text; byte fallback where
// there are pieces for bytes, which must then be all 256.
std::string SentencePieceFile(const std::vector<SentencePiece>& pieces, bool adds_space);

}  // namespace hat
