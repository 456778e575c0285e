#include "tests/runtime/tokenizer_file.h"

#include <cstdint>
#include <cstdio>
#include <cstring>

namespace hat {
namespace {

// Protocol buffers' wire format: a key of field number and wire type, then the value.
void PutVarint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}
void PutInt(std::string& out, int field, uint64_t value) {
  PutVarint(out, static_cast<uint64_t>(field) << 3);
  PutVarint(out, value);
}
void PutBytes(std::string& out, int field, const std::string& value) {
  PutVarint(out, (static_cast<uint64_t>(field) << 3) | 2);
  PutVarint(out, value.size());
  out += value;
}
void PutFloat(std::string& out, int field, float value) {
  PutVarint(out, (static_cast<uint64_t>(field) << 3) | 5);
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.append(bytes, sizeof bytes);
}

enum PieceType { kNormal = 1, kUnknown = 2, kControl = 3, kByte = 6 };

void PutPiece(std::string& out, const std::string& text, float score, PieceType type) {
  std::string piece;
  PutBytes(piece, 1, text);
  PutFloat(piece, 2, score);
  PutInt(piece, 3, type);
  PutBytes(out, 1, piece);
}

}  // namespace

std::string TokenizerFile(const std::vector<std::string>& pieces) {
  std::string out;
  PutPiece(out, "<unk>", 0, kUnknown);
  PutPiece(out, "<s>", 0, kControl);
  PutPiece(out, "</s>", 0, kControl);
  for (int byte = 0; byte < 256; ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", static_cast<unsigned>(byte));
    PutPiece(out, name, 0, kByte);
  }
  float score = 0;
  for (const std::string& piece : pieces) PutPiece(out, piece, score -= 1, kNormal);

  std::string trainer;
  PutInt(trainer, 3, 2);   // model_type: BPE
  PutInt(trainer, 35, 1);  // byte_fallback
  PutBytes(out, 2, trainer);
  std::string normalizer;
  PutBytes(normalizer, 1, "identity");
  PutInt(normalizer, 3, 1);  // add_dummy_prefix
  PutInt(normalizer, 4, 0);  // remove_extra_whitespaces
  PutInt(normalizer, 5, 1);  // escape_whitespaces
  PutBytes(out, 3, normalizer);
  return out;
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
