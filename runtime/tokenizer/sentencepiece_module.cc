#include "runtime/tokenizer/sentencepiece_module.h"

#include <sentencepiece_processor.h>

#include <memory>
#include <string>
#include <vector>

namespace hat {
namespace {

using Processor = sentencepiece::SentencePieceProcessor;

const Processor& Of(const void* tokenizer) { return *static_cast<const Processor*>(tokenizer); }

void* Open(const char* model, size_t bytes) try {
  auto processor = std::make_unique<Processor>();
  if (!processor->LoadFromSerializedProto(absl::string_view(model, bytes)).ok()) return nullptr;
  return processor.release();
} catch (...) {
  return nullptr;
}

void Close(void* tokenizer) { delete static_cast<Processor*>(tokenizer); }

int Size(const void* tokenizer) { return Of(tokenizer).GetPieceSize(); }

bool Encode(const void* tokenizer, const char* text, size_t bytes, void* out,
            void (*emit)(void* out, int id)) try {
  std::vector<int> ids;
  if (!Of(tokenizer).Encode(absl::string_view(text, bytes), &ids).ok()) return false;
  for (const int id : ids) emit(out, id);
  return true;
} catch (...) {
  return false;
}

bool Decode(const void* tokenizer, const int* ids, size_t count, void* out,
            void (*emit)(void* out, const char* text, size_t bytes)) try {
  std::string text;
  if (!Of(tokenizer).Decode(std::vector<int>(ids, ids + count), &text).ok()) return false;
  emit(out, text.data(), text.size());
  return true;
} catch (...) {
  return false;
}

const char* Control(const void* tokenizer, int id) {
  return Of(tokenizer).IsControl(id) ? Of(tokenizer).IdToPiece(id).c_str() : nullptr;
}

}  // namespace
}  // namespace hat

extern "C" __attribute__((visibility("default"))) const hat::SentencePieceApi* HatSentencePiece() {
  static const hat::SentencePieceApi kApi = {hat::Open,   hat::Close,  hat::Size,
                                             hat::Encode, hat::Decode, hat::Control};
  return &kApi;
}
