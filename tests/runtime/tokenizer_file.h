// Small sentencepiece models for tests, written field by field.
#pragma once

#include <string>
#include <vector>

namespace hat {

// The bytes of a tokenizer.model (byte-pair encoding, byte fallback, no normalisation): pieces 0 to
// 2 are <unk>, <s>, </s>, then one a byte, then `pieces`, an earlier one winning over a later.
// "\xE2\x96\x81" stands for a space.
std::string TokenizerFile(const std::vector<std::string>& pieces);
inline constexpr int kPiecesBefore = 3 + 256;

// The same with `vocabulary` pieces, the last of them without a use.
std::string TokenizerFileOfSize(int vocabulary);

}  // namespace hat
