#include "runtime/convert/sentencepiece_file.h"

#include <algorithm>
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

}  // namespace

// The fields of sentencepiece_model.proto.
std::string SentencePieceFile(const std::vector<SentencePiece>& pieces, bool adds_space) {
  std::string out;
  for (const SentencePiece& piece : pieces) {
    std::string fields;
    PutBytes(fields, 1, piece.text);
    PutFloat(fields, 2, piece.score);
    PutInt(fields, 3, static_cast<uint64_t>(piece.kind));
    PutBytes(out, 1, fields);
  }
  const bool has_bytes =
      std::ranges::find(pieces, PieceKind::kByte, &SentencePiece::kind) != pieces.end();
  std::string trainer;
  PutInt(trainer, 3, 2);                   // model_type: BPE
  PutInt(trainer, 35, has_bytes ? 1 : 0);  // byte_fallback
  PutBytes(out, 2, trainer);
  std::string normalizer;
  PutBytes(normalizer, 1, "identity");
  PutInt(normalizer, 3, adds_space ? 1 : 0);  // add_dummy_prefix
  PutInt(normalizer, 4, 0);                   // remove_extra_whitespaces
  PutInt(normalizer, 5, 1);                   // escape_whitespaces
  PutBytes(out, 3, normalizer);
  return out;
}

}  // namespace hat
