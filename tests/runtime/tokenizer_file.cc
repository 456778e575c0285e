#include "tests/runtime/tokenizer_file.h"

#include <fmt/format.h>

#include "runtime/convert/sentencepiece_file.h"

namespace hat {

std::string TokenizerFile(const std::vector<std::string>& pieces) {
  std::vector<SentencePiece> all = {{"<unk>", 0, PieceKind::kUnknown},
                                    {"<s>", 0, PieceKind::kControl},
                                    {"</s>", 0, PieceKind::kControl}};
  for (int byte = 0; byte < 256; ++byte) {
    all.push_back({fmt::format("<0x{:02X}>", byte), 0, PieceKind::kByte});
  }
  float score = 0;
  for (const std::string& piece : pieces) all.push_back({piece, score -= 1, PieceKind::kNormal});
  return SentencePieceFile(all, /*adds_space=*/true);
}

std::string TokenizerFileOfSize(int vocabulary) {
  std::vector<std::string> pieces = {"\xE2\x96\x81"};
  for (char letter = 'a'; letter <= 'z'; ++letter) pieces.emplace_back(1, letter);
  while (kPiecesBefore + static_cast<int>(pieces.size()) < vocabulary) {
    pieces.push_back("piece" + std::to_string(pieces.size()));
  }
  pieces.resize(static_cast<size_t>(vocabulary - kPiecesBefore));
  return TokenizerFile(pieces);
}

}  // namespace hat
