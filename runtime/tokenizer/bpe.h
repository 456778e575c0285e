// Byte-pair encoding as Hugging Face's tokenizers has it (the "model" of a tokenizer.json).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/strict_json.h"

namespace hat {

class Bpe {
 public:
  // Throws InputError: file, key, what is allowed.
  explicit Bpe(const JsonNode& model);

  // Adds the ids of a word: its characters, of which the neighbours are merged that the list of
  // merges has first, the leftmost of equal ones. A character that is no piece is its bytes'
  // pieces (<0x0A>), where the model has these, or else the unknown one, or else is left out.
  void Encode(std::string_view word, std::vector<int32_t>& ids) const;

  // The id of this piece; -1: there is none.
  int32_t Find(const std::string& piece) const;
  // By id; empty where there is none.
  const std::vector<std::string>& pieces() const { return pieces_; }

 private:
  struct Merge {
    int32_t rank;
    int32_t merged;
  };
  void ReadVocabulary(const JsonNode& vocabulary);
  void ReadMerges(const JsonNode& merges);
  void ReadBytePieces();
  std::vector<int32_t> Symbols(std::string_view word) const;
  const Merge* FindMerge(int32_t left, int32_t right) const;

  std::unordered_map<std::string, int32_t> ids_;
  std::vector<std::string> pieces_;
  std::unordered_map<uint64_t, Merge> merges_;  // of two ids
  std::vector<int32_t> byte_pieces_;            // 256, or none
  int32_t unknown_ = -1;
  bool fuses_unknown_ = false;
  bool ignores_merges_ = false;  // for words that are pieces
};

}  // namespace hat
