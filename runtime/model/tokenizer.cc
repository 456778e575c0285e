#include "runtime/model/tokenizer.h"

#include <dlfcn.h>

#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/files.h"
#include "core/utf8.h"
#include "runtime/model/sentencepiece_module.h"

namespace hat {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// libsentencepiece.so exports a protobuf of another version than the libprotobuf.so that libtorch
// loads. RTLD_LOCAL keeps its symbols from everyone else, RTLD_DEEPBIND makes it see its own first.
const SentencePieceApi& LoadApi() {
  static const SentencePieceApi* const kApi = [] {
    void* module =
        dlopen(HAT_SENTENCEPIECE_MODULE, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND | RTLD_NODELETE);
    if (module == nullptr) {
      throw RunError(std::string("cannot load the tokenizer's library: ") + dlerror());
    }
    using Get = const SentencePieceApi*();
    auto* get = reinterpret_cast<Get*>(dlsym(module, kSentencePieceSymbol));
    HAT_CHECK(get != nullptr);
    return get();
  }();
  return *kApi;
}

}  // namespace

Tokenizer::Tokenizer(const std::string& path, int vocabulary) {
  const std::string model = ReadFile(path, size_t{64} << 20);
  handle_ = LoadApi().open(model.data(), model.size());
  if (handle_ == nullptr) {
    throw InputError(path + ": not a sentencepiece model (a Llama tokenizer.model is one)");
  }
  pieces_ = LoadApi().size(handle_);
  vocabulary_ = vocabulary == 0 ? pieces_ : vocabulary;
  if (pieces_ > vocabulary_) {
    LoadApi().close(std::exchange(handle_, nullptr));
    throw InputError(path + ": has " + std::to_string(pieces_) +
                     " pieces, the model's vocabulary " + std::to_string(vocabulary) +
                     "; it is another model's tokenizer");
  }
  for (int id = 0; id < pieces_; ++id) {
    if (const char* name = LoadApi().control(handle_, id)) controls_.emplace_back(name, id);
  }
}

Tokenizer::~Tokenizer() {
  if (handle_ != nullptr) LoadApi().close(handle_);
}

Tokenizer::Tokenizer(Tokenizer&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      pieces_(other.pieces_),
      vocabulary_(other.vocabulary_),
      controls_(std::move(other.controls_)) {}

std::vector<int32_t> Tokenizer::Encode(const std::string& text) const {
  if (!IsUtf8(text)) throw InputError("the text is not UTF-8");
  std::vector<int32_t> ids;
  const auto emit = [](void* out, int id) {
    static_cast<std::vector<int32_t>*>(out)->push_back(id);
  };
  HAT_CHECK(LoadApi().encode(handle_, text.data(), text.size(), &ids, emit));
  return ids;
}

std::vector<int32_t> Tokenizer::EncodePrompt(const std::string& text) const {
  std::vector<int32_t> ids;
  const auto add = [&](const std::string& part) {
    const std::vector<int32_t> more = Encode(part);
    ids.insert(ids.end(), more.begin(), more.end());
  };
  for (size_t at = 0; at <= text.size();) {
    size_t first = std::string::npos;
    const std::pair<std::string, int32_t>* found = nullptr;
    for (const auto& control : controls_) {
      const size_t place = control.first.empty() ? std::string::npos : text.find(control.first, at);
      if (place >= first) continue;
      first = place;
      found = &control;
    }
    add(text.substr(at, found ? first - at : std::string::npos));
    if (!found) break;
    ids.push_back(found->second);
    at = first + found->first.size();
  }
  return ids;
}

std::string Tokenizer::Decode(std::span<const int32_t> ids) const {
  std::vector<int32_t> with_text;
  for (const int32_t id : ids) {
    if (id < pieces_) with_text.push_back(id);
    if (id < 0 || id >= vocabulary_) {
      throw InputError("token id " + std::to_string(id) + " is outside the vocabulary, 0 to " +
                       std::to_string(vocabulary_ - 1));
    }
  }
  std::string text;
  const auto emit = [](void* out, const char* bytes, size_t count) {
    static_cast<std::string*>(out)->assign(bytes, count);
  };
  HAT_CHECK(LoadApi().decode(handle_, with_text.data(), with_text.size(), &text, emit));
  return text;
}

TextStream::TextStream(const Tokenizer& tokenizer, std::vector<int32_t> before)
    : tokenizer_(tokenizer), ids_(std::move(before)), shown_bytes_(tokenizer.Decode(ids_).size()) {}

std::string TextStream::Add(int32_t token) {
  ids_.push_back(token);
  return Rest(false);
}

std::string TextStream::Finish() { return Rest(true); }

std::string TextStream::Rest(bool is_last) {
  const std::string text = tokenizer_.Decode(ids_);
  if (text.size() <= shown_bytes_) return "";
  std::string rest = text.substr(shown_bytes_);
  if (!is_last && rest.ends_with(kReplacement)) return "";
  shown_bytes_ = text.size();
  return rest;
}

}  // namespace hat
